package disclose

import "bytes"

var utf8BOM = []byte("\ufeff")

// A textSink puts the notice before the first character of a plain text. A byte
// order mark stays in front; a notice that an avow before us wrote is enough.
type textSink struct {
	w     *Writer
	start []byte // the first bytes, while they may be a byte order mark or a notice
	begun bool
}

func (s *textSink) write(p []byte) error {
	if s.begun {
		return s.w.emit(p)
	}
	s.start = append(s.start, p...)
	if startOf(utf8BOM, s.start) || startOf([]byte(s.w.noticeText()), bytes.TrimPrefix(s.start, utf8BOM)) {
		return nil
	}
	return s.begin()
}

// startOf reports whether more bytes could make part equal to whole.
func startOf(whole, part []byte) bool {
	return len(part) < len(whole) && bytes.HasPrefix(whole, part)
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
