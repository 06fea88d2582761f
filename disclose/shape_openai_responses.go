package disclose

import "github.com/avowai/avow/internal/jsonscan"

// OpenAI Responses, whole (object "response") and streamed. A stream says its
// texts again in its done events and in the response that ends it. Typed events
// carry their members in any order, so they are judged when all are there.
// Source: the OpenAPI description of the OpenAI API, schemas Response and
// ResponseStreamEvent.
var openAIResponses = driver{
	shape:   ShapeOpenAIResponses,
	visible: true,
	images:  true,
	late:    lateness("image", "end_index"),
	repeats: true,
	member:  responsesMember,
	settle:  responsesEvent,
	ask:     responsesAsk,
	last: []string{"\ndata: {\"type\":\"response.completed\"", "\nevent: response.completed", "\nevent: response.incomplete",
		"\nevent: response.failed", "\nevent:response.completed", "\nevent:response.incomplete", "\nevent:response.failed", "\ndata: [DONE]"},
}

// ofEvent stands for a number that the event gives elsewhere.
const ofEvent = -1

func responsesMember(s *jsonscan.Scanner, key []byte, f *found) error {
	e := &f.event
	switch {
	case jsonscan.Is(key, "type"):
		return readString(s, &e.kind)
	case jsonscan.Is(key, "id"):
		return readString(s, &f.id)
	case jsonscan.Is(key, "output_index"):
		return readNumber(s, &e.item)
	case jsonscan.Is(key, "content_index"):
		return readNumber(s, &e.index)
	case jsonscan.Is(key, "delta"):
		return readString(s, &e.text)
	case jsonscan.Is(key, "text"):
		return readString(s, &e.whole)
	case jsonscan.Is(key, "partial_image_b64"):
		return readImages(s, f)
	case jsonscan.Is(key, "output_format"):
		return readString(s, &e.media)
	case jsonscan.Is(key, "output"):
		f.known = true
		return eachObject(s, func(i int) error { return responsesItem(s, i, f) })
	case s.Kind() != jsonscan.Object:
		return nil
	case jsonscan.Is(key, "part"):
		return responsesPart(s, part{a: ofEvent, b: ofEvent}, f)
	case jsonscan.Is(key, "item"):
		return responsesItem(s, ofEvent, f)
	case jsonscan.Is(key, "annotation"):
		return readIndices(s, f, part{a: ofEvent, b: ofEvent})
	case jsonscan.Is(key, "response"):
		return s.Object(func(key jsonscan.Span) error {
			k := key.Of(s.Data())
			if jsonscan.Is(k, "id") || jsonscan.Is(k, "output") {
				return responsesMember(s, k, f)
			}
			return nil
		})
	}
	return nil
}

// responsesItem reads one item of the output: a message, the picture of a tool
// that draws, or a call.
func responsesItem(s *jsonscan.Scanner, item int, f *found) error {
	var kind, media jsonscan.Span
	texts, offsets, images := len(f.texts), len(f.offsets), len(f.images)
	err := s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "type"):
			return readString(s, &kind)
		case jsonscan.Is(k, "content"):
			return eachObject(s, func(j int) error { return responsesPart(s, part{a: item, b: j}, f) })
		case jsonscan.Is(k, "result"):
			return readImages(s, f)
		case jsonscan.Is(k, "output_format"):
			return readString(s, &media)
		}
		return nil
	})
	k := kind.Of(s.Data())
	if !jsonscan.Is(k, "message") {
		f.texts, f.offsets = f.texts[:texts], f.offsets[:offsets]
	}
	if !jsonscan.Is(k, "image_generation_call") {
		f.images = f.images[:images]
	}
	f.mediaType(images, media)
	f.toolCall = f.toolCall || jsonscan.Is(k, "function_call") || jsonscan.Is(k, "custom_tool_call")
	return err
}

// responsesPart reads one part of a message: its text and its citations. A
// refusal has no text.
func responsesPart(s *jsonscan.Scanner, p part, f *found) error {
	var kind, text jsonscan.Span
	offsets := len(f.offsets)
	err := s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "type"):
			return readString(s, &kind)
		case jsonscan.Is(k, "text"):
			return readString(s, &text)
		case jsonscan.Is(k, "annotations"):
			return eachObject(s, func(int) error { return readIndices(s, f, p) })
		}
		return nil
	})
	if !jsonscan.Is(kind.Of(s.Data()), "output_text") {
		f.offsets = f.offsets[:offsets]
		return err
	}
	f.text(0, p, text, true)
	return err
}

// responsesEvent judges an event that was read whole.
func responsesEvent(payload []byte, f *found) {
	e := &f.event
	kind := e.kind.Of(payload)
	f.known = f.known || hasPrefix(kind, "response.")
	f.mediaType(0, e.media)
	p := part{a: e.item, b: e.index}
	switch {
	case jsonscan.Is(kind, "response.output_text.delta"):
		f.text(0, p, e.text, false)
	case jsonscan.Is(kind, "response.output_text.done"):
		f.text(0, p, e.whole, true)
	}
	for i := range f.texts {
		f.texts[i].part.ofEvent(p)
	}
	for i := range f.offsets {
		f.offsets[i].part.ofEvent(p)
	}
}

// ofEvent fills in the numbers that the event gives.
func (p *part) ofEvent(e part) {
	if p.a == ofEvent {
		p.a = e.a
	}
	if p.b == ofEvent {
		p.b = e.b
	}
}

func responsesAsk(s *jsonscan.Scanner, key []byte, a *asked) error {
	switch {
	case jsonscan.Is(key, "model"):
		return readString(s, &a.model)
	case jsonscan.Is(key, "input"):
		return readHistory(s, a)
	case jsonscan.Is(key, "previous_response_id"), jsonscan.Is(key, "conversation"):
		return ifFilled(s, func() { a.later = true })
	case jsonscan.Is(key, "top_logprobs"):
		return ifFilled(s, func() { a.noFrames = ReasonOffsets })
	case jsonscan.Is(key, "include") && s.Kind() == jsonscan.Array:
		return s.Array(func(int) error {
			var what jsonscan.Span
			err := readString(s, &what)
			if jsonscan.Is(what.Of(s.Data()), "message.output_text.logprobs") {
				a.noFrames = ReasonOffsets
			}
			return err
		})
	case jsonscan.Is(key, "text"):
		return readFormat(s, a)
	}
	return nil
}
