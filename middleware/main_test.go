package middleware

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/avowai/avow/disclose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	chatPath  = "/v1/chat/completions"
	imagePath = "/v1/images/generations"
	noticeEN  = "You are interacting with an AI system, not a human."
	chatBody  = `{"id":"chatcmpl-1","object":"chat.completion","created":9007199254740993,"model":"m<&>","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"total_tokens":3}}`
	chatAsk   = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
)

func testOptions(p disclose.Profile) Options {
	return Options{Disclose: disclose.Options{Provider: "Example GmbH", System: "assistant", Profile: p}}
}

// wrap serves h through New on a server of its own.
func wrap(t testing.TB, o Options, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	mw, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, mw(h))
}

func serve(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = quiet
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// proxyTo serves an upstream handler through NewProxy.
func proxyTo(t testing.TB, o Options, upstream http.Handler) *httptest.Server {
	t.Helper()
	return proxyURL(t, o, serve(t, upstream).URL)
}

func proxyURL(t testing.TB, o Options, upstream string) *httptest.Server {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCore(o, true)
	if err != nil {
		t.Fatal(err)
	}
	transport := newTransport(o.Upstream)
	t.Cleanup(transport.CloseIdleConnections) // after the servers have closed
	h, err := c.proxyTo(target, transport)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, h)
}

type answer struct {
	*http.Response
	body []byte
	err  error
}

var testClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}

// ask sends a request and reads the answer to its end.
func ask(t testing.TB, method, address, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header[header[i]] = append(req.Header[header[i]], header[i+1])
	}
	resp, err := testClient.Do(req)
	if err != nil {
		return answer{&http.Response{Header: http.Header{}}, nil, err}
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	return answer{resp, data, err}
}

func chat(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, chatBody)
}

func event(content string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"` + content + `"}}]}` + "\n\n"
}

// rawUpstream answers every connection with the same bytes and closes it.
func rawUpstream(t testing.TB, reply string) string {
	t.Helper()
	return replying(t, func(*http.Request) string { return reply })
}

func wantStatus(t testing.TB, a answer, want int) {
	t.Helper()
	if a.err != nil || a.StatusCode != want {
		t.Fatalf("status %d, error %v, body %.200s; want %d", a.StatusCode, a.err, a.body, want)
	}
}

func wantHeader(t testing.TB, a answer, name, want string) {
	t.Helper()
	if got := strings.Join(a.Header.Values(name), "|"); got != want {
		t.Fatalf("%s = %q, want %q", name, got, want)
	}
}

func wantMarked(t testing.TB, a answer) {
	t.Helper()
	wantStatus(t, a, http.StatusOK)
	if !strings.Contains(a.Header.Get("AI-Disclosure"), "mode=machine-generated") || a.Header.Get("Avow-Id") == "" {
		t.Fatalf("header %v carries no mark", a.Header)
	}
	if !bytes.Contains(a.body, []byte(noticeEN)) {
		t.Fatalf("no notice in %.300s", a.body)
	}
}
