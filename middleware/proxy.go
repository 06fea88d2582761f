package middleware

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
)

const (
	idleTimeout = 120 * time.Second // of connections to the upstream that carry nothing
)

// NewProxy returns a reverse proxy to target that marks the answers of AI
// routes: known endpoints, Options.Routes, or with Options.All everything. All
// else passes byte for byte. It serves the well-known document and the public
// pages itself. The handler has methods for programs that stop using it:
// CloseIdleConnections(), and Flush as [disclose.Marker] has it. What New returns has
// neither: records that its program's Records refuse until the end are lost.
func NewProxy(target *url.URL, o Options) (http.Handler, error) {
	if target == nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, errors.New("middleware: upstream has to be an absolute http or https URL")
	}
	before, err := o.previous()
	if err != nil {
		return nil, err
	}
	c, err := newCore(o, true)
	if err != nil {
		return nil, err
	}
	return c.replace(before, target)
}

// proxyTo is the proxy over a given transport.
func (c *core) proxyTo(target *url.URL, transport http.RoundTripper) (http.Handler, error) {
	verify, err := c.verifyService()
	if err != nil {
		return nil, err
	}
	return c.handler(target, transport, verify), nil
}

// handler serves what the proxy answers itself, and passes on the rest.
func (c *core) handler(target *url.URL, transport http.RoundTripper, verify *VerifyService) http.Handler {
	next := newByAnswer(c.newReverseProxy(target, stallGuard{transport, c.o.Upstream.defaults().Idle}))
	own := c.ownPages(verify)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := own(r); h != nil {
			h.ServeHTTP(w, r)
			return
		}
		c.serve(w, r, next)
	})
}

// wellKnown is the document about this deployment.
func (c *core) wellKnown() disclose.WellKnown {
	doc := c.marker.WellKnown()
	doc.ModelCard, doc.Contact = c.o.ModelCard, c.o.Contact
	return doc
}

// verifyService is the verification service beside the proxy; nil for none.
func (c *core) verifyService() (*VerifyService, error) {
	if c.o.Verify == nil || c.o.PublicPath == "-" {
		return nil, nil
	}
	o := *c.o.Verify
	o.PublicPath, o.Metrics, o.Logger = c.o.PublicPath, c.metrics, c.log
	if o.Records == nil {
		o.Records = c.o.Disclose.Records
	}
	if o.Manifests == nil {
		o.Manifests = c.marker
	}
	if o.WellKnown == nil {
		doc := c.wellKnown()
		o.WellKnown = &doc
	}
	return NewVerifyService(o)
}

// public returns the documents that the proxy serves itself, by path.
func (c *core) public() map[string]http.Handler {
	pages := map[string]http.Handler{disclose.WellKnownPath: WellKnownHandler(c.wellKnown())}
	if rep := c.marker.OptOut().TDMRep(); rep != nil {
		pages[disclose.TDMRepPath] = documentHandler(rep)
	}
	return pages
}

// manifests returns where stored manifests are served, and by what; "" where none
// are kept, or at the root of another host.
func (c *core) manifests() (prefix string, h http.Handler) {
	p := c.o.Disclose.Provenance
	if p == nil || p.Manifests == nil || c.o.Disclose.Records == nil || strings.Trim(p.Manifests.Path, "/") == "" {
		return "", nil
	}
	return strings.TrimSuffix(p.Manifests.Path, "/") + "/", ManifestHandler(c.marker)
}

func (c *core) newReverseProxy(target *url.URL, transport http.RoundTripper) *httputil.ReverseProxy {
	if c.o.Tracer != nil {
		transport = tracedTransport{transport, c.o.Tracer}
	}
	return &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(target)
			pr.SetXForwarded()
			pr.Out.Trailer = pr.In.Trailer // its values arrive with the end of the body
			ex, _ := pr.In.Context().Value(contextKey{}).(*exchange)
			switch {
			case pr.Out.Body == nil:
			case ex != nil && ex.inMemory: // in ReverseProxy's wrapper nobody sees that
				pr.Out.Body = pr.In.Body
			default:
				pr.Out.Body = &sentBody{ReadCloser: pr.Out.Body}
			}
		},
		Transport:      transport,
		FlushInterval:  -1,
		ErrorLog:       log.New(logWriter{c.log}, "", 0),
		ModifyResponse: inspectFraming,
		ErrorHandler:   c.upstreamError,
	}
}

func newTransport(limits UpstreamLimits) *http.Transport {
	limits = limits.defaults()
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: limits.Dial, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    limits.TLS,
		ResponseHeaderTimeout:  limits.FirstByte,
		IdleConnTimeout:        idleTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    128,
		MaxResponseHeaderBytes: 1 << 20,
		WriteBufferSize:        2 << 10, // that of reads bounds chunk lines and trailers, and stays
		DisableCompression:     true,    // else it would unpack without a limit
		ForceAttemptHTTP2:      true,
	}
}

// inspectFraming notes bodies whose end proves nothing: an HTTP/1 body without
// length and chunks ends with its connection, whole or cut.
func inspectFraming(resp *http.Response) error {
	ex, ok := resp.Request.Context().Value(contextKey{}).(*exchange)
	if !ok {
		resp.Header.Del(disclose.HeaderAuthor) // said to us alone
		return nil
	}
	ex.upstreamAuthor(resp.Header)
	ex.unframed = resp.ProtoMajor == 1 && resp.ContentLength < 0 && len(resp.TransferEncoding) == 0
	removeOwn(resp.Header)
	for k := range resp.Trailer {
		if disclose.OwnHeader(k) {
			delete(resp.Trailer, k)
		}
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body = &watched{resp.Body, ex}
	}
	return nil
}

// sentBody is a request's body on its way out that remembers its end. A
// Transport asks for bytes beyond Content-Length after it has sent them all; an
// upstream that answers at once lets the server close the incoming body before
// that, and the read then fails with http.ErrBodyReadAfterClose, for which the
// Transport cuts the connection and with it the answer.
type sentBody struct {
	io.ReadCloser
	ended bool
}

func (b *sentBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	b.ended = errors.Is(err, io.EOF)
	return n, err
}

// watched notes that the upstream broke off.
type watched struct {
	io.ReadCloser
	ex *exchange
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.ex.broken = true
	}
	return n, err
}

// upstreamError answers for an upstream that did not. What went wrong inside is
// for the log alone.
func (c *core) upstreamError(w http.ResponseWriter, r *http.Request, err error) {
	if tooSlow(r) {
		c.slowRequest(w, r)
		return
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	p := problem{
		Type: problemBase + "upstream", Title: "Upstream unavailable", Status: http.StatusBadGateway,
		Detail:    "The service behind this proxy did not answer. Try again; avow's log names the cause.",
		RequestID: requestID(r),
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		p.Type, p.Title, p.Status = problemBase+"upstream_timeout", "Upstream timed out", http.StatusGatewayTimeout
	}
	if p.RequestID == "" {
		p.RequestID = newRequestID()
	}
	c.log.Error("upstream did not answer", "request_id", p.RequestID, "error", err)
	p.write(w, r)
}

// logWriter takes the lines that ReverseProxy logs.
type logWriter struct{ log *slog.Logger }

func (l logWriter) Write(p []byte) (int, error) {
	l.log.Warn("proxy", "message", strings.TrimSpace(string(p[:min(len(p), 256)])))
	return len(p), nil
}
