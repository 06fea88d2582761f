package disclose

import "bytes"

var utf8BOM = []byte("\ufeff")

// A textSink puts the notice before the first character of a plain text. A byte
// order mark stays in front.
type textSink struct {
	w     *Writer
	start []byte // the first bytes, while they may be part of a byte order mark
	begun bool
}

func (s *textSink) write(p []byte) error {
	if s.begun {
		return s.w.emit(p)
	}
	s.start = append(s.start, p...)
	if len(s.start) == 0 || len(s.start) < len(utf8BOM) && bytes.HasPrefix(utf8BOM, s.start) {
		return nil
	}
	return s.begin()
}

func (s *textSink) begin() error {
	s.begun = true
	text, rest := s.start, s.start
	s.start = nil
	if !s.w.want.Has(CarrierNotice) || len(text) == 0 {
		return s.w.emit(text)
	}
	var out []byte
	if bytes.HasPrefix(text, utf8BOM) {
		out, rest = append(out, utf8BOM...), text[len(utf8BOM):]
	}
	notice := s.w.noticeText()
	s.w.noticeGiven()
	if bytes.HasPrefix(rest, []byte(notice)) { // an avow before us wrote it
		return s.w.emit(text)
	}
	s.w.changed = true
	return s.w.emit(append(append(out, notice...), rest...))
}

func (s *textSink) flush() error { return s.w.flushDst() }

func (s *textSink) close() error {
	if s.begun {
		return nil
	}
	return s.begin()
}
