package middleware

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/avowai/avow/disclose"
)

// Times that the proxy waits for its upstream.
const (
	dialTimeout   = 5 * time.Second
	headerTimeout = 60 * time.Second
	idleTimeout   = 120 * time.Second
)

// NewProxy returns a reverse proxy that marks what the backend at target
// answers on AI routes: the known endpoints, Options.Routes, or every path with
// Options.All. Everything else passes byte for byte.
func NewProxy(target *url.URL, o Options) (http.Handler, error) {
	if target.Scheme != "http" && target.Scheme != "https" || target.Host == "" {
		return nil, errors.New("middleware: the upstream has to be a URL such as http://127.0.0.1:11434")
	}
	c, err := newCore(o, false)
	if err != nil {
		return nil, err
	}
	rp := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { rewriteRequest(r, target) },
		Transport:      newTransport(),
		FlushInterval:  -1,
		ModifyResponse: noteFraming,
		ErrorHandler:   c.upstreamError,
		BufferPool:     &bufferPool{},
		ErrorLog:       log.New(&logWriter{c}, "", 0),
	}
	pages := c.pages()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page, ok := pages[r.URL.Path]; ok {
			page.ServeHTTP(w, r)
			return
		}
		c.serve(w, r, rp)
	}), nil
}

// pages are the paths that the proxy answers itself.
func (c *core) pages() map[string]http.Handler {
	pages := map[string]http.Handler{disclose.WellKnownPath: c.wellKnown()}
	if c.o.Detector != nil && c.o.PublicPath != "-" {
		base := c.o.PublicPath
		if base == "" {
			base = "/avow"
		}
		pages[base+"/v1/verify"] = c.o.Metrics.CountVerify(VerifyHandler(c.o.Detector))
	}
	return pages
}

func (c *core) wellKnown() http.Handler {
	doc := c.marker.WellKnown()
	if c.o.WellKnown != nil {
		c.o.WellKnown(&doc)
	}
	return WellKnownHandler(doc)
}

func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: headerTimeout,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConns:          512,
		MaxIdleConnsPerHost:   256,
		DisableCompression:    true, // it would undo encodings that nobody asked to be undone
		ForceAttemptHTTP2:     true,
	}
}

func rewriteRequest(r *httputil.ProxyRequest, target *url.URL) {
	r.SetURL(target)
	r.SetXForwarded()
	if x := exchangeOf(r.In.Context()); x != nil {
		r.Out.Header.Set("Accept-Encoding", "identity")
	}
}

// noteFraming remembers whether the end of a body proves that it is whole. A
// body that ends with its connection does not: net/http reads a connection cut
// short as the end.
func noteFraming(res *http.Response) error {
	if x := exchangeOf(res.Request.Context()); x != nil {
		chunked := slices.Contains(res.TransferEncoding, "chunked")
		x.unframed = res.ProtoMajor == 1 && res.ContentLength < 0 && !chunked
	}
	return nil
}

// upstreamError answers for an upstream that did not.
func (c *core) upstreamError(w http.ResponseWriter, r *http.Request, err error) {
	c.log.Warn("upstream did not answer", "error", err)
	if errors.Is(err, context.Canceled) {
		panic(http.ErrAbortHandler) // the client left
	}
	code, status, what := "upstream_unreachable", http.StatusBadGateway, "Check that the backend runs at the address given as upstream."
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		code, status, what = "upstream_timeout", http.StatusGatewayTimeout, "The backend was too slow; try again."
	}
	writeProblem(w, r, status, code, "The AI backend did not answer", what)
}

// A bufferPool lends copy buffers.
type bufferPool struct{ pool sync.Pool }

const copyBuffer = 32 << 10

func (b *bufferPool) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, copyBuffer)
}

func (b *bufferPool) Put(buf []byte) { b.pool.Put(&buf) }

// logWriter hands the reverse proxy's own messages to the logger.
type logWriter struct{ c *core }

func (l *logWriter) Write(p []byte) (int, error) {
	l.c.log.Warn("proxy", "message", disclose.Printable(strings.TrimSpace(string(p))))
	return len(p), nil
}
