package middleware

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/avowai/avow/disclose"
)

// A Tracer follows exchanges on AI routes: one span each, and below it spans for
// the request to the upstream, for every stage of marking and for the ledger. It
// learns names from closed sets and nothing of what people or models wrote. It has
// to be safe for concurrent use. This package has no implementation, so that nobody
// who uses it as a library needs the modules of one; avow's own is OpenTelemetry.
type Tracer interface {
	// Request begins the span of an exchange. header is the request's, where a W3C
	// traceparent names the parent; route is the label of the metrics. What is done
	// for the exchange gets the context that is returned.
	Request(ctx context.Context, header http.Header, route string) (context.Context, Span)
	// Upstream begins the span of the request to the upstream below that of ctx, and
	// names it in header, which is the outgoing request's.
	Upstream(ctx context.Context, header http.Header) Span
	// Stage notes a stage of marking (see [disclose.Options.Observe]), or "ledger",
	// that has just ended and took d. failed says that it came to nothing.
	Stage(ctx context.Context, stage string, d time.Duration, failed bool)
}

// A Span is one step of a trace that is under way.
type Span interface {
	// TraceID is 32 hexadecimal digits where the trace is sampled, else "".
	TraceID() string
	// End ends the span. It is called once.
	End(Ended)
}

// Ended says how a step went; all of it from closed sets. Upstream spans have Status
// and Failed alone.
type Ended struct {
	Shape    disclose.Shape
	Modality string
	Outcome  disclose.Outcome
	Reason   disclose.Reason
	// Status is the HTTP status, 0 for none.
	Status int
	// Failed: an error, no answer, or an answer that broke off.
	Failed bool
}

// traceKey finds the trace of a context: a string as Span.TraceID gives it.
type traceKey struct{}

func traceOf(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}

// trace begins the span of an exchange, where there is a Tracer, and notes the
// trace that measurements refer to as their example. Without a Tracer that is the
// client's own, if it says that it is sampled.
func (ex *exchange) trace(r *http.Request) *http.Request {
	ctx := r.Context()
	if t := ex.c.o.Tracer; t != nil {
		ctx, ex.span = t.Request(ctx, r.Header, ex.route.name)
		ex.traced = ex.span.TraceID()
	} else if id, sampled := traceparent(r.Header); sampled {
		ex.traced = id
	}
	if ex.traced != "" {
		ctx = context.WithValue(ctx, traceKey{}, ex.traced)
	}
	if ctx == r.Context() {
		return r
	}
	return r.WithContext(ctx)
}

// endTrace ends the span of an exchange.
func (ex *exchange) endTrace() {
	if ex.span != nil {
		ex.span.End(ex.ended)
	}
}

// traceparent reads the trace that a request belongs to (W3C Trace Context, section
// 3.2), and whether it is sampled; "" where the field is not as it should be.
func traceparent(h http.Header) (id string, sampled bool) {
	values := h["Traceparent"]
	if len(values) != 1 {
		return "", false
	}
	v := values[0]
	if len(v) < 55 || v[2] != '-' || v[35] != '-' || v[52] != '-' || len(v) > 55 && v[55] != '-' {
		return "", false
	}
	zero := true
	for i := range 55 {
		c := v[i]
		if i != 2 && i != 35 && i != 52 && !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return "", false
		}
		zero = zero && (i < 3 || i > 34 || c == '0')
	}
	if zero || v[:2] == "ff" {
		return "", false
	}
	return v[3:35], (v[54]-'0')&1 == 1 && v[54] <= '9' || v[54] > '9' && (v[54]-'a')&1 == 1
}

// traceStages has a Tracer see the stages of marking and the ledger.
func traceStages(t Tracer, o disclose.Options) disclose.Options {
	if t == nil {
		return o
	}
	stage := o.ObserveStage
	o.ObserveStage = func(ctx context.Context, name string, d time.Duration) {
		t.Stage(ctx, name, d, false)
		if stage != nil {
			stage(ctx, name, d)
		}
	}
	if o.Records != nil {
		o.Records = tracedRecords{o.Records, t}
	}
	return o
}

// tracedRecords makes a span of each Put.
type tracedRecords struct {
	disclose.Records
	t Tracer
}

func (r tracedRecords) Put(ctx context.Context, rec disclose.Record) error {
	start := time.Now()
	err := r.Records.Put(ctx, rec)
	r.t.Stage(ctx, "ledger", time.Since(start), err != nil)
	return err
}

// tracedTransport makes a span of each request to the upstream of an exchange.
// What is on no AI route passes as it came, traceparent and all.
type tracedTransport struct {
	http.RoundTripper
	t Tracer
}

func (t tracedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ex, ok := req.Context().Value(contextKey{}).(*exchange)
	if !ok || ex.span == nil {
		return t.RoundTripper.RoundTrip(req)
	}
	span := t.t.Upstream(req.Context(), req.Header)
	resp, err := t.RoundTripper.RoundTrip(req)
	switch {
	case err != nil:
		span.End(Ended{Failed: true})
	case resp.StatusCode == http.StatusSwitchingProtocols: // its body is a connection
		span.End(Ended{Status: resp.StatusCode})
	default:
		resp.Body = &tracedBody{ReadCloser: resp.Body, span: span, status: resp.StatusCode}
	}
	return resp, err
}

// tracedBody ends a span with the body.
type tracedBody struct {
	io.ReadCloser
	span   Span
	status int
	failed bool
	once   sync.Once
}

func (b *tracedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.failed = b.failed || err != nil && err != io.EOF
	return n, err
}

func (b *tracedBody) Close() error {
	b.once.Do(func() { b.span.End(Ended{Status: b.status, Failed: b.failed}) })
	return b.ReadCloser.Close()
}
