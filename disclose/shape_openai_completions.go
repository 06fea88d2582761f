package disclose

import "github.com/avowai/avow/internal/jsonscan"

// OpenAI legacy Completions. It is used for code infill as much as for prose,
// so answers get the header and the field, never a notice.
var openAILegacy = driver{
	shape: ShapeOpenAILegacy,
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		switch {
		case jsonscan.Is(key, "id"):
			return readString(s, &f.id)
		case jsonscan.Is(key, "choices"):
			f.known = true
		}
		return nil
	},
	ask: func(s *jsonscan.Scanner, key []byte, a *asked) error {
		a.constrained = ReasonCode
		if jsonscan.Is(key, "model") {
			return readString(s, &a.model)
		}
		return nil
	},
	last: openAILast,
}
