package jsonscan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// String reads a string and returns the span of its content, escapes as
// written.
func (s *Scanner) String() (Span, error) {
	if err := s.want('"'); err != nil {
		return Span{}, err
	}
	start := s.pos
	for {
		s.pos += plainRun(s.data[s.pos:])
		if s.pos >= len(s.data) {
			return Span{}, ErrEnd
		}
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return Span{start, s.pos - 1}, nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return Span{}, err
			}
		default: // a control character
			return Span{}, s.fail()
		}
	}
}

// plainRun returns how many bytes at the start of data are neither a quote, nor
// a backslash, nor a control character. It looks at eight bytes at a time: x - 1
// borrows into the top bit of a byte that was zero (Warren, Hacker's Delight,
// section 6-1).
func plainRun(data []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(data)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(data[n:])
		quote, back := x^('"'*ones), x^('\\'*ones)
		special := (quote-ones)&^quote | (back-ones)&^back | (x-0x20*ones)&^x
		if special &= tops; special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
	}
	for ; n < len(data); n++ {
		if c := data[n]; c == '"' || c == '\\' || c < 0x20 {
			break
		}
	}
	return n
}

// Plain reports whether text is the whole content of a JSON string without
// escapes.
func Plain(text []byte) bool { return plainRun(text) == len(text) }

func (s *Scanner) escape() error {
	s.pos++
	if s.pos >= len(s.data) {
		return ErrEnd
	}
	switch s.data[s.pos] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		s.pos++
		for range 4 {
			if s.pos >= len(s.data) || Hex(s.data[s.pos]) < 0 {
				return s.fail()
			}
			s.pos++
		}
		return nil
	}
	return s.fail()
}

func (s *Scanner) number() error {
	s.accept('-')
	switch {
	case s.accept('0'):
	case s.digits():
	default:
		return s.fail()
	}
	if s.accept('.') && !s.digits() {
		return s.fail()
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		if !s.digits() {
			return s.fail()
		}
	}
	return nil
}

func (s *Scanner) accept(c byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *Scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

func (s *Scanner) word(w string) error {
	rest := s.data[s.pos:]
	if len(rest) < len(w) && bytes.HasPrefix([]byte(w), rest) {
		s.pos = len(s.data)
		return ErrEnd
	}
	if len(rest) < len(w) || string(rest[:len(w)]) != w {
		return s.fail()
	}
	s.pos += len(w)
	return nil
}

// Bool reads true or false, and skips any other value.
func (s *Scanner) Bool() (bool, error) {
	k := s.Kind()
	return k == True, s.Skip()
}

// Int reads a non-negative whole number of at most 9 digits; any other value is
// skipped and ok is false.
func (s *Scanner) Int() (n int, ok bool, err error) {
	s.Kind()
	start := s.pos
	if err := s.Skip(); err != nil {
		return 0, false, err
	}
	lit := s.data[start:s.pos]
	if len(lit) > 9 {
		return 0, false, nil
	}
	for _, c := range lit {
		if c < '0' || c > '9' {
			return 0, false, nil
		}
		n = n*10 + int(c-'0')
	}
	return n, true, nil
}

// Hex is the value of a hexadecimal digit, or -1.
func Hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
