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
	edits := m.ownNotices(body, a.turns)
	if a.later || len(edits) > 0 {
		req.Turn = LaterTurn
	}
	req.Body = jsonscan.Apply(body, append(edits, m.ownFrames(body)...))
	return req
}

// ownNotices returns the edits that remove notices from the start of texts.
func (m *Marker) ownNotices(body []byte, texts []jsonscan.Span) []jsonscan.Edit {
	var edits []jsonscan.Edit
	for _, text := range texts {
		if n := m.noticePrefix(text.Of(body)); n > 0 {
			edits = append(edits, jsonscan.Edit{At: text.Start, Del: n})
		}
	}
	return edits
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
// a notice and its separator, or a notice alone.
func (m *Marker) noticePrefix(raw []byte) int {
	if len(raw) == 0 {
		return 0
	}
	for _, notice := range m.noticeTexts {
		if raw[0] != notice[0] && raw[0] != '\\' {
			continue
		}
		n, ok := jsonscan.MatchPrefix(raw, notice)
		if !ok {
			continue
		}
		if sep, ok := jsonscan.MatchPrefix(raw[n:], NoticeSeparator); ok {
			return n + sep
		}
		if n == len(raw) {
			return n
		}
	}
	return 0
}

// modelName returns a model's name without control characters.
func modelName(raw []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, jsonscan.Unquote(raw, maxModel))
}
