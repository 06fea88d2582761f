package middleware

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/avowai/avow/disclose"
)

// TestOptOut: signals are on AI answers where they are configured, and nowhere
// else.
func TestOptOut(t *testing.T) {
	signals := disclose.OptOut{ContentUsage: "train-ai=n", TDMReservation: "1", TDMPolicy: "https://example.org/tdm.json"}
	names := []string{disclose.HeaderContentUsage, disclose.HeaderTDMReservation, disclose.HeaderTDMPolicy}
	for name, c := range map[string]struct {
		signals disclose.OptOut
		path    string
		extra   http.Header // of the upstream
		status  int
		want    [3]string
	}{
		"off":          {disclose.OptOut{}, chatPath, nil, 200, [3]string{}},
		"on":           {signals, chatPath, nil, 200, [3]string{"train-ai=n", "1", signals.TDMPolicy}},
		"usage alone":  {disclose.OptOut{ContentUsage: "train-ai=n"}, chatPath, nil, 200, [3]string{"train-ai=n"}},
		"not AI":       {signals, "/v1/models", nil, 200, [3]string{}},
		"an error":     {signals, chatPath, nil, 404, [3]string{}},
		"the app's":    {signals, chatPath, http.Header{"Content-Usage": {"train-ai=y"}, "Tdm-Reservation": {"0"}}, 200, [3]string{"train-ai=y", "0", ""}},
		"by a person":  {signals, chatPath, http.Header{disclose.HeaderAuthor: {"human"}}, 200, [3]string{}},
		"app's policy": {signals, chatPath, http.Header{"Tdm-Policy": {"https://example.com/"}}, 200, [3]string{"train-ai=n", "1", "https://example.com/"}},
	} {
		o := testOptions(disclose.Strict)
		o.Disclose.OptOut = c.signals
		srv := proxyTo(t, o, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for k, v := range c.extra {
				w.Header()[k] = v
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, chatBody)
		}))
		a := ask(t, "POST", srv.URL+c.path, `{"messages":[{"role":"user","content":"hi"}]}`)
		wantStatus(t, a, c.status)
		for i, header := range names {
			if got := a.Header.Get(header); got != c.want[i] {
				t.Errorf("%s: %s = %q, want %q", name, header, got, c.want[i])
			}
		}
	}
}

func TestTDMRepDocument(t *testing.T) {
	upstream := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "upstream's") })
	for name, c := range map[string]struct {
		signals disclose.OptOut
		want    string
	}{
		"off":   {disclose.OptOut{ContentUsage: "train-ai=n"}, "upstream's"},
		"on":    {disclose.OptOut{TDMReservation: "1"}, "[\n  {\n    \"location\": \"/\",\n    \"tdm-reservation\": 1\n  }\n]\n"},
		"open":  {disclose.OptOut{TDMReservation: "0"}, "[\n  {\n    \"location\": \"/\",\n    \"tdm-reservation\": 0\n  }\n]\n"},
		"terms": {disclose.OptOut{TDMReservation: "1", TDMPolicy: "https://a.example/"}, "[\n  {\n    \"location\": \"/\",\n    \"tdm-reservation\": 1,\n    \"tdm-policy\": \"https://a.example/\"\n  }\n]\n"},
	} {
		o := testOptions(disclose.Strict)
		o.Disclose.OptOut = c.signals
		srv := proxyTo(t, o, upstream)
		a := ask(t, "GET", srv.URL+disclose.TDMRepPath, "")
		wantStatus(t, a, 200)
		if string(a.body) != c.want {
			t.Errorf("%s: %s, want %s", name, a.body, c.want)
		}
	}
	rec := httptest.NewRecorder()
	TDMRepHandler(disclose.OptOut{}).ServeHTTP(rec, httptest.NewRequest("GET", disclose.TDMRepPath, nil))
	if rec.Code != http.StatusNotFound {
		t.Errorf("nothing to say: %d", rec.Code)
	}
	rec = httptest.NewRecorder()
	TDMRepHandler(disclose.OptOut{TDMReservation: "1"}).ServeHTTP(rec, httptest.NewRequest("POST", disclose.TDMRepPath, nil))
	if rec.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", rec.Code)
	}
}
