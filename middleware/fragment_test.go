package middleware

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

func TestPartOfPage(t *testing.T) {
	for name, c := range map[string]struct {
		header string // name value name value
		want   bool
	}{
		"navigation":          {"Sec-Fetch-Dest document", false},
		"frame":               {"Sec-Fetch-Dest iframe HX-Request true", false},
		"nothing said":        {"", false},
		"curl":                {"User-Agent curl/8", false},
		"fetch":               {"Sec-Fetch-Dest empty", true},
		"jquery":              {"X-Requested-With xmlhttprequest", true},
		"webview":             {"X-Requested-With org.example.app Sec-Fetch-Dest document", false},
		"old webview":         {"X-Requested-With org.example.app", false},
		"htmx":                {"HX-Request true Sec-Fetch-Dest empty", true},
		"htmx, boosted":       {"HX-Request true HX-Boosted true Sec-Fetch-Dest empty", false},
		"htmx, history":       {"HX-Request true HX-History-Restore-Request true Sec-Fetch-Dest empty", false},
		"turbo drive":         {"X-Turbo-Request-Id 1 Sec-Fetch-Dest empty", false},
		"turbo frame":         {"X-Turbo-Request-Id 1 Turbo-Frame list Sec-Fetch-Dest empty", true},
		"turbo, old browser":  {"Turbo-Frame list", true},
		"htmx, says no":       {"HX-Request false", false},
		"navigation and xhr ": {"Sec-Fetch-Dest document X-Requested-With XMLHttpRequest", false},
	} {
		h, f := http.Header{}, strings.Fields(c.header)
		for i := 0; i+1 < len(f); i += 2 {
			h.Set(f[i], f[i+1])
		}
		if got := partOfPage(h); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestHTMLForScripts(t *testing.T) {
	const page = "<!doctype html><html><head></head><body><p>x</p></body></html>"
	vary := "Accept-Language|" + strings.Join(fragmentFields, "|")
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Language", "fi")
		_, _ = io.WriteString(w, page)
	})
	a := ask(t, "GET", srv.URL+"/page", "", "Sec-Fetch-Dest", "document")
	wantStatus(t, a, 200)
	wantHeader(t, a, "Avow-Outcome", "marked")
	wantHeader(t, a, "Vary", vary)
	wantHeader(t, a, "Content-Language", "fi") // the page's, not the notice's
	if !bytes.Contains(a.body, []byte(`<body><div role="note"`)) || !bytes.Contains(a.body, []byte(`<meta name="ai-disclosure"`)) {
		t.Fatalf("not marked: %s", a.body)
	}
	b := ask(t, "GET", srv.URL+"/page", "", "HX-Request", "true")
	wantStatus(t, b, 200)
	wantHeader(t, b, "Avow-Outcome", "passed; reason=unknown_shape")
	wantHeader(t, b, "Vary", vary)
	if string(b.body) != page {
		t.Fatalf("changed for a script: %s", b.body)
	}
}
