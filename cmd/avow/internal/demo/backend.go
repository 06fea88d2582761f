// Package demo is the stand-in backend of avow demo: a small rule-based chat
// and a generator of pictures. No AI model is in it; it computes everything it
// answers, in the shapes of the OpenAI and Ollama APIs.
package demo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"
)

const (
	maxBody   = 1 << 20 // bytes of a request
	tokenTime = 25 * time.Millisecond
	model     = "avow-demo-stand-in"
)

// Backend serves chat and images.
func Backend() http.Handler {
	r := mux.NewRouter()
	r.HandleFunc("/v1/chat/completions", openAIChat).Methods(http.MethodPost)
	r.HandleFunc("/v1/images/generations", openAIImages).Methods(http.MethodPost)
	r.HandleFunc("/api/chat", ollamaChat).Methods(http.MethodPost)
	return r
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type chatRequest struct {
	Messages []message `json:"messages"`
	Stream   *bool     `json:"stream"`
}

// read decodes a request and answers for one that cannot be read.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(into)
	if err != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"the request is not JSON in the shape of this API","type":"invalid_request_error"}}`+"\n")
	}
	return err == nil
}

func openAIChat(w http.ResponseWriter, r *http.Request) {
	var ask chatRequest
	if !read(w, r, &ask) {
		return
	}
	answer := Reply(ask.Messages)
	head := fmt.Sprintf(`{"id":"chatcmpl-%d","object":"chat.completion%%s","created":%d,"model":%q,"choices":[`, time.Now().UnixNano(), time.Now().Unix(), model)
	if ask.Stream == nil || !*ask.Stream {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, head+`{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}]}`+"\n", "", quote(answer))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(format string, args ...any) { _, _ = fmt.Fprintf(w, "data: "+format+"\n\n", args...) }
	send(head+`{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`, ".chunk")
	stream(w, r, answer, func(token string) {
		send(head+`{"index":0,"delta":{"content":%s},"finish_reason":null}]}`, ".chunk", quote(token))
	})
	send(head+`{"index":0,"delta":{},"finish_reason":"stop"}]}`, ".chunk")
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

func ollamaChat(w http.ResponseWriter, r *http.Request) {
	var ask chatRequest
	if !read(w, r, &ask) {
		return
	}
	answer := Reply(ask.Messages)
	object := func(text string, done bool) {
		_, _ = fmt.Fprintf(w, `{"model":%q,"created_at":%q,"message":{"role":"assistant","content":%s},"done":%t}`+"\n",
			model, time.Now().UTC().Format(time.RFC3339Nano), quote(text), done)
	}
	if ask.Stream != nil && !*ask.Stream {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		object(answer, true)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	stream(w, r, answer, func(token string) { object(token, false) })
	object("", true)
}

// stream sends an answer word by word, at the pace of a model.
func stream(w http.ResponseWriter, r *http.Request, answer string, send func(token string)) {
	out := http.NewResponseController(w)
	for _, token := range tokens(answer) {
		send(token)
		if out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(tokenTime):
		}
	}
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return `""` // cannot happen: a string
	}
	return string(b)
}

func openAIImages(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Prompt string `json:"prompt"`
		Size   string `json:"size"`
		N      int    `json:"n"`
	}
	if !read(w, r, &ask) {
		return
	}
	width, height := size(ask.Size)
	type entry struct {
		B64 string `json:"b64_json"`
	}
	var data []entry
	for i := range min(max(ask.N, 1), 4) {
		var buf bytes.Buffer
		enc := png.Encoder{CompressionLevel: png.BestSpeed}
		if err := enc.Encode(&buf, Paint(ask.Prompt, width, height, i)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		data = append(data, entry{base64.StdEncoding.EncodeToString(buf.Bytes())})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"created": time.Now().Unix(), "data": data})
}

// size reads "768x512", within 256 and 1536 pixels a side.
func size(text string) (width, height int) {
	a, b, _ := strings.Cut(text, "x")
	side := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 768
		}
		return min(max(n, 256), 1536)
	}
	return side(a), side(b)
}
