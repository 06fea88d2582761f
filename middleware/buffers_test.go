package middleware

import (
	"net/http/httptest"
	"testing"

	"github.com/avowai/avow/disclose"
)

func TestAsksForStream(t *testing.T) {
	for _, c := range []struct {
		path, accept, body string
		shape              disclose.Shape
		want               bool
	}{
		{"/v1/chat/completions", "", `{"stream":true}`, disclose.ShapeOpenAIChat, true},
		{"/v1/chat/completions", "", "{\"stream\" :\ttrue}", disclose.ShapeOpenAIChat, false}, // a guess
		{"/v1/chat/completions", "", "{\"stream\": true}", disclose.ShapeOpenAIChat, true},
		{"/v1/chat/completions", "", `{"stream":false}`, disclose.ShapeOpenAIChat, false},
		{"/v1/chat/completions", "text/event-stream", `{}`, disclose.ShapeOpenAIChat, true},
		{"/v1beta/models/m:streamGenerateContent", "", `{}`, disclose.ShapeGemini, true},
		{"/api/chat", "", `{}`, disclose.ShapeOllamaChat, true},
		{"/api/chat", "", `{"stream": false}`, disclose.ShapeOllamaChat, false},
	} {
		r := httptest.NewRequest("POST", c.path, nil)
		r.Header.Set("Accept", c.accept)
		if got := asksForStream(r, c.shape, []byte(c.body)); got != c.want {
			t.Errorf("%s %s %s: %v", c.path, c.accept, c.body, got)
		}
	}
}

func TestBuffersComeBack(t *testing.T) {
	for _, p := range []bufferPool{copyBuffers, streamBuffers} {
		b := p.Get()
		if len(b) != p.size {
			t.Errorf("%d bytes, want %d", len(b), p.size)
		}
		p.Put(b)
		p.Put(nil) // not one of ours
		if len(p.Get()) != p.size {
			t.Error("a buffer of another size")
		}
	}
}
