package middleware

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzQuestion: whatever is asked, the answer is a report or a problem, and room and
// places are given back.
func FuzzQuestion(f *testing.F) {
	seeds := [][2]string{
		{"text/plain", "Hello."}, {"application/json", aText}, {"application/json", `{"url":"https://example.org/"}`}, {"application/json", `{"text":"\ud800"}`},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nHello.\r\n--x--\r\n"},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=text\r\nA: b\r\n\r\nx\r\n--x\r\n\r\n--x--"},
		{"image/png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x06\x00\x00\x00"}, {"image/jpeg", "\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03"},
		{"text/html", "<html><body>x"}, {"", ""},
	}
	for _, s := range seeds {
		f.Add(s[0], []byte(s[1]))
	}
	a := newAsked(f, func(o *VerifyOptions) { o.Limits.Upload = 1 << 16 })
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		for _, path := range []string{"/avow/v1/verify", "/avow/v1/matches/byContent"} {
			r := httptest.NewRequest("POST", path, bytes.NewReader(body))
			r.Header["Content-Type"] = []string{kind}
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if got := w.Header().Get("Content-Type"); w.Code == http.StatusOK && got != "application/json" || w.Code != http.StatusOK && got != "application/problem+json" || w.Code >= 500 {
				t.Fatalf("%d %s", w.Code, got)
			}
		}
		if !a.uploads.TryAcquire(a.limits.Memory) {
			t.Fatal("room is not given back")
		}
		a.uploads.Release(a.limits.Memory)
	})
}

// FuzzSmallQuestions: bindings, feedback and names of manifests.
func FuzzSmallQuestions(f *testing.F) {
	for _, s := range []string{bindingJSON(), okFeedback, "alg=a&value=AA", testURN, "%00", `{"maxResults":-1}`, strings.Repeat("[", 100)} {
		f.Add(s)
	}
	a := newAsked(f, withDown)
	f.Fuzz(func(t *testing.T, text string) {
		for method, path := range map[string]string{"POST": "/avow/v1/matches/byBinding", "PUT": "/avow/v1/feedback", "GET": "/avow/v1/matches/byBinding", "HEAD": "/avow/v1/manifests/"} {
			r := httptest.NewRequest(method, path, strings.NewReader(text))
			switch method {
			case "PUT":
				r.Method = "POST"
				r.Header.Set("Content-Type", "application/json")
			case "GET":
				r.URL.RawQuery = text
			case "HEAD":
				r.Method, r.URL.Path = "GET", path+text
			}
			r.Header.Set("X-Forwarded-For", text)
			r.Header.Set("Accept", text)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
				t.Fatalf("%d", w.Code)
			}
		}
	})
}
