package middleware

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
)

// A panic in any stage is a failed mark: strict sends nothing, standard sends the
// answer as it came and says what is missing, and the next answer is as any other.
func TestPanicInEveryStage(t *testing.T) {
	file, err := pixels.EncodePNG(corpus.Made(300, 260, 4))
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := newTestSigner(t)
	pictures := `{"created":1,"data":[{"b64_json":"` + base64.StdEncoding.EncodeToString(file) + `"}]}`
	keyed := withKey(t)
	for stage, c := range map[string]struct{ path, body string }{
		"splice": {chatPath, chatBody}, "decode": {imagePath, pictures}, "embed": {imagePath, pictures}, "fingerprint": {imagePath, pictures},
		"encode": {imagePath, pictures}, "metadata": {imagePath, pictures}, "manifest": {imagePath, pictures},
	} {
		for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
			t.Run(profile.String()+"/"+stage, func(t *testing.T) {
				o, _ := recordedBy(profile)
				keyed(&o)
				o.Disclose.Provenance = &disclose.Provenance{Signer: signer}
				panics := 0
				o.Disclose.Observe = func(name string, _ time.Duration) {
					if name == stage && panics == 0 {
						panics++
						panic("injected")
					}
				}
				srv := proxyTo(t, o, http.HandlerFunc(typed("application/json", c.body)))
				a := ask(t, "POST", srv.URL+c.path, chatAsk)
				checkFailedMark(t, profile, a, c.body)
				if panics != 1 {
					t.Fatal("the stage was not reached")
				}
				if a := ask(t, "POST", srv.URL+c.path, chatAsk); a.StatusCode != http.StatusOK || a.Header.Get("Avow-Outcome") != "marked" {
					t.Fatalf("the next answer: %d %s", a.StatusCode, a.Header.Get("Avow-Outcome"))
				}
			})
		}
	}
}

func checkFailedMark(t *testing.T, p disclose.Profile, a answer, body string) {
	t.Helper()
	if p == disclose.Strict {
		wantStatus(t, a, http.StatusBadGateway)
		if !bytes.Contains(a.body, []byte(problemBase+"marker_error")) || bytes.Contains(a.body, []byte("injected")) {
			t.Fatalf("problem %s", a.body)
		}
		return
	}
	wantStatus(t, a, http.StatusOK)
	if got := a.Header.Get("Avow-Outcome"); !strings.HasPrefix(got, "degraded; missing=") || a.Header.Get("AI-Disclosure") == "" {
		t.Fatalf("outcome %q", got)
	}
	if body == chatBody && string(a.body) != body {
		t.Fatalf("changed: %s", a.body)
	}
}

// A writer whose Flush panics, as one further out may, ends its own request and
// nothing else.
func TestPanicOfAFlush(t *testing.T) {
	mark, err := New(Options{Disclose: disclose.Options{Provider: "Example GmbH", System: "assistant"}})
	if err != nil {
		t.Fatal(err)
	}
	h := mark(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}`+"\n\n")
		_ = http.NewResponseController(w).Flush()
	}))
	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("recovered %v, want %v", got, http.ErrAbortHandler)
		}
	}()
	h.ServeHTTP(abortingFlush{httptest.NewRecorder()}, httptest.NewRequest("POST", chatPath, strings.NewReader(chatAsk)))
}

type abortingFlush struct{ *httptest.ResponseRecorder }

func (abortingFlush) FlushError() error { panic(http.ErrAbortHandler) }
