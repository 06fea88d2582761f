package middleware

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/avowai/avow/disclose"
)

// isUpgrade reports whether a request wants to leave HTTP's message framing.
func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodConnect ||
		r.Header.Get("Upgrade") != "" && hasToken(r.Header["Connection"], "upgrade")
}

// prepare returns the request as the handler should see it, and notes what its
// body says about the answer.
func (ex *exchange) prepare(r *http.Request) *http.Request {
	c := ex.c
	out := r.WithContext(context.WithValue(r.Context(), contextKey{}, ex))
	out.Header = r.Header.Clone()
	if out.Header == nil {
		out.Header = http.Header{}
	}
	ex.language = strings.Join(r.Header["Accept-Language"], ",")
	ex.part = partOfPage(r.Header)
	ex.request = disclose.Request{Choices: 1}
	removeOwn(out.Header)
	out.Header.Del("Range")
	out.Header.Del("If-Range")
	restoreValidators(out.Header, c.marker.PolicyHash())
	if c.proxy {
		out.Header.Set("Accept-Encoding", "identity")
	}
	switch {
	case ex.readable(r):
		ex.readBody(r, out)
	case c.o.Backend != nil && sampled[ex.route.shape] && r.Method == http.MethodPost:
		ex.unmarkedBackend(errUnread)
	}
	ex.listen(r)
	filterTrailers(r, out)
	return out
}

// readable reports whether the body can say something about the answer.
func (ex *exchange) readable(r *http.Request) bool {
	if r.Body == nil || r.Body == http.NoBody || ex.upgrade || !isAPI(ex.route.shape) && ex.route.shape != disclose.ShapeAuto {
		return false
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return false
	}
	kind := disclose.Classify(r.Header.Get("Content-Type"))
	if ex.route.shape == disclose.ShapeAuto {
		return kind == disclose.KindJSON // perhaps a chat whose shape only the response tells
	}
	return kind == disclose.KindJSON || kind == disclose.KindText || r.Header.Get("Content-Type") == "" ||
		strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") // curl -d says so
}

// isAPI reports whether a shape is an API's JSON, which has requests to read.
func isAPI(s disclose.Shape) bool {
	switch s {
	case disclose.ShapeAuto, disclose.ShapeUnknown, disclose.ShapeImage, disclose.ShapeText,
		disclose.ShapeHTML, disclose.ShapeCode:
		return false
	}
	return true
}

// readBody reads the body within the limit and hands the handler the body
// without our own notices.
func (ex *exchange) readBody(r, out *http.Request) {
	c := ex.c
	limit := c.o.MaxRequest
	if r.ContentLength > limit {
		ex.tooLarge()
		return
	}
	body, err := readAtMost(r.Body, r.ContentLength, limit)
	if err != nil || int64(len(body)) > limit {
		if err == nil {
			ex.tooLarge()
			err = io.EOF
		}
		out.Body = &rejoined{io.MultiReader(bytes.NewReader(body), rest{r.Body, err}), r.Body}
		return
	}
	ex.request = c.marker.ReadRequest(ex.route.shape, body)
	ex.streams = asksForStream(r, ex.route.shape, body)
	ex.request.Body = ex.markBackend(ex.request.Body)
	if !bytes.Equal(ex.request.Body, body) {
		dropDigests(out.Header)
	}
	out.Body = &rejoined{bytes.NewReader(ex.request.Body), r.Body}
	if ex.inMemory = c.proxy && !ex.streams && len(r.Trailer) == 0; ex.inMemory {
		out.Body = io.NopCloser(bytes.NewReader(ex.request.Body))
	}
	out.ContentLength = int64(len(ex.request.Body))
	ex.request.Body = nil
	out.TransferEncoding = nil
	if out.Header.Get("Content-Length") != "" {
		out.Header.Set("Content-Length", strconv.FormatInt(out.ContentLength, 10))
	}
	if len(r.Trailer) > 0 { // trailers travel in chunked bodies only
		out.ContentLength, out.TransferEncoding = -1, []string{"chunked"}
		out.Header.Del("Content-Length")
	}
}

// errUnread is the cause where a request's body says nothing that could be read.
var errUnread = errors.New("the body is encoded, or no JSON by its Content-Type")

func (ex *exchange) tooLarge() {
	if ex.c.o.Backend != nil && sampled[ex.route.shape] {
		ex.unmarkedBackend(errors.New("the body is larger than what is read"))
	}
	ex.c.metrics.skip(disclose.ReasonTooLarge)
	ex.c.log.Warn("request too large to read its history: it counts as a first turn",
		"route", ex.route.name, "limit", ex.c.o.MaxRequest)
}

// readAtMost reads limit+1 bytes at the most; size is a hint, -1 for none.
func readAtMost(r io.Reader, size, limit int64) ([]byte, error) {
	buf := make([]byte, 0, min(max(size, 511), limit)+1)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, err
		case int64(len(buf)) > limit:
			return buf, nil
		case len(buf) == cap(buf):
			grown := make([]byte, len(buf), min(int64(2*cap(buf)), limit+1))
			copy(grown, buf)
			buf = grown
		}
	}
}

// rest goes on reading a body that was read to err.
type rest struct {
	body io.Reader
	err  error
}

func (r rest) Read(p []byte) (int, error) {
	if !errors.Is(r.err, io.EOF) {
		return 0, r.err
	}
	return r.body.Read(p)
}

// rejoined is a body that was partly read. It lets go of what was read when it ends,
// as the request lives for as long as its answer, which may be a stream.
type rejoined struct {
	io.Reader
	io.Closer
}

func (b *rejoined) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		b.Reader = eof{}
	}
	return n, err
}

// eof is the end of a body.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// filterTrailers gives out the request's trailers without our own names. Their
// values arrive with the end of the body.
func filterTrailers(r, out *http.Request) {
	if len(r.Trailer) == 0 || out.Body == nil {
		return
	}
	out.Trailer = r.Trailer.Clone()
	removeOwn(out.Trailer)
	out.Body = &trailing{ReadCloser: out.Body, from: r, to: out.Trailer}
}

type trailing struct {
	io.ReadCloser
	from *http.Request
	to   http.Header
}

func (t *trailing) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		for k, v := range t.from.Trailer {
			if !disclose.OwnHeader(k) {
				t.to[k] = v
			}
		}
	}
	return n, err
}

// requestID is the client's request id where it is a short token, else a new
// one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	ok := len(id) > 0 && len(id) <= 64
	for i := 0; ok && i < len(id); i++ {
		c := id[i]
		ok = c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
	}
	if ok {
		return id
	}
	return ""
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}
