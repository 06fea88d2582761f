package disclose

import "github.com/avowai/avow/internal/jsonscan"

// The UI message stream of Vercel's AI SDK, which most Next.js chat routes
// speak; the response header x-vercel-ai-ui-message-stream tells. Its parts are
// validated strictly, so the field goes where the protocol has a place for
// what others add: the messageMetadata of the start part. Source: the AI SDK's
// documentation, "Stream protocols".
var uiMessage = driver{
	shape:   ShapeUIMessage,
	visible: true,
	images:  true,
	late:    lateness("file", "messageMetadata"),
	home:    true,
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		e := &f.event
		switch {
		case jsonscan.Is(key, "type"):
			return readString(s, &e.kind)
		case jsonscan.Is(key, "id"):
			return readString(s, &e.id)
		case jsonscan.Is(key, "delta"):
			return readString(s, &e.text)
		case jsonscan.Is(key, "url"):
			return readString(s, &e.whole)
		case jsonscan.Is(key, "mediaType"):
			return readString(s, &e.media)
		case jsonscan.Is(key, "messageMetadata"):
			return uiMetadata(s, f)
		}
		return nil
	},
	settle: uiPart,
	ask: func(s *jsonscan.Scanner, key []byte, a *asked) error {
		if jsonscan.Is(key, "messages") {
			return readHistory(s, a)
		}
		return nil
	},
	last: []string{"\ndata: [DONE]", "\ndata:[DONE]", "\ndata: {\"type\":\"finish\""},
}

// maxPartID bounds what is kept of a part's id, in bytes.
const maxPartID = 128

// uiMetadata notes where the field goes in metadata that is there already.
func uiMetadata(s *jsonscan.Scanner, f *found) error {
	if s.Kind() != jsonscan.Object {
		f.event.flag = true // of a kind that nothing can be added to
		return nil
	}
	return readHome(s, f, fieldName)
}

func uiPart(payload []byte, f *found) {
	e := &f.event
	kind := e.kind.Of(payload)
	switch {
	case jsonscan.Is(kind, "start"):
		f.known = true
		if f.home.at == 0 && !e.flag {
			f.home = fieldHome{at: e.kind.End + 1, before: `,"messageMetadata":{`, behind: "}"}
		}
		return
	case jsonscan.Is(kind, "text-delta"):
		f.text(0, part{id: jsonscan.Unquote(e.id.Of(payload), maxPartID)}, e.text, false)
	case jsonscan.Is(kind, "file") && (hasPrefix(e.media.Of(payload), "image/") || hasPrefix(e.whole.Of(payload), "data:image/")):
		f.imageURL(payload, e.whole)
		f.mediaType(0, e.media)
	case jsonscan.Is(kind, "tool-input-start"), jsonscan.Is(kind, "tool-input-available"):
		f.toolCall = true
	}
	f.home = fieldHome{}
}
