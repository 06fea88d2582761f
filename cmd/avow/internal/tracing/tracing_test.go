package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

func TestMain(m *testing.M) {
	for _, pair := range os.Environ() { // of whoever runs the tests
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "OTEL_") {
			_ = os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m)
}

const (
	aTrace  = "0af7651916cd43dd8448eb211c80319c"
	aSpan   = "b7ad6b7169203331"
	secret  = "Xylophon"
	chatAsk = `{"model":"` + secret + `","messages":[{"role":"user","content":"` + secret + `"}]}`
	answer  = `{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"` + secret + `"}}]}`
)

// A sinkhole is an OTLP receiver.
type sinkhole struct {
	mu       sync.Mutex
	requests []*collector.ExportTraceServiceRequest
	raw      []byte
	headers  http.Header
}

func (s *sinkhole) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		z, zerr := gzip.NewReader(bytes.NewReader(body))
		if zerr == nil {
			body, zerr = io.ReadAll(z)
		}
		err = zerr
	}
	var req collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &req) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.headers = append(s.requests, &req), r.Header.Clone()
	s.raw = append(s.raw, body...)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (s *sinkhole) spans() (out []*spans.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, req := range s.requests {
		for _, r := range req.GetResourceSpans() {
			for _, sc := range r.GetScopeSpans() {
				out = append(out, sc.GetSpans()...)
			}
		}
	}
	return out
}

func proxy(t testing.TB, tracer middleware.Tracer, upstream http.Handler) *httptest.Server {
	t.Helper()
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	target, _ := url.Parse(up.URL)
	h, err := middleware.NewProxy(target, middleware.Options{Tracer: tracer,
		Disclose: disclose.Options{Provider: "Example GmbH", Key: key, Records: disclose.NewMemoryRecords(0)}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// closing has an upstream's connections end with their answers.
func closing(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		h(w, r)
	}
}

func ask(t testing.TB, address, parent string) {
	t.Helper()
	req, err := http.NewRequest("POST", address+"/"+secret+"/v1/chat/completions", strings.NewReader(chatAsk))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", parent)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %v %s", resp.Status, err, body)
	}
}

func start(t testing.TB, log *slog.Logger) (middleware.Tracer, func(context.Context) error) {
	t.Helper()
	tracer, stop, err := Start(context.Background(), "1.0", log)
	if err != nil {
		t.Fatal(err)
	}
	return tracer, stop
}

// TestSpansArrive: a receiver of OTLP gets the exchange as one trace below the
// client's span, with nothing in it that anybody wrote.
func TestSpansArrive(t *testing.T) {
	var hole sinkhole
	otlp := httptest.NewServer(&hole)
	defer otlp.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-token=abc")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	tracer, stop := start(t, slog.New(slog.DiscardHandler))
	var parent string
	srv := proxy(t, tracer, closing(func(w http.ResponseWriter, r *http.Request) {
		parent = r.Header.Get("Traceparent")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	ask(t, srv.URL, "00-"+aTrace+"-"+aSpan+"-01")
	srv.Close() // waits for the handler, and with it for the last span
	if err := stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	all := hole.spans()
	byName := map[string]*spans.Span{}
	var names []string
	for _, s := range all {
		names = append(names, s.GetName())
		byName[s.GetName()] = s
		if hex(s.GetTraceId()) != aTrace {
			t.Errorf("%s is of trace %x", s.GetName(), s.GetTraceId())
		}
	}
	slices.Sort(names)
	if want := []string{"/chat/completions", "ledger", "splice", "splice", "upstream"}; !slices.Equal(names, want) {
		t.Fatalf("spans %q, want %q", names, want)
	}
	root := byName["/chat/completions"]
	if hex(root.GetParentSpanId()) != aSpan || root.GetKind() != spans.Span_SPAN_KIND_SERVER {
		t.Errorf("root %v", root)
	}
	for _, name := range names[1:] {
		if !bytes.Equal(byName[name].GetParentSpanId(), root.GetSpanId()) {
			t.Errorf("%s is not below the exchange", name)
		}
	}
	if want := "00-" + aTrace + "-" + hex(byName["upstream"].GetSpanId()) + "-01"; parent != want {
		t.Errorf("the upstream was told %s, want %s", parent, want)
	}
	want := []string{"avow.modality=text", "avow.outcome=marked", "avow.shape=openai_chat", "http.response.status_code=200", "http.route=/chat/completions"}
	if got := pairs(root); !slices.Equal(got, want) {
		t.Errorf("attributes %q, want %q", got, want)
	}
	for _, leak := range []string{secret, "127.0.0.1"} {
		if bytes.Contains(hole.raw, []byte(leak)) {
			t.Errorf("%q is in what was exported", leak)
		}
	}
	if hole.headers.Get("X-Token") != "abc" || !bytes.Contains(hole.raw, []byte("deployment.environment.name")) {
		t.Error("OTEL_EXPORTER_OTLP_HEADERS or OTEL_RESOURCE_ATTRIBUTES have no effect")
	}
}

func hex(b []byte) string {
	const digits = "0123456789abcdef"
	var out []byte
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}

func pairs(s *spans.Span) (out []string) {
	for _, a := range s.GetAttributes() {
		v := a.GetValue().GetStringValue()
		if v == "" && a.GetValue().GetIntValue() == 200 {
			v = "200"
		}
		out = append(out, a.GetKey()+"="+v)
	}
	slices.Sort(out)
	return out
}

// TestOff: without the environment's word there is no tracer, no goroutine, and the
// client's traceparent goes on as it is.
func TestOff(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing":  {},
		"disabled": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		"none":     {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			before := runtime.NumGoroutine()
			tracer, stop := start(t, nil)
			if tracer != nil || runtime.NumGoroutine() > before || stop(context.Background()) != nil {
				t.Errorf("tracer %v", tracer)
			}
		})
	}
}

// TestNotSampled: what the client does not sample is not recorded, and the upstream
// is told so.
func TestNotSampled(t *testing.T) {
	var hole sinkhole
	otlp := httptest.NewServer(&hole)
	defer otlp.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", otlp.URL+"/v1/traces")
	tracer, stop := start(t, slog.New(slog.DiscardHandler))
	var parent string
	srv := proxy(t, tracer, closing(func(w http.ResponseWriter, r *http.Request) {
		parent = r.Header.Get("Traceparent")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	ask(t, srv.URL, "00-"+aTrace+"-"+aSpan+"-00")
	srv.Close()
	if err := stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := len(hole.spans()); n != 0 || !strings.HasPrefix(parent, "00-"+aTrace) || !strings.HasSuffix(parent, "-00") {
		t.Errorf("%d spans; the upstream was told %s", n, parent)
	}
}

// TestNoCollector: answers go out whether spans can be sent or not; the log says
// that they cannot, without the address.
func TestNoCollector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+secret+":pw@127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "200")
	var log bytes.Buffer
	tracer, stop := start(t, slog.New(slog.NewTextHandler(&log, nil)))
	srv := proxy(t, tracer, closing(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	ask(t, srv.URL, "")
	srv.Close()
	err := stop(context.Background())
	if text := log.String(); err == nil && !strings.Contains(text, "traces not exported") || strings.Contains(text, secret) {
		t.Errorf("%v %s", err, text)
	}
}

func TestOtherProtocols(t *testing.T) {
	for name, value := range map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_EXPORTER": "zipkin"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv(name, value)
			if _, _, err := Start(context.Background(), "1.0", nil); !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), name) {
				t.Errorf("%v", err)
			}
		})
	}
}

// BenchmarkTracing is one chat answer through the middleware without a server, with
// tracing off, on, and on for a client that does not sample. Spans go to a receiver
// in the same process.
func BenchmarkTracing(b *testing.B) {
	otlp := httptest.NewServer(&sinkhole{})
	defer otlp.Close()
	for _, c := range []struct {
		name, flags string
		on          bool
	}{{"off", "01", false}, {"not-sampled", "00", true}, {"on", "01", true}} {
		b.Run(c.name, func(b *testing.B) {
			var tracer middleware.Tracer
			if c.on {
				b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.URL)
				var stop func(context.Context) error
				tracer, stop = start(b, slog.New(slog.DiscardHandler))
				defer func() { _ = stop(context.Background()) }()
			}
			key, err := watermark.GenerateKey()
			if err != nil {
				b.Fatal(err)
			}
			mw, err := middleware.New(middleware.Options{Tracer: tracer,
				Disclose: disclose.Options{Provider: "Example GmbH", Key: key, Records: disclose.NewMemoryRecords(1000)}})
			if err != nil {
				b.Fatal(err)
			}
			h := mw(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, answer)
			}))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(chatAsk))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Traceparent", "00-"+aTrace+"-"+aSpan+"-"+c.flags)
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
