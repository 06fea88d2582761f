package middleware

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
)

// finish ends a response whose handler returned.
func (w *response) finish() {
	if w.hijacked {
		w.count(w.result)
		return
	}
	w.decide()
	removeLateOwn(w.w.Header())
	if w.refused {
		return
	}
	if w.out == nil {
		w.count(w.result)
		return
	}
	if w.r.Method == http.MethodHead {
		w.out.Abort() // there was no output; nothing to record
		return
	}
	if w.missing > 0 { // less than its Content-Length announced
		w.refuse(&disclose.Withheld{Reason: disclose.ReasonTruncated, Hint: disclose.Hint(disclose.ReasonTruncated), Err: disclose.ErrTruncated})
		return
	}
	err := error(nil)
	if w.dec != nil {
		err = w.dec.Close()
	}
	if err == nil && !w.closed {
		err = w.out.Close()
	}
	_ = w.check(err) // a write error means that the client is gone
	if w.refused {
		return
	}
	if !w.committed && err == nil {
		w.commit(nil)
	}
	w.settle()
	w.count(w.out.Result())
}

// removeLateOwn deletes our own names from trailers announced by their prefix.
func removeLateOwn(h http.Header) {
	for k := range h {
		if name, ok := strings.CutPrefix(k, http.TrailerPrefix); ok && disclose.OwnHeader(name) {
			delete(h, k)
		}
	}
}

// abort ends a response that broke off. What is held is dropped.
func (w *response) abort() {
	if w.dec != nil {
		w.dec.Abort()
	}
	if w.refused {
		return
	}
	if w.ex.broken && w.decided && !w.committed {
		// The upstream broke off and nothing has left: a whole error answer is
		// still possible, before the panic goes on and closes the connection.
		// The client has to know of that, or it sends its next request there.
		if w.r.ProtoMajor == 1 {
			w.w.Header().Set("Connection", "close")
		}
		w.refuse(&disclose.Withheld{Reason: disclose.ReasonTruncated, Hint: disclose.Hint(disclose.ReasonTruncated), Err: disclose.ErrTruncated})
		return
	}
	removeLateOwn(w.w.Header())
	result := w.result
	if w.out != nil {
		w.out.Abort()
		result = w.out.Result()
	}
	w.settle()
	result.Outcome = disclose.OutcomeAborted
	w.count(result)
}

// settle ends what was counted as in flight.
func (w *response) settle() {
	if w.streaming {
		w.streaming = false
		w.ex.c.metrics.inflight(-1)
	}
}

// count counts the outcome of a response.
func (w *response) count(result disclose.Result) {
	modality := disclose.Classify(w.w.Header().Get("Content-Type")).Modality()
	w.ex.c.metrics.outcome(w.ex.route, modality, result)
	w.account(modality, result)
	if w.status/100 == 2 && w.r.Method != http.MethodHead {
		if result.Outcome == disclose.OutcomeAborted {
			result.Notices = 0 // perhaps nobody saw it
		}
		w.ex.remember(w.r.Context(), result)
	}
}

// reject answers a request that does not reach the handler because of what it
// says itself.
func (w *response) reject(p problem) {
	w.refused, w.decided, w.committed = true, true, true
	w.status = p.Status
	if p.RequestID = w.ex.id; p.RequestID == "" {
		p.RequestID = newRequestID()
	}
	p.write(w.w, w.r)
	w.ex.id, w.ex.ended.Status = p.RequestID, p.Status
	w.ex.c.log.LogAttrs(w.r.Context(), slog.LevelWarn, "request refused", append(w.ex.attrs(),
		slog.Int("status", p.Status), slog.String("problem", strings.TrimPrefix(p.Type, problemBase)))...)
}

// refuse answers with an error instead of the output.
func (w *response) refuse(held *disclose.Withheld) {
	w.refused, w.decided, w.committed = true, true, true
	if w.out != nil {
		w.out.Abort()
	}
	h := w.w.Header()
	modality := disclose.Classify(h.Get("Content-Type")).Modality()
	for k := range h {
		if aboutBody(k) {
			delete(h, k)
		}
	}
	removeOwn(h)
	h.Set(disclose.HeaderOutcome, string(disclose.OutcomeWithheld))
	p := problemOf(held)
	w.status = p.Status
	p.RequestID = w.ex.id
	if p.RequestID == "" {
		p.RequestID = newRequestID()
	}
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
	p.write(w.w, w.r)
	_ = w.rc.Flush()
	w.settle()
	w.ex.id = p.RequestID
	w.tellWithheld(modality, held)
	result := disclose.Result{Outcome: disclose.OutcomeWithheld, Reason: held.Reason, Skipped: []disclose.Reason{held.Reason}}
	w.ex.c.metrics.outcome(w.ex.route, modality, result)
	w.account(modality, result)
}

// aboutBody reports whether a header field speaks about the body that is not
// sent, or about how it may be kept.
func aboutBody(name string) bool {
	switch name {
	case "Etag", "Last-Modified", "Accept-Ranges", "Trailer", "Cache-Control", "Expires", "Age", "Digest",
		"Repr-Digest", "Signature", "Signature-Input", "Link", "Transfer-Encoding", "X-Accel-Buffering":
		return true
	}
	return strings.HasPrefix(name, "Content-") && !strings.HasPrefix(name, "Content-Security-") ||
		strings.HasPrefix(name, http.TrailerPrefix)
}
