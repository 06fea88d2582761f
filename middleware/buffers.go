package middleware

import (
	"bytes"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"

	"github.com/avowai/avow/disclose"
)

// Sizes of the buffers that bodies are copied through, in bytes. A stream has its
// buffer for as long as it is open, and its events are small; a whole answer goes
// through a large one in half the time.
const (
	copyBuffer   = 32 << 10
	streamBuffer = 2 << 10
)

// byAnswer passes a request on through one of two proxies that differ in the size of
// their buffers alone: ReverseProxy takes its buffer before it has seen the answer.
type byAnswer struct{ whole, stream *httputil.ReverseProxy }

func newByAnswer(p *httputil.ReverseProxy) byAnswer {
	stream := *p
	p.BufferPool, stream.BufferPool = copyBuffers, streamBuffers
	return byAnswer{p, &stream}
}

// ServeHTTP passes on what is on no AI route.
func (b byAnswer) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.whole.ServeHTTP(w, r) }

// handlerFor is the one of the two that an exchange needs, or next itself.
func (ex *exchange) handlerFor(next http.Handler) http.Handler {
	b, ok := next.(byAnswer)
	switch {
	case !ok:
		return next
	case ex.streams:
		return b.stream
	}
	return b.whole
}

// asksForStream guesses whether the answer to a request will be a stream. A wrong
// guess costs memory or time and changes nothing else.
func asksForStream(r *http.Request, shape disclose.Shape, body []byte) bool {
	if strings.Contains(strings.ToLower(r.URL.Path), "stream") || strings.Contains(r.Header.Get("Accept"), "event-stream") {
		return true
	}
	if shape == disclose.ShapeOllamaChat || shape == disclose.ShapeOllamaGenerate { // they stream unless told otherwise
		return !member(body, `"stream":`, "false")
	}
	return member(body, `"stream":`, "true")
}

// member reports whether name is followed by value somewhere in body.
func member(body []byte, name, value string) bool {
	_, rest, ok := bytes.Cut(body, []byte(name))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(value))
}

// A bufferPool keeps buffers of one size.
type bufferPool struct {
	size int
	pool *sync.Pool
}

var copyBuffers, streamBuffers = newBufferPool(copyBuffer), newBufferPool(streamBuffer)

func newBufferPool(size int) bufferPool {
	return bufferPool{size, &sync.Pool{New: func() any { b := make([]byte, size); return &b }}}
}

// Get implements httputil.BufferPool.
func (p bufferPool) Get() []byte { return *p.pool.Get().(*[]byte) }

// Put implements httputil.BufferPool.
func (p bufferPool) Put(b []byte) {
	if len(b) == p.size {
		p.pool.Put(&b)
	}
}
