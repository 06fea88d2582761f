package middleware

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

// TestBackendMark: the backend is told to mark, a client cannot opt out, and a
// request that hides from that is refused under strict.
func TestBackendMark(t *testing.T) {
	for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
		var asked string
		backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked = string(body)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"Hi"}}]}`)
		})
		reg, metrics := newTestMetrics(t)
		wrap, err := New(Options{
			Disclose: disclose.Options{Profile: profile}, Metrics: metrics, MaxRequest: 4096,
			Backend: &disclose.BackendMark{Kind: disclose.BackendVLLM},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name, path, contentType, body, reaches string // "": refused under strict
		}{
			{"on", chatPath, "application/json", `{"messages":[]}`, `"watermarking":true`},
			{"opt-out", chatPath, "application/json", `{"watermarking":false,"messages":[]}`, `"watermarking":true`},
			{"pictures", "/v1/images/generations", "application/json", `{"prompt":"x"}`, `{"prompt":"x"}`},
			{"no JSON", chatPath, "application/json", `nonsense`, ""},
			{"form", chatPath, "multipart/form-data", `x`, ""},
			{"large", chatPath, "application/json", `{"x":"` + strings.Repeat("y", 5000) + `"}`, ""},
		} {
			asked = ""
			r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.contentType)
			w := httptest.NewRecorder()
			wrap(backend).ServeHTTP(w, r)
			refused := c.reaches == "" && profile == disclose.Strict
			if refused != (w.Code == http.StatusBadRequest) || refused != (asked == "") {
				t.Errorf("%v/%s: %d, the backend read %q", profile, c.name, w.Code, asked)
			}
			if c.reaches != "" && !strings.Contains(asked, c.reaches) {
				t.Errorf("%v/%s: the backend read %q, want %s", profile, c.name, asked, c.reaches)
			}
		}
		text := metricsText(t, reg)
		for _, want := range []string{`change="opt_out_refused"} 1`, `change="warn_unread"} 3`} {
			if !strings.Contains(text, want) {
				t.Errorf("%v: no %s in the metrics", profile, want)
			}
		}
	}
	if _, err := New(Options{Backend: &disclose.BackendMark{Kind: "other"}}); err == nil {
		t.Error("an unknown backend was accepted")
	}
}
