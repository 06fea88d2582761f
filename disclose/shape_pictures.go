package disclose

import "github.com/avowai/avow/internal/jsonscan"

// The shapes of this file answer with pictures and little else.

// Imagen's predict method: predictions[] with base64 each, or an address in a
// bucket that the request named. Source: the Vertex AI
// reference, "Imagen API".
var imagen = driver{
	shape:    ShapeImagen,
	pictures: true,
	images:   true,
	late:     lateness(""),
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		if !jsonscan.Is(key, "predictions") {
			return nil
		}
		return eachObject(s, func(int) error {
			var data, address, media jsonscan.Span
			err := readMembers(s, want{"bytesBase64Encoded", &data}, want{"gcsUri", &address}, want{"mimeType", &media})
			first := len(f.images)
			f.image(data)
			f.mediaType(first, media)
			if data.End == data.Start && address.End > address.Start {
				f.urls++
			}
			f.known = f.known || data.End > data.Start || f.urls > 0
			return err
		})
	},
}

// Stability: v2beta answers with image, v1 with artifacts[], and the models
// that Bedrock hosts with images[]. Source: the Stability AI REST reference.
var stability = driver{
	shape:    ShapeStability,
	pictures: true,
	images:   true,
	late:     lateness(""),
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		switch {
		case jsonscan.Is(key, "image"), jsonscan.Is(key, "images"):
			f.known = true
			return readImages(s, f)
		case jsonscan.Is(key, "artifacts"):
			f.known = true
			return eachObject(s, func(int) error {
				var data jsonscan.Span
				err := readMembers(s, want{"base64", &data})
				f.image(data)
				return err
			})
		}
		return nil
	},
}

// Automatic1111, Forge and SD.Next. ControlNet appends its detection maps to
// images[], which are no generations; info, JSON inside a string, has one text
// for each picture that is one. Source: modules/api in the repository
// stable-diffusion-webui.
var a1111 = driver{
	shape:    ShapeA1111,
	pictures: true,
	images:   true,
	late:     lateness(""),
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		switch {
		case jsonscan.Is(key, "images"), jsonscan.Is(key, "image"), jsonscan.Is(key, "current_image"):
			f.known = true
			return readImages(s, f)
		case jsonscan.Is(key, "info"):
			return readString(s, &f.event.text)
		}
		return nil
	},
	settle: func(payload []byte, f *found) {
		if n := infotexts(f.event.text.Of(payload)); n > 0 && n < len(f.images) {
			f.images = f.images[:n]
		}
	},
}

// infotexts counts the pictures that info describes.
func infotexts(raw []byte) (n int) {
	info := []byte(jsonscan.Unquote(raw, len(raw)))
	s := jsonscan.New(info)
	if s.Kind() != jsonscan.Object {
		return 0
	}
	_ = s.Object(func(key jsonscan.Span) error {
		if !jsonscan.Is(key.Of(info), "infotexts") || s.Kind() != jsonscan.Array {
			return nil
		}
		return s.Array(func(int) error { n++; return nil })
	})
	return n
}

// Replicate: what output holds is the model's own affair, so the shape is for
// routes that are configured: pictures as data URIs or addresses, and text.
// Source: Replicate's HTTP API reference, "Create a prediction".
var replicate = driver{
	shape:   ShapeReplicate,
	pieces:  true, // an array is a text in tokens
	visible: true,
	images:  true,
	late:    lateness(""),
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		switch {
		case jsonscan.Is(key, "id"):
			return readString(s, &f.id)
		case !jsonscan.Is(key, "output"):
			return nil
		}
		f.known = true
		if s.Kind() == jsonscan.Array {
			return s.Array(func(int) error { return replicateOutput(s, f) })
		}
		return replicateOutput(s, f)
	},
}

func replicateOutput(s *jsonscan.Scanner, f *found) error {
	var span jsonscan.Span
	if err := readString(s, &span); err != nil {
		return err
	}
	raw := span.Of(s.Data())
	switch {
	case hasPrefix(raw, "data:image/"), hasPrefix(raw, "http://"), hasPrefix(raw, "https://"):
		f.imageURL(s.Data(), span)
	case !hasPrefix(raw, "data:"):
		f.text(0, part{}, span, false)
	}
	return nil
}
