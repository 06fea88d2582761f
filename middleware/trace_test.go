package middleware

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

const (
	aTrace  = "0af7651916cd43dd8448eb211c80319c"
	aParent = "00-" + aTrace + "-b7ad6b7169203331-01"
)

func TestTraceparent(t *testing.T) {
	for value, want := range map[string]struct {
		id      string
		sampled bool
	}{
		aParent:                      {aTrace, true},
		aParent[:53] + "00":          {aTrace, false},
		aParent[:53] + "0a":          {aTrace, false},
		aParent[:53] + "0b":          {aTrace, true},
		"01" + aParent[2:] + "-more": {aTrace, true},
		"ff" + aParent[2:]:           {},
		strings.ToUpper(aParent):     {},
		aParent + "x":                {},
		aParent[:54]:                 {},
		"00-" + strings.Repeat("0", 32) + aParent[35:]: {},
		strings.Replace(aParent, "-b", "_b", 1):        {},
		"":                                             {},
	} {
		id, sampled := traceparent(http.Header{"Traceparent": {value}})
		if id != want.id || sampled != want.sampled {
			t.Errorf("%q: %q %v, want %+v", value, id, sampled, want)
		}
	}
	if id, _ := traceparent(http.Header{"Traceparent": {aParent, aParent}}); id != "" {
		t.Errorf("two fields gave %q", id)
	}
}

func FuzzTraceparent(f *testing.F) {
	f.Add(aParent)
	f.Add("01" + aParent[2:] + "-more")
	f.Add("")
	f.Fuzz(func(t *testing.T, value string) {
		id, sampled := traceparent(http.Header{"Traceparent": {value}})
		if sampled && id == "" || id != "" && (len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "") {
			t.Fatalf("%q gave %q %v", value, id, sampled)
		}
	})
}

// A recorder is a Tracer that remembers.
type recorder struct {
	mu     sync.Mutex
	spans  []string
	ended  []Ended
	stages []string
}

type recorded struct {
	r    *recorder
	name string
}

func (r *recorder) add(name string) recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans = append(r.spans, name)
	return recorded{r, name}
}

func (r *recorder) Request(ctx context.Context, h http.Header, route string) (context.Context, Span) {
	return ctx, r.add("request " + route + " " + h.Get("Traceparent"))
}

func (r *recorder) Upstream(_ context.Context, h http.Header) Span {
	h.Set("Traceparent", "00-"+aTrace+"-00f067aa0ba902b7-01")
	return r.add("upstream")
}

func (r *recorder) Stage(ctx context.Context, stage string, d time.Duration, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if traceOf(ctx) != aTrace || failed || d < 0 {
		stage = "bad " + stage
	}
	r.stages = append(r.stages, stage)
}

func (s recorded) TraceID() string { return aTrace }

func (s recorded) End(e Ended) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.ended = append(s.r.ended, e)
}

// TestTracer: each exchange on an AI route is a span, with the upstream, the stages
// and the ledger below it; what is on none is left alone.
func TestTracer(t *testing.T) {
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	upstream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Traceparent"))
		if strings.HasSuffix(r.URL.Path, "/models") {
			return
		}
		typed("application/json", chatBody)(w, r)
	})
	rec := &recorder{}
	o := testOptions(disclose.Strict)
	o.Tracer, o.Disclose.Key, o.Disclose.Records = rec, key, disclose.NewMemoryRecords(0)
	srv := proxyTo(t, o, upstream)
	ask(t, "POST", srv.URL+chatPath, chatAsk, "Traceparent", aParent)
	ask(t, "GET", srv.URL+"/v1/models", "", "Traceparent", aParent)
	srv.Close() // spans end after the answers have left
	if want := []string{"request /chat/completions " + aParent, "upstream"}; !slices.Equal(rec.spans, want) {
		t.Errorf("spans %q, want %q", rec.spans, want)
	}
	if want := []string{"00-" + aTrace + "-00f067aa0ba902b7-01", aParent}; !slices.Equal(asked, want) {
		t.Errorf("the upstream saw %q, want %q", asked, want)
	}
	if want := []string{"splice", "splice", "ledger"}; !slices.Equal(rec.stages, want) {
		t.Errorf("stages %q, want %q", rec.stages, want)
	}
	want := []Ended{{Status: 200}, {Shape: disclose.ShapeOpenAIChat, Modality: "text", Outcome: disclose.OutcomeMarked, Status: 200}}
	slices.SortFunc(rec.ended, func(a, b Ended) int { return strings.Compare(string(a.Shape), string(b.Shape)) })
	if !slices.Equal(rec.ended, want) {
		t.Errorf("ended %+v, want %+v", rec.ended, want)
	}
}

// TestTracerSeesFailures: an upstream that is not there, and one that breaks off.
func TestTracerSeesFailures(t *testing.T) {
	rec := &recorder{}
	o := testOptions(disclose.Strict)
	o.Tracer = rec
	srv := proxyURL(t, o, "http://127.0.0.1:1")
	ask(t, "POST", srv.URL+chatPath, chatAsk)
	srv.Close()
	if len(rec.ended) != 2 || !slices.Contains(rec.ended, Ended{Failed: true}) {
		t.Errorf("no upstream: %+v", rec.ended)
	}
	rec.ended = nil
	srv = proxyTo(t, o, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {}\n\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	ask(t, "POST", srv.URL+chatPath, chatAsk)
	srv.Close()
	failed := 0
	for _, e := range rec.ended {
		if e.Failed {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("broken off: %+v", rec.ended)
	}
}

// TestTraceparentPasses: without a Tracer the fields are the client's, to the byte.
func TestTraceparentPasses(t *testing.T) {
	for _, value := range []string{aParent, "not a trace", "00-" + aTrace + "-B7AD6B7169203331-01"} {
		var got http.Header
		srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Clone()
			typed("application/json", chatBody)(w, r)
		}))
		ask(t, "POST", srv.URL+chatPath, chatAsk, "Traceparent", value, "Tracestate", "a=b,c=d")
		if got.Get("Traceparent") != value || got.Get("Tracestate") != "a=b,c=d" {
			t.Errorf("the upstream saw %q and %q", got.Get("Traceparent"), got.Get("Tracestate"))
		}
	}
}

// TestExemplars: both histograms name a trace that is sampled, and no other.
func TestExemplars(t *testing.T) {
	for flags, want := range map[string]int{"01": 2, "00": 0} {
		reg := prometheus.NewRegistry()
		o := testOptions(disclose.Strict)
		o.Metrics, _ = NewMetrics(reg)
		srv := proxyTo(t, o, typed("application/json", chatBody))
		ask(t, "POST", srv.URL+chatPath, chatAsk, "Traceparent", aParent[:53]+flags)
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, f := range families {
			if f.GetType() == dto.MetricType_HISTOGRAM && exemplar(f) == aTrace {
				named++
			}
		}
		if named != want {
			t.Errorf("flags %s: %d histograms name the trace, want %d", flags, named, want)
		}
	}
}

func exemplar(f *dto.MetricFamily) string {
	for _, m := range f.GetMetric() {
		for _, b := range m.GetHistogram().GetBucket() {
			for _, l := range b.GetExemplar().GetLabel() {
				if l.GetName() == "trace_id" {
					return l.GetValue()
				}
			}
		}
	}
	return ""
}
