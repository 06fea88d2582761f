package middleware

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

func gatewayTo(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	gateway, err := NewGateway(testOptions(disclose.Strict))
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, gateway(h)).URL
}

// A gateway marks AI endpoints, serves its own documents, and leaves the rest.
func TestGateway(t *testing.T) {
	url := gatewayTo(t, func(w http.ResponseWriter, r *http.Request) {
		if Marking(r.Context()) != (r.URL.Path == chatPath) {
			t.Errorf("Marking is wrong about %s", r.URL.Path)
		}
		w.Header().Set(disclose.HeaderAuthor, "ai")
		chat(w, r)
	})
	a := ask(t, "POST", url+chatPath, chatAsk)
	wantMarked(t, a)
	wantHeader(t, a, disclose.HeaderAuthor, "")
	a = ask(t, "GET", url+"/v1/models", "")
	if string(a.body) != chatBody || a.Header.Get("AI-Disclosure") != "" || a.Header.Get(disclose.HeaderAuthor) != "" {
		t.Fatalf("%v %s", a.Header, a.body)
	}
	if a = ask(t, "GET", url+disclose.WellKnownPath, ""); !strings.Contains(string(a.body), "Example GmbH") {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
}

// A body whose end nothing shows is whole only if its content says so; one that came
// in chunks, or with a length, needs no such proof.
func TestGatewayTruncation(t *testing.T) {
	for framing, want := range map[string]bool{"": true, "chunked": false} {
		url := gatewayTo(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			if framing != "" {
				w.Header().Set("Transfer-Encoding", framing)
			}
			_, _ = io.WriteString(w, event("Hel"))
			_ = http.NewResponseController(w).Flush()
		})
		a := ask(t, "POST", url+chatPath, chatAsk)
		if broken := a.err != nil; broken != want {
			t.Fatalf("framing %q: broken %v (%v) %s", framing, broken, a.err, a.body)
		}
	}
}
