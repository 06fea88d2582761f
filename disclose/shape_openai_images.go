package disclose

import "github.com/avowai/avow/internal/jsonscan"

// OpenAI Images: generations, edits and variations answer with data[], each
// entry an image as base64 (b64_json) or by URL. A stream gives one image an
// event, its unfinished states included: people see those too.
var openAIImages = driver{
	shape:    ShapeOpenAIImages,
	pictures: true,
	images:   true,
	late:     lateness(""),
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		switch {
		case jsonscan.Is(key, "data") && s.Kind() == jsonscan.Array:
			f.known = true
			return eachObject(s, func(int) error { return imageEntry(s, f) })
		case jsonscan.Is(key, "b64_json"):
			f.known = true
			return readImages(s, f)
		case jsonscan.Is(key, "output_format"): // of all pictures of the answer
			return readString(s, &f.event.media)
		}
		return nil
	},
	settle: func(_ []byte, f *found) { f.mediaType(0, f.event.media) },
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
	images, byURL := len(f.images), false
	err := s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "b64_json"):
			return readImages(s, f)
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
