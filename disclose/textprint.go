package disclose

import (
	"fmt"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark"
)

// newShingler returns what makes the fingerprints of texts under a key.
func newShingler(k watermark.Key) *fingerprint.Shingler {
	return fingerprint.NewShingler(fingerprint.TextKey(k))
}

// textShingler is the Marker's, nil where no text's fingerprint is kept.
func (o *Options) textShingler() *fingerprint.Shingler {
	if o.Records == nil || o.NoFingerprints || o.Key.IsZero() {
		return nil
	}
	return newShingler(o.Key)
}

// printsText reports whether the record of this output keeps a fingerprint of its
// text. What is made for programs, code and structured answers, has none: their
// texts share more with one another than with their copies.
func (w *Writer) printsText() bool {
	return w.m.shingler != nil && !w.human() && w.out.Constrained == ReasonNone && w.out.Shape != ShapeCode
}

// newTextPrint begins the fingerprint of one text of the output, nil for none.
func (w *Writer) newTextPrint() *fingerprint.Writer {
	if !w.printsText() {
		return nil
	}
	p := w.m.shingler.NewWriter()
	w.prints = append(w.prints, p)
	return p
}

// textFingerprint is what a record keeps of the output's texts, all together.
func (w *Writer) textFingerprint() Fingerprint {
	texts := make([]fingerprint.Text, 0, 1)
	for _, p := range w.prints {
		if t := p.Sum(); len(t) > 0 {
			texts = append(texts, t)
		}
	}
	if len(texts) == 0 {
		return Fingerprint{}
	}
	return Fingerprint{KeyID: w.m.o.Key.ID(), Text: fingerprint.Join(texts...)}
}

// together is the fingerprint of an image and the text of its answer, which share
// a record.
func (f Fingerprint) together(text Fingerprint) Fingerprint {
	f.Text = text.Text
	if f.KeyID == "" {
		f.KeyID = text.KeyID
	}
	return f
}

// printed adds a piece of text to the fingerprint of its running text, where one
// is kept. Texts beyond the bound of those that are told apart have none.
func (a *answer) printed(r *running, t *foundText, text string) {
	if p := a.printOf(r, t); p != nil {
		p.Write(text)
	}
}

// printedRaw is printed for the content of a JSON string.
func (a *answer) printedRaw(r *running, t *foundText, raw []byte) {
	if p := a.printOf(r, t); p != nil {
		writeRaw(p, raw)
	}
}

func (a *answer) printOf(r *running, t *foundText) *fingerprint.Writer {
	if !a.prints || r.bare || t.whole && r.heard {
		return nil
	}
	if r.print == nil {
		r.print = a.w.newTextPrint()
	}
	return r.print
}

// A tap listens to a stream that is copied: it has the frames put together again
// whose texts are fingerprinted, and holds nothing up.
type tap struct {
	buf []byte
	st  scan
}

// overhear has the frames in bytes that are copied listened to. One over the limit
// of an event ends it.
func (s *streamSink) overhear(p []byte) {
	if !s.answer.prints {
		return
	}
	if s.tap == nil {
		s.tap = &tap{}
	}
	t, data := s.tap, p
	if len(t.buf) > 0 {
		t.buf = append(t.buf, p...)
		data = t.buf
	}
	used := 0
	for used < len(data) {
		n := s.frame.next(&t.st, data[used:])
		if n == 0 {
			break
		}
		if n > s.w.m.o.MaxEvent {
			s.answer.prints, s.tap = false, nil
			return
		}
		t.st = scan{}
		s.listen(data[used : used+n])
		used += n
	}
	switch rest := data[used:]; {
	case len(rest) > s.w.m.o.MaxEvent:
		s.answer.prints, s.tap = false, nil
	case len(rest) == 0:
		t.buf = nil // an idle stream holds no memory
	case used > 0 || len(t.buf) == 0:
		t.buf = append([]byte(nil), rest...)
	}
}

// overhearRest listens to a last frame that has no end.
func (s *streamSink) overhearRest() {
	if s.tap != nil && len(s.tap.buf) > 0 {
		s.listen(s.tap.buf)
		s.tap.buf = nil
	}
}

// listen has the texts of a frame fingerprinted in which nothing is to be put.
func (s *streamSink) listen(frame []byte) {
	a := s.answer
	if !a.prints {
		return
	}
	defer func() {
		if r := recover(); r != nil { // no reason to do anything to the stream
			a.prints = false
			s.w.m.o.Logger.Error("panic while fingerprinting", "panic", fmt.Sprint(r))
		}
	}()
	if s.listenLikeTheLast(frame) {
		return
	}
	payload, at := s.frame.payload(frame)
	edits, err := a.read(payload)
	if err != nil {
		return
	}
	s.remember(frame, payload, edits, at)
	for i := range a.found.texts {
		a.listenTo(payload, &a.found.texts[i])
	}
}

// listenLikeTheLast is likeTheLast for a frame in which nothing is to be put.
func (s *streamSink) listenLikeTheLast(frame []byte) bool {
	t, ok := s.last.match(frame)
	if ok {
		s.answer.listenTo(frame[s.last.base:], &t)
	}
	return ok
}

// listenTo is textEdits without the edits.
func (a *answer) listenTo(payload []byte, t *foundText) {
	if t.tools || t.again {
		return
	}
	p, begun := a.hear(t.part)
	if p == nil || t.whole && begun {
		return
	}
	raw := t.span.Of(payload)
	if !begun {
		n, _ := a.w.m.noticePrefix(raw)
		raw = raw[n:]
	}
	writeRaw(p, raw)
}

// hear returns the fingerprint of a text that is only listened to, nil beyond the
// bound of those that are told apart, and whether the text was heard before.
func (a *answer) hear(p part) (print *fingerprint.Writer, begun bool) {
	if r := a.texts[p]; r != nil && r.print != nil {
		return r.print, true
	}
	if print = a.heard[p]; print != nil || len(a.heard) == maxRunning {
		return print, true
	}
	if a.heard == nil {
		a.heard = map[part]*fingerprint.Writer{}
	}
	print = a.w.newTextPrint()
	a.heard[p] = print
	return print, false
}

// writeRaw writes the content of a JSON string.
func writeRaw(p *fingerprint.Writer, raw []byte) {
	if jsonscan.Plain(raw) {
		p.WriteBytes(raw)
		return
	}
	p.Write(jsonscan.Unquote(raw, len(raw)))
}
