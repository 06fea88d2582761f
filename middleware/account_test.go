package middleware

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/avowai/avow/disclose"
)

// A logBook is a log in memory.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// lines are those whose message begins so.
func (b *logBook) lines(t *testing.T, begin string) (out []map[string]any) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.buf.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if strings.HasPrefix(fields["msg"].(string), begin) {
			out = append(out, fields)
		}
	}
	return out
}

func (b *logBook) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: level}))
}

// TestEveryAnswerHasALine: with its outcome and reason, at a level that goes by the
// outcome, and never with what people or models wrote.
func TestEveryAnswerHasALine(t *testing.T) {
	const secret = "Xylophon"
	for name, c := range map[string]struct {
		profile           disclose.Profile
		contentType, body string
		level, outcome    string
		reason, missing   string
	}{
		"marked":   {disclose.Strict, "application/json", strings.Replace(chatBody, "Hello.", secret, 1), "DEBUG", "marked", "", ""},
		"degraded": {disclose.Strict, "application/json", `{"` + secret + `":`, "INFO", "degraded", "unknown_shape", "notice,field"},
		"withheld": {disclose.Strict, "application/vnd.amazon.eventstream", secret, "WARN", "withheld", "upgrade", ""},
		"passed":   {disclose.Standard, "application/vnd.amazon.eventstream", secret, "DEBUG", "passed", "upgrade", ""},
	} {
		var book logBook
		o := testOptions(c.profile)
		o.Logger = book.logger(slog.LevelDebug)
		srv := proxyTo(t, o, typed(c.contentType, c.body))
		ask(t, "POST", srv.URL+chatPath+"?q="+secret, strings.Replace(chatAsk, "hi", secret, 1), "X-Request-Id", "r-1", "Traceparent", aParent)
		srv.Close()
		lines := book.lines(t, "output "+c.outcome)
		if len(lines) != 1 {
			t.Errorf("%s: %d lines\n%s", name, len(lines), book.buf.String())
			continue
		}
		l := lines[0]
		for field, want := range map[string]any{"level": c.level, "outcome": c.outcome, "reason": orNil(c.reason), "missing": orNil(c.missing),
			"request_id": "r-1", "trace_id": aTrace, "route": "/chat/completions", "shape": "openai_chat"} {
			if l[field] != want {
				t.Errorf("%s: %s is %v, want %v", name, field, l[field], want)
			}
		}
		if strings.Contains(book.buf.String(), secret) {
			t.Errorf("%s: the log tells what was written:\n%s", name, book.buf.String())
		}
	}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// TestMaxStreams: beyond as many answers as there may be a request is told to come
// again, and its upstream is not asked; what ends gives its place back.
func TestMaxStreams(t *testing.T) {
	started, release := make(chan bool, 8), make(chan bool)
	o := testOptions(disclose.Strict)
	o.Streams = LimitStreams(2)
	srv := proxyTo(t, o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started <- true
		<-release
		typed("application/json", chatBody)(w, r)
	}))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			resp, err := testClient.Post(srv.URL+chatPath, "application/json", strings.NewReader(chatAsk))
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("within the bound: %v %v", resp, err)
			}
		})
	}
	<-started
	<-started
	a := ask(t, "POST", srv.URL+chatPath, chatAsk)
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "5" || !strings.Contains(string(a.body), problemBase+"busy") {
		t.Errorf("beyond the bound: %s %v %s", a.Status, a.Header, a.body)
	}
	close(release)
	wg.Wait()
	if a := ask(t, "POST", srv.URL+chatPath, chatAsk); a.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s", a.Status)
	}
	if len(started) != 1 {
		t.Errorf("the upstream was asked %d times beyond the first two, want once", len(started))
	}
}
