package disclose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Notices is a set of the sentences that people are shown. The zero value is
// empty. Each is a paragraph of its own: Article 50(3) of Regulation (EU)
// 2024/1689 (emotion recognition, biometric categorisation) is a duty apart
// from Article 50(1) (interaction), so one never stands in for the other.
type Notices uint8

// The notices.
const (
	// NoticeInteraction: one interacts with an AI system.
	NoticeInteraction Notices = 1 << iota
	// NoticeEmotion: an AI system recognises emotions.
	NoticeEmotion
	// NoticeBiometric: an AI system categorises people by biometric data.
	NoticeBiometric
	// noticeHandOver says that a person takes over. It is no statement about AI.
	noticeHandOver

	noticesObserving = NoticeEmotion | NoticeBiometric
	noticesOnAI      = NoticeInteraction | noticesObserving
)

// noticeOrder is the order in which the paragraphs stand.
var noticeOrder = []struct {
	is Notices
	id string
}{
	{noticeHandOver, "hand_over"}, {NoticeInteraction, "interaction"},
	{NoticeEmotion, "emotion_recognition"}, {NoticeBiometric, "biometric_categorisation"},
}

// IDs returns the names of the notices in records, fields and configuration:
// interaction, emotion_recognition, biometric_categorisation.
func (n Notices) IDs() []string {
	var out []string
	for _, o := range noticeOrder {
		if n&o.is != 0 {
			out = append(out, o.id)
		}
	}
	return out
}

// ParseObserves returns the set of the notices about what a system observes in
// people, by their names: emotion_recognition, biometric_categorisation.
func ParseObserves(ids ...string) (Notices, error) {
	n := noticesNamed(ids)
	if n&^noticesObserving != 0 || len(n.IDs()) != len(ids) {
		return 0, fmt.Errorf("disclose: observes %q: name each of emotion_recognition and biometric_categorisation at most once", ids)
	}
	return n, nil
}

func noticesNamed(ids []string) (n Notices) {
	for _, o := range noticeOrder {
		if slices.Contains(ids, o.id) {
			n |= o.is
		}
	}
	return n
}

// An Audience is who the notices are written for.
type Audience string

// The audiences.
const (
	// AudienceGeneral, the zero value, is anyone.
	AudienceGeneral Audience = ""
	// AudiencePlain spells the term out instead of a bare acronym, in short
	// sentences, for people whom age or disability makes vulnerable.
	AudiencePlain Audience = "plain"
	// AudienceMinors is AudiencePlain, and the notice is given again at least
	// every 3 hours of a conversation (see package middleware).
	AudienceMinors Audience = "minors"
)

// maxPrincipal bounds a principal's name, in bytes.
const maxPrincipal = 120

// CheckPrincipal says why a name cannot be that of a principal: it is one line
// of at most 120 bytes, without < and >, control and formatting characters. The
// empty name stands for none.
func CheckPrincipal(name string) error {
	switch {
	case len(name) > maxPrincipal:
		return fmt.Errorf("is %d bytes long, at most %d are possible", len(name), maxPrincipal)
	case strings.TrimSpace(name) != name || strings.ContainsAny(name, "<>"):
		return errors.New("must be one line of plain text without < and >, and without spaces around it")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, invisible):
		return errors.New("must be one line of valid UTF-8 without control, formatting or direction characters")
	}
	return nil
}

// A phrasebook holds the sentences of one deployment.
type phrasebook struct {
	chat      map[string]string // the notice by language
	custom    map[string]string
	principal string
}

// newPhrasebook checks texts that replace built-in ones, and puts together what
// the deployment says in each language.
func newPhrasebook(o Options) (*phrasebook, error) {
	b := &phrasebook{chat: map[string]string{}, custom: map[string]string{}, principal: o.Principal}
	if err := CheckPrincipal(o.Principal); err != nil {
		return nil, fmt.Errorf("disclose: principal %w", err)
	}
	if !slices.Contains([]Audience{AudienceGeneral, AudiencePlain, AudienceMinors}, o.Audience) {
		return nil, fmt.Errorf("disclose: no audience is called %.32q; choose plain or minors, or leave it empty", string(o.Audience))
	}
	for lang, text := range o.Notices {
		if err := b.add(lang, text); err != nil {
			return nil, fmt.Errorf("disclose: notice text for %q: %w", lang, err)
		}
	}
	for _, w := range wordings {
		text := w.text
		if o.Audience != AudienceGeneral {
			text = w.plain
		}
		if own := b.custom[baseOf(w.tag)]; own != "" {
			text = own
		}
		b.chat[baseOf(w.tag)] = b.onBehalf(w, text)
	}
	return b, nil
}

func (b *phrasebook) add(lang, text string) error {
	tag, err := language.Parse(lang)
	if err != nil {
		return errors.New(`not a language tag such as "en" or "de"`)
	}
	if err := CheckNotice(tag, text); err != nil {
		return err
	}
	base := baseOf(tag)
	if !known(tag) {
		return errors.New("the language is never negotiated; it has to be one of the built-in ones")
	}
	if _, twice := b.custom[base]; twice {
		return fmt.Errorf("there is another text for the language %s", base)
	}
	b.custom[base] = text
	return nil
}

func baseOf(tag language.Tag) string {
	base, _ := tag.Base()
	return base.String()
}

// onBehalf adds the principal, where there is one.
func (b *phrasebook) onBehalf(w wording, text string) string {
	if b.principal == "" {
		return text
	}
	whom := strings.Replace(w.behalf, "%s", b.principal, 1)
	if strings.HasSuffix(b.principal, ".") { // "Example Inc." ends the sentence
		whom = strings.TrimSuffix(whom, ".")
	}
	return text + " " + whom
}

// text is the notice about the interaction, in a language or in English.
func (b *phrasebook) text(tag language.Tag) string {
	if text, ok := b.chat[baseOf(tag)]; ok {
		return text
	}
	return b.chat["en"]
}

// sentence is the text of one notice.
func (b *phrasebook) sentence(n Notices, tag language.Tag) string {
	w := find(tag)
	switch n {
	case NoticeEmotion:
		return w.emotion
	case NoticeBiometric:
		return w.biometric
	case noticeHandOver:
		return w.handOver
	}
	return b.text(tag)
}

// paragraphs are the texts of a set of notices, in their order.
func (b *phrasebook) paragraphs(set Notices, tag language.Tag) []string {
	var out []string
	for _, o := range noticeOrder {
		if set&o.is != 0 {
			out = append(out, b.sentence(o.is, tag))
		}
	}
	return out
}

// An ownText is a paragraph that this deployment may have written.
type ownText struct {
	text string
	is   Notices
}

// all returns every paragraph this deployment may have written, whatever its
// audience and principal were when it did.
func (b *phrasebook) all() []ownText {
	var out []ownText
	for _, w := range wordings {
		for _, chat := range []string{w.text, w.plain, b.custom[baseOf(w.tag)]} {
			if chat == "" {
				continue
			}
			out = append(out, ownText{chat, NoticeInteraction})
			if b.principal != "" {
				out = append(out, ownText{b.onBehalf(w, chat), NoticeInteraction})
			}
		}
		out = append(out, ownText{w.emotion, NoticeEmotion}, ownText{w.biometric, NoticeBiometric}, ownText{w.handOver, noticeHandOver})
	}
	slices.SortFunc(out, func(a, b ownText) int { return strings.Compare(a.text, b.text) })
	return slices.Compact(out)
}

// onAI are the paragraphs that say something about AI.
func (b *phrasebook) onAI() []string {
	var out []string
	for _, own := range b.all() {
		if own.is&noticesOnAI != 0 {
			out = append(out, own.text)
		}
	}
	return out
}
