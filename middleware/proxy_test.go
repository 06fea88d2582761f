package middleware

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

func pass(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("ETag", `"v"`)
	h["X-Twice"] = []string{"1", "2"}
	h.Set("AI-Disclosure", "mode=none")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Trailer", "X-T")
	h.Set("Date", "Mon, 23 Nov 2026 00:00:00 GMT")
	if strings.Contains(r.URL.Path, "teapot") {
		w.WriteHeader(http.StatusTeapot)
	}
	_, _ = io.WriteString(w, chatBody+r.Header.Get("Range")+r.Header.Get("If-None-Match")+string(body))
	_ = http.NewResponseController(w).Flush() // else net/http adds a length to one hop and not to the other
	h.Set("X-T", "end")
}

// What is no AI route passes as if the proxy were not there.
func TestIdentity(t *testing.T) {
	exempt := testOptions(disclose.Strict)
	exempt.Routes = []Route{{Path: "/v1/chat/*", Exempt: &Exemption{Reason: "tools"}}}
	for name, o := range map[string]Options{"other": testOptions(disclose.Strict), "exempt": exempt} {
		for _, h2 := range []bool{false, true} {
			for _, path := range []string{"/v1/models", "/teapot", chatPath} {
				if path == chatPath && name == "other" {
					continue
				}
				proto := "h1"
				if h2 {
					proto = "h2"
				}
				t.Run(name+"/"+proto+path, func(t *testing.T) { checkIdentity(t, o, h2, path) })
			}
		}
	}
}

func checkIdentity(t *testing.T, o Options, h2 bool, path string) {
	up := serve(t, http.HandlerFunc(pass))
	target, _ := url.Parse(up.URL)
	h, err := NewProxy(target, o)
	if err != nil {
		t.Fatal(err)
	}
	get := func(h http.Handler) answer {
		srv := httptest.NewUnstartedServer(h)
		srv.EnableHTTP2 = h2
		srv.StartTLS()
		defer srv.Close()
		req, _ := http.NewRequest("POST", srv.URL+path, strings.NewReader("ask"))
		req.Header.Set("Range", "bytes=0-1")
		req.Header.Set("If-None-Match", `"x"`)
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return answer{resp, body, err}
	}
	direct, through := get(http.HandlerFunc(pass)), get(h)
	if direct.StatusCode != through.StatusCode || !bytes.Equal(direct.body, through.body) || through.err != nil {
		t.Fatalf("%d %s\n%d %s", direct.StatusCode, direct.body, through.StatusCode, through.body)
	}
	if !maps.EqualFunc(direct.Header, through.Header, slices.Equal) || !maps.EqualFunc(direct.Trailer, through.Trailer, slices.Equal) {
		t.Fatalf("direct %v %v\nthrough %v %v", direct.Header, direct.Trailer, through.Header, through.Trailer)
	}
}

// The notice comes once per conversation, and a model never sees it.
func TestRoundTrip(t *testing.T) {
	var asked string
	srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = string(body)
		chat(w, r)
	}))
	const later = `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"Hello."},{"role":"user","content":"more"}]}`
	sent := strings.Replace(later, `"Hello."`, `"`+noticeEN+`\n\nHello."`, 1)
	a := ask(t, "POST", srv.URL+chatPath, sent)
	wantStatus(t, a, 200)
	if asked != later {
		t.Fatalf("upstream was asked %s", asked)
	}
	var got struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal(a.body, &got); err != nil || got.Choices[0].Message.Content != "Hello." {
		t.Fatalf("second turn says %+v (%v)", got, err)
	}
}

func TestLargeRequestStreamsThroughUnread(t *testing.T) {
	o := testOptions(disclose.Strict)
	o.MaxRequest = 64
	reg, m := newTestMetrics(t)
	o.Metrics = m
	for name, reader := range map[string]func(string) io.Reader{
		"length":  func(s string) io.Reader { return strings.NewReader(s) },
		"chunked": func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) },
	} {
		t.Run(name, func(t *testing.T) {
			sent := `{"messages":[{"role":"user","content":"` + strings.Repeat("x", 5000) + `"}]}`
			srv := proxyTo(t, o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got, _ := io.ReadAll(r.Body); string(got) != sent {
					t.Errorf("upstream read %d bytes, want %d", len(got), len(sent))
				}
				chat(w, r)
			}))
			resp, err := testClient.Post(srv.URL+chatPath, "application/json", reader(sent))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			wantMarked(t, answer{resp, body, err})
		})
	}
	if !strings.Contains(metricsText(t, reg), `avow_skipped_total{reason="too_large"} 2`) {
		t.Error("not counted")
	}
}

func TestUpstreamThatDoesNotAnswer(t *testing.T) {
	srv := proxyURL(t, testOptions(disclose.Strict), "http://127.0.0.1:1")
	for _, path := range []string{chatPath, "/other"} {
		a := ask(t, "POST", srv.URL+path, chatAsk, "X-Request-Id", "req-1")
		wantStatus(t, a, http.StatusBadGateway)
		wantHeader(t, a, "Content-Type", "application/problem+json")
		wantHeader(t, a, "X-Request-Id", "req-1")
		if bytes.Contains(a.body, []byte("127.0.0.1")) || !bytes.Contains(a.body, []byte(`"request_id":"req-1"`)) {
			t.Fatalf("problem %s", a.body)
		}
	}
}

func TestURLOnlyIsRefusedBeforeTheUpstreamIsAsked(t *testing.T) {
	srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	a := ask(t, "POST", srv.URL+imagePath, `{"prompt":"x","response_format":"url"}`)
	wantStatus(t, a, http.StatusBadGateway)
	if !bytes.Contains(a.body, []byte("b64_json")) {
		t.Fatalf("no hint in %s", a.body)
	}
}

func TestEmptyAnswerIsLabelled(t *testing.T) {
	srv := wrap(t, testOptions(disclose.Strict), func(http.ResponseWriter, *http.Request) {})
	a := ask(t, "GET", srv.URL+"/x", "")
	wantStatus(t, a, 200)
	if a.Header.Get("AI-Disclosure") == "" || len(a.body) != 0 {
		t.Fatalf("header %v, body %q", a.Header, a.body)
	}
}

func TestVerifyBesideTheProxy(t *testing.T) {
	d, err := disclose.NewDetector(disclose.DetectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(disclose.Strict)
	o.Verify = &VerifyOptions{Detector: d, Limits: VerifyLimits{PerMinute: -1, PerGroup: -1}}
	address := proxyTo(t, o, http.HandlerFunc(chat)).URL + "/avow/v1/verify"
	form := func(fields ...string) (string, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for _, f := range fields {
			part, _ := w.CreateFormFile(f, "a.txt")
			_, _ = io.WriteString(part, noticeEN+"\n\nHello.")
		}
		_ = w.Close()
		return w.FormDataContentType(), b.String()
	}
	for _, c := range []struct {
		name   string
		fields []string
		kind   string
		body   string
		status int
	}{
		{"raw", nil, "text/plain", noticeEN + "\n\nHello.", 200},
		{"json", nil, "application/json", `{"text":"` + noticeEN + `\n\nHello."}`, 200},
		{"form", []string{"file"}, "", "", 200},
		{"json without text", nil, "application/json", `{"text":7}`, 400},
		{"no file", []string{"other"}, "", "", 400},
		{"two files", []string{"file", "file"}, "", "", 400},
		{"many parts", strings.Split(strings.Repeat("x,", 11)+"file", ","), "", "", 400},
		{"too large", nil, "text/plain", strings.Repeat("x", 20<<20+1), 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind, body := c.kind, c.body
			if c.fields != nil {
				kind, body = form(c.fields...)
			}
			resp, err := testClient.Post(address, kind, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			data, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != c.status || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Fatalf("%d %v %.300s", resp.StatusCode, resp.Header, data)
			}
			var report disclose.Report
			if c.status == 200 && (json.Unmarshal(data, &report) != nil || report.Verdict != disclose.Present) {
				t.Fatalf("report %s", data)
			}
		})
	}
	if a := ask(t, "GET", address, ""); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "POST" {
		t.Fatalf("GET: %d", a.StatusCode)
	}
}

func TestWellKnown(t *testing.T) {
	o := testOptions(disclose.Strict)
	o.Contact = "mailto:ai@example.com"
	a := ask(t, "GET", proxyTo(t, o, http.HandlerFunc(chat)).URL+"/.well-known/ai-disclosure.json", "")
	wantStatus(t, a, 200)
	var doc disclose.WellKnown
	if err := json.Unmarshal(a.body, &doc); err != nil || doc.Provider != "Example GmbH" || doc.Contact != o.Contact {
		t.Fatalf("%+v %v", doc, err)
	}
}
