package disclose

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// NoticeSeparator stands between the notice and the generated text.
const NoticeSeparator = "\n\n"

// maxAcceptLanguage bounds what is parsed of an Accept-Language header, in bytes.
const maxAcceptLanguage = 1024

// notices.tsv holds one line per official language of the European Union:
// language code, its name, the notice, a short label, the local acronym and the
// local term for an AI system.
//
//go:embed notices.tsv
var noticesTSV string

// A wording is what one language says, from notices.tsv and phrases.tsv.
type wording struct {
	tag     language.Tag
	text    string
	short   string
	acronym string
	term    string

	plain, behalf, emotion, biometric, handOver string
	spelled, stems, questions                   []string // folded
}

// wordings holds the built-in languages, English first so that it is what a
// matcher falls back to.
var wordings = parseNotices(noticesTSV, phraseLines(phrasesTSV))

var matcher = language.NewMatcher(Languages())

func parseNotices(tsv string, phrases map[string][]string) []wording {
	var all []wording
	for i, line := range strings.Split(strings.TrimSpace(tsv), "\n") {
		f := strings.Split(line, "\t")
		if i == 0 || len(f) < 6 {
			continue
		}
		w := wording{tag: language.MustParse(f[0]), text: f[2], short: f[3], acronym: f[4], term: f[5]}
		w.readPhrases(phrases)
		if f[0] == "en" {
			all = slices.Insert(all, 0, w)
			continue
		}
		all = append(all, w)
	}
	return all
}

// Languages returns the languages that have a built-in notice, English first.
func Languages() []language.Tag {
	tags := make([]language.Tag, len(wordings))
	for i, w := range wordings {
		tags[i] = w.tag
	}
	return tags
}

// NegotiateLanguage returns the language of the notice for an Accept-Language
// header (RFC 9110 section 12.5.4): the best of [Languages], else English. A
// language without a notice never becomes a neighbour's: left to itself the
// matcher answers Russian and Ukrainian readers in Bulgarian.
func NegotiateLanguage(accept string) language.Tag {
	if accept == "" || len(accept) > maxAcceptLanguage {
		return language.English
	}
	want, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return language.English
	}
	want = slices.DeleteFunc(want, func(tag language.Tag) bool { return !known(tag) })
	_, i, _ := matcher.Match(want...)
	return wordings[i].tag
}

// known reports whether a language has a built-in notice.
func known(tag language.Tag) bool {
	base, _ := tag.Base()
	found, _ := find(tag).tag.Base()
	return base == found
}

// Notice returns the built-in sentence of a language; English where there is
// none.
func Notice(tag language.Tag) string {
	return find(tag).text
}

func find(tag language.Tag) wording {
	base, _ := tag.Base()
	for _, w := range wordings {
		if b, _ := w.tag.Base(); b == base {
			return w
		}
	}
	return wordings[0]
}

// rightToLeft are the scripts written from right to left (ISO 15924).
var rightToLeft = []string{"Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}

// direction is the writing direction of a language, as HTML's dir says it. All
// built-in languages are written from left to right.
func direction(tag language.Tag) string {
	if script, _ := tag.Script(); slices.Contains(rightToLeft, script.String()) {
		return "rtl"
	}
	return "ltr"
}

// CheckNotice says what a notice text lacks, and shows the built-in sentence: it
// is one line, 15 to 300 bytes long, names an AI system, and says that one
// interacts with it (Article 50(1) and (5) of Regulation (EU) 2024/1689), both
// in its language or in English. A program sees the words, not the sense: a
// text that passes may still mislead.
func CheckNotice(tag language.Tag, text string) error {
	w := find(tag)
	switch {
	case strings.TrimSpace(text) != text || strings.ContainsAny(text, "<>"):
		return errors.New("must be one line of plain text without < and >, and without spaces around it")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, invisible):
		return errors.New("must be one line of valid UTF-8 without control, formatting or direction characters")
	case len(text) < 15 || len(text) > 300:
		return fmt.Errorf("must be a sentence of 15 to 300 bytes that says that one interacts with an AI system, for example %q", w.text)
	case !namesAI(w, text):
		return fmt.Errorf("must name an AI system: add %q, for example %q", w.term, w.text)
	case !startsWord(fold(text), w.stems) && !startsWord(fold(text), wordings[0].stems):
		return fmt.Errorf("must say that one interacts with it: add that the reader talks or writes to it, for example %q", w.text)
	}
	return nil
}

// namesAI reports whether a text has a term for AI, in its language or English.
func namesAI(w wording, text string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(w.term)) ||
		startsWord(fold(text), w.spelled) || startsWord(fold(text), wordings[0].spelled) ||
		hasWord(text, "AI") || hasWord(text, w.acronym)
}

// invisible reports whether r does not show, or breaks the line.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// hasWord reports whether word stands in text by itself and in its own letter
// case: "email" does not name an AI, nor does "this" name the Irish IS.
func hasWord(text, word string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), word)
}
