package disclose

// A Shape names where the generated content sits in an API's answers. Each has
// one small driver, in shape_*.go.
type Shape string

// The shapes. The empty Shape stands for "by content type".
const (
	ShapeAuto            Shape = ""
	ShapeOpenAIChat      Shape = "openai_chat"
	ShapeOpenAIImages    Shape = "openai_images"
	ShapeOpenAILegacy    Shape = "openai_completions"
	ShapeOllamaChat      Shape = "ollama_chat"
	ShapeOllamaGenerate  Shape = "ollama_generate"
	ShapeOpenAIResponses Shape = "openai_responses"
	ShapeAnthropic       Shape = "anthropic"
	ShapeGemini          Shape = "gemini"
	ShapeGeminiStream    Shape = "gemini_stream" // a growing array where it is not SSE
	ShapeImagen          Shape = "imagen"
	ShapeTGI             Shape = "tgi"
	ShapeUIMessage       Shape = "ui_message" // the UI message stream of Vercel's AI SDK
	ShapeA1111           Shape = "a1111"      // Automatic1111, Forge, SD.Next
	ShapeStability       Shape = "stability"
	ShapeReplicate       Shape = "replicate"
	ShapeMCP             Shape = "mcp"
	ShapeCustom          Shape = "custom" // described by the operator, see Pointers
	ShapeImage           Shape = "image"  // a raw image body
	ShapeText            Shape = "text"   // a raw text/plain body
	ShapeHTML            Shape = "html"   // a complete page
	ShapeCode            Shape = "code"   // text meant for execution: header and field only
	ShapeUnknown         Shape = "unknown"
)

// A Turn says whether an answer opens a conversation.
type Turn uint8

const (
	// FirstTurn: the notice has not been given yet in this conversation.
	FirstTurn Turn = iota
	// LaterTurn: the history holds the notice already, or continues a
	// conversation that is not in the request.
	LaterTurn
)

// A Request is what the body of an API request says about the answer to come.
type Request struct {
	// Body is the request with avow's own notices removed from the history; it
	// is the given slice itself when there was nothing to remove.
	Body []byte
	// Turn is read from the request's own history.
	Turn Turn
	// Given are the notices about what is observed in people that the history
	// holds already.
	Given Notices
	// Constrained names why no text may be spliced into the answer
	// (ReasonJSONMode, ReasonCode), or is ReasonNone.
	Constrained Reason
	// NoFrames names why no text mark may be placed in the answer
	// (ReasonOffsets), or is ReasonNone.
	NoFrames Reason
	// Choices is how many alternative answers were asked for, at least 1.
	Choices int
	// Model is the model the request names, at most 128 bytes; it becomes
	// Label.Generator.
	Model string
	// URLOnly: the request asks for images by URL ("response_format":"url").
	URLOnly bool

	said []byte // the last thing a person says, as a JSON string's content
}
