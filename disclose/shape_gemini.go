package disclose

import "github.com/avowai/avow/internal/jsonscan"

// Gemini generateContent and streamGenerateContent. A stream is SSE with
// alt=sse and one growing JSON array without; each element has the form of a
// whole answer. Thoughts in words, calls and code stay untouched; the indices
// of grounding count bytes of a part. Source: the Gemini API's reference,
// GenerateContentResponse, GroundingMetadata, CitationMetadata.
var gemini = driver{
	shape:   ShapeGemini,
	visible: true,
	images:  true,
	late:    geminiLate,
	member:  func(s *jsonscan.Scanner, key []byte, f *found) error { return geminiMember(s, key, f, false) },
	ask:     geminiAsk,
	last:    []string{geminiFinish + `"`, geminiFinish + ` "`},
}

// In a stream the parts of a candidate are pieces of one text.
var geminiStream = driver{
	shape:   ShapeGeminiStream,
	visible: true,
	images:  true,
	late:    geminiLate,
	array:   true,
	member:  func(s *jsonscan.Scanner, key []byte, f *found) error { return geminiMember(s, key, f, true) },
	ask:     geminiAsk,
	last:    gemini.last,
}

// geminiLate: inlineData, fileData, endIndex, and how some servers spell them.
var geminiLate = lateness("nline", "ileData", "ile_data", "ndIndex")

const geminiFinish = `"finishReason":`

func geminiMember(s *jsonscan.Scanner, key []byte, f *found, streamed bool) error {
	switch {
	case jsonscan.Is(key, "responseId"):
		return readString(s, &f.id)
	case jsonscan.Is(key, "candidates"):
		f.known = true
		return eachObject(s, func(i int) error { return geminiCandidate(s, i, f, streamed) })
	case jsonscan.Is(key, "promptFeedback"), jsonscan.Is(key, "usageMetadata"):
		f.known = true // an answer without candidates: the prompt was blocked
	}
	return nil
}

func geminiCandidate(s *jsonscan.Scanner, i int, f *found, streamed bool) error {
	voice := i
	return chatVoice(&voice, f, func(tools *bool) error {
		return s.Object(func(key jsonscan.Span) error {
			k := key.Of(s.Data())
			switch {
			case jsonscan.Is(k, "index"):
				return readNumber(s, &voice)
			case jsonscan.Is(k, "content"):
				return geminiContent(s, f, tools, streamed)
			case jsonscan.Is(k, "groundingMetadata"):
				return geminiSegments(s, f, "groundingSupports", streamed)
			case jsonscan.Is(k, "citationMetadata"):
				return geminiSegments(s, f, "citationSources", streamed)
			}
			return nil
		})
	})
}

func geminiContent(s *jsonscan.Scanner, f *found, tools *bool, streamed bool) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	return s.Object(func(key jsonscan.Span) error {
		if !jsonscan.Is(key.Of(s.Data()), "parts") {
			return nil
		}
		return eachObject(s, func(j int) error {
			if streamed {
				j = 0
			}
			return geminiPart(s, part{b: j}, f, tools)
		})
	})
}

func geminiPart(s *jsonscan.Scanner, p part, f *found, tools *bool) error {
	var text jsonscan.Span
	thought := false
	err := s.Object(func(key jsonscan.Span) (err error) {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "text"):
			return readString(s, &text)
		case jsonscan.Is(k, "thought"):
			thought, err = s.Bool()
		case jsonscan.Is(k, "inlineData"), jsonscan.Is(k, "inline_data"):
			return geminiBlob(s, f)
		case jsonscan.Is(k, "fileData"), jsonscan.Is(k, "file_data"):
			return geminiFile(s, f)
		case jsonscan.Is(k, "functionCall"), jsonscan.Is(k, "function_call"):
			*tools = true
		}
		return err
	})
	if !thought { // the draft of a picture is a picture, that of a text no answer
		f.text(0, p, text, false)
	}
	return err
}

// geminiBlob reads inline data; only pictures are ours to mark.
func geminiBlob(s *jsonscan.Scanner, f *found) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	var kind, data jsonscan.Span
	err := readMembers(s, want{"mimeType", &kind}, want{"mime_type", &kind}, want{"data", &data})
	if hasPrefix(kind.Of(s.Data()), "image/") {
		images := len(f.images)
		f.image(data)
		f.mediaType(images, kind)
	}
	return err
}

// geminiFile reads a picture that is elsewhere.
func geminiFile(s *jsonscan.Scanner, f *found) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	var kind jsonscan.Span
	err := readMembers(s, want{"mimeType", &kind}, want{"mime_type", &kind})
	if hasPrefix(kind.Of(s.Data()), "image/") {
		f.urls++
	}
	return err
}

// geminiSegments reads the stretches of text that sources stand behind.
func geminiSegments(s *jsonscan.Scanner, f *found, list string, streamed bool) error {
	if s.Kind() != jsonscan.Object {
		return nil
	}
	return s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "citationSources"), jsonscan.Is(k, "citations"):
			return eachObject(s, func(int) error { return geminiSegment(s, f, streamed) })
		case !jsonscan.Is(k, list):
			return nil
		}
		return eachObject(s, func(int) error {
			return s.Object(func(key jsonscan.Span) error {
				if !jsonscan.Is(key.Of(s.Data()), "segment") || s.Kind() != jsonscan.Object {
					return nil
				}
				return geminiSegment(s, f, streamed)
			})
		})
	})
}

// geminiSegment reads one stretch. A start of 0 is not written down, as in all
// JSON of protocol buffers, so the number may have to be put in.
func geminiSegment(s *jsonscan.Scanner, f *found, streamed bool) error {
	first := len(f.offsets)
	index, start, open := 0, false, s.Pos()+1
	var end jsonscan.Span
	err := s.Object(func(key jsonscan.Span) error {
		k := key.Of(s.Data())
		switch {
		case jsonscan.Is(k, "partIndex"):
			return readNumber(s, &index)
		case jsonscan.Is(k, "startIndex"):
			start = true
			return readOffset(s, f, foundOffset{unit: unitBytes})
		case jsonscan.Is(k, "endIndex"):
			end = key
			return readOffset(s, f, foundOffset{unit: unitBytes, end: true})
		}
		return nil
	})
	if !start && end.End > 0 {
		f.offsets = append(f.offsets, foundOffset{unit: unitBytes, missing: "startIndex", span: jsonscan.Span{Start: open, End: open}})
	}
	f.emptyStretch(s.Data(), first)
	if streamed {
		index = 0
	}
	for i := range f.offsets[first:] {
		f.offsets[first+i].part.b = index
	}
	return err
}

func geminiAsk(s *jsonscan.Scanner, key []byte, a *asked) error {
	switch {
	case jsonscan.Is(key, "contents"):
		return readTurns(s, a, "model")
	case jsonscan.Is(key, "generationConfig"), jsonscan.Is(key, "generation_config"):
		if s.Kind() == jsonscan.Object {
			return s.Object(func(key jsonscan.Span) error { return geminiConfig(s, key.Of(s.Data()), a) })
		}
	}
	return nil
}

func geminiConfig(s *jsonscan.Scanner, key []byte, a *asked) error {
	switch {
	case jsonscan.Is(key, "responseMimeType"), jsonscan.Is(key, "response_mime_type"):
		var kind jsonscan.Span
		err := readString(s, &kind)
		if k := kind.Of(s.Data()); len(k) > 0 && !jsonscan.Is(k, "text/plain") {
			a.constrained = ReasonJSONMode
		}
		return err
	case jsonscan.Is(key, "candidateCount"), jsonscan.Is(key, "candidate_count"):
		return readNumber(s, &a.choices)
	case jsonscan.Is(key, "responseLogprobs"), jsonscan.Is(key, "response_logprobs"):
		return ifFilled(s, func() { a.noFrames = ReasonOffsets })
	}
	return nil
}
