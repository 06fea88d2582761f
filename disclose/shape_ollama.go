package disclose

import "github.com/avowai/avow/internal/jsonscan"

// Ollama's own routes. /api/chat answers with message.content, /api/generate
// with response; streams are one JSON object a line, and the last says
// "done":true. Source: docs/api.md of the Ollama repository.
var ollamaChat = driver{
	shape:   ShapeOllamaChat,
	visible: true,
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		if !jsonscan.Is(key, "message") || s.Kind() != jsonscan.Object {
			return nil
		}
		f.known = true
		return chatVoice(new(int), f, func(tools *bool) error { return chatMessage(s, f, tools) })
	},
	ask:  ollamaAsk,
	last: ollamaLast,
}

var ollamaGenerate = driver{
	shape:   ShapeOllamaGenerate,
	visible: true,
	images:  true,
	late:    lateness("image"),
	member: func(s *jsonscan.Scanner, key []byte, f *found) error {
		switch {
		case jsonscan.Is(key, "response"):
			f.known = true
			return readText(s, f)
		case jsonscan.Is(key, "image"), jsonscan.Is(key, "images"): // models of pictures, v0.17
			f.known = true
			return readImages(s, f)
		}
		return nil
	},
	ask:  ollamaAsk,
	last: ollamaLast,
}

var ollamaLast = []string{`"done":true`, `"done": true`, `"done" : true`, `"done" :true`}

func ollamaAsk(s *jsonscan.Scanner, key []byte, a *asked) error {
	switch {
	case jsonscan.Is(key, "model"):
		return readString(s, &a.model)
	case jsonscan.Is(key, "messages"), jsonscan.Is(key, "prompt"):
		return readHistory(s, a)
	case jsonscan.Is(key, "format"):
		return ifFilled(s, func() { a.constrained = ReasonJSONMode })
	case jsonscan.Is(key, "logprobs"):
		return ifFilled(s, func() { a.noFrames = ReasonOffsets })
	case jsonscan.Is(key, "suffix"):
		filled, err := readFilled(s)
		if filled && a.constrained == ReasonNone {
			a.constrained = ReasonCode
		}
		return err
	case jsonscan.Is(key, "context"):
		return ifFilled(s, func() { a.later = true })
	}
	return nil
}
