// Package jsonscan walks JSON text in one pass and says where its values lie,
// so that bytes can be spliced in without marshalling anything again. Outside
// the splices the text stays as it was: number formats, key order, duplicate
// keys and invalid UTF-8 inside strings included.
//
// The grammar is RFC 8259, strictly, save that strings may hold any byte above
// 0x1F.
package jsonscan

import (
	"errors"
	"fmt"
)

// MaxDepth bounds the nesting of objects and arrays, so that hostile input
// cannot exhaust the stack.
const MaxDepth = 512

// Errors of the scanner. ErrEnd means that the text stopped in the middle of a
// value: more bytes might have completed it.
var (
	ErrSyntax = errors.New("jsonscan: not JSON")
	ErrEnd    = errors.New("jsonscan: text ends within a value")
	ErrDepth  = errors.New("jsonscan: nested too deeply")
)

// A Span is a range of offsets into the scanned text.
type Span struct{ Start, End int }

// Of returns the bytes of the span in data.
func (s Span) Of(data []byte) []byte { return data[s.Start:s.End] }

// A Kind is the kind of the next value.
type Kind uint8

// The kinds of value.
const (
	Invalid Kind = iota
	Object
	Array
	String
	Number
	True
	False
	Null
)

// A Scanner reads values one after the other. The zero Scanner is empty; use
// [New].
type Scanner struct {
	data  []byte
	pos   int
	depth int
}

// New returns a Scanner at the start of data.
func New(data []byte) *Scanner { return &Scanner{data: data} }

// Reset puts the scanner at the start of data.
func (s *Scanner) Reset(data []byte) { *s = Scanner{data: data} }

// Pos is the offset of the next byte to read.
func (s *Scanner) Pos() int { return s.pos }

// Data is the text being scanned.
func (s *Scanner) Data() []byte { return s.data }

// Kind skips white space and returns the kind of the value that follows, by its
// first byte.
func (s *Scanner) Kind() Kind {
	s.space()
	if s.pos >= len(s.data) {
		return Invalid
	}
	switch c := s.data[s.pos]; {
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '"':
		return String
	case c == '-' || c >= '0' && c <= '9':
		return Number
	case c == 't':
		return True
	case c == 'f':
		return False
	case c == 'n':
		return Null
	}
	return Invalid
}

// Object reads an object. For every member, duplicates included, it calls fn
// with the span of the key's content (without the quotes, escapes as written).
// fn reads the value with the scanner; a value that fn leaves is skipped. A nil
// fn leaves all.
func (s *Scanner) Object(fn func(key Span) error) error {
	if err := s.open('{'); err != nil {
		return err
	}
	if s.next('}') {
		return s.close()
	}
	for {
		s.space()
		key, err := s.String()
		if err != nil {
			return err
		}
		if err := s.want(':'); err != nil {
			return err
		}
		if fn != nil {
			err = s.value(func() error { return fn(key) })
		} else {
			err = s.Skip()
		}
		if err != nil {
			return err
		}
		if s.next('}') {
			return s.close()
		}
		if err := s.want(','); err != nil {
			return err
		}
	}
}

// Array reads an array and calls fn for every element. fn reads the value with
// the scanner; a value that fn leaves is skipped. A nil fn leaves all.
func (s *Scanner) Array(fn func(i int) error) error {
	if err := s.open('['); err != nil {
		return err
	}
	if s.next(']') {
		return s.close()
	}
	for i := 0; ; i++ {
		var err error
		if fn != nil {
			err = s.value(func() error { return fn(i) })
		} else {
			err = s.Skip()
		}
		if err != nil {
			return err
		}
		if s.next(']') {
			return s.close()
		}
		if err := s.want(','); err != nil {
			return err
		}
	}
}

// value runs fn at the start of a value and skips the value if fn left it.
func (s *Scanner) value(fn func() error) error {
	s.space()
	start := s.pos
	if err := fn(); err != nil {
		return err
	}
	if s.pos == start {
		return s.Skip()
	}
	return nil
}

// Skip reads one value of any kind.
func (s *Scanner) Skip() error {
	switch s.Kind() {
	case Object:
		return s.Object(nil)
	case Array:
		return s.Array(nil)
	case String:
		_, err := s.String()
		return err
	case Number:
		return s.number()
	case True:
		return s.word("true")
	case False:
		return s.word("false")
	case Null:
		return s.word("null")
	}
	return s.fail()
}

// End reports an error unless only white space is left.
func (s *Scanner) End() error {
	s.space()
	if s.pos < len(s.data) {
		return s.fail()
	}
	return nil
}

// Valid reports whether data is one JSON value and nothing else.
func Valid(data []byte) error {
	s := New(data)
	if err := s.Skip(); err != nil {
		return err
	}
	return s.End()
}

func (s *Scanner) open(c byte) error {
	if s.depth++; s.depth > MaxDepth {
		return fmt.Errorf("%w: more than %d levels at byte %d", ErrDepth, MaxDepth, s.pos)
	}
	return s.want(c)
}

func (s *Scanner) close() error {
	s.depth--
	return nil
}

// next skips white space and reads c if it follows.
func (s *Scanner) next(c byte) bool {
	s.space()
	if s.pos < len(s.data) && s.data[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *Scanner) want(c byte) error {
	if s.next(c) {
		return nil
	}
	return s.fail()
}

func (s *Scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// fail tells a text that stops from a text that is wrong.
func (s *Scanner) fail() error {
	if s.pos >= len(s.data) {
		return ErrEnd
	}
	return fmt.Errorf("%w: unexpected byte at %d", ErrSyntax, s.pos)
}
