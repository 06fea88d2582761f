package disclose

import "github.com/avowai/avow/internal/jsonscan"

// Text Generation Inference's own routes. A stream gives one token an event and
// the whole text again with the last; special tokens are no text. Source: the
// OpenAPI description in the repository text-generation-inference.
var tgi = driver{
	shape:   ShapeTGI,
	visible: true,
	repeats: true,
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		switch {
		case jsonscan.Is(key, "generated_text"):
			f.known = true
			return readString(s, &f.event.whole)
		case jsonscan.Is(key, "token") && s.Kind() == jsonscan.Object:
			f.known = true
			return tgiToken(s, f)
		}
		return nil
	},
	settle: func(_ []byte, f *found) { // the token comes first, wherever it stands
		f.text(0, part{}, f.event.text, false)
		f.text(0, part{}, f.event.whole, true)
	},
	ask: func(s *jsonscan.Scanner, key []byte, a *asked) error {
		switch {
		case jsonscan.Is(key, "inputs"):
			return readString(s, &a.said)
		case !jsonscan.Is(key, "parameters") || s.Kind() != jsonscan.Object:
			return nil
		}
		return s.Object(func(key jsonscan.Span) error { return tgiParameter(s, key.Of(s.Data()), a) })
	},
	last: []string{`"generated_text":"`, `"generated_text": "`},
}

func tgiToken(s *jsonscan.Scanner, f *found) error {
	var text jsonscan.Span
	special := false
	err := s.Object(func(key jsonscan.Span) (err error) {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "text"):
			return readString(s, &text)
		case jsonscan.Is(k, "special"):
			special, err = s.Bool()
		}
		return err
	})
	if !special {
		f.event.text = text
	}
	return err
}

func tgiParameter(s *jsonscan.Scanner, key []byte, a *asked) error {
	grammar := jsonscan.Is(key, "grammar")
	if !grammar && !jsonscan.Is(key, "details") && !jsonscan.Is(key, "decoder_input_details") {
		return nil
	}
	filled, err := readFilled(s)
	switch {
	case filled && grammar:
		a.constrained = ReasonJSONMode
	case filled:
		a.noFrames = ReasonOffsets // tokens are listed beside the text
	}
	return err
}
