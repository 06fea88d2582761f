package page

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

// A field is one part of a form.
type field struct{ name, file, contentType, value string }

// form is what a browser sends.
func form(t testing.TB, fields ...field) *http.Request {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range fields {
		h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + f.name + `"`}}
		if f.file != "" {
			h.Set("Content-Disposition", `form-data; name="`+f.name+`"; filename="`+strings.ReplaceAll(f.file, `"`, "%22")+`"`)
			h.Set("Content-Type", f.contentType)
		}
		part, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, f.value)
	}
	_ = w.Close()
	r := httptest.NewRequest(http.MethodPost, "/avow/verify", &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	return do(h, httptest.NewRequest(http.MethodGet, path, nil))
}

func TestPageProtectsItself(t *testing.T) {
	h := New(newAsked(t), Options{})
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/avow/verify", nil),
		httptest.NewRequest(http.MethodHead, "/avow/verify", nil),
		httptest.NewRequest(http.MethodDelete, "/avow/verify", nil),
		httptest.NewRequest(http.MethodGet, "/avow/verify/none.js", nil),
		form(t, field{name: "text", value: "nothing_found"}),
		form(t, field{name: "text", value: "failed"}),
	} {
		w := do(h, r)
		csp := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'self'",
			"base-uri 'none'", "frame-ancestors 'none'", "img-src 'self' blob: data:", "require-trusted-types-for 'script'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s %s: policy %q lacks %s", r.Method, r.URL, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") || strings.Contains(csp, "*") {
			t.Errorf("policy = %q", csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %s = %q, want %q", r.Method, r.URL, name, got, want)
			}
		}
		if w.Header().Get("Permissions-Policy") == "" || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("header = %v", w.Header())
		}
	}
}

func TestPageMethodsAndCaches(t *testing.T) {
	h := New(newAsked(t), Options{})
	for _, c := range []struct {
		method, path string
		status       int
		cache        string
	}{
		{"GET", "/avow/verify", 200, "no-cache"},
		{"HEAD", "/avow/verify", 200, "no-cache"},
		{"PUT", "/avow/verify", 405, ""},
		{"GET", "/avow/verify/", 404, ""},
		{"GET", "/avow/verify/page.css", 404, ""},
		{"GET", "/avow/verify/../verify", 404, ""},
	} {
		w := do(h, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || w.Header().Get("Cache-Control") != c.cache {
			t.Errorf("%s %s = %d, %q, want %d, %q", c.method, c.path, w.Code, w.Header().Get("Cache-Control"), c.status, c.cache)
		}
		if c.method == "HEAD" && w.Body.Len() != 0 {
			t.Error("HEAD has a body")
		}
	}
	if w := do(h, form(t, field{name: "text", value: "x"})); w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("an answer may be kept: %q", w.Header().Get("Cache-Control"))
	}
}

// TestPageFiles follows every address that the page loads something from.
func TestPageFiles(t *testing.T) {
	h := New(newAsked(t), Options{Path: "/x/check"})
	page := get(h, "/x/check").Body.String()
	loads := regexp.MustCompile(`<(?:link|script|img)[^>]*(?:href|src)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(loads) != 3 {
		t.Fatalf("the page loads %v, want style, script and icon", loads)
	}
	for _, l := range loads {
		w := get(h, l[1])
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s = %d, %q", l[1], w.Code, w.Header().Get("Cache-Control"))
		}
		if got := do(h, httptest.NewRequest(http.MethodPost, l[1], nil)).Code; got != 405 {
			t.Errorf("POST %s = %d, want 405", l[1], got)
		}
	}
	for _, never := range []string{"<style", " style=", "<script>", " onclick", "javascript:", "http://", "//cdn"} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %q", never)
		}
	}
}

// TestPageWithoutScripts asks as forms do.
func TestPageWithoutScripts(t *testing.T) {
	a := newAsked(t)
	h := New(a, Options{Links: true})
	for _, c := range []struct {
		field field
		asked string
	}{
		{field{"file", "cat.png", "image/png", "record_matches"}, "file|cat.png|record_matches|en"},
		{field{name: "text", value: "possible_copy"}, "text||possible_copy|en"},
		{field{name: "url", value: "https://example.com/a"}, "url||https://example.com/a|en"},
	} {
		w := do(h, form(t, c.field))
		if got := <-a.bodies; got != c.asked || w.Code != 200 {
			t.Errorf("status %d, asked %q, want %q", w.Code, got, c.asked)
		}
	}
	r := form(t)
	r.Header.Set("Content-Type", "text/plain")
	if w := do(h, r); w.Code != 400 || !strings.Contains(w.Body.String(), "This cannot be read") {
		t.Errorf("no form: status %d", w.Code)
	}
}

// TestPageForms: what the backend does not take is not asked for.
func TestPageForms(t *testing.T) {
	for _, c := range []struct {
		o           Options
		text, links bool
	}{{Options{}, true, false}, {Options{Links: true, NoText: true}, false, true}} {
		page := get(New(newAsked(t), c.o), "/avow/verify").Body.String()
		if strings.Contains(page, `name="text"`) != c.text || strings.Contains(page, `name="url"`) != c.links || !strings.Contains(page, `name="file"`) {
			t.Errorf("%+v: %s", c.o, page)
		}
	}
	page := get(New(newAsked(t), Options{MaxUpload: 1 << 20}), "/avow/verify").Body.String()
	if !strings.Contains(page, `data-max="1044480"`) || !strings.Contains(page, "at most 1\u00a0MiB") {
		t.Error("the limit is not given")
	}
}

// TestPageFromLabel: a visible label's code leads here with the number of its output.
func TestPageFromLabel(t *testing.T) {
	h := New(newAsked(t), Options{})
	for id, want := range map[string]bool{"9f3c52d07ab1e644": true, "": false, "9f3c": false, "<script>alert(1)": false, "9f3c52d07ab1e64g": false} {
		page := get(h, "/avow/verify?id="+url.QueryEscape(id)).Body.String()
		if got := strings.Contains(page, "names the number"); got != want || strings.Contains(page, "alert") {
			t.Errorf("id %q: shown %v, want %v", id, got, want)
		}
		if want && !strings.Contains(page, `action="/avow/verify?lang=en&amp;id=`+id+`"`) {
			t.Errorf("id %q is lost with the question", id)
		}
	}
}

func TestPageFeedback(t *testing.T) {
	a := newAsked(t)
	h := New(a, Options{})
	page := do(h, form(t, field{name: "text", value: "tampered"})).Body.String()
	<-a.bodies
	action := regexp.MustCompile(`action="([^"]+)" id="feedback-form"`).FindStringSubmatch(page)
	sum := regexp.MustCompile(`name="report" value="([^"]+)"`).FindStringSubmatch(page)
	if action == nil || sum == nil {
		t.Fatal("no form for feedback")
	}
	send := func(values url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, action[1], strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(h, r)
	}
	w := send(url.Values{"report": {sum[1]}, "kind": {"wrong"}, "comment": {"a\r\nb"}})
	if got := <-a.bodies; w.Code != 200 || got != "wrong|"+strings.Repeat("5e", 32)+"|a\nb" || !strings.Contains(w.Body.String(), "Thank you") {
		t.Errorf("status %d, %q", w.Code, got)
	}
	for _, bad := range []url.Values{{}, {"kind": {"x"}}, {"kind": {"wrong"}, "comment": {strings.Repeat("x", maxFeedback)}}} {
		if w := send(bad); w.Code != 400 || len(a.bodies) != 0 || !strings.Contains(w.Body.String(), "cannot be read") {
			t.Errorf("status %d", w.Code)
		}
	}
	if w := get(h, "/avow/verify/feedback"); w.Code != 404 {
		t.Errorf("GET = %d, want 404", w.Code)
	}
}

// TestPageAnswers renders every state, and looks for what has to be said.
func TestPageAnswers(t *testing.T) {
	h := New(newAsked(t), Options{Keys: "/keys", API: "/api", Contact: "ai@example.com"})
	for name, s := range states {
		t.Run(name, func(t *testing.T) {
			page := do(h, form(t, field{name: "text", value: name})).Body.String()
			text := plain(page)
			for _, want := range []string{s.summary, disclose.Limits, "2026-11-27 10:05 UTC", "avow 0.5.0", "is looked at in memory and not kept",
				"Error rates of the marks", "Is the answer wrong?", "Contact", "k-1a2b3c4d, k-00ff00ff", "Description of the API", "Download signed report"} {
				if !strings.Contains(text, want) {
					t.Errorf("not said: %q", want)
				}
			}
			for _, c := range disclose.Carriers() {
				if !strings.Contains(text, wordsByLanguage()["en"].texts[c.String()]) {
					t.Errorf("nothing is said about %s", c)
				}
			}
			for _, never := range []string{"erified", "authentic", "fake", "real ", "human-made", "100 %", "onfidence", "robability", "✓", "✔"} {
				if strings.Contains(text, never) {
					t.Errorf("says %q", never)
				}
			}
			if strings.Contains(page, "no value") || strings.Contains(page, "ZgotmplZ") || strings.Contains(text, "{") {
				t.Error("something is not filled in")
			}
		})
	}
	text := plain(do(h, form(t, field{name: "text", value: "possible_copy"})).Body.String())
	for _, want := range []string{"Fewer than 1 in a million unmarked images would show this.", "In a small part of the picture", "k-1a2b3c4d",
		"9f3c52d07ab1e644", "2026-11-20 09:12 UTC", "assistant", "Differs from the record, possibly a copied mark"} {
		if !strings.Contains(text, want) {
			t.Errorf("not said: %q", want)
		}
	}
}

// TestEveryCauseLooksLikeSomething fails for a cause that the page does not know.
func TestEveryCauseLooksLikeSomething(t *testing.T) {
	tones := map[string]string{
		"record_matches": "match", "key_matches": "found", "no_record": "found", "possible_copy": "doubt", "fingerprint_only": "found",
		"template_only": "found", "statement_only": "found", "signature_trusted": "found", "signature_untrusted": "found",
		"tampered": "bad", "conflicting_ids": "bad", "revoked_key": "doubt", "too_small": "unknown", "nothing_found": "none", "cannot_tell": "unknown",
	}
	for name, s := range states {
		if tone, _, _ := judge(report(s)); tone != tones[name] {
			t.Errorf("%s looks %s, want %s", name, tone, tones[name])
		}
	}
	if len(states) != len(tones) {
		t.Errorf("%d states, %d tones", len(states), len(tones))
	}
}

func TestPageProblems(t *testing.T) {
	h := New(newAsked(t), Options{})
	for name, want := range map[string]string{
		"too_large": "Send at most 20\u00a0MiB.", "unreadable": "Send a PNG, JPEG or WebP picture", "near": "Try again tomorrow.", "text": "Ask the operator.",
		"too_many": "Wait 30\u00a0s, then try again.", "busy": "Wait 1\u00a0s, then try again.", "bad_link": "It has to begin with https",
		"failed": "give the operator this number: req-17",
	} {
		w := do(h, form(t, field{name: "text", value: name}))
		if w.Code != problems[name].Status || !strings.Contains(plain(w.Body.String()), want) {
			t.Errorf("%s: status %d, and not said: %q", name, w.Code, want)
		}
	}
}

// TestPageDownloads opens what the page offers for keeping.
func TestPageDownloads(t *testing.T) {
	a := newAsked(t)
	h := New(a, Options{})
	page := do(h, form(t, field{"file", "cat.png", "image/png", "record_matches"})).Body.String()
	var r disclose.Report
	if err := json.Unmarshal(held(t, page, "application/json"), &r); err != nil {
		t.Fatal(err)
	}
	if r.Reason != disclose.CauseRecordMatches || r.Findings[disclose.CarrierImageMark].FalsePositiveRate != 1e-6 {
		t.Errorf("report = %+v", r)
	}
	if got := held(t, page, "application/jose"); strings.Count(string(got), ".") != 2 {
		t.Errorf("JWS = %q", got)
	}
	a.sign = false
	if page := do(h, form(t, field{name: "text", value: "x"})).Body.String(); strings.Contains(page, "jose") || !strings.Contains(page, "data:application/json") {
		t.Error("without a key a signed report is offered, or none at all")
	}
}

// held is what a data: address of the page holds.
func held(t *testing.T, page, contentType string) []byte {
	t.Helper()
	m := regexp.MustCompile(`href="data:` + contentType + `;base64,([^"]+)" download=`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no address with %s", contentType)
	}
	body, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(m[1], "&#43;", "+"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}
