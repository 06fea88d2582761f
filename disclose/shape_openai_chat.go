package disclose

import "github.com/avowai/avow/internal/jsonscan"

// OpenAI Chat Completions, whole (object "chat.completion") and streamed
// (object "chat.completion.chunk"). vLLM, llama.cpp, LocalAI, LM Studio and
// Ollama's compatible route speak it too, with members of their own that stay
// untouched. Source: the OpenAPI description of the OpenAI API.
var openAIChat = driver{
	shape:   ShapeOpenAIChat,
	visible: true,
	member:  chatMember,
	ask:     chatAsk,
	last:    openAILast,
}

// openAILast are ends of a stream that generated text cannot imitate: in JSON it
// holds neither a raw line break nor a raw quote. The second kind ends one
// choice only.
var openAILast = []string{"\ndata: [DONE]", "\ndata:[DONE]", finishReason + `"`, finishReason + ` "`}

const finishReason = `"finish_reason":`

func chatMember(s *jsonscan.Scanner, key []byte, f *found) error {
	switch {
	case jsonscan.Is(key, "id"):
		return readString(s, &f.id)
	case jsonscan.Is(key, "choices") && s.Kind() == jsonscan.Array:
		f.known = true
		return s.Array(func(i int) error { return chatChoice(s, i, f) })
	}
	return nil
}

// chatChoice reads one alternative. Its text and its tool calls may come in any
// order, so the text is judged when the choice has been read whole.
func chatChoice(s *jsonscan.Scanner, i int, f *found) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	index, first, tools := i, len(f.texts), false
	err := s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "index"):
			n, ok, err := s.Int()
			if ok {
				index = n
			}
			return err
		case jsonscan.Is(k, "message") || jsonscan.Is(k, "delta"):
			return chatMessage(s, f, &tools)
		}
		return nil
	})
	for j := first; j < len(f.texts); j++ {
		f.texts[j].choice, f.texts[j].tools = index, tools
	}
	f.toolCall = f.toolCall || tools
	return err
}

func chatMessage(s *jsonscan.Scanner, f *found, tools *bool) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	return s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "content"):
			return readText(s, f)
		case jsonscan.Is(k, "tool_calls"), jsonscan.Is(k, "function_call"):
			filled, err := readFilled(s)
			*tools = *tools || filled
			return err
		}
		return nil
	})
}

func chatAsk(s *jsonscan.Scanner, key []byte, a *asked) error {
	switch {
	case jsonscan.Is(key, "model"):
		return readString(s, &a.model)
	case jsonscan.Is(key, "n"):
		n, ok, err := s.Int()
		if ok {
			a.choices = n
		}
		return err
	case jsonscan.Is(key, "response_format"):
		return readJSONMode(s, a)
	case jsonscan.Is(key, "messages"):
		return readHistory(s, a)
	}
	return nil
}

// readJSONMode reads response_format: any type but "text" asks for text that a
// program will parse.
func readJSONMode(s *jsonscan.Scanner, a *asked) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	return s.Object(func(key jsonscan.Span) error {
		var kind jsonscan.Span
		if !jsonscan.Is(key.Of(s.Data()), "type") {
			return nil
		}
		if err := readString(s, &kind); err != nil {
			return err
		}
		if t := kind.Of(s.Data()); len(t) > 0 && !jsonscan.Is(t, "text") {
			a.constrained = ReasonJSONMode
		}
		return nil
	})
}
