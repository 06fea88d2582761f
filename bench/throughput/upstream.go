package main

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// chatAnswer is a 1.4 KB Chat Completions answer.
var chatAnswer = fmt.Sprintf(`{"id":"chatcmpl-bench","object":"chat.completion","created":1795392000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":%q,"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":210,"total_tokens":229},"service_tier":"default"}`,
	prose)

// event is one text delta of a stream, some 200 bytes.
func event(text string) string {
	return `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1795392000,"model":"bench","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":"` + text + `"},"finish_reason":null}]}` + "\n\n"
}

// upstreamHandler answers every shape in full, and chat also as a stream that
// sends one event, then one more every two seconds until the client leaves.
func upstreamHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("X-Bench") != "stream" {
			w.Header().Set("Content-Type", "application/json")
			for _, s := range benchShapes {
				if s.path == r.URL.Path {
					_, _ = io.WriteString(w, s.whole)
				}
			}
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		out := http.NewResponseController(w)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			if _, err := io.WriteString(w, event("word ")); err != nil {
				return
			}
			if err := out.Flush(); err != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
			}
		}
	})
}
