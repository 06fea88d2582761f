package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/avowai/avow/disclose"
)

// busyRetry is after how long a client may ask again while the answers in progress
// are as many as there may be.
const busyRetry = 5 * time.Second

// A StreamLimit bounds the answers on AI routes that are in progress at one time, of
// all handlers that share it. Each takes two descriptors, the client's and the
// upstream's, and a process that has none left breaks off answers that are half out.
type StreamLimit struct {
	max int64
	now atomic.Int64
}

// LimitStreams returns a bound of max answers; nil, which is no bound, where max is
// not more than 0.
func LimitStreams(max int) *StreamLimit {
	if max <= 0 {
		return nil
	}
	return &StreamLimit{max: int64(max)}
}

// enter takes a place, and reports whether there was one. Whoever has it leaves.
func (l *StreamLimit) enter() bool {
	if l == nil {
		return true
	}
	if l.now.Add(1) > l.max {
		l.now.Add(-1)
		return false
	}
	return true
}

func (l *StreamLimit) leave() {
	if l != nil {
		l.now.Add(-1)
	}
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

// tellWithheld logs that an answer was refused, and the cause, which is for the log
// alone.
func (w *response) tellWithheld(modality string, held *disclose.Withheld) {
	attrs := append(w.ex.attrs(), slog.String("shape", shapeName(w.ex.route.shape)), slog.String("modality", modality),
		slog.String("outcome", string(disclose.OutcomeWithheld)), slog.Int("status", w.status), slog.String("reason", string(held.Reason)))
	if held.Err != nil {
		attrs = append(attrs, slog.Any("error", held.Err))
	}
	w.ex.c.log.LogAttrs(w.r.Context(), slog.LevelWarn, "output withheld", attrs...)
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
