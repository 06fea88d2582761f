package middleware

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
)

// NewGateway returns what NewProxy does, around a handler that fetches the answer
// by itself: for engines that are proxies already and take avow into their middle.
// It knows the AI endpoints, the declared routes and All; everything else goes to
// the handler untouched. It serves the well-known document and the public pages.
//
// Many engines hide how the upstream framed a body. One that leaves neither
// Content-Length nor Transfer-Encoding in the header is taken to have ended whole
// only if its content says so: JSON that closes, a stream's own last event.
//
// What the result returns may be the Previous of another one's Options.
func NewGateway(o Options) (func(http.Handler) http.Handler, error) {
	before, err := o.previous()
	if err != nil {
		return nil, err
	}
	c, err := newCore(o, true)
	if err != nil {
		return nil, err
	}
	verify, err := c.verifyAfter(before)
	if err != nil {
		return nil, err
	}
	own := c.ownPages(verify)
	return func(next http.Handler) http.Handler {
		asked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ex, _ := r.Context().Value(contextKey{}).(*exchange)
			next.ServeHTTP(&hosted{ResponseWriter: w, ex: ex}, r)
		})
		return &proxy{c: c, verify: verify, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if h := own(r); h != nil {
				h.ServeHTTP(w, r)
				return
			}
			c.serve(w, r, asked)
		})}
	}, nil
}

// Marking reports whether the answer to the request of this context is being
// marked: false on routes that are no AI routes or are exempt, whose bytes an
// engine need not send through avow.
func Marking(ctx context.Context) bool {
	_, ok := ctx.Value(contextKey{}).(*exchange)
	return ok
}

// ownPages returns a function that finds who answers a request that is for avow
// itself; nil for a request that is not.
func (c *core) ownPages(verify *VerifyService) func(*http.Request) http.Handler {
	public := c.public()
	prefix, manifests := c.manifests()
	return func(r *http.Request) http.Handler {
		switch h := public[r.URL.Path]; {
		case verify != nil && verify.Owns(r.URL.Path):
			return verify
		case h != nil:
			return h
		case prefix != "" && strings.HasPrefix(r.URL.Path, prefix):
			return manifests
		}
		return nil
	}
}

// hosted is the writer that an engine's handler sees. It takes from the header
// what the upstream says to avow alone.
type hosted struct {
	http.ResponseWriter
	ex    *exchange // nil where nothing is marked
	begun bool
}

var (
	_ http.Flusher  = (*hosted)(nil)
	_ io.ReaderFrom = (*hosted)(nil)
)

// Unwrap lets http.ResponseController reach deadlines, full duplex and Hijack.
func (w *hosted) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *hosted) WriteHeader(status int) {
	if status/100 != 1 || status == http.StatusSwitchingProtocols {
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *hosted) begin() {
	if w.begun {
		return
	}
	w.begun = true
	h := w.Header()
	if w.ex != nil {
		w.ex.upstreamAuthor(h)
		w.ex.unframed = h.Get("Content-Length") == "" && h.Get("Transfer-Encoding") == ""
	}
	delete(h, disclose.HeaderAuthor)
	delete(h, "Transfer-Encoding") // net/http frames the answer itself
}

// Write implements http.ResponseWriter.
func (w *hosted) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom.
func (w *hosted) ReadFrom(src io.Reader) (int64, error) {
	w.begin()
	return io.Copy(w.ResponseWriter, src)
}

// Flush implements http.Flusher.
func (w *hosted) Flush() { _ = w.FlushError() }

// FlushError releases what is decided.
func (w *hosted) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}
