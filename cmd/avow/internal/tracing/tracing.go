// Package tracing gives the middleware OpenTelemetry: spans over OTLP, switched on
// by the standard OTEL_* environment variables. It stands here and not in the
// library, whose users bring their own tracer or none.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/avowai/avow/middleware"
)

// scope is the name of what makes the spans.
const scope = "github.com/avowai/avow"

// ErrProtocol is returned for a way of export that is not built in.
var ErrProtocol = errors.New("tracing: only OTLP over HTTP with protobuf is built in")

// Wanted reports whether the environment asks for traces: it names where they go, or
// asks for the exporter by its name, and does not switch the SDK off.
func Wanted() bool {
	exporter := os.Getenv("OTEL_TRACES_EXPORTER")
	switch {
	case strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none":
		return false
	case exporter != "":
		return true
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// Start returns a Tracer as the environment asks for it, and what sends the last
// spans and ends it; a nil Tracer and no work at all where it asks for none.
// Where to, how often, how large, with which sampler and resource: all of that the
// OpenTelemetry SDK reads from OTEL_* itself. What cannot be exported is logged, and
// holds up no answer.
func Start(ctx context.Context, version string, log *slog.Logger) (middleware.Tracer, func(context.Context) error, error) {
	if !Wanted() {
		return nil, func(context.Context) error { return nil }, nil
	}
	if err := check(); err != nil {
		return nil, nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("tracing: %w", withoutAddress(err))
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "avow"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("tracing: resource: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces not exported", "error", withoutAddress(err))
	}))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &tracer{provider.Tracer(scope)}, provider.Shutdown, nil
}

func check() error {
	if e := os.Getenv("OTEL_TRACES_EXPORTER"); e != "" && e != "otlp" {
		return fmt.Errorf("%w: OTEL_TRACES_EXPORTER=%.32q", ErrProtocol, e)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := os.Getenv(name); p != "" {
			if p != "http/protobuf" {
				return fmt.Errorf("%w: %s=%.32q", ErrProtocol, name, p)
			}
			break
		}
	}
	return nil
}

// withoutAddress takes the address out of a client's error: a token may be in it.
func withoutAddress(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return fmt.Errorf("the collector of traces: %w", at.Err)
	}
	return err
}

// w3c reads and writes traceparent and tracestate.
var w3c propagation.TraceContext

type tracer struct{ t trace.Tracer }

// Request implements middleware.Tracer.
func (t *tracer) Request(ctx context.Context, header http.Header, route string) (context.Context, middleware.Span) {
	ctx = w3c.Extract(ctx, propagation.HeaderCarrier(header))
	ctx, s := t.t.Start(ctx, route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.route", route)))
	return ctx, span{s}
}

// Upstream implements middleware.Tracer.
func (t *tracer) Upstream(ctx context.Context, header http.Header) middleware.Span {
	ctx, s := t.t.Start(ctx, "upstream", trace.WithSpanKind(trace.SpanKindClient))
	w3c.Inject(ctx, propagation.HeaderCarrier(header))
	return span{s}
}

// Stage implements middleware.Tracer.
func (t *tracer) Stage(ctx context.Context, stage string, d time.Duration, failed bool) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return // nor would its child be
	}
	end := time.Now()
	_, s := t.t.Start(ctx, stage, trace.WithTimestamp(end.Add(-d)))
	if failed {
		s.SetStatus(codes.Error, "")
	}
	s.End(trace.WithTimestamp(end))
}

type span struct{ s trace.Span }

// TraceID implements middleware.Span.
func (s span) TraceID() string {
	if c := s.s.SpanContext(); c.IsSampled() {
		return c.TraceID().String()
	}
	return ""
}

// End implements middleware.Span.
func (s span) End(e middleware.Ended) {
	if s.s.IsRecording() {
		s.s.SetAttributes(attributes(e)...)
		if e.Failed || e.Status >= http.StatusInternalServerError {
			s.s.SetStatus(codes.Error, "")
		}
	}
	s.s.End()
}

// attributes of a span: values of closed sets, nothing that anybody wrote.
func attributes(e middleware.Ended) (out []attribute.KeyValue) {
	for _, a := range [...]struct{ key, value string }{
		{"avow.shape", string(e.Shape)}, {"avow.modality", e.Modality}, {"avow.outcome", string(e.Outcome)}, {"avow.reason", string(e.Reason)},
	} {
		if a.value != "" {
			out = append(out, attribute.String(a.key, a.value))
		}
	}
	if e.Status != 0 {
		out = append(out, attribute.Int("http.response.status_code", e.Status))
	}
	return out
}
