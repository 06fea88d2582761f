package middleware

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

// TestDeclaredRoutesKeepTheirShape: a header of the answer does not overrule
// what the operator said about a route, only what its path suggests.
func TestDeclaredRoutesKeepTheirShape(t *testing.T) {
	const stream = "data: {\"type\":\"start\"}\n\ndata: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"x := 1\"}\n\ndata: [DONE]\n\n"
	o := testOptions(disclose.Strict)
	o.Routes = []Route{{Path: "/code/*", Shape: disclose.ShapeCode}}
	srv := wrap(t, o, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Vercel-Ai-Ui-Message-Stream", "v1")
		_, _ = io.WriteString(w, stream)
	})
	if got := ask(t, "POST", srv.URL+"/code/fill", "{}"); string(got.body) != stream {
		t.Errorf("a route of code was marked:\n%s", got.body)
	}
	if got := ask(t, "POST", srv.URL+"/api/chat", "{}"); !strings.Contains(string(got.body), `"delta":"You are interacting`) {
		t.Errorf("not taken for a UI message stream:\n%s", got.body)
	}
}

// TestShortAnswersAreNotMadeWhole: a handler that writes less than it announced
// breaks its answer off, and no length of ours may hide that.
func TestShortAnswersAreNotMadeWhole(t *testing.T) {
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"Half`)
	})
	a := ask(t, "POST", srv.URL+chatPath, "{}")
	wantStatus(t, a, http.StatusBadGateway)
	wantHeader(t, a, "Avow-Outcome", "withheld")
}

// TestCancelledAnswersAreStoredOnes: what comes back with a cancellation was
// begun, and recorded, before.
func TestCancelledAnswersAreStoredOnes(t *testing.T) {
	c, err := newCore(testOptions(disclose.Strict), true)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"GET /v1/responses/resp_1": true, "POST /v1/responses/resp_1/cancel": true, "POST /v1/responses": false} {
		method, p, _ := strings.Cut(path, " ")
		r, _ := http.NewRequest(method, p, nil)
		if m := c.match(r); m.stored != want || !m.ai {
			t.Errorf("%s: stored %v, want %v", path, m.stored, want)
		}
	}
}
