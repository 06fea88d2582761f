package disclose

import (
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
)

// A driver knows one API shape: where the generated content sits in an answer
// and what a request says about it. Adding a shape means writing one driver in
// a file of its own and naming it in drivers.
type driver struct {
	shape Shape
	// member looks at one top-level member of a payload: a whole answer, the
	// data of one event, or one NDJSON line. It reads the value with s, or
	// leaves it to be skipped, and notes what it finds.
	member func(s *jsonscan.Scanner, key []byte, f *found) error
	// ask looks at one top-level member of a request.
	ask func(s *jsonscan.Scanner, key []byte, a *asked) error
	// visible says whether a notice belongs into this shape's text.
	visible bool
	// last recognises the end of a stream in its bytes.
	last []string
}

// drivers lists the shapes whose content this version can reach.
var drivers = map[Shape]*driver{
	ShapeOpenAIChat:     &openAIChat,
	ShapeOpenAILegacy:   &openAILegacy,
	ShapeOpenAIImages:   &openAIImages,
	ShapeOllamaChat:     &ollamaChat,
	ShapeOllamaGenerate: &ollamaGenerate,
}

// found is what a driver saw in one payload. Spans are the contents of JSON
// strings, without the quotes.
type found struct {
	texts    []foundText
	images   []jsonscan.Span
	urls     int           // images given by URL alone
	known    bool          // the shape's own places were there
	toolCall bool          // a tool is called
	id       jsonscan.Span // the API's id of the response
}

// foundText is one piece of generated text.
type foundText struct {
	choice int
	span   jsonscan.Span
	tools  bool // a tool is called beside it
}

// asked is what a driver saw in a request.
type asked struct {
	turns       []jsonscan.Span // contents of assistant messages
	choices     int
	constrained Reason
	later       bool // continues a conversation that is not in the request
	model       jsonscan.Span
	byURL       bool
}

// endpoints are the paths, by suffix, that are known to answer with AI output.
// Where a path is on the list without a driver, ShapeUnknown says that the
// answer is AI output whose inside this version cannot reach.
var endpoints = []struct {
	suffix string
	shape  Shape
}{
	{"/chat/completions", ShapeOpenAIChat},
	{"/completions", ShapeOpenAILegacy},
	{"/images/generations", ShapeOpenAIImages},
	{"/images/edits", ShapeOpenAIImages},
	{"/images/variations", ShapeOpenAIImages},
	{"/api/chat", ShapeOllamaChat},
	{"/api/generate", ShapeOllamaGenerate},
	{"/responses", ShapeUnknown},
	{"/messages", ShapeUnknown},
	{":generateContent", ShapeUnknown},
	{":streamGenerateContent", ShapeUnknown},
	{":predict", ShapeUnknown},
	{"/generate", ShapeUnknown},
	{"/generate_stream", ShapeUnknown},
}

// ShapeOf returns the shape of the AI endpoint at path, and whether there is
// one.
func ShapeOf(path string) (Shape, bool) {
	path = strings.TrimSuffix(path, "/")
	for _, e := range endpoints {
		if strings.HasSuffix(path, e.suffix) {
			return e.shape, true
		}
	}
	if strings.Contains(path, "/sdapi/v1/") {
		return ShapeUnknown, true
	}
	return ShapeAuto, false
}

// Endpoints returns the path suffixes that ShapeOf knows.
func Endpoints() []string {
	out := make([]string, len(endpoints))
	for i, e := range endpoints {
		out[i] = e.suffix
	}
	return out
}

// Shapes returns the names that configuration may give a route.
func Shapes() []Shape {
	return []Shape{
		ShapeOpenAIChat, ShapeOpenAIImages, ShapeOpenAILegacy, ShapeOllamaChat,
		ShapeOllamaGenerate, ShapeImage, ShapeText, ShapeHTML, ShapeCode,
	}
}
