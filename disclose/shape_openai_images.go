package disclose

import "github.com/avowai/avow/internal/jsonscan"

// OpenAI Images: generations, edits and variations answer with data[], each
// entry an image as base64 (b64_json) or by URL.
var openAIImages = driver{
	shape: ShapeOpenAIImages,
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		if !jsonscan.Is(key, "data") || s.Kind() != jsonscan.Array {
			return nil
		}
		f.known = true
		return s.Array(func(int) error { return imageEntry(s, f) })
	},
	ask: func(s *jsonscan.Scanner, key []byte, a *asked) error {
		switch {
		case jsonscan.Is(key, "model"):
			return readString(s, &a.model)
		case jsonscan.Is(key, "response_format"):
			var format jsonscan.Span
			err := readString(s, &format)
			a.byURL = jsonscan.Is(format.Of(s.Data()), "url")
			return err
		}
		return nil
	},
}

func imageEntry(s *jsonscan.Scanner, f *found) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	images, byURL := len(f.images), false
	err := s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "b64_json") && s.Kind() == jsonscan.String:
			span, err := s.String()
			if err == nil && span.End > span.Start {
				f.images = append(f.images, span)
			}
			return err
		case jsonscan.Is(k, "url"):
			byURL = s.Kind() == jsonscan.String
		}
		return nil
	})
	if byURL && len(f.images) == images {
		f.urls++
	}
	return err
}
