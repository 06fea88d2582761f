package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"text/template"
	"unicode/utf16"
)

// A recordedUpstream answers from testdata/interop/upstream and remembers what
// each case asked. The case is named in the path, between "/case/" and the path
// of the API: clients of every make can be given a base URL.
type recordedUpstream struct {
	*httptest.Server
	mu   sync.Mutex
	asks map[string][]ask
}

// An ask is one request as it reached the upstream.
type ask struct{ Path, Body string }

// drawnID is an id of a call that the AI SDK draws at random where the API has
// none.
var drawnID = regexp.MustCompile(`"id":"[A-Za-z0-9]{16}"`)

func newRecordedUpstream(t *testing.T) *recordedUpstream {
	up := &recordedUpstream{asks: map[string][]ask{}}
	up.Server = httptest.NewServer(http.HandlerFunc(up.serve))
	t.Cleanup(up.Close)
	return up
}

// take returns what was asked so far, by case, and forgets it.
func (up *recordedUpstream) take() map[string][]ask {
	up.mu.Lock()
	defer up.mu.Unlock()
	out := up.asks
	up.asks = map[string][]ask{}
	return out
}

func (up *recordedUpstream) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	rest, ok := strings.CutPrefix(r.URL.Path, "/case/")
	name, path, found := strings.Cut(rest, "/")
	if !ok || !found {
		http.NotFound(w, r)
		return
	}
	name = strings.ReplaceAll(name, "~", "/")
	up.mu.Lock()
	up.asks[name] = append(up.asks[name], ask{path, drawnID.ReplaceAllString(string(body), `"id":"drawn"`)})
	up.mu.Unlock()
	f, err := match(path, r.URL.Query().Get("alt"), body)
	if err == nil {
		var out []byte
		if out, err = f.render(); err == nil {
			f.send(w, out)
			return
		}
	}
	http.Error(w, fmt.Sprintf("%q: %v", path, err), http.StatusNotImplemented)
}

// A fixture is an answer on file: the template upstream/<shape>/<model>.<ext>,
// or text.<ext> for a model that has a text of its own in upstream/text.
type fixture struct {
	shape, model, ext, contentType string
	usage                          bool // the request wants the usage chunk
	crlf                           bool
}

// framings of an answer, by file name extension.
var framings = map[string]string{
	"json":       "application/json",
	"sse":        "text/event-stream",
	"ndjson":     "application/x-ndjson",
	"array.json": "application/json; charset=UTF-8", // Gemini without alt=sse
}

// shapes of the upstream, by path.
var upstreamShapes = []struct {
	path  *regexp.Regexp
	shape string
	lines string // framing when streamed
}{
	{regexp.MustCompile(`^v1/chat/completions$`), "openai-chat", "sse"},
	{regexp.MustCompile(`^v1/completions$`), "openai-legacy", "sse"},
	{regexp.MustCompile(`^v1/responses$`), "openai-responses", "sse"},
	{regexp.MustCompile(`^v1/images/generations$`), "openai-images", "sse"},
	{regexp.MustCompile(`^v1/messages$`), "anthropic", "sse"},
	{regexp.MustCompile(`^v1beta/models/([\w-]+):generateContent$`), "gemini", ""},
	{regexp.MustCompile(`^v1beta1?/(?:publishers/google/)?models/([\w-]+):predict$`), "gemini", ""},
	{regexp.MustCompile(`^v1beta/models/([\w-]+):streamGenerateContent$`), "gemini", "array.json"},
	{regexp.MustCompile(`^api/chat$`), "ollama-chat", "ndjson"},
	{regexp.MustCompile(`^api/generate$`), "ollama-generate", "ndjson"},
	{regexp.MustCompile(`^([\w-]+)/generate$`), "tgi", ""},
	{regexp.MustCompile(`^([\w-]+)/generate_stream$`), "tgi", "sse"},
	{regexp.MustCompile(`^ui/api/chat$`), "ui", "sse"},
}

// toolResult finds a tool's result in a request of any shape.
var toolResult = regexp.MustCompile(`"role":"tool"|"type":"(?:tool_result|function_call_output)"|"functionResponse":`)

// match finds the fixture that a request asks for: the shape by path, the file
// by model, the framing by the request's own switch. After a tool's result the
// model is done with tools.
func match(path, alt string, body []byte) (fixture, error) {
	var req struct {
		Model   string
		Stream  *bool
		Options struct {
			Usage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return fixture{}, err
	}
	for _, s := range upstreamShapes {
		m := s.path.FindStringSubmatch(path)
		if m == nil {
			continue
		}
		f := fixture{shape: s.shape, model: req.Model, ext: "json", usage: req.Options.Usage}
		stream := req.Stream != nil && *req.Stream
		if len(m) > 1 {
			f.model, stream = m[1], s.lines != ""
		}
		switch {
		case s.shape == "ui", s.lines == "ndjson" && req.Stream == nil, stream:
			f.ext = s.lines
		}
		if s.shape == "gemini" && f.ext == "array.json" && alt == "sse" {
			f.ext = "sse"
		}
		if f.model == "tools" && toolResult.Match(body) {
			f.model = "second"
		}
		f.model, f.crlf = strings.CutSuffix(f.model, "-crlf")
		f.contentType = framings[f.ext]
		return f, nil
	}
	return fixture{}, errors.New("no such endpoint")
}

// render expands the fixture's template.
func (f fixture) render() ([]byte, error) {
	dir := filepath.Join(interopDir, "upstream")
	file := filepath.Join(dir, f.shape, filepath.Base(f.model)+"."+f.ext)
	raw, err := os.ReadFile(file)
	text, textErr := recorded(f.model)
	if errors.Is(err, fs.ErrNotExist) && textErr == nil {
		raw, err = os.ReadFile(filepath.Join(dir, f.shape, "text."+f.ext))
	}
	if err != nil {
		return nil, err
	}
	seq := -1
	tmpl, err := template.New(file).Funcs(template.FuncMap{
		"text":   recorded,
		"pieces": pieces,
		"list":   func(s ...string) []string { return s },
		"json":   quote,
		"ascii":  func(s string) (string, error) { q, err := quote(s); return escape(q), err },
		"png":    picture,
		"add":    func(a, b int) int { return a + b },
		"seq":    func() int { seq++; return seq },
	}).Parse(string(raw))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = tmpl.Execute(&out, map[string]any{"Model": f.model, "Text": text, "Pieces": pieces(text), "Usage": f.usage})
	if f.crlf {
		return bytes.ReplaceAll(out.Bytes(), []byte("\n"), []byte("\r\n")), err
	}
	return out.Bytes(), err
}

// send writes the answer in small pieces that end anywhere, even inside a
// letter, each flushed by itself.
func (f fixture) send(w http.ResponseWriter, out []byte) {
	w.Header().Set("Content-Type", f.contentType)
	if f.shape == "ui" {
		w.Header().Set("X-Vercel-Ai-Ui-Message-Stream", "v1")
	}
	if f.ext == "json" {
		_, _ = w.Write(out)
		return
	}
	sizes := []int{1, 7, 41, 3, 120, 13, 29, 2, 64, 331}
	for i := 0; len(out) > 0; i++ {
		n := min(len(out), sizes[i%len(sizes)]+len(out)/500)
		if _, err := w.Write(out[:n]); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		out = out[n:]
	}
}

// recorded returns a text from upstream/text.
func recorded(name string) (string, error) {
	found, err := filepath.Glob(filepath.Join(interopDir, "upstream", "text", filepath.Base(name)+".*"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("text %q: %d files", name, len(found))
	}
	raw, err := os.ReadFile(found[0])
	return string(raw), err
}

var piece = regexp.MustCompile(`(?s)\s*\S{1,6}|\s+`)

// pieces cuts a text as token streams do: words with the space before them,
// longer words in parts.
func pieces(text string) []string { return piece.FindAllString(text, -1) }

// quote returns s as a JSON string with as little escaped as JSON allows.
func quote(s string) (string, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// escape writes everything outside ASCII as \uXXXX, as Python's json does.
func escape(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r < 0x80 {
			out.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, u)
		}
	}
	return out.String()
}

// picture returns a PNG of n x n pixels in base64.
func picture(n int) (string, error) {
	var buf bytes.Buffer
	err := png.Encode(&buf, lighthouse(n))
	return base64.StdEncoding.EncodeToString(buf.Bytes()), err
}

// lighthouse draws a picture with sky, sea and some texture.
func lighthouse(n int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, n, n))
	for y := range n {
		for x := range n {
			wave := 20*math.Sin(float64(x)/9+float64(y)/3) + 12*math.Sin(float64(x*y)/611)
			c := color.NRGBA{R: uint8(90 + y/8), G: uint8(130 + y/8), B: 220, A: 255}
			if y > n*5/8 {
				c = color.NRGBA{R: uint8(50 + wave), G: uint8(90 + wave), B: uint8(130 + wave), A: 255}
			}
			if x > n*9/20 && x < n*11/20 && y > n/4 && y < n*4/5 {
				c = color.NRGBA{R: uint8(200 + wave), G: uint8(60 + wave), B: uint8(50 + wave), A: 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}
