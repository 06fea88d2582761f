package disclose

import (
	"strings"
	"unicode"

	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark/textmark"
)

const (
	maxChoices = 128
	maxModel   = 128 // bytes of a model's name that go into a Label
)

// ReadRequest reads the body of an API request: whether it opens a
// conversation, what its answer may hold, and the body without avow's own
// notices and text marks, so that a model never sees or imitates one. It never fails: a body
// that cannot be read comes back as it is.
//
// A notice counts where an assistant's text begins with exactly a text that
// this deployment writes. A client that forges such a turn silences the
// notice, not the header and the field.
func (m *Marker) ReadRequest(shape Shape, body []byte) Request {
	req := Request{Body: body, Choices: 1}
	d := drivers[shape]
	if shape == ShapeCustom || shape == ShapeAuto {
		d = &customShape
	}
	if d == nil || d.ask == nil || len(body) == 0 {
		return req
	}
	var a asked
	s := jsonscan.New(body)
	if s.Kind() != jsonscan.Object {
		return req
	}
	err := s.Object(func(key jsonscan.Span) error { return d.ask(s, key.Of(body), &a) })
	if err != nil || s.End() != nil {
		return req
	}
	if d.asked != nil {
		d.asked(body, &a)
	}
	req.Constrained, req.NoFrames, req.URLOnly = a.constrained, a.noFrames, a.byURL
	req.Model = modelName(a.model.Of(body))
	req.Choices = max(1, min(a.choices, maxChoices))
	req.said = ends(a.said.Of(body))
	edits, given := m.ownNotices(body, a.turns)
	if a.later {
		given = noticesOnAI // what is not in the request may have held them all
	}
	req.Given = given & noticesObserving
	if given&NoticeInteraction != 0 {
		req.Turn = LaterTurn
	}
	req.Body = jsonscan.Apply(body, append(edits, m.ownFrames(body)...))
	return req
}

// ownNotices returns the edits that remove notices from the start of texts, and
// which notices those were.
func (m *Marker) ownNotices(body []byte, texts []jsonscan.Span) (edits []jsonscan.Edit, given Notices) {
	for _, text := range texts {
		if n, is := m.noticePrefix(text.Of(body)); n > 0 {
			edits = append(edits, jsonscan.Edit{At: text.Start, Del: n})
			given |= is
		}
	}
	return edits, given
}

// ownFrames returns the edits that remove our own text marks, wherever a client
// sends them back: a model neither sees nor imitates them.
func (m *Marker) ownFrames(body []byte) []jsonscan.Edit {
	if m.o.Key.IsZero() {
		return nil
	}
	var edits []jsonscan.Edit
	for _, run := range textmark.OwnRuns(body, m.o.Key) {
		edits = append(edits, jsonscan.Edit{At: run[0], Del: run[1] - run[0]})
	}
	return edits
}

// noticePrefix returns how many bytes of raw, the content of a JSON string, are
// notices with their separators, the last perhaps without, and which they are.
func (m *Marker) noticePrefix(raw []byte) (n int, given Notices) {
	for n < len(raw) {
		size, is := m.ownTexts.prefix(raw[n:])
		if size == 0 {
			break
		}
		n, given = n+size, given|is
	}
	return n, given
}

// ownTexts are the paragraphs that this deployment may have written, by their
// first byte: nearly every text of a history is told apart by that.
type ownTexts struct {
	all   []ownText
	first [256][]ownText
}

func indexTexts(all []ownText) (t ownTexts) {
	t.all = all
	for _, own := range all {
		t.first[own.text[0]] = append(t.first[own.text[0]], own)
	}
	return t
}

// prefix returns how many bytes at the start of raw are one of the texts with
// its separator, or the text alone.
func (t *ownTexts) prefix(raw []byte) (int, Notices) {
	texts := t.first[raw[0]]
	if raw[0] == '\\' { // an escape may stand for any character
		texts = t.all
	}
	for _, own := range texts {
		n, ok := jsonscan.MatchPrefix(raw, own.text)
		if !ok {
			continue
		}
		if sep, ok := jsonscan.MatchPrefix(raw[n:], NoticeSeparator); ok {
			return n + sep, own.is
		}
		if n == len(raw) {
			return n, own.is
		}
	}
	return 0, 0
}

// modelName returns a model's name without control characters. What has spaces is
// left out: the name goes into records that keep it for years and cannot be changed,
// and a client may have written anything there, a prompt or a person's name too.
func modelName(raw []byte) string {
	name := jsonscan.Unquote(raw, maxModel)
	if strings.ContainsFunc(name, unicode.IsSpace) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, name)
}
