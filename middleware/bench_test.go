package middleware

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

var longAnswer = strings.Replace(chatBody, "Hello.", strings.Repeat("A lighthouse marks a coast. ", 44), 1)

// BenchmarkProxyAddedJSON asks a bare ReverseProxy and ours in turn and reports
// the medians and their difference. One iteration asks both.
func BenchmarkProxyAddedJSON(b *testing.B) {
	up := httptest.NewServer(typed("application/json", longAnswer))
	defer up.Close()
	target, err := url.Parse(up.URL)
	if err != nil {
		b.Fatal(err)
	}
	ours, err := NewProxy(target, testOptions(disclose.Strict))
	if err != nil {
		b.Fatal(err)
	}
	transport := newTransport(UpstreamLimits{})
	defer transport.CloseIdleConnections()
	bare := &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(target); pr.SetXForwarded() },
		Transport: transport, FlushInterval: -1, BufferPool: copyBuffers}
	handlers := [2]http.Handler{bare, ours}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var urls [2]string
	for i, h := range handlers {
		srv := httptest.NewServer(h)
		defer srv.Close()
		urls[i] = srv.URL + chatPath
	}
	var took [2][]time.Duration
	for b.Loop() {
		for i := range urls {
			start := time.Now()
			resp, err := client.Post(urls[i], "application/json", strings.NewReader(chatAsk))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			took[i] = append(took[i], time.Since(start))
		}
	}
	var p50 [2]float64
	for i := range took {
		slices.Sort(took[i])
		p50[i] = float64(took[i][len(took[i])/2]) / 1e3
	}
	b.ReportMetric(p50[0], "bare-p50-µs")
	b.ReportMetric(p50[1], "avow-p50-µs")
	b.ReportMetric(p50[1]-p50[0], "added-p50-µs")
}

// BenchmarkWrapJSON is the same answer through New, without a network.
func BenchmarkWrapJSON(b *testing.B) {
	mw, err := New(testOptions(disclose.Strict))
	if err != nil {
		b.Fatal(err)
	}
	h := typed("application/json", longAnswer)
	for name, handler := range map[string]http.Handler{"bare": h, "avow": mw(h)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", chatPath, strings.NewReader(chatAsk))
				r.Header.Set("Content-Type", "application/json")
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

type nowhere struct{ h http.Header }

func (n nowhere) Header() http.Header         { return n.h }
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n nowhere) WriteHeader(int)             {}
func (n nowhere) FlushError() error           { return nil }

// BenchmarkSSEEvent is one event after the splice, with its flush.
func BenchmarkSSEEvent(b *testing.B) {
	mw, err := New(testOptions(disclose.Strict))
	if err != nil {
		b.Fatal(err)
	}
	next := []byte(event("word "))
	r := httptest.NewRequest("POST", chatPath, strings.NewReader(chatAsk))
	r.Header.Set("Content-Type", "application/json")
	mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write(next)
		rc := http.NewResponseController(w)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.Write(next); err != nil {
				b.Fatal(err)
			}
			_ = rc.Flush()
		}
	})).ServeHTTP(nowhere{http.Header{}}, r)
}
