package disclose

import "github.com/avowai/avow/internal/jsonscan"

// OpenAI Chat Completions, whole (object "chat.completion") and streamed
// (object "chat.completion.chunk"). vLLM, llama.cpp, LocalAI, LM Studio and
// Ollama's compatible route speak it too, with members of their own that stay
// untouched. Source: the OpenAPI description of the OpenAI API.
var openAIChat = driver{
	shape:   ShapeOpenAIChat,
	visible: true,
	images:  true,
	late:    lateness("image", "end_index"), // some gateways answer with pictures beside the text
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

// chatChoice reads one alternative.
func chatChoice(s *jsonscan.Scanner, i int, f *found) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	voice := i
	return chatVoice(&voice, f, func(tools *bool) error {
		return s.Object(func(key jsonscan.Span) error {
			k := key.Of(s.Data())
			switch {
			case jsonscan.Is(k, "index"):
				n, ok, err := s.Int()
				if ok {
					voice = n
				}
				return err
			case jsonscan.Is(k, "message") || jsonscan.Is(k, "delta"):
				return chatMessage(s, f, tools)
			}
			return nil
		})
	})
}

// chatVoice judges what read found of one alternative when all of it is there:
// its number, its texts and its tool calls come in any order.
func chatVoice(voice *int, f *found, read func(tools *bool) error) error {
	first, shifted, tools := len(f.texts), len(f.offsets), false
	err := read(&tools)
	for j := first; j < len(f.texts); j++ {
		f.texts[j].voice, f.texts[j].part.a, f.texts[j].tools = *voice, *voice, tools
	}
	for j := shifted; j < len(f.offsets); j++ {
		f.offsets[j].voice, f.offsets[j].part.a = *voice, *voice
	}
	f.toolCall = f.toolCall || tools
	return err
}

func chatMessage(s *jsonscan.Scanner, f *found, tools *bool) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	first := len(f.texts)
	return s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "content"):
			from := len(f.texts)
			err := chatContent(s, f)
			f.twins(first, from)
			return err
		case jsonscan.Is(k, "tool_calls"), jsonscan.Is(k, "function_call"):
			filled, err := readFilled(s)
			*tools = *tools || filled
			return err
		case jsonscan.Is(k, "images"):
			return readImageURLs(s, f)
		case jsonscan.Is(k, "annotations"):
			return eachObject(s, func(int) error { return chatAnnotation(s, f) })
		}
		return nil
	})
}

// chatContent reads a text, or the array of parts that some servers give.
func chatContent(s *jsonscan.Scanner, f *found) error {
	if s.Kind() != jsonscan.Array {
		return readText(s, f)
	}
	return eachObject(s, func(i int) error {
		var kind, text jsonscan.Span
		err := s.Object(func(key jsonscan.Span) error {
			switch k := key.Of(s.Data()); {
			case jsonscan.Is(k, "type"):
				return readString(s, &kind)
			case jsonscan.Is(k, "text"):
				return readString(s, &text)
			}
			return readAddress(s, key, f)
		})
		if jsonscan.Is(kind.Of(s.Data()), "text") {
			f.text(0, part{b: i}, text, false)
		}
		return err
	})
}

// chatAnnotation reads a citation, whose indices count characters of the text.
func chatAnnotation(s *jsonscan.Scanner, f *found) error {
	return s.Object(func(key jsonscan.Span) error {
		if !jsonscan.Is(key.Of(s.Data()), "url_citation") || s.Kind() != jsonscan.Object {
			return nil
		}
		return readIndices(s, f, part{})
	})
}

// readIndices notes the members start_index and end_index of an object. The
// OpenAI API counts Unicode code points, and end_index names the first one
// behind the stretch.
func readIndices(s *jsonscan.Scanner, f *found, p part) error {
	first := len(f.offsets)
	err := s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		end := jsonscan.Is(k, "end_index")
		if !end && !jsonscan.Is(k, "start_index") {
			return nil
		}
		return readOffset(s, f, foundOffset{part: p, end: end})
	})
	f.emptyStretch(s.Data(), first)
	return err
}

// readImageURLs reads a list of {"image_url":{"url":…}}, or of the addresses
// themselves.
func readImageURLs(s *jsonscan.Scanner, f *found) error {
	if s.Kind() != jsonscan.Array {
		return nil
	}
	return s.Array(func(int) error {
		if s.Kind() == jsonscan.Object {
			return s.Object(func(key jsonscan.Span) error { return readAddress(s, key, f) })
		}
		var url jsonscan.Span
		err := readString(s, &url)
		f.imageURL(s.Data(), url)
		return err
	})
}

// readAddress reads the member "image_url", {"url":…} or the address itself, and
// leaves all others.
func readAddress(s *jsonscan.Scanner, key jsonscan.Span, f *found) (err error) {
	if !jsonscan.Is(key.Of(s.Data()), "image_url") {
		return nil
	}
	var url jsonscan.Span
	switch s.Kind() {
	case jsonscan.Object:
		err = readMembers(s, want{"url", &url})
	case jsonscan.String:
		err = readString(s, &url)
	}
	f.imageURL(s.Data(), url)
	return err
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
	case jsonscan.Is(key, "logprobs"):
		return ifFilled(s, func() { a.noFrames = ReasonOffsets }) // tokens are compared with the text
	case isGrammar(key):
		return ifFilled(s, func() { a.constrained = ReasonJSONMode })
	}
	return nil
}

// isGrammar reports whether a member of a request binds the answer to a form, as
// servers that speak this API call it: vLLM (guided_*, structured_outputs),
// llama.cpp (grammar, json_schema), SGLang (regex, ebnf).
func isGrammar(key []byte) bool {
	for _, name := range [...]string{"guided_json", "guided_regex", "guided_choice", "guided_grammar",
		"structured_outputs", "grammar", "json_schema", "regex", "ebnf"} {
		if jsonscan.Is(key, name) {
			return true
		}
	}
	return false
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
