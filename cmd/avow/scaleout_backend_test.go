package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A scripted backend answers chats, whole and streamed, and pictures, each of them
// another one. A stream whose question holds "slowly" waits before its end until
// the gate opens.
type scripted struct {
	*httptest.Server
	gate    chan struct{}
	open    sync.Once
	waiting atomic.Int64
	count   atomic.Int64
}

func newScripted(t *testing.T) *scripted {
	s := &scripted{gate: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() { s.release(); s.Close() })
	return s
}

func (s *scripted) release() { s.open.Do(func() { close(s.gate) }) }

func (s *scripted) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	n := s.count.Add(1)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case strings.HasSuffix(r.URL.Path, "/images/generations"):
		var picture bytes.Buffer
		_ = png.Encode(&picture, pattern(int(n)))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"created": n, "data": []any{map[string]any{"b64_json": picture.Bytes()}}})
	case bytes.Contains(body, []byte(`"stream":true`)):
		s.stream(w, r, n, bytes.Contains(body, []byte("slowly")))
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":"chatcmpl-%d","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Answer number %d."},"finish_reason":"stop"}]}`, n, n)
	}
}

func (s *scripted) stream(w http.ResponseWriter, r *http.Request, n int64, slowly bool) {
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(delta, finish string) {
		_, _ = fmt.Fprintf(w, "data: {\"id\":\"chatcmpl-%d\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", n, delta, finish)
		_ = http.NewResponseController(w).Flush()
	}
	event(fmt.Sprintf(`{"role":"assistant","content":"Answer number %d"}`, n), "null")
	if slowly {
		s.waiting.Add(1)
		select {
		case <-s.gate:
		case <-r.Context().Done():
			return
		}
	}
	event(`{"content":" comes to its end."}`, "null")
	event(`{}`, `"stop"`)
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

// pattern is a picture unlike those of other numbers.
func pattern(n int) image.Image {
	const size = 512
	a, b, c := 5+float64(n*7%23), 3+float64(n*5%17), float64(200+n*37%411)
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			v := 26*math.Sin(float64(x)/a+float64(y)/17) + 22*math.Sin(float64(y)/b-float64(n)) + 12*math.Sin(float64(x*y)/c)
			img.SetNRGBA(x, y, color.NRGBA{uint8(100 + v + float64(y)/16), uint8(125 + v*0.8 + float64(x)/20), uint8(140 - v), 255})
		}
	}
	return img
}
