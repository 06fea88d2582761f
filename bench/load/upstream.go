package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/avowai/avow/internal/loadtest"
)

// upstreamHandler answers chats, whole or streamed, and asks for pictures.
func upstreamHandler(c config) http.Handler {
	picture := sync.OnceValue(func() []byte { return pictureAnswer(c.side) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		switch {
		case strings.HasSuffix(r.URL.Path, "/images/generations"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(picture())
		case bytes.Contains(asked, []byte(`"stream":true`)):
			stream(w, r, c)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, chatAnswer)
		}
	})
}

// chatAnswer is a whole answer of some 2 KiB.
var chatAnswer = fmt.Sprintf(`{"id":"chatcmpl-load","object":"chat.completion","created":1795392000,"model":"load","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":310,"total_tokens":329}}`,
	strings.Repeat("The lamp turns once every ten seconds, and the ships far out count the dark between two flashes. ", 18))

// stream sends numbered events that hold the time at which they left.
func stream(w http.ResponseWriter, r *http.Request, c config) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for n := range c.events {
		_, err := fmt.Fprintf(w, `data: {"id":"chatcmpl-load","object":"chat.completion.chunk","created":1795392000,"model":"load","sent":%d,"number":%d,"choices":[{"index":0,"delta":{"content":"a word "},"finish_reason":null}]}`+"\n\n",
			time.Now().UnixNano(), n)
		if err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

// pictureAnswer is an answer with one picture of soft noise.
func pictureAnswer(side int) []byte {
	file := base64.StdEncoding.EncodeToString(loadtest.Picture(1, side))
	return fmt.Appendf(nil, `{"created":1795392000,"data":[{"b64_json":%q}]}`, file)
}
