package middleware

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/avowai/avow/disclose"
)

// prepare returns the request as the handler shall see it: without our own
// header fields, ranges, and notices in its history.
func (c *core) prepare(r *http.Request, x *exchange) *http.Request {
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	r.Header = r.Header.Clone()
	removeOwn(r.Header)
	removeOwn(r.Trailer)
	r.Header.Del("Range") // part of an output cannot be marked
	r.Header.Del("If-Range")
	for _, name := range []string{"If-None-Match", "If-Match"} {
		c.restoreTags(r.Header, name, x)
	}
	x.accept = r.Header.Get("Accept-Language")
	x.ask = disclose.Request{Choices: 1}
	if readable(r) {
		c.readBody(r, x)
	}
	if x.rt.code {
		x.ask.Constrained = disclose.ReasonCode
	}
	return r
}

// readable reports whether a request's body may be JSON that says what is
// asked.
func readable(r *http.Request) bool {
	t := r.Header.Get("Content-Type")
	return r.Method == http.MethodPost && r.Body != nil && r.Body != http.NoBody &&
		r.Header.Get("Content-Encoding") == "" && (t == "" || strings.Contains(t, "json"))
}

// readBody reads a request's body within the limit and hands on what is left
// of it without notices. What is over the limit passes unread.
func (c *core) readBody(r *http.Request, x *exchange) {
	body, err := readUpTo(r.Body, c.o.MaxRequest, r.ContentLength)
	if err != nil || int64(len(body)) > c.o.MaxRequest {
		r.Body = &joined{io.MultiReader(bytes.NewReader(body), &failing{r.Body, err}), r.Body}
		return
	}
	x.ask = c.marker.ReadRequest(x.rt.shape, body)
	if x.ask.Model != "" && x.label.Generator == "" {
		x.label.Generator = x.ask.Model
	}
	out := x.ask.Body
	x.ask.Body = nil // not kept for the length of a stream
	if len(out) != len(body) {
		for _, name := range digestFields {
			r.Header.Del(name)
		}
		r.ContentLength = int64(len(out))
		if r.Header.Get("Content-Length") != "" {
			r.Header.Set("Content-Length", strconv.Itoa(len(out)))
		}
	}
	r.Body = &joined{bytes.NewReader(out), r.Body}
}

// readUpTo reads at most limit+1 bytes; size is a hint.
func readUpTo(r io.Reader, limit, size int64) ([]byte, error) {
	var buf bytes.Buffer
	if size > 0 && size <= limit {
		buf.Grow(int(size) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(io.LimitReader(r, limit+1))
	return buf.Bytes(), err
}

// joined is a body that was partly read.
type joined struct {
	io.Reader
	io.Closer
}

// failing gives the error that ended an earlier read.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.r.Read(p)
}

// restoreTags turns the entity tags of a condition back into the upstream's.
// Tags that are not of our making go, as they cannot match what we would send.
func (c *core) restoreTags(h http.Header, name string, x *exchange) {
	value := h.Get(name)
	if value == "" || value == "*" {
		return
	}
	var kept []string
	for tag := range strings.SplitSeq(value, ",") {
		tag = strings.TrimSpace(tag)
		if base, ok := strings.CutSuffix(strings.TrimPrefix(tag, "W/"), c.suffix+`"`); ok && strings.HasPrefix(base, `"`) {
			weak, strong := "W/"+base+`"`, base+`"`
			kept = append(kept, strong, weak)
			x.tagged = true
		}
	}
	if len(kept) == 0 {
		h.Del(name)
		return
	}
	h.Set(name, strings.Join(kept, ", "))
}
