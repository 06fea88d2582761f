package middleware

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"html"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
)

// pageForm asks the page as a browser's form does.
func (a *asked) pageForm(name, file string, content []byte, header ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	w, err := form.CreateFormField(name)
	if file != "" {
		w, err = form.CreateFormFile(name, file)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	_, _ = w.Write(content)
	_ = form.Close()
	return a.do("POST", "/avow/verify", &body, append(header, "Content-Type", form.FormDataContentType())...)
}

func wantPage(t *testing.T, w *httptest.ResponseRecorder, status int, says ...string) {
	t.Helper()
	if w.Code != status || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("status %d, %s: %.300s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	text := html.UnescapeString(w.Body.String())
	for _, s := range says {
		if !strings.Contains(text, s) {
			t.Errorf("the page does not say %q", s)
		}
	}
}

// TestPageOfTheService asks for a marked picture, and checks the signed report that
// the page holds as its reader would.
func TestPageOfTheService(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) {
		o.WellKnown = &disclose.WellKnown{Provider: "Example GmbH", System: "assistant", Contact: "ai@example.com"}
	})
	wantPage(t, a.do("GET", "/avow/verify", nil), 200, "Example GmbH, assistant", "mailto:ai@example.com", "/avow/v1/openapi.json", `name="file"`, `name="text"`)
	w := a.pageForm("file", "cat.png", marked(t))
	wantPage(t, w, 200, "Fewer than 1 in a million unmarked images would show this.", a.key.ID(), testID.String(), "2026-11-27 12:00 UTC", "In the whole picture")
	if strings.Contains(w.Body.String(), "cat.png") {
		t.Error("the answer repeats the file's name")
	}
	held := regexp.MustCompile(`data:application/jose;base64,([^"]+)"`).FindStringSubmatch(w.Body.String())
	if held == nil {
		t.Fatal("no signed report")
	}
	jws, err := base64.StdEncoding.DecodeString(html.UnescapeString(held[1]))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(jws), ".")
	sig, err := base64.RawURLEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(parts) != 3 || !ed25519.Verify(ReportKey(a.key).Public().(ed25519.PublicKey), []byte(parts[0]+"."+parts[1]), sig) {
		t.Fatalf("signature of %s: %v", jws, err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var rep reply
	if err != nil || json.Unmarshal(payload, &rep) != nil || rep.Reason != disclose.CauseKeyMatches || rep.Exact {
		t.Errorf("report %s: %v", payload, err)
	}
}

func TestPageOfTheServiceInOtherLanguages(t *testing.T) {
	a := newAsked(t, nil)
	w := a.pageForm("text", "", []byte("Hello."), "Accept-Language", "de-AT")
	wantPage(t, w, 200, `<html lang="de"`, disclose.LimitsText(language.German))
	wantHeader(t, answerOf(w), "Content-Language", "de")
	wantHeader(t, answerOf(w), "Vary", "Accept-Language")
}

func TestPageOfTheServiceRefuses(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) {
		o.Limits.PerMinute, o.Limits.Burst, o.Limits.Upload, o.TextVerifiersOnly, o.ReportKey = 1, 3, 1<<20, true, nil
	})
	page := a.do("GET", "/avow/verify", nil)
	if strings.Contains(page.Body.String(), `name="text"`) || strings.Contains(page.Body.String(), `name="url"`) {
		t.Error("the page asks for what is not answered")
	}
	wantPage(t, a.pageForm("file", "a", make([]byte, 1<<20)), 413, "Send at most 1\u00a0MiB.")
	wantPage(t, a.pageForm("text", "", []byte("Hello.")), 403, "Ask the operator.")
	w := a.pageForm("file", "a.png", marked(t))
	wantPage(t, w, 200, a.key.ID())
	if strings.Contains(w.Body.String(), "application/jose") {
		t.Error("an unsigned answer is offered as a signed one")
	}
	w = a.pageForm("file", "a.png", []byte("x"))
	wantPage(t, w, 429, "You asked very often.")
	if w.Header().Get("Retry-After") == "" || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("header = %v", w.Header())
	}
	wantPage(t, newAsked(t, nil).pageForm("file", "a.gif", []byte("GIF89a\xff")), 400, "This cannot be read.")
}

// TestPageKeepsLineEnds: a form writes CRLF, and a text is looked at as it was.
func TestPageKeepsLineEnds(t *testing.T) {
	a := newAsked(t, nil)
	sum := regexp.MustCompile(`name="report" value="([0-9a-f]{64})"`)
	form := sum.FindStringSubmatch(a.pageForm("text", "", []byte("one\r\ntwo\r\n")).Body.String())
	asJSON := a.report(a.verify([]byte(`{"text":"one\ntwo\n"}`), "Content-Type", "application/json"))
	if form == nil || form[1] != asJSON.SHA256 {
		t.Errorf("the form asks about %v, JSON about %s", form, asJSON.SHA256)
	}
}

func TestPageOfTheServiceTakesFeedback(t *testing.T) {
	var got []Feedback
	a := newAsked(t, func(o *VerifyOptions) {
		o.Limits.PerMinute, o.Limits.Burst = 30, 10
		o.OnFeedback = func(_ context.Context, f Feedback) { got = append(got, f) }
	})
	send := func(kind string, header ...string) *httptest.ResponseRecorder {
		body := url.Values{"report": {strings.Repeat("5e", 32)}, "kind": {kind}, "comment": {"ours"}}.Encode()
		return a.do("POST", "/avow/verify/feedback", strings.NewReader(body), append(header, "Content-Type", "application/x-www-form-urlencoded")...)
	}
	w := send("wrong", "Sec-Fetch-Site", "same-origin")
	wantPage(t, w, 200, "Thank you")
	if policy := w.Header().Get("RateLimit-Policy"); !strings.HasPrefix(policy, `"questions"`) {
		t.Errorf("counts as %s, and feedback by the API as a question", policy)
	}
	wantPage(t, send("wrong", "Origin", "http://example.com"), 200, "Thank you") // httptest's host
	wantPage(t, send("nonsense"), 400, "cannot be read")
	for _, foreign := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://example.org"}, {"Origin", "::"}} {
		wantPage(t, send("wrong", foreign...), 400, "cannot be read")
	}
	if len(got) != 2 || got[0] != (Feedback{strings.Repeat("5e", 32), FeedbackWrong, "ours"}) {
		t.Errorf("feedback = %+v", got)
	}
}

func TestFragmentOfTheService(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) {
		o.WellKnown = &disclose.WellKnown{Detector: "https://ai.example.com/avow/verify"}
	})
	w := a.verify(marked(t), "Accept", "text/html")
	wantPage(t, w, 200, "avow-origin-found", `href="https://ai.example.com/avow/verify"`, "<dt>Signatures</dt><dd>None found</dd>")
	if strings.Contains(w.Body.String(), "<html") || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%v: %s", w.Header(), w.Body)
	}
	if w := a.verify(marked(t), "Accept", "text/html, application/jose"); w.Header().Get("Content-Type") != "application/jose" {
		t.Errorf("type %s", w.Header().Get("Content-Type"))
	}
}

// answerOf is a recorded answer for the helpers.
func answerOf(w *httptest.ResponseRecorder) answer {
	return answer{Response: &http.Response{StatusCode: w.Code, Header: w.Header()}, body: w.Body.Bytes()}
}
