package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/avowai/avow/disclose"
)

// busyRetry is after how long a client may ask again while the answers in progress
// are as many as there may be.
const busyRetry = 5 * time.Second

// enter takes one of the places for answers in progress; ok is false where there is
// none. Each takes two descriptors, the client's and the upstream's, and a process
// that has none left breaks off answers that are half out.
func (c *core) enter() (leave func(), ok bool) {
	if c.o.MaxStreams <= 0 {
		return func() {}, true
	}
	if c.inProgress.Add(1) > int64(c.o.MaxStreams) {
		c.inProgress.Add(-1)
		return nil, false
	}
	return func() { c.inProgress.Add(-1) }, true
}

// busy answers for an exchange that found no place. The upstream is not asked.
func (w *response) busy() {
	w.ex.c.metrics.response(w.ex.route.name, w.ex.route.shape, "none", disclose.OutcomeWithheld)
	w.ex.ended = Ended{Shape: w.ex.route.shape, Modality: "none", Outcome: disclose.OutcomeWithheld, Status: http.StatusServiceUnavailable}
	w.reject(problem{
		Type: problemBase + "busy", Title: "Too many answers in progress", Status: http.StatusServiceUnavailable,
		Detail: "As many answers are in progress as this proxy may have at one time. Try again in a few seconds.", wait: busyRetry,
	})
}

// account notes what became of a response: for the trace, and in the log one line
// for each. What is as it should be is said at debug level.
func (w *response) account(modality string, result disclose.Result) {
	ex := w.ex
	ex.ended = Ended{Shape: ex.route.shape, Modality: modality, Outcome: result.Outcome, Reason: result.Reason, Status: w.status,
		Failed: result.Outcome == disclose.OutcomeAborted}
	level := slog.LevelDebug
	switch result.Outcome {
	case disclose.OutcomeWithheld:
		return // refuse has said it, with the cause
	case disclose.OutcomeDegraded, disclose.OutcomeAborted:
		level = slog.LevelInfo
	}
	ctx := w.r.Context()
	if !ex.c.log.Enabled(ctx, level) {
		return
	}
	attrs := append(ex.attrs(), slog.String("shape", shapeName(ex.route.shape)), slog.String("modality", modality),
		slog.String("outcome", string(result.Outcome)), slog.Int("status", w.status))
	if !result.Label.ID.IsZero() {
		attrs = append(attrs, slog.String("id", result.Label.ID.String()))
	}
	if reasons := words(result.Reason, result.Skipped); reasons != "" {
		attrs = append(attrs, slog.String("reason", reasons))
	}
	if missing := missingWords(result); missing != "" {
		attrs = append(attrs, slog.String("missing", missing))
	}
	ex.c.log.LogAttrs(ctx, level, "output "+string(result.Outcome), attrs...)
}

// attrs say which exchange a line of the log is about.
func (ex *exchange) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("route", ex.route.name)}
	if ex.id != "" {
		attrs = append(attrs, slog.String("request_id", ex.id))
	}
	if ex.traced != "" {
		attrs = append(attrs, slog.String("trace_id", ex.traced))
	}
	return attrs
}

// words lists reasons, the first of them first.
func words(first disclose.Reason, all []disclose.Reason) string {
	out := string(first)
	for _, r := range all {
		if r == first || r == disclose.ReasonNone {
			continue
		}
		if out != "" {
			out += ","
		}
		out += string(r)
	}
	return out
}

// missingWords names what a degraded output lacks, as its Avow-Outcome does.
func missingWords(r disclose.Result) string {
	out := ""
	for _, c := range r.Missing {
		if out != "" {
			out += ","
		}
		out += c.String()
	}
	if r.Unrecorded {
		out += comma(out) + "record"
	}
	if r.Unstamped {
		out += comma(out) + "timestamp"
	}
	return out
}

func comma(before string) string {
	if before == "" {
		return ""
	}
	return ","
}

func shapeName(s disclose.Shape) string {
	if s == disclose.ShapeAuto {
		return "auto"
	}
	return string(s)
}

// observe puts a duration into a histogram, with the trace as its example where
// there is one that is sampled.
func observe(o prometheus.Observer, d time.Duration, ctx context.Context) {
	if id := traceOf(ctx); id != "" {
		if e, ok := o.(prometheus.ExemplarObserver); ok {
			e.ObserveWithExemplar(d.Seconds(), prometheus.Labels{"trace_id": id})
			return
		}
	}
	o.Observe(d.Seconds())
}
