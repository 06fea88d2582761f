package disclose

import (
	"bytes"

	"github.com/avowai/avow/internal/jsonscan"
)

// readString notes the content of a string; any other value is skipped.
func readString(s *jsonscan.Scanner, into *jsonscan.Span) error {
	if s.Kind() != jsonscan.String {
		return s.Skip()
	}
	span, err := s.String()
	if err == nil {
		*into = span
	}
	return err
}

// readText notes a piece of generated text, unless it is empty or no string.
func readText(s *jsonscan.Scanner, f *found) error {
	var span jsonscan.Span
	if err := readString(s, &span); err != nil {
		return err
	}
	if span.End > span.Start {
		f.texts = append(f.texts, foundText{span: span})
	}
	return nil
}

// readFilled skips a value and reports whether it says something: it is not
// null, false, "", [] or {}.
func readFilled(s *jsonscan.Scanner) (bool, error) {
	kind, start := s.Kind(), s.Pos()
	if err := s.Skip(); err != nil {
		return false, err
	}
	switch kind {
	case jsonscan.Null, jsonscan.False:
		return false, nil
	case jsonscan.Object, jsonscan.Array, jsonscan.String:
		inside := s.Data()[start+1 : s.Pos()-1]
		return len(bytes.TrimSpace(inside)) > 0, nil
	}
	return true, nil
}

// readHistory notes what assistants said in a request's messages: a string, or
// an array of parts with a text each.
func readHistory(s *jsonscan.Scanner, a *asked) error {
	if s.Kind() != jsonscan.Array {
		return nil
	}
	return s.Array(func(int) error {
		if s.Kind() != jsonscan.Object {
			return nil
		}
		var role jsonscan.Span
		first := len(a.turns)
		err := s.Object(func(key jsonscan.Span) error {
			k := key.Of(s.Data())
			switch {
			case jsonscan.Is(k, "role"):
				return readString(s, &role)
			case jsonscan.Is(k, "content"):
				return readContent(s, a)
			}
			return nil
		})
		if !jsonscan.Is(role.Of(s.Data()), "assistant") {
			a.turns = a.turns[:first]
		}
		return err
	})
}

func readContent(s *jsonscan.Scanner, a *asked) error {
	switch s.Kind() {
	case jsonscan.String:
		span, err := s.String()
		a.turns = append(a.turns, span)
		return err
	case jsonscan.Array:
		return s.Array(func(int) error {
			if s.Kind() != jsonscan.Object {
				return nil
			}
			return s.Object(func(key jsonscan.Span) error {
				if !jsonscan.Is(key.Of(s.Data()), "text") || s.Kind() != jsonscan.String {
					return nil
				}
				span, err := s.String()
				a.turns = append(a.turns, span)
				return err
			})
		})
	}
	return nil
}
