package middleware

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
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
	for name, path := range map[string]string{"read": chatPath, "in memory": chatPath, "unknown": "/v1/messages", "other": "/v1/models"} {
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
			resp, err := http.Post(srv.URL+path, "application/json", strings.NewReader(fmt.Sprintf(`{"model":"m","stream":%v}`, name != "in memory")))
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

// TestRequestLeavesInOneWrite: the header and a small body that is in memory go to the
// upstream together.
func TestRequestLeavesInOneWrite(t *testing.T) {
	up := serve(t, http.HandlerFunc(typed("application/json", chatBody)))
	c, err := newCore(testOptions(disclose.Strict), true)
	if err != nil {
		t.Fatal(err)
	}
	target, _ := url.Parse(up.URL)
	var writes atomic.Int32
	transport := newTransport(UpstreamLimits{})
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return countedConn{conn, &writes}, err
	}
	defer transport.CloseIdleConnections()
	h, err := c.proxyTo(target, transport)
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, ask(t, "POST", serve(t, h).URL+chatPath, `{"model":"m","messages":[{"role":"user","content":"Hi"}]}`), http.StatusOK)
	if n := writes.Load(); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
}

type countedConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// TestLongTrailersAndChunkLines: net/http bounds both by the Transport's buffer.
func TestLongTrailersAndChunkLines(t *testing.T) {
	long := strings.Repeat("x", 3000)
	up := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = fmt.Fprintf(rw, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Long\r\n\r\n%x;e=%s\r\n%s\r\n0\r\nX-Long: %s\r\n\r\n",
			len(chatBody), long, chatBody, long)
		_ = rw.Flush()
	}))
	target, _ := url.Parse(up.URL)
	h, err := NewProxy(target, testOptions(disclose.Strict))
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, h)
	for _, path := range []string{chatPath, "/plain"} {
		wantStatus(t, ask(t, "POST", srv.URL+path, chatAsk), http.StatusOK)
	}
}
