package middleware

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
)

// A response is the http.ResponseWriter that a handler on an AI route sees. The
// header leaves with the first marked byte, not with WriteHeader: status and
// fields can still change while a body is held.
type response struct {
	w  http.ResponseWriter
	rc *http.ResponseController
	r  *http.Request
	ex *exchange

	status    int  // as the handler gave it, 0 before
	decided   bool // plan is valid
	committed bool // the header has left
	refused   bool // an error answer has left instead
	hijacked  bool
	plan      plan
	out       *disclose.Writer // nil where bytes pass straight through
	body      io.Writer        // out, or the decoder in front of it
	dec       *decoder
	result    disclose.Result // of a response without out
	first     time.Time       // of the handler's first byte
	missing   int64           // bytes of a held body still to come by its Content-Length; -1 unknown
	closed    bool            // out is closed: the body was whole
	streaming bool            // counted in flight
	flushed   bool            // of a stream: its header has been sent
}

var (
	_ http.Flusher  = (*response)(nil)
	_ http.Hijacker = (*response)(nil)
	_ io.ReaderFrom = (*response)(nil)
)

func newResponse(w http.ResponseWriter, r *http.Request, ex *exchange) *response {
	return &response{w: w, rc: http.NewResponseController(w), r: r, ex: ex}
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.w.Header() }

// Unwrap lets http.ResponseController reach deadlines and full duplex.
func (w *response) Unwrap() http.ResponseWriter { return w.w }

// WriteHeader implements http.ResponseWriter. Informational responses go out at
// once and decide nothing.
func (w *response) WriteHeader(status int) {
	if status/100 == 1 && status != http.StatusSwitchingProtocols {
		if !w.committed {
			removeOwn(w.w.Header())
			w.w.WriteHeader(status)
		}
		return
	}
	if w.status != 0 {
		return
	}
	w.status = status
	// Without a Content-Type the first bytes tell, as in net/http.
	_, typed := w.w.Header()["Content-Type"]
	if typed || status/100 != 2 || status == http.StatusNoContent || w.r.Method == http.MethodHead {
		w.decide()
	}
}

// decide fixes the plan and starts to carry it out. Its frame would count for every
// write, see core.serve.
//
//go:noinline
func (w *response) decide() {
	if w.decided {
		return
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.decided = true
	h, ex := w.w.Header(), w.ex
	removeOwn(h)
	if isUIStream(h) && !ex.route.declared() {
		ex.route.shape = disclose.ShapeUIMessage
	}
	ex.join(w.r.Context())
	w.plan = decide(w.r.Method, w.status, h, policy{
		profile: ex.profile(), proxy: ex.c.proxy, obeyNoTransform: ex.c.o.ObeyNoTransform,
		shape: ex.route.shape, require: ex.route.require, manifests: ex.c.marker.Enabled().Has(disclose.CarrierManifest),
		author: ex.by(), speaks: ex.speaks(), edit: ex.route.edit,
	})
	if w.plan.noTransform && !ex.c.warned.Swap(true) {
		ex.c.log.Warn("Cache-Control: no-transform is overruled on AI routes; set ObeyNoTransform to obey it")
	}
	switch w.plan.action {
	case actWithhold:
		w.withhold(w.plan.reason)
	case actHeader, actBare, actHuman:
		w.result = w.bareResult()
		w.commit(nil)
	default:
		w.open()
	}
}

// open starts the Writer that marks the body.
func (w *response) open() {
	h := w.w.Header()
	out := w.ex.output(h.Get("Content-Type"))
	out.Export = isDownload(h)
	if w.plan.action == actUnknown {
		out.Shape, out.ContentType = disclose.ShapeUnknown, "application/octet-stream"
		if w.ex.route.shape == disclose.ShapeCode {
			out.Shape = disclose.ShapeCode
		}
	}
	if w.plan.decode != "" {
		out.Unframed = false // the coding itself shows where its content ends
	}
	w.out = w.ex.marker().NewWriter(w.r.Context(), sink{w}, out)
	w.body = w.out
	w.missing = -1
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n > 0 && w.plan.action == actHold && w.plan.decode == "" {
		w.missing = n
	}
	if w.plan.decode != "" && w.r.Method != http.MethodHead {
		w.dec = newDecoder(w.plan.decode, w.out)
		w.body = w.dec
	}
	if w.plan.action == actStream && w.r.Method != http.MethodHead {
		w.streaming = true
		w.ex.c.metrics.inflight(1)
	}
	if w.r.Method == http.MethodHead {
		w.commit(nil)
	}
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if w.hijacked {
		return 0, http.ErrHijacked
	}
	if !w.decided {
		w.sniff(p)
		w.decide()
	}
	switch {
	case w.refused:
		return len(p), nil // the client has its answer; the rest goes nowhere
	case w.out == nil:
		return w.w.Write(p)
	case w.r.Method == http.MethodHead:
		return len(p), nil
	}
	if w.first.IsZero() {
		w.first = time.Now()
	}
	_, err := w.body.Write(p)
	if err == nil {
		err = w.closeWhole(len(p))
	}
	if err = w.check(err); err != nil {
		return 0, err
	}
	return len(p), nil
}

// closeWhole marks and sends a held body as soon as all bytes that its
// Content-Length announced are there, not when the handler returns: a reverse
// proxy has a round through its transport to go until then.
func (w *response) closeWhole(n int) error {
	if w.missing < 0 || w.refused {
		return nil
	}
	if w.missing -= int64(n); w.missing > 0 {
		return nil
	}
	w.missing, w.closed = -1, true
	return w.out.Close()
}

// sniff sets a missing Content-Type as net/http would, except that JSON on an
// API's route is called by its name.
func (w *response) sniff(p []byte) {
	h := w.w.Header()
	if _, typed := h["Content-Type"]; typed || len(p) == 0 || h.Get("Content-Encoding") != "" {
		return
	}
	t := http.DetectContentType(p)
	if isAPI(w.ex.route.shape) && strings.HasPrefix(strings.TrimLeft(string(p[:min(len(p), 64)]), " \t\r\n"), "{") {
		t = "application/json"
	}
	h.Set("Content-Type", t)
}

// check deals with a refusal by the Writer: an error answer while nothing has
// left, afterwards a broken connection.
func (w *response) check(err error) error {
	if err == nil {
		return nil
	}
	return w.fail(err)
}

// fail deals with an error.
//
//go:noinline
func (w *response) fail(err error) error {
	var held *disclose.Withheld
	if !errors.As(err, &held) {
		return err
	}
	if w.committed {
		w.ex.c.log.Warn("output broken off", "request_id", w.ex.id, "reason", string(held.Reason), "error", err)
		panic(http.ErrAbortHandler)
	}
	w.refuse(held)
	return nil
}

// ReadFrom implements io.ReaderFrom. Only a body that passes straight through
// may use the connection's own; all others go through Write.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if w.committed && w.out == nil && !w.refused {
		return io.Copy(w.w, src)
	}
	return io.Copy(struct{ io.Writer }{w}, src)
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError releases what is decided and keeps what is not.
func (w *response) FlushError() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	w.decide()
	switch {
	case w.refused:
		return nil
	case w.out == nil || w.closed:
		return w.rc.Flush()
	}
	return w.check(w.out.Flush())
}

// Hijack hands over the connection of an upgrade, which standard lets pass with
// the header on its handshake. Anything else would leave unmarked.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.ex.profile().On(disclose.ReasonUpgrade) == disclose.Withhold {
		return nil, nil, fmt.Errorf("middleware: route is not exempt: %w", http.ErrNotSupported)
	}
	w.plan = plan{action: actHeader, reason: disclose.ReasonUpgrade}
	w.result = w.bareResult()
	removeOwn(w.w.Header())
	w.setMarks(w.w.Header(), w.result)
	conn, rw, err := w.rc.Hijack()
	w.hijacked = err == nil
	w.committed = w.hijacked
	return conn, rw, err
}

// commit sends the header. body is the whole body where one was held.
func (w *response) commit(body []byte) {
	w.committed = true
	h := w.w.Header()
	result := w.result
	if w.out != nil {
		result = w.out.Result()
	}
	if w.plan.changes {
		w.changeHeaders(h, result, body)
	}
	w.setMarks(h, result)
	if !w.first.IsZero() {
		w.ex.c.metrics.firstByte(w.r.Context(), time.Since(w.first))
	}
	w.w.WriteHeader(w.status)
}

// changeHeaders takes care of the fields that speak about the body's bytes.
func (w *response) changeHeaders(h http.Header, result disclose.Result, body []byte) {
	markETag(h, w.ex.c.marker.PolicyHash())
	if w.plan.action == actBare {
		return
	}
	delete(h, "Content-Length")
	changed := w.out.Changed() || w.plan.decode != "" || w.plan.action == actStream || w.r.Method == http.MethodHead
	if changed {
		had := presentDigests(h)
		if dropDigests(h) {
			w.ex.c.log.Info("signature dropped: it covered the body", "route", w.ex.route.name)
		}
		if _, held := w.out.Length(); held && w.r.Method != http.MethodHead {
			redigest(h, had, body)
		}
	}
	retype(h, result)
	if w.plan.decode != "" {
		delete(h, "Content-Encoding")
	}
	if n, ok := w.out.Length(); ok && !hasTrailers(h) && w.r.Method != http.MethodHead {
		h.Set("Content-Length", strconv.FormatInt(n, 10))
	}
	html := disclose.Classify(h.Get("Content-Type")) == disclose.KindHTML
	if !result.Language.IsRoot() && !html { // of the notice, given or to come; an element says its own
		h.Set("Content-Language", result.Language.String())
	}
	if disclose.Classify(h.Get("Content-Type")) == disclose.KindSSE {
		h.Set("X-Accel-Buffering", "no")
	}
}

// hasTrailers reports whether trailers follow: a length would suppress them.
func hasTrailers(h http.Header) bool {
	if len(h["Trailer"]) > 0 {
		return true
	}
	for k := range h {
		if strings.HasPrefix(k, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// setMarks writes our own header fields and what has to accompany them.
func (w *response) setMarks(h http.Header, result disclose.Result) {
	human := w.ex.by() == disclose.AuthorHuman
	if human {
		h["Avow-Outcome"] = []string{disclose.OutcomeValue(result)}
	}
	if w.plan.action == actHuman {
		return
	}
	if w.plan.reason != disclose.ReasonErrorStatus {
		appendVary(h, "Accept-Language")
		if w.ex.route.shape == disclose.ShapeHTML || disclose.Classify(h.Get("Content-Type")) == disclose.KindHTML {
			for _, name := range fragmentFields {
				appendVary(h, name)
			}
		}
		makePrivate(h)
	}
	if w.plan.action == actBare || human {
		return // the client's stored copy keeps its own id
	}
	h["Ai-Disclosure"] = []string{result.Label.HeaderValue()}
	h["Avow-Id"] = []string{disclose.FormatIDs(result.IDs)}
	h["Avow-Outcome"] = []string{disclose.OutcomeValue(result)}
	if w.status/100 == 2 {
		h["Accept-Ranges"] = []string{"none"}
		addLink(h)
		if result.Manifest != "" && w.r.Method != http.MethodHead { // no output, no manifest
			h["Link"] = append(h["Link"], "<"+result.Manifest+`>; rel="c2pa-manifest"`)
		}
		addOptOut(h, w.ex.c.marker.OptOut())
	}
}
