package disclose

import "github.com/avowai/avow/internal/jsonscan"

// Anthropic Messages: an answer is a list of content blocks, streamed as typed
// events that name their block by index. Thinking and its signature, the input
// of tools and citations, whose indices count the characters of documents, stay
// untouched. Source: the Messages API's reference, "Messages" and "Streaming
// messages".
var anthropicMessages = driver{
	shape:   ShapeAnthropic,
	visible: true,
	images:  true, // and documents: what the API's own tools fetched is one event
	member:  anthropicMember,
	settle:  anthropicEvent,
	ask:     anthropicAsk,
	asked: func(_ []byte, a *asked) {
		if a.prefilled && a.constrained == ReasonNone {
			a.constrained = ReasonJSONMode // the answer goes on in the middle of a text of the client's
		}
	},
	last: []string{"\nevent: message_stop", "\nevent:message_stop"},
}

func anthropicMember(s *jsonscan.Scanner, key []byte, f *found) error {
	e := &f.event
	switch {
	case jsonscan.Is(key, "type"):
		return readString(s, &e.kind)
	case jsonscan.Is(key, "id"):
		return readString(s, &f.id)
	case jsonscan.Is(key, "content"):
		return anthropicContent(s, f)
	case jsonscan.Is(key, "index"):
		return readNumber(s, &e.index)
	case s.Kind() != jsonscan.Object:
		return nil
	case jsonscan.Is(key, "message"):
		return readMembers(s, want{"id", &f.id})
	case jsonscan.Is(key, "delta"):
		var kind jsonscan.Span
		err := readMembers(s, want{"type", &kind}, want{"text", &e.text})
		e.flag = jsonscan.Is(kind.Of(s.Data()), "text_delta")
		return err
	case jsonscan.Is(key, "content_block"):
		var kind, text jsonscan.Span
		err := readMembers(s, want{"type", &kind}, want{"text", &text})
		f.toolCall = f.toolCall || jsonscan.Is(kind.Of(s.Data()), "tool_use")
		if jsonscan.Is(kind.Of(s.Data()), "text") {
			f.text(0, part{a: ofEvent}, text, false)
		}
		return err
	}
	return nil
}

// anthropicContent reads the blocks of a whole message.
func anthropicContent(s *jsonscan.Scanner, f *found) error {
	f.known = true
	first := len(f.texts)
	err := eachObject(s, func(i int) error {
		var kind, text jsonscan.Span
		err := readMembers(s, want{"type", &kind}, want{"text", &text})
		switch k := kind.Of(s.Data()); {
		case jsonscan.Is(k, "text"):
			f.text(0, part{a: i}, text, false)
		case jsonscan.Is(k, "tool_use"):
			f.toolCall = true
		}
		return err
	})
	for i := range f.texts[first:] {
		f.texts[first+i].tools = f.toolCall
	}
	return err
}

// anthropicEvent judges an event that was read whole.
func anthropicEvent(payload []byte, f *found) {
	e := &f.event
	kind := e.kind.Of(payload)
	f.known = f.known || hasPrefix(kind, "message_") || hasPrefix(kind, "content_block_")
	if e.flag && jsonscan.Is(kind, "content_block_delta") {
		f.text(0, part{a: e.index}, e.text, false)
	}
	for i := range f.texts {
		f.texts[i].part.ofEvent(part{a: e.index})
	}
}

func anthropicAsk(s *jsonscan.Scanner, key []byte, a *asked) error {
	switch {
	case jsonscan.Is(key, "model"):
		return readString(s, &a.model)
	case jsonscan.Is(key, "messages"):
		return readHistory(s, a)
	case jsonscan.Is(key, "output_format"):
		return readJSONMode(s, a)
	case jsonscan.Is(key, "output_config"):
		return readFormat(s, a)
	}
	return nil
}
