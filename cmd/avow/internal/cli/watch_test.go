package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/avowai/avow/cmd/avow/internal/config"
)

// watched is a proxy in front of an upstream, with its log.
func watched(t *testing.T, upstream http.HandlerFunc) (*service, *textBuffer) {
	t.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		upstream(w, r)
	}))
	t.Cleanup(up.Close)
	out := &textBuffer{}
	a := &app{out: io.Discard, err: out, logFormat: "json", logLevel: "debug", data: filepath.Join(t.TempDir(), "data")}
	log, err := a.logger()
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Upstream, c.Provider = up.URL, "Example GmbH"
	s, err := a.newService(c, log, "proxy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.closeLedger(s.ledger) })
	return s, out
}

// TestTracesOfTheProgram: the environment alone has the proxy send spans, the last
// of them at its end.
func TestTracesOfTheProgram(t *testing.T) {
	var mu sync.Mutex
	var got []byte
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, body...)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	s, log := watched(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."}}]}`)
	})
	if w := send(s.public, "POST", "/v1/chat/completions", `{"messages":[]}`, "Content-Type", "application/json"); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.observing.stop()
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"/chat/completions", "upstream", "splice", "ledger", "openai_chat"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("no %s among the spans", want)
		}
	}
	if !strings.Contains(log.String(), `"trace_id":"`) {
		t.Errorf("the log names no trace:\n%s", log.String())
	}
}

// TestLogCannotBeForged: whatever a client and an upstream put into a request and an
// answer, each line of the log is one JSON object, of bounded fields without control
// characters, and tells nothing of what was written.
func TestLogCannotBeForged(t *testing.T) {
	const hostile = "Xylophon\",\"level\":\"ERROR\"\n{\"msg\":\"forged\"}\r\u202e\x00"
	s, log := watched(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-transform, Xylophon")
		_, _ = io.WriteString(w, `{"choices":`+hostile+strings.Repeat("Xylophon", 1000))
	})
	defer s.observing.stop()
	for _, path := range []string{"/v1/chat/completions", "/v1/images/generations", "/v1/Xylophon%0a%00/messages", "/api/chat"} {
		send(s.public, "POST", path+"?q=Xylophon%0A", `{"model":`+hostile+`}`, "Content-Type", "application/json",
			"X-Request-Id", hostile, "Traceparent", "00-"+hostile, "Accept-Language", hostile, "User-Agent", hostile)
	}
	send(s.public, "POST", "/avow/v1/verify", hostile, "Content-Type", "image/png", "X-Request-Id", hostile)
	text := log.String()
	if strings.Contains(text, "Xylophon") || strings.Count(text, "\n") < 5 {
		t.Errorf("the log tells what was written, or nothing:\n%s", text)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "avow: made ") { // of first use, not of the log
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields["msg"] == "forged" {
			t.Errorf("%v: %q", err, line)
		}
		for key, v := range fields {
			if s, ok := v.(string); ok && (len(s) > 256 || strings.ContainsFunc(s, unicode.IsControl)) {
				t.Errorf("field %s: %q", key, s)
			}
		}
	}
}
