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
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// A field is one part of a form.
type field struct{ name, file, contentType, value string }

// form is what a browser sends.
func form(t *testing.T, fields ...field) *http.Request {
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

func clockAt() time.Time { return time.Date(2026, 11, 27, 10, 5, 0, 0, time.UTC) }

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

// TestPageWithoutScripts asks as forms do: the empty fields come along.
func TestPageWithoutScripts(t *testing.T) {
	for name, c := range map[string]struct {
		fields []field
		asked  string
		shown  string
		status int
	}{
		"file":            {[]field{{"file", "cat.png", "image/png", "record_matches"}}, "image/png|record_matches", "cat.png", 200},
		"text":            {[]field{{name: "text", value: "one\r\ntwo"}}, "text/plain; charset=utf-8|one\ntwo", "No mark found", 200},
		"empty file":      {[]field{{"file", "", "", ""}, {name: "text", value: "x"}}, "text/plain; charset=utf-8|x", "No mark found", 200},
		"link":            {[]field{{name: "url", value: " https://example.com/a\"b "}}, `application/json|{"url":"https://example.com/a\"b"}`, "No mark found", 200},
		"form in a form":  {[]field{{"file", "a", "multipart/form-data; boundary=x", "--x"}}, "application/octet-stream|--x", "No mark found", 200},
		"no type":         {[]field{{"file", "a", "", "x"}}, "application/octet-stream|x", "No mark found", 200},
		"nothing":         {[]field{{name: "text"}, {name: "file"}}, "", "Choose a file or enter a text", 400},
		"no field at all": {nil, "", "Choose a file or enter a text", 400},
		"unknown fields":  {[]field{{name: "a", value: "x"}}, "", "Choose a file or enter a text", 400},
		"many parts":      {slicesOf(field{name: "a", value: "x"}, maxParts+1), "", "cannot be read", 400},
		"long link":       {[]field{{name: "url", value: strings.Repeat("x", maxAddress+1)}}, "", "This address cannot be checked", 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsked(t)
			w := do(New(a, Options{Links: true}), form(t, c.fields...))
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.shown) {
				t.Fatalf("status %d, want %d, and %q in:\n%s", w.Code, c.status, c.shown, w.Body)
			}
			var got string
			select {
			case got = <-a.bodies:
			default:
			}
			if got != c.asked {
				t.Errorf("asked about %q, want %q", got, c.asked)
			}
		})
	}
}

func slicesOf(f field, n int) (all []field) {
	for range n {
		all = append(all, f)
	}
	return all
}

func TestPageWithoutLinks(t *testing.T) {
	a := newAsked(t)
	h := New(a, Options{})
	if strings.Contains(get(h, "/avow/verify").Body.String(), `type="url"`) {
		t.Error("an address is asked for, and none is fetched")
	}
	if w := do(h, form(t, field{name: "url", value: "https://example.com"})); w.Code != 400 || len(a.bodies) != 0 {
		t.Errorf("status %d, asked %d times", w.Code, len(a.bodies))
	}
}

func TestPageRefusesWhatIsTooLarge(t *testing.T) {
	h := New(newAsked(t), Options{MaxUpload: 1 << 20})
	w := do(h, form(t, field{"file", "a.png", "image/png", strings.Repeat("x", 1<<20+formSpace)}))
	if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "Send at most 1\u00a0MiB.") {
		t.Errorf("status %d:\n%s", w.Code, w.Body)
	}
	r := form(t, field{name: "text", value: "x"})
	r.Header.Set("Content-Type", "text/plain")
	if w := do(h, r); w.Code != http.StatusBadRequest {
		t.Errorf("no form: status %d", w.Code)
	}
}

// TestPageAnswers renders every state, and looks for what has to be said.
func TestPageAnswers(t *testing.T) {
	h := New(newAsked(t), Options{Keys: "/keys", API: "/api", Contact: "ai@example.com", Now: clockAt})
	for name, s := range states {
		t.Run(name, func(t *testing.T) {
			page := do(h, form(t, field{name: "text", value: name})).Body.String()
			text := plain(page)
			for _, want := range []string{s.summary, disclose.Limits, "2026-11-27 10:05 UTC", "avow 0.5.0", "is looked at in memory and not kept",
				"Error rates of the marks", "Tell us", "Description of the API", "Download signed report"} {
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
		"9f3c52d07ab1e644", "2026-11-20 09:12 UTC", "assistant", "The content differs from the recorded output"} {
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
		"too_large": "Send at most 20\u00a0MiB.", "unreadable": "Send a PNG, JPEG or WebP picture", "empty": "Choose a file or enter a text",
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
	if r.Input != "cat.png" || r.Reason != disclose.CauseRecordMatches || r.Findings[disclose.CarrierImageMark].FalsePositiveRate != 1e-6 {
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
