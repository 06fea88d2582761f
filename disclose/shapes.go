package disclose

import (
	"slices"
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
)

// A driver knows one API shape: where the generated content sits in an answer
// and what a request says about it. Adding a shape means writing one driver in
// a file of its own and naming it in drivers.
type driver struct {
	shape Shape
	// member looks at one top-level member of a payload: a whole answer, the
	// data of one event, one NDJSON line, or one element of a growing array. It
	// reads the value with s, or leaves it to be skipped, and notes what it finds.
	member func(s *jsonscan.Scanner, key []byte, f *found) error
	// settle, where set, judges a payload once all its members were seen: what
	// a typed event holds depends on members that come in any order.
	settle func(payload []byte, f *found)
	// ask looks at one top-level member of a request.
	ask func(s *jsonscan.Scanner, key []byte, a *asked) error
	// asked, where set, judges a request once all its members were seen.
	asked func(body []byte, a *asked)
	// visible says whether a notice and text marks belong into this shape's text.
	visible bool
	// pictures says that the answers are images: no notice is due.
	pictures bool
	// images says that payloads may hold images or documents, so that the limit of
	// a held output applies to them, not the limit of an event of text.
	images bool
	// late names the payloads of a stream that have to be looked at even when
	// field and notice are in place, those with images or offsets: each holds
	// one of these texts.
	late [][]byte
	// pieces says that several texts of one part in a payload are one behind the
	// other; elsewhere they are alternatives.
	pieces bool
	// repeats says that a stream says its texts again at its end.
	repeats bool
	// home says that the field has a place of its own in the payload, which
	// member notes in found.home; elsewhere it becomes the first member.
	home bool
	// array says that a stream of type application/json is one growing array.
	array bool
	// last recognises the end of a stream in its bytes.
	last []string
}

// drivers lists the shapes whose content this version can reach.
var drivers = map[Shape]*driver{}

// lateness makes a driver's late.
func lateness(texts ...string) [][]byte {
	late := make([][]byte, len(texts))
	for i, t := range texts {
		late[i] = []byte(t)
	}
	return late
}

func register(all ...*driver) {
	for _, d := range all {
		drivers[d.shape] = d
	}
}

func init() {
	register(&openAIChat, &openAILegacy, &openAIImages, &openAIResponses, &anthropicMessages,
		&ollamaChat, &ollamaGenerate, &gemini, &geminiStream, &imagen, &tgi, &uiMessage,
		&a1111, &stability, &replicate, &mcp)
}

// found is what a driver saw in one payload. Spans are the contents of JSON
// strings, without the quotes.
type found struct {
	texts    []foundText
	images   []foundImage
	offsets  []foundOffset
	urls     int             // images given by URL alone
	known    bool            // the shape's own places were there
	toolCall bool            // a tool is called
	id       jsonscan.Span   // the API's id of the response
	home     fieldHome       // where the field goes, in shapes that have a place for it
	drop     []jsonscan.Edit // removes fields that are there already
	event    event
}

// reset empties f and keeps its memory.
func (f *found) reset() {
	*f = found{texts: f.texts[:0], images: f.images[:0], offsets: f.offsets[:0], drop: f.drop[:0]}
}

// foundText is one piece of generated text.
type foundText struct {
	// voice is the alternative answer that speaks; each gives the notice once.
	voice int
	// part names the running text that this is a piece of.
	part part
	span jsonscan.Span
	// whole: all of its part's text. In a stream it says again what went before.
	whole bool
	// tools: a tool is called beside it.
	tools bool
	// twin: it is there twice, as where its key is twice in one object; again: it
	// is not the first of them. Readers differ in which one they take, so both are
	// treated alike.
	twin, again bool
}

// A part names one running text within an answer.
type part struct {
	a, b int
	id   string
}

// foundOffset is a number that counts units of a part's text.
type foundOffset struct {
	part  part
	voice int           // that speaks it
	span  jsonscan.Span // of the number
	unit  unit
	end   bool // the first unit behind a stretch, not its first
	// missing is the key of a number that is not there because it is 0; span is
	// then the place, in front of another member, where it belongs.
	missing string
}

func (o foundOffset) digits(data []byte) string {
	if o.missing != "" {
		return "0"
	}
	return string(o.span.Of(data))
}

// A unit is what an API's offsets count.
type unit uint8

const (
	unitRunes unit = iota // Unicode code points
	unitBytes             // bytes of UTF-8
)

// An event is what typed events say before they can be judged.
type event struct {
	kind, id, text, whole, media jsonscan.Span
	item, index                  int
	flag                         bool
}

// fieldHome is a place for the field inside a payload.
type fieldHome struct {
	at             int    // 0: none
	key            string // in place of the usual one, where set
	before, behind string
}

// text notes a piece of generated text, unless it is empty.
func (f *found) text(voice int, p part, span jsonscan.Span, whole bool) {
	if span.End > span.Start {
		f.texts = append(f.texts, foundText{voice: voice, part: p, span: span, whole: whole})
	}
}

// A foundImage is one image, in base64 or as a data URI.
type foundImage struct {
	span jsonscan.Span
	// media is the member beside it that names its type, "image/webp" or "webp";
	// empty where there is none.
	media jsonscan.Span
}

// image notes an image in base64, unless it is empty.
func (f *found) image(span jsonscan.Span) {
	if span.End > span.Start {
		f.images = append(f.images, foundImage{span: span})
	}
}

// mediaType says which member names the type of the images from number first on,
// where nothing nearer to them does.
func (f *found) mediaType(first int, media jsonscan.Span) {
	for i := range f.images[first:] {
		if m := &f.images[first+i].media; m.End == 0 {
			*m = media
		}
	}
}

// imageURL notes an image given as a data URI, or counts one that is elsewhere.
func (f *found) imageURL(data []byte, url jsonscan.Span) {
	switch {
	case url.End == url.Start:
	case hasPrefix(url.Of(data), "data:"):
		f.image(url)
	default:
		f.urls++
	}
}

// hasPrefix reports whether the content of a JSON string begins with prefix.
func hasPrefix(raw []byte, prefix string) bool {
	_, ok := jsonscan.MatchPrefix(raw, prefix)
	return ok
}

// twins notes that the texts of one object, from first on, come from a key that
// was there before, where those from number from on are not the first.
func (f *found) twins(first, from int) {
	if first == from {
		return
	}
	for i := from - 1; i >= first && !f.texts[i].twin; i-- {
		f.texts[i].twin = true
	}
	for i := range f.texts[from:] {
		f.texts[from+i].twin, f.texts[from+i].again = true, true
	}
}

// alternatives notes texts of one part in a whole answer: a key above them is
// there twice, or two answers have one number.
func (f *found) alternatives() {
	if len(f.texts) < 2 {
		return
	}
	first := map[part]int{}
	for i := range f.texts {
		t := &f.texts[i]
		if j, there := first[t.part]; there && !t.whole {
			f.texts[j].twin, t.twin, t.again = true, true, true
		} else if !there {
			first[t.part] = i
		}
	}
}

// emptyStretch has both ends of a stretch of nothing, whose offsets are those
// from number first on, move alike.
func (f *found) emptyStretch(data []byte, first int) {
	if o := f.offsets[first:]; len(o) == 2 && o[0].digits(data) == o[1].digits(data) {
		o[0].end, o[1].end = false, false
	}
}

// asked is what a driver saw in a request.
type asked struct {
	turns       []jsonscan.Span // contents of assistant messages
	said        jsonscan.Span   // the last text of anybody else
	choices     int
	constrained Reason
	noFrames    Reason // why no frame may be placed in the answer's text
	later       bool   // continues a conversation that is not in the request
	prefilled   bool   // the last message is the start of the answer
	model       jsonscan.Span
	byURL       bool
}

// endpoints are the paths, by suffix, that are known to answer with AI output.
var endpoints = []struct {
	suffix string
	shape  Shape
}{
	{"/chat/completions", ShapeOpenAIChat},
	{"/completions", ShapeOpenAILegacy},
	{"/images/generations", ShapeOpenAIImages},
	{"/images/edits", ShapeOpenAIImages},
	{"/images/variations", ShapeOpenAIImages},
	{"/responses", ShapeOpenAIResponses},
	{"/messages", ShapeAnthropic},
	{"/api/chat", ShapeOllamaChat},
	{"/api/generate", ShapeOllamaGenerate},
	{":generateContent", ShapeGemini},
	{":streamGenerateContent", ShapeGeminiStream},
	{":predict", ShapeImagen},
	{"/generate", ShapeTGI},
	{"/generate_stream", ShapeTGI},
	// Frames that no mark can be spliced into: refused, or passed with the header.
	{"/v1/realtime", ShapeUnknown},
	{"/invoke-with-response-stream", ShapeUnknown},
	{"/converse-stream", ShapeUnknown},
	{"/sdapi/v1/txt2img", ShapeA1111},
	{"/sdapi/v1/img2img", ShapeA1111},
	{"/sdapi/v1/extra-single-image", ShapeA1111},
	{"/sdapi/v1/extra-batch-images", ShapeA1111},
	{"/sdapi/v1/progress", ShapeA1111},
}

// ShapeOf returns the shape of the AI endpoint at path, and whether there is
// one.
func ShapeOf(path string) (Shape, bool) {
	shape, _, ok := Endpoint(path)
	return shape, ok
}

// Endpoint is ShapeOf with the suffix that was recognised, a name of a closed
// set.
func Endpoint(path string) (shape Shape, suffix string, ok bool) {
	path = strings.TrimSuffix(path, "/")
	for _, e := range endpoints {
		if strings.HasSuffix(path, e.suffix) {
			return e.shape, e.suffix, !inputMessages(path)
		}
	}
	dir, base, _ := cutLast(strings.TrimSuffix(path, "/cancel"))
	switch {
	case strings.HasSuffix(dir, "/responses") && strings.HasPrefix(base, "resp"):
		return ShapeOpenAIResponses, StoredResponse, true
	case strings.HasSuffix(dir, "/sdapi/v1") && !slices.Contains(webUISettings, base):
		return ShapeA1111, "/sdapi/v1/*", true
	}
	return ShapeAuto, "", false
}

// StoredResponse is the name of the endpoint that gives an answer once more.
const StoredResponse = "/responses/{id}"

// webUISettings are routes of Automatic1111's API that tell about the program
// and generate nothing. Those not named here count as generating.
var webUISettings = []string{
	"options", "cmd-flags", "samplers", "schedulers", "upscalers", "latent-upscale-modes", "sd-models", "sd-modules", "sd-vae",
	"hypernetworks", "face-restorers", "realesrgan-models", "prompt-styles", "embeddings", "loras", "extensions", "scripts",
	"script-info", "memory", "png-info", "interrupt", "skip", "refresh-checkpoints", "refresh-embeddings", "refresh-vae",
	"refresh-loras", "unload-checkpoint", "reload-checkpoint", "server-kill", "server-restart", "server-stop", "log", "version",
}

// inputMessages: OpenAI's threads keep what people wrote under the same name.
func inputMessages(path string) bool {
	return strings.HasSuffix(path, "/messages") && strings.Contains(path, "/threads/")
}

func cutLast(path string) (dir, base string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// Shapes returns the names that configuration may give a route.
func Shapes() []Shape {
	all := []Shape{ShapeImage, ShapeText, ShapeHTML, ShapeCode}
	for shape := range drivers {
		all = append(all, shape)
	}
	slices.Sort(all)
	return all
}
