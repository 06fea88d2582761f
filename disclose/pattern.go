package disclose

import (
	"bytes"

	"github.com/avowai/avow/internal/jsonscan"
)

// A pattern is the last event that held one piece of text and nothing else to
// do: most events of a stream differ from the one before in that piece alone.
// An event with the same bytes before and behind a piece that is a plain JSON
// string is the same JSON, so it need not be read again.
type pattern struct {
	before, behind []byte
	base           int // where the payload begins
	text           foundText
}

// idle reports whether a frame need not be looked at.
func (s *streamSink) idle(frame []byte) bool {
	if s.held != nil || !s.answer.lateOnly() {
		return false
	}
	for _, text := range s.answer.driver.late {
		if bytes.Contains(frame, text) {
			return false
		}
	}
	return !bytes.Contains(frame, escapedASCII)
}

// escapedASCII begins every other spelling of a letter in JSON, behind which a
// key may hide.
var escapedASCII = []byte(`\u00`)

// maxPattern bounds what is kept of an event, in bytes.
const maxPattern = 4096

// remember keeps the pattern of a frame that was read, where it has one.
func (s *streamSink) remember(frame, payload []byte, edits []jsonscan.Edit, at []segment) {
	p, f := &s.last, &s.answer.found
	p.behind = p.behind[:0]
	if len(edits) > 0 || len(at) != 1 || len(f.texts) != 1 || len(frame)-len(f.texts[0].span.Of(payload)) > maxPattern || len(f.images)+len(f.offsets)+f.urls > 0 || f.toolCall ||
		f.texts[0].whole || f.texts[0].twin || f.texts[0].tools {
		return
	}
	p.text, p.base = f.texts[0], at[0].Out
	p.before = append(p.before[:0], frame[:p.base+p.text.span.Start]...)
	p.behind = append(p.behind, frame[p.base+p.text.span.End:]...)
}

// match returns the text of a frame that differs from the pattern in it alone.
func (p *pattern) match(frame []byte) (t foundText, ok bool) {
	start, end := len(p.before), len(frame)-len(p.behind)
	if len(p.behind) == 0 || start >= end ||
		!bytes.HasPrefix(frame, p.before) || !bytes.HasSuffix(frame, p.behind) || !jsonscan.Plain(frame[start:end]) {
		return t, false
	}
	t = p.text
	t.span = jsonscan.Span{Start: start - p.base, End: end - p.base}
	return t, true
}

// likeTheLast handles a frame that differs from the pattern in its text alone.
func (s *streamSink) likeTheLast(frame []byte) (out []byte, ok bool) {
	p, a := &s.last, s.answer
	if a.field || s.held != nil {
		return nil, false
	}
	t, ok := p.match(frame)
	if !ok {
		return nil, false
	}
	payload := frame[p.base:]
	a.found.reset()
	a.found.texts = append(a.found.texts, t)
	edits := a.textEdits(payload, &t, nil)
	if len(edits) == 0 && a.waiting == nil {
		return frame, true
	}
	s.w.changed = true
	at := []segment{{0, p.base}}
	moveEdits(edits, at)
	if a.waiting != nil {
		s.held = &heldFrame{bytes.Clone(frame), edits, at}
		return nil, true
	}
	return jsonscan.Apply(frame, edits), true
}
