package middleware

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/avowai/avow/disclose"
)

// maxSeries bounds the series of one process.
const maxSeries = 2000

// canned is an upstream without a network.
type canned func(*http.Request) *http.Response

func (f canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return f(r), nil
}

// axes are what the upstream and the endpoint decide; everything else about a
// request is the client's to make up.
var axes = struct {
	paths, types, bodies []string
	statuses             []int
}{
	paths:    []string{chatPath, imagePath, "/v1/messages", "/api/chat", "/sdapi/v1/txt2img", "/x:generateContent", "/v1/models", "/declared/x"},
	types:    []string{"application/json", "text/event-stream", "image/png", "text/html"},
	bodies:   []string{chatBody, "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n", "not what it says"},
	statuses: []int{200, 404},
}

type made struct {
	path, contentType, body string
	status                  int
}

func allAxes() (all []made) {
	for _, p := range axes.paths {
		for _, c := range axes.types {
			for _, b := range axes.bodies {
				for _, s := range axes.statuses {
					all = append(all, made{p, c, b, s})
				}
			}
		}
	}
	return all
}

func noise(r *rand.Rand) string {
	b := make([]byte, 1+r.IntN(24))
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789-_~"[r.IntN(49)]
	}
	return string(b)
}

// request is one with made-up text wherever a client can put some; none where r is
// nil.
func (m made) request(i int, r *rand.Rand) *http.Request {
	path, method, model, language := m.path, []string{"POST", "GET", "HEAD", "PATCH"}[i/len(allAxes())%4], "m", disclose.Languages()[i%len(disclose.Languages())].String()
	if r != nil {
		path = "/" + noise(r) + path + "?" + noise(r) + "=" + noise(r)
		if m.path == "/declared/x" {
			path = "/declared/" + noise(r)
		}
		model = noise(r)
		if i%2 == 0 {
			method = strings.ToUpper(noise(r))
		}
		language = noise(r) + "," + language + ";q=0.5," + noise(r)
	}
	body := fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"hi"}]}`, model, i%2 == 0)
	out, err := http.NewRequest(method, "http://avow.example"+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	out.RemoteAddr = "192.0.2.1:1"
	out.RequestURI = out.URL.RequestURI()
	out.Header.Set("Content-Type", "application/json")
	out.Header.Set("Accept-Language", language)
	if r != nil {
		out.Header.Set("X-Request-Id", noise(r))
		out.Header.Set("User-Agent", noise(r))
	}
	return out
}

// TestCardinality: whatever clients make up, the series stay those that the
// endpoints and the upstream's answers give, and every value is of a closed set.
func TestCardinality(t *testing.T) {
	reg := prometheus.NewRegistry()
	o := testOptions(disclose.Standard)
	o.Metrics, _ = NewMetrics(reg)
	o.Routes = []Route{{Path: "/declared/*"}}
	c, err := newCore(o, true)
	if err != nil {
		t.Fatal(err)
	}
	var now made
	h, err := c.proxyTo(&url.URL{Scheme: "http", Host: "upstream.example"}, canned(func(r *http.Request) *http.Response {
		return &http.Response{StatusCode: now.status, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(now.body)),
			Header: http.Header{"Content-Type": {now.contentType}}, Body: io.NopCloser(bytes.NewReader([]byte(now.body)))}
	}))
	if err != nil {
		t.Fatal(err)
	}
	all := allAxes()
	send := func(i int, r *rand.Rand) {
		now = all[i%len(all)]
		func() {
			defer func() { _ = recover() }() // http.ErrAbortHandler of answers that broke off
			h.ServeHTTP(httptest.NewRecorder(), now.request(i, r))
		}()
	}
	for i := range 24 * len(all) { // every language, every method, every axis
		send(i, nil)
	}
	before := series(t, reg)
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		send(i, r)
	}
	after := series(t, reg)
	for name := range after {
		if !before[name] {
			t.Errorf("a client made the series %s", name)
		}
	}
	if len(after) > maxSeries {
		t.Errorf("%d series, want at most %d", len(after), maxSeries)
	}
	t.Logf("%d requests, %d series", 24*len(all)+n, len(after))
}

// series are all series of a registry; a histogram counts by its buckets. Their
// labels are checked against the closed sets.
func series(t *testing.T, reg *prometheus.Registry) map[string]bool {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	closed := labelValues()
	routes := []string{"/declared/*", "/chat/completions", "/images/generations", "/messages", "/api/chat", "/sdapi/v1/txt2img", ":generateContent", "other"}
	out := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
				if set := closed[l.GetName()]; set != nil && !slices.Contains(set, l.GetValue()) ||
					l.GetName() == "route" && !slices.Contains(routes, l.GetValue()) {
					t.Errorf("%s has a value outside its set: %s", f.GetName(), l)
				}
			}
			out[name] = true
			for i := range m.GetHistogram().GetBucket() {
				out[fmt.Sprint(name, " bucket ", i)] = true
			}
		}
	}
	return out
}
