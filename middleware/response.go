package middleware

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
)

// A responseWriter stands between a handler and the client. The header leaves
// with the first byte of a marked body, so that status, length and statement
// can still change while an image is held.
type responseWriter struct {
	w http.ResponseWriter
	c *core
	x *exchange
	r *http.Request

	status    int // as the handler set it; 0 before
	plan      plan
	marker    *disclose.Writer
	body      *encodedBody // while an encoded body is collected
	committed bool
	refused   bool
	first     time.Time // when the handler wrote its first byte
}

// Header is the client's header map itself: trailers set after the body depend
// on that.
func (rw *responseWriter) Header() http.Header { return rw.w.Header() }

// Unwrap lets http.ResponseController reach deadlines.
func (rw *responseWriter) Unwrap() http.ResponseWriter { return rw.w }

// WriteHeader decides about the answer. Informational responses pass at once.
func (rw *responseWriter) WriteHeader(status int) {
	switch {
	case rw.status != 0:
		return
	case status >= 100 && status < 200 && status != http.StatusSwitchingProtocols:
		removeOwn(rw.Header())
		rw.w.WriteHeader(status)
		return
	}
	rw.status = status
	h := rw.Header()
	removeOwn(h)
	rw.plan = decide(rw.r.Method, status, h, policy{rw.c.marker.Profile(), rw.x.rt.shape, rw.c.o.ObeyNoTransform})
	switch rw.plan.verb {
	case refuseIt:
		rw.refuse(&disclose.Withheld{Reason: rw.plan.reason, Hint: disclose.Hint(rw.plan.reason)})
	case passOn:
		h.Set(disclose.HeaderOutcome, "passed; reason="+string(rw.plan.reason))
		rw.commit(nil)
	case headerOnly:
		rw.setHeaderOnly(h)
		rw.commit(nil)
	case rewrite:
		rw.begin(h)
	}
}

// setHeaderOnly writes the statement on an answer whose bytes stay.
func (rw *responseWriter) setHeaderOnly(h http.Header) {
	label, err := rw.c.marker.Label(rw.x.label)
	if err != nil {
		rw.c.log.Error("no label for an answer", "error", err)
	}
	res := disclose.Result{Label: label, Outcome: disclose.OutcomeMarked}
	if rw.plan.reason != disclose.ReasonNone {
		res.Outcome, res.Reason = disclose.OutcomePassed, rw.plan.reason
	}
	res.IDs = append(res.IDs, label.ID)
	body := rw.r.Method != http.MethodHead && rw.status != http.StatusNoContent && rw.status != http.StatusNotModified
	setStatement(h, res, body)
	would := rw.plan.mode != disclose.ModePass
	switch {
	case rw.status == http.StatusNotModified && rw.x.tagged:
		rw.c.suffixTag(h)
	case rw.r.Method == http.MethodHead && would: // as a GET would have it
		h.Del("Content-Length")
		rw.c.setChanged(h)
	}
}

// begin sets up the marking of a body.
func (rw *responseWriter) begin(h http.Header) {
	rw.marker = rw.c.marker.NewWriter(rw.r.Context(), (*committer)(rw), disclose.Output{
		ContentType: h.Get("Content-Type"), Shape: rw.x.rt.shape, Language: disclose.NegotiateLanguage(rw.x.accept),
		Turn: rw.x.ask.Turn, Constrained: rw.x.ask.Constrained, Choices: rw.x.ask.Choices,
		Carriers: rw.x.rt.carriers, Require: rw.x.rt.require, Route: rw.x.rt.name,
		Unframed: rw.x.unframed, Label: rw.x.label,
	})
	if rw.plan.coding != "" {
		rw.body = &encodedBody{coding: rw.plan.coding, limit: rw.c.maxHeld()}
	}
}

func (c *core) maxHeld() int64 {
	if c.o.Disclose.MaxHeld > 0 {
		return c.o.Disclose.MaxHeld
	}
	return disclose.DefaultMaxHeld
}

// Write marks the next bytes of the body.
func (rw *responseWriter) Write(p []byte) (int, error) {
	if rw.status == 0 {
		if rw.Header().Get("Content-Type") == "" {
			rw.Header().Set("Content-Type", http.DetectContentType(p))
		}
		rw.WriteHeader(http.StatusOK)
	}
	if rw.first.IsZero() && len(p) > 0 {
		rw.first = time.Now()
	}
	switch {
	case rw.refused:
		return 0, errRefused
	case rw.body != nil:
		return rw.body.Write(p)
	case rw.marker != nil:
		n, err := rw.marker.Write(p)
		return n, rw.withheld(err)
	}
	return rw.w.Write(p)
}

// errRefused ends a handler whose answer is not wanted any more.
var errRefused = errors.New("middleware: the answer is withheld")

// ReadFrom copies without a detour only where bytes stay as they are.
func (rw *responseWriter) ReadFrom(src io.Reader) (int64, error) {
	if rf, ok := rw.w.(io.ReaderFrom); ok && rw.committed && rw.marker == nil && !rw.refused {
		return rf.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{rw}, src)
}

// Flush is FlushError for callers that want no error.
func (rw *responseWriter) Flush() { _ = rw.FlushError() }

// FlushError passes on what is decided and holds what is not.
func (rw *responseWriter) FlushError() error {
	if rw.status == 0 {
		rw.WriteHeader(http.StatusOK)
	}
	switch {
	case rw.refused || rw.body != nil:
		return nil
	case rw.marker != nil:
		if rw.plan.mode == disclose.ModeHold {
			return nil
		}
		rw.commit(rw.marker)
		return rw.withheld(rw.marker.Flush())
	}
	return http.NewResponseController(rw.w).Flush()
}

// Hijack hands over the connection of an upgraded request.
func (rw *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if rw.marker != nil {
		return nil, nil, errors.New("middleware: an answer that is being marked cannot be hijacked")
	}
	return http.NewResponseController(rw.w).Hijack()
}

// commit sends the header: with the Writer's statement, or as it is.
func (rw *responseWriter) commit(from *disclose.Writer) {
	if rw.committed {
		return
	}
	rw.committed = true
	h := rw.Header()
	if from != nil {
		rw.setMarked(h, from)
	}
	restore := holdTrailers(h)
	rw.w.WriteHeader(rw.status)
	restore()
	if !rw.first.IsZero() {
		rw.c.o.Metrics.firstByte(time.Since(rw.first))
	}
}

// setMarked writes the header of a marked body.
func (rw *responseWriter) setMarked(h http.Header, from *disclose.Writer) {
	removeOwn(h)
	setStatement(h, from.Result(), true)
	if rw.plan.coding != "" {
		h.Del("Content-Encoding")
	}
	if rw.plan.mode != disclose.ModePass {
		h.Del("Content-Length")
	}
	if n, ok := from.Length(); ok && h.Get("Trailer") == "" {
		h.Set("Content-Length", strconv.FormatInt(n, 10))
	}
	if from.Changed() || rw.plan.coding != "" {
		rw.c.setChanged(h)
	}
	if rw.plan.kind == disclose.KindSSE {
		h.Set("X-Accel-Buffering", "no")
	}
}

// A committer is the destination of the disclose.Writer: its first byte takes
// the header with it.
type committer responseWriter

func (c *committer) Write(p []byte) (int, error) {
	rw := (*responseWriter)(c)
	if !rw.committed {
		digest := rw.Header().Get("Content-Digest") != "" && rw.plan.mode == disclose.ModeHold
		rw.commitWith(p, digest)
	}
	return rw.w.Write(p)
}

// commitWith commits, with a fresh digest of a held body that had one (RFC
// 9530).
func (rw *responseWriter) commitWith(body []byte, digest bool) {
	if !digest {
		rw.commit(rw.marker)
		return
	}
	h := rw.Header()
	rw.setMarked(h, rw.marker)
	sum := sha256.Sum256(body)
	h.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	rw.commit(nil)
}

func (c *committer) FlushError() error { return http.NewResponseController(c.w).Flush() }

// withheld turns a *disclose.Withheld into an error answer while that is
// possible. Afterwards the connection has to break: half an answer must not
// look whole.
func (rw *responseWriter) withheld(err error) error {
	var held *disclose.Withheld
	if err == nil || !errors.As(err, &held) {
		return err
	}
	if rw.committed {
		rw.settle()
		panic(http.ErrAbortHandler)
	}
	rw.refuse(held)
	return errRefused
}

// refuse answers with an error instead of the output.
func (rw *responseWriter) refuse(held *disclose.Withheld) {
	if rw.refused {
		return
	}
	rw.refused, rw.committed = true, true
	writeWithheld(rw.w, rw.r, held)
}

// finish ends an answer whose handler returned.
func (rw *responseWriter) finish() {
	if rw.status == 0 {
		rw.WriteHeader(http.StatusOK)
	}
	if rw.marker != nil && !rw.refused {
		err := rw.decodeBody()
		if err == nil {
			err = rw.marker.Close()
		}
		_ = rw.withheld(err)
		if !rw.committed {
			rw.commit(rw.marker) // an empty body
		}
	}
	removeOwnTrailers(rw.Header())
	rw.settle()
}

// removeOwnTrailers deletes our names from what was set after the header left.
func removeOwnTrailers(h http.Header) {
	for name := range h {
		if rest, ok := cutTrailer(name); ok && disclose.OwnHeader(rest) {
			delete(h, name)
		}
	}
}

func cutTrailer(name string) (string, bool) {
	n := len(http.TrailerPrefix)
	if len(name) <= n || name[:n] != http.TrailerPrefix {
		return "", false
	}
	return name[n:], true
}

// decodeBody undoes the encoding of a collected body.
func (rw *responseWriter) decodeBody() error {
	if rw.body == nil {
		return nil
	}
	data, err := rw.body.decode()
	if err != nil {
		return &disclose.Withheld{Reason: disclose.ReasonEncoded, Hint: disclose.Hint(disclose.ReasonEncoded), Err: err}
	}
	_, err = rw.marker.Write(data)
	return err
}

// onPanic ends an answer whose handler panicked: nothing that is held leaves,
// no ending is invented, and the panic goes on.
func (rw *responseWriter) onPanic() {
	r := recover()
	if r == nil {
		return
	}
	if rw.marker != nil {
		rw.marker.Abort()
	}
	rw.settle()
	panic(r)
}

// settle counts the answer, once.
func (rw *responseWriter) settle() {
	m := rw.c.o.Metrics
	if rw.x == nil {
		return
	}
	rt := rw.x.rt
	rw.x = nil
	if rw.marker == nil {
		outcome := disclose.OutcomePassed
		switch {
		case rw.refused:
			outcome = disclose.OutcomeWithheld
		case rw.plan.verb == headerOnly && rw.plan.reason == disclose.ReasonNone:
			outcome = disclose.OutcomeMarked
		}
		if rw.plan.reason != disclose.ReasonNone {
			m.skip(rw.plan.reason)
		}
		m.response(rt, rw.plan.kind, outcome)
		return
	}
	res := rw.marker.Result()
	m.response(rt, rw.plan.kind, res.Outcome)
	m.result(res)
	if res.Notice && res.Language != language.Und {
		m.notice(res.Language.String())
	}
}
