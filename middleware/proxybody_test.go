package middleware

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

// probing is a Transport and an upstream in one that does in a fixed order what
// net/http's does in any: it sends the request's body, has the first part of
// the answer relayed, and only then asks the body for bytes beyond its length.
type probing struct{ probed chan error }

func (p probing) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, io.LimitReader(r.Body, r.ContentLength)); err != nil {
		return nil, err
	}
	body, answer := io.Pipe()
	go func() {
		_, _ = io.WriteString(answer, "data: {}\n\n")
		// The second write blocks until the first one has been relayed.
		_, _ = io.WriteString(answer, "data: [DONE]\n\n")
		_, err := r.Body.Read(make([]byte, 1))
		p.probed <- err
		_ = answer.Close()
	}()
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r, Body: body, ContentLength: -1,
		Header: http.Header{"Content-Type": {"text/event-stream"}}, TransferEncoding: []string{"chunked"},
	}, nil
}

// An upstream that answers while its Transport still looks for the end of the
// request must not lose its answer.
func TestRequestEndsOnce(t *testing.T) {
	for name, path := range map[string]string{"read": chatPath, "unknown": "/v1/messages", "other": "/v1/models"} {
		t.Run(name, func(t *testing.T) {
			c, err := newCore(testOptions(disclose.Strict), true)
			if err != nil {
				t.Fatal(err)
			}
			target, _ := url.Parse("http://upstream.invalid")
			p := probing{make(chan error, 1)}
			h, err := c.proxyTo(target, p)
			if err != nil {
				t.Fatal(err)
			}
			srv := serve(t, h)
			resp, err := http.Post(srv.URL+path, "application/json", strings.NewReader(`{"model":"m","stream":true}`))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.ReadAll(resp.Body); err != nil {
				t.Errorf("answer: %v", err)
			}
			if err := <-p.probed; err != io.EOF {
				t.Errorf("reading beyond the request's end = %v, want %v", err, io.EOF)
			}
		})
	}
}
