package disclose

import "github.com/avowai/avow/internal/jsonscan"

// MCP's tool results. What a tool returns is rarely an AI's, so the shape is
// used only where a route names it. The statement goes into result._meta under
// a key of our own domain; structured content and its twin in text are
// validated against schemas, so texts stay as they are. Source: the Model
// Context Protocol, revision 2025-06-18, "Tools" and "_meta".
var mcp = driver{
	shape:  ShapeMCP,
	images: true,
	late:   lateness(""),
	home:   true,
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		if !jsonscan.Is(key, "result") || s.Kind() != jsonscan.Object {
			return nil
		}
		f.known = true
		f.home = fieldHome{at: s.Pos() + 1, key: mcpKey, before: `"_meta":{`, behind: "},"}
		members := 0
		err := s.Object(func(key jsonscan.Span) error {
			members++
			return mcpResult(s, key.Of(s.Data()), f)
		})
		if members == 0 {
			f.home.behind = "}"
		}
		return err
	},
}

// mcpKey names the statement: a prefix of labels, a slash, a name.
const mcpKey = "com.github.avowai/ai_disclosure"

func mcpResult(s *jsonscan.Scanner, key []byte, f *found) error {
	switch {
	case jsonscan.Is(key, "_meta") && s.Kind() == jsonscan.Object:
		err := readHome(s, f, mcpKey)
		f.home.key = mcpKey
		return err
	case jsonscan.Is(key, "content"):
		return eachObject(s, func(int) error {
			return mcpContent(s, f)
		})
	}
	return nil
}

// mcpContent reads one item of content: a picture, or a resource that is one.
func mcpContent(s *jsonscan.Scanner, f *found) error {
	var kind, data, media, resource, blob jsonscan.Span
	err := s.Object(func(key jsonscan.Span) error {
		switch k := key.Of(s.Data()); {
		case jsonscan.Is(k, "type"):
			return readString(s, &kind)
		case jsonscan.Is(k, "data"):
			return readString(s, &data)
		case jsonscan.Is(k, "mimeType"):
			return readString(s, &media)
		case jsonscan.Is(k, "resource") && s.Kind() == jsonscan.Object:
			return readMembers(s, want{"mimeType", &resource}, want{"blob", &blob})
		}
		return nil
	})
	if jsonscan.Is(kind.Of(s.Data()), "image") {
		first := len(f.images)
		f.image(data)
		f.mediaType(first, media)
	}
	if hasPrefix(resource.Of(s.Data()), "image/") {
		first := len(f.images)
		f.image(blob)
		f.mediaType(first, resource)
	}
	return err
}
