package middleware

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// TestQuestions: every way to ask, and what is refused.
func TestQuestions(t *testing.T) {
	text := noticeEN + "\n\nHello."
	many := []part{{"file", "a.txt", text}}
	for range maxParts {
		many = append(many, part{"other", "", "x"})
	}
	for _, c := range []struct {
		name   string
		parts  []part
		kind   string
		body   string
		input  string
		status int
		why    string
	}{
		{"raw", nil, "text/plain", text, "body", 200, ""},
		{"raw without a type", nil, "", text, "body", 200, ""},
		{"curl's own type", nil, "application/x-www-form-urlencoded", text, "body", 200, ""},
		{"JSON text", nil, "application/json", `{"text":"` + noticeEN + `\n\nHello."}`, "text", 200, ""},
		{"JSON that is an answer", nil, "application/json; charset=utf-8", chatBody, "body", 200, ""},
		{"form file", []part{{"file", "secret-name.txt", text}}, "", "", "file", 200, ""},
		{"form text", []part{{"text", "", text}}, "", "", "text", 200, ""},
		{"form with empty fields", []part{{"file", "", ""}, {"text", "", text}, {"url", "", ""}}, "", "", "text", 200, ""},
		{"form with other fields", []part{{"csrf", "", "x"}, {"text", "", text}}, "", "", "text", 200, ""},
		{"JSON without text", nil, "application/json", `{"text":7}`, "", 400, "bad_question"},
		{"JSON null", nil, "application/json", `{"text":null}`, "", 400, "bad_question"},
		{"no file", []part{{"other", "", "x"}}, "", "", "", 400, "bad_question"},
		{"two files", []part{{"file", "a", text}, {"file", "b", text}}, "", "", "", 400, "bad_question"},
		{"file and text", []part{{"file", "a", text}, {"text", "", text}}, "", "", "", 400, "bad_question"},
		{"many parts", many, "", "", "", 400, "bad_question"},
		{"no form", nil, "multipart/form-data; boundary=x", text, "", 400, "bad_question"},
		{"half a form", nil, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc", "", 400, "bad_question"},
		{"no boundary", nil, "multipart/form-data", text, "", 400, "bad_question"},
		{"a broken picture", nil, "image/png", "\x89PNG\r\n\x1a\n and no more", "", 400, "bad_question"},
		{"an unknown format", nil, "application/pdf", "%PDF-1.7\x00\xff\xfe", "", 400, "bad_question"},
		{"an address", []part{{"url", "", "https://example.org/a.png"}}, "", "", "", 403, "url_input_off"},
		{"too large", nil, "text/plain", long(1 << 20), "", 413, "too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAsked(t, func(o *VerifyOptions) { o.Limits.Upload = 1<<20 - 1 })
			body, kind := []byte(c.body), c.kind
			if c.parts != nil {
				body, kind = form(t, c.parts...)
			}
			w := a.verify(body, "Content-Type", kind)
			if c.status != http.StatusOK {
				wantProblem(t, w, c.status, c.why)
				return
			}
			rep := a.report(w)
			if rep.Input != c.input || strings.Contains(w.Body.String(), "secret-name") || c.body != chatBody && rep.Verdict != disclose.Present {
				t.Fatalf("%s", w.Body)
			}
			if rep.Exact || rep.Privacy == "" || rep.Feedback != "/avow/v1/feedback" || rep.Tested.Time != "2026-11-27T12:00:00Z" ||
				len(rep.Tested.KeyIDs) != 1 || rep.Tested.KeyIDs[0] != a.key.ID() || rep.Tool.Name != "avow" {
				t.Errorf("%+v", rep)
			}
		})
	}
}

// TestPartHeaders: header fields of a part cannot be piled up.
func TestPartHeaders(t *testing.T) {
	body := "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n" + strings.Repeat("A: b\r\n", maxPartHeaders) + "\r\nhello\r\n--x--\r\n"
	wantProblem(t, newAsked(t, nil).verify([]byte(body), "Content-Type", "multipart/form-data; boundary=x"), 400, "bad_question")
}

// TestChunkedQuestion: a question of unknown length is bounded all the same.
func TestChunkedQuestion(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits.Upload = 100 })
	unknown := func(n int) io.Reader { return io.MultiReader(strings.NewReader(long(n))) } // hides its length
	a.report(a.do("POST", "/avow/v1/verify", unknown(100), "Content-Type", "text/plain"))
	wantProblem(t, a.do("POST", "/avow/v1/verify", unknown(101), "Content-Type", "text/plain"), 413, "too_large")
	broken := io.MultiReader(strings.NewReader("abc"), brokenReader{})
	wantProblem(t, a.do("POST", "/avow/v1/verify", broken, "Content-Type", "text/plain"), 400, "bad_question")
	if !a.uploads.TryAcquire(a.limits.Memory) {
		t.Error("room for questions is not given back")
	}
}

// TestStrangersGetRoundedReports: exact figures are for those with a token.
func TestStrangersGetRoundedReports(t *testing.T) {
	a := newAsked(t, nil)
	public, exact := a.report(a.verify(marked(t))), a.report(a.verify(marked(t), "Authorization", "Bearer "+verifierToken))
	mark, sure := public.finding(disclose.CarrierImageMark), exact.finding(disclose.CarrierImageMark)
	if mark.Status != disclose.Verified || mark.ID != testID.String() || mark.Score != 0 || mark.Transform != nil || mark.FalsePositiveRate != 1e-6 || public.Exact {
		t.Errorf("public: %+v", mark)
	}
	if sure.Score == 0 || sure.Transform == nil || sure.FalsePositiveRate >= 1e-6 || !exact.Exact {
		t.Errorf("exact: %+v", sure)
	}
	wantProblem(t, a.verify(marked(t), "Authorization", "Bearer "+verifierToken+"x"), 401, "unknown_token")
	if a.report(a.verify(marked(t), "Authorization", "Basic eDp5")).Exact {
		t.Error("another scheme counts as a token")
	}
	if rep := a.report(a.verify(unmarked(t))); rep.Verdict != disclose.Absent {
		t.Errorf("unmarked: %s", rep.Verdict)
	}
}

// TestSignedReport: a signed report is checked with what the well-known document
// publishes, and so is one that was signed with a former key.
func TestSignedReport(t *testing.T) {
	former, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	old := newAsked(t, func(o *VerifyOptions) { o.ReportKey = ReportKey(former) })
	a := newAsked(t, func(o *VerifyOptions) {
		own := o.ReportKey.Public().(ed25519.PublicKey)
		o.OldReportKeys = []ed25519.PublicKey{own, ReportKey(former).Public().(ed25519.PublicKey)}
	})
	var doc disclose.WellKnown
	if err := json.Unmarshal(a.do("GET", disclose.WellKnownPath, nil).Body.Bytes(), &doc); err != nil || len(doc.SigningKeys) != 2 {
		t.Fatalf("%v %+v", err, doc.SigningKeys)
	}
	for name, from := range map[string]*asked{"active": a, "former": old} {
		w := from.verify(marked(t), "Accept", "application/jose")
		if w.Header().Get("Content-Type") != "application/jose" || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("header %v", w.Header())
		}
		header, payload, ok := checkSigned(t, w.Body.String(), doc.SigningKeys)
		if !ok || header["alg"] != "EdDSA" || header["typ"] != "avow-report+jws" {
			t.Fatalf("%s: %v", name, header)
		}
		if payload["iat"] != float64(a.at.Unix()) || payload["verdict"] != "verified" || payload["sha256"] == "" {
			t.Errorf("%s: %v", name, payload)
		}
		if err := description(t).check(map[string]any{"$ref": "#/components/schemas/Report"}, payload, "payload"); err != nil {
			t.Error(err)
		}
		if _, _, ok := checkSigned(t, strings.Replace(w.Body.String(), ".ey", ".eY", 1), doc.SigningKeys); ok {
			t.Error("a changed report holds")
		}
	}
	if _, err := NewVerifyService(VerifyOptions{Detector: a.o.Detector, ReportKey: notEd25519{}}); !errors.Is(err, errReportKey) {
		t.Errorf("another kind of key: %v", err)
	}
}

// checkSigned does what docs/api.md tells the reader of a signed report to do.
func checkSigned(t *testing.T, jws string, keys []disclose.SigningKey) (header, payload map[string]any, ok bool) {
	t.Helper()
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	raw := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := json.Unmarshal(raw(parts[0]), &header); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(raw(parts[1]), &payload)
	for _, k := range keys {
		if k.ID == header["kid"] {
			return header, payload, ed25519.Verify(raw(k.X), []byte(parts[0]+"."+parts[1]), raw(parts[2]))
		}
	}
	return header, payload, false
}

// TestTextForVerifiersOnly: obligation D6. A picture stays open to everybody.
func TestTextForVerifiersOnly(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.TextVerifiersOnly = true })
	picture := base64.StdEncoding.EncodeToString(unmarked(t))
	for name, body := range map[string]string{"text": "Hello.", "page": "<html><body>Hello.</body></html>", "answer": chatBody,
		"called a picture": "Hello.", "picture in an answer": `{"data":[{"b64_json":"` + picture + `"}]}`} {
		kind := "text/plain"
		if name == "called a picture" {
			kind = "image/png"
		}
		wantProblem(t, a.verify([]byte(body), "Content-Type", kind), 403, "text_verifiers_only")
		a.report(a.verify([]byte(body), "Content-Type", "text/plain", "Authorization", "Bearer "+verifierToken))
	}
	a.report(a.verify(unmarked(t), "Content-Type", "text/plain"))
}

// TestQuestionByAddress: where it is on, what an address names is fetched, and why
// it could not be is not told.
func TestQuestionByAddress(t *testing.T) {
	var asked []string
	a := newAsked(t, func(o *VerifyOptions) {
		o.Limits.Upload = 4000
		o.Fetch = func(_ context.Context, url string) (io.ReadCloser, string, error) {
			asked = append(asked, url)
			switch {
			case strings.HasSuffix(url, "/large"):
				return io.NopCloser(strings.NewReader(long(4001))), "text/plain", nil
			case strings.HasSuffix(url, "/broken"):
				return io.NopCloser(brokenReader{}), "text/plain", nil
			case strings.HasSuffix(url, "/inside"):
				return nil, "", errors.New("dial 10.0.0.7: refused")
			}
			return io.NopCloser(strings.NewReader(noticeEN + "\n\nHello.")), "text/plain", nil
		}
	})
	ask := func(url string) []byte { return []byte(`{"url":"` + url + `"}`) }
	rep := a.report(a.verify(ask("https://example.org/text#part"), "Content-Type", "application/json"))
	if rep.Input != "url" || rep.Verdict != disclose.Present || len(asked) != 1 || asked[0] != "https://example.org/text" {
		t.Errorf("%+v %v", rep.Report, asked)
	}
	for url, want := range map[string]struct {
		status int
		why    string
	}{
		"http://example.org/": {400, "url_unreadable"}, "file:///etc/passwd": {400, "url_unreadable"}, "https://": {400, "url_unreadable"},
		"https://a:b@example.org/": {400, "url_unreadable"}, "https://example.org/" + long(2100): {400, "url_unreadable"}, "::": {400, "url_unreadable"},
		"https://example.org/inside": {400, "url_unreadable"}, "https://example.org/broken": {400, "url_unreadable"}, "https://example.org/large": {413, "too_large"},
	} {
		w := a.verify(ask(url), "Content-Type", "application/json")
		if wantProblem(t, w, want.status, want.why); strings.Contains(w.Body.String(), "10.0.0.7") {
			t.Errorf("%s", w.Body)
		}
	}
	body, kind := form(t, part{"url", "", "https://example.org/form"})
	if rep := a.report(a.verify(body, "Content-Type", kind)); rep.Input != "url" {
		t.Errorf("form: %+v", rep.Report)
	}
}

// TestOtherOriginsMayAsk: scripts of other pages read answers, but write no feedback.
func TestOtherOriginsMayAsk(t *testing.T) {
	a := newAsked(t, nil)
	for path, allowed := range map[string]bool{"/avow/v1/verify": true, "/avow/v1/manifests/x": true, "/avow/v1/feedback": false, disclose.WellKnownPath: true} {
		w := a.do("OPTIONS", path, nil, "Origin", "https://other.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
		h := w.Header()
		if w.Code != http.StatusNoContent || (h.Get("Access-Control-Allow-Origin") == "*") != allowed || (h.Get("Access-Control-Allow-Methods") != "") != allowed {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
		if h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials are let through", path)
		}
	}
	for _, w := range []http.Header{a.verify([]byte("Hello.")).Header(), a.verify(nil).Header()} {
		if w.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("an answer cannot be read: %v", w)
		}
	}
}

// TestFeedback: what arrives, and where.
func TestFeedback(t *testing.T) {
	var log bytes.Buffer
	var got []Feedback
	a := newAsked(t, func(o *VerifyOptions) {
		o.Logger = newTestLog(&log)
		o.OnFeedback = func(_ context.Context, f Feedback) { got = append(got, f) }
	})
	send := func(body string) int {
		return a.do("POST", "/avow/v1/feedback", strings.NewReader(body), "Content-Type", "application/json").Code
	}
	if code := send(okFeedback); code != http.StatusAccepted || len(got) != 1 || got[0].Kind != FeedbackWrong || got[0].Comment == "" {
		t.Fatalf("%d %+v", code, got)
	}
	if code := send(`{"kind":"missing","comment":"` + strings.Repeat("ü", maxComment) + `"}`); code != http.StatusAccepted {
		t.Errorf("a comment of 1000 characters: %d", code)
	}
	if send(`{"kind":"other","comment":"a\nlevel=ERROR msg=forged\u202e"}`); strings.Contains(log.String(), "\nlevel=ERROR") || strings.Contains(log.String(), "\u202e") {
		t.Errorf("a comment writes its own line: %s", log.String())
	}
	if !strings.Contains(log.String(), "kind=wrong") {
		t.Errorf("log: %s", log.String())
	}
	got = nil
	// What a page of another origin sends without being asked.
	for _, kind := range []string{"", "text/plain", "text/plain; charset=application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
		w := a.do("POST", "/avow/v1/feedback", strings.NewReader(okFeedback), "Content-Type", kind, "Origin", "https://other.example")
		if w.Code != http.StatusBadRequest || got != nil {
			t.Errorf("as %q: %d %v", kind, w.Code, got)
		}
	}
	for _, bad := range []string{"", "[]", `{"kind":""}`, `{"kind":"wrong","name":"Ann"}`, `{"kind":"wrong","report":"zz"}`, `{"kind":"wrong"}{}`,
		`{"kind":"wrong","report":"01"}`, `{"kind":"wrong","comment":"` + long(maxComment+1) + `"}`, `{"kind":"wrong","comment":"` + long(maxFeedback) + `"}`} {
		if code := send(bad); code != http.StatusBadRequest || got != nil {
			t.Errorf("%.60s: %d %v", bad, code, got)
		}
	}
}

// TestLongInspectionEnds: an inspection that takes too long is given up.
func TestLongInspectionEnds(t *testing.T) {
	a := newAsked(t, func(o *VerifyOptions) { o.Limits.Time = time.Nanosecond })
	wantProblem(t, a.verify(marked(t)), http.StatusServiceUnavailable, "busy")
}
