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

// A want names a member whose string is asked for.
type want struct {
	key  string
	into *jsonscan.Span
}

// readMembers reads an object and notes the strings that are asked for.
func readMembers(s *jsonscan.Scanner, wants ...want) error {
	return s.Object(func(key jsonscan.Span) error {
		for _, w := range wants {
			if jsonscan.Is(key.Of(s.Data()), w.key) {
				return readString(s, w.into)
			}
		}
		return nil
	})
}

// eachObject calls fn at every object of an array, and passes over all else.
func eachObject(s *jsonscan.Scanner, fn func(i int) error) error {
	if s.Kind() != jsonscan.Array {
		return nil
	}
	return s.Array(func(i int) error {
		if s.Kind() != jsonscan.Object {
			return nil
		}
		return fn(i)
	})
}

// readImages notes base64 images: a string, or an array of strings.
func readImages(s *jsonscan.Scanner, f *found) error {
	if s.Kind() == jsonscan.Array {
		return s.Array(func(int) error { return readImages(s, f) })
	}
	var span jsonscan.Span
	if err := readString(s, &span); err != nil {
		return err
	}
	f.image(span)
	return nil
}

// readNumber reads a small whole number; any other value leaves into alone.
func readNumber(s *jsonscan.Scanner, into *int) error {
	n, ok, err := s.Int()
	if ok {
		*into = n
	}
	return err
}

// readOffset notes a number that counts units of a text.
func readOffset(s *jsonscan.Scanner, f *found, o foundOffset) error {
	if s.Kind() != jsonscan.Number {
		return nil
	}
	start := s.Pos()
	if err := s.Skip(); err != nil {
		return err
	}
	o.span = jsonscan.Span{Start: start, End: s.Pos()}
	f.offsets = append(f.offsets, o)
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

// ifFilled is readFilled with what to do then.
func ifFilled(s *jsonscan.Scanner, then func()) error {
	filled, err := readFilled(s)
	if filled {
		then()
	}
	return err
}

// readFormat reads an object whose member format asks for text that a program
// will parse.
func readFormat(s *jsonscan.Scanner, a *asked) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	return s.Object(func(key jsonscan.Span) error {
		if jsonscan.Is(key.Of(s.Data()), "format") {
			return readJSONMode(s, a)
		}
		return nil
	})
}

// readHistory notes what assistants said in a request's messages: a string, or
// an array of parts with a text each.
func readHistory(s *jsonscan.Scanner, a *asked) error {
	if s.Kind() == jsonscan.String { // a conversation of one message
		return readString(s, &a.said)
	}
	return readTurns(s, a, "assistant")
}

// readTurns is readHistory with the name that the API gives its own side.
func readTurns(s *jsonscan.Scanner, a *asked, self string) error {
	return eachObject(s, func(int) error {
		var role, kind jsonscan.Span
		first := len(a.turns)
		err := s.Object(func(key jsonscan.Span) error {
			k := key.Of(s.Data())
			switch {
			case jsonscan.Is(k, "role"):
				return readString(s, &role)
			case jsonscan.Is(k, "type"):
				return readString(s, &kind)
			case jsonscan.Is(k, "content"), jsonscan.Is(k, "parts"):
				return readContent(s, a)
			}
			return nil
		})
		a.prefilled = jsonscan.Is(role.Of(s.Data()), self)
		if !a.prefilled {
			if r := role.Of(s.Data()); len(a.turns) > first && (len(r) == 0 || jsonscan.Is(r, "user")) {
				a.said = a.turns[len(a.turns)-1]
			}
			a.turns = a.turns[:first]
		}
		a.later = a.later || jsonscan.Is(kind.Of(s.Data()), "item_reference")
		return err
	})
}

func readContent(s *jsonscan.Scanner, a *asked) error {
	if s.Kind() != jsonscan.Array {
		return readTurn(s, a)
	}
	return eachObject(s, func(int) error {
		return s.Object(func(key jsonscan.Span) error {
			if !jsonscan.Is(key.Of(s.Data()), "text") {
				return nil
			}
			return readTurn(s, a)
		})
	})
}

func readTurn(s *jsonscan.Scanner, a *asked) error {
	if s.Kind() != jsonscan.String {
		return nil
	}
	span, err := s.String()
	a.turns = append(a.turns, span)
	return err
}
