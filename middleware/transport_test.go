package middleware

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

const agentNotice = noticeEN + " It acts on behalf of Example GmbH."

// seen is a request as the other side got it.
type seen struct {
	*http.Request
	body string
}

// agent returns a client whose requests go through NewTransport to a server
// that notes them.
func agent(t *testing.T, o TransportOptions) (*http.Client, string, func() []seen) {
	t.Helper()
	var got []seen
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/messages", http.StatusTemporaryRedirect)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, seen{r, string(body)})
	}))
	base := &http.Transport{DisableKeepAlives: true}
	rt, err := NewTransport(base, o)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: rt}, srv.URL, func() []seen { all := got; got = nil; return all }
}

func agentOptions(t *testing.T, p disclose.Profile) TransportOptions {
	t.Helper()
	pointers, err := disclose.NewPointers([]string{"/text"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return TransportOptions{
		Disclose: disclose.Options{Provider: "P", System: "assistant", Principal: "Example GmbH", Profile: p},
		Message: func(r *http.Request) (disclose.Output, bool) {
			o := disclose.Output{}
			if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
				o.Pointers = pointers
			}
			return o, r.URL.Path == "/messages" || r.URL.Path == "/moved"
		},
	}
}

func post(t *testing.T, c *http.Client, address, contentType, body string, header ...string) error {
	t.Helper()
	req, err := http.NewRequest("POST", address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	before := req.Header.Clone()
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	for k := range before {
		if req.Header.Get(k) != before.Get(k) || len(req.Header) != len(before) {
			t.Errorf("the caller's request changed: %v, was %v", req.Header, before)
		}
	}
	return resp.Body.Close()
}

func TestTransportSaysWhoActs(t *testing.T) {
	c, url, got := agent(t, agentOptions(t, disclose.Strict))
	if err := post(t, c, url+"/tools", "application/json", `{"text":"x"}`, "AI-Disclosure", "mode=none", "Avow-Author", "human"); err == nil {
		r := got()[0]
		if want := `mode=machine-generated, model="assistant", provider="P", date=@`; !strings.HasPrefix(r.Header.Get("AI-Disclosure"), want) || !strings.HasSuffix(r.Header.Get("AI-Disclosure"), `, on-behalf-of="Example GmbH"`) {
			t.Errorf("AI-Disclosure = %q", r.Header.Get("AI-Disclosure"))
		}
		if r.body != `{"text":"x"}` || r.Header.Get("Avow-Author") != "" || r.Header.Get("Avow-Id") != "" {
			t.Errorf("%v %s", r.Header, r.body)
		}
	} else {
		t.Fatal(err)
	}
}

// pageMetadata is what a page carries beside the notice.
var pageMetadata = regexp.MustCompile(`<meta name="ai-disclosure".*</script>`)

func TestTransportPutsTheNoticeIntoMessages(t *testing.T) {
	for _, m := range []struct{ name, path, contentType, body, want string }{
		{"json", "/messages", "application/json", `{"to":7,"text":"Hello"}`, `{"to":7,"text":"` + agentNotice + `\n\nHello"}`},
		{"text", "/messages", "text/plain", "Hello", agentNotice + "\n\nHello"},
		{"html", "/messages", "text/html", "<html><body><p>x", `<html><body><div role="note" lang="en" dir="ltr" class="avow-notice">` + agentNotice + "</div><p>x"},
		{"redirect", "/moved", "text/plain", "Hello", agentNotice + "\n\nHello"},
	} {
		t.Run(m.name, func(t *testing.T) {
			o := agentOptions(t, disclose.Strict)
			reg, metrics := newTestMetrics(t)
			o.Metrics = metrics
			c, url, got := agent(t, o)
			if err := post(t, c, url+m.path, m.contentType, m.body, "Content-Digest", "sha-256=:x:", "Content-MD5", "x",
				"Signature-Input", `s=("content-digest")`, "Signature", "s=:x:"); err != nil {
				t.Fatal(err)
			}
			for _, r := range got() {
				body := pageMetadata.ReplaceAllString(r.body, "")
				if body != m.want || r.ContentLength != int64(len(r.body)) || (body != r.body) != (m.name == "html") {
					t.Fatalf("length %d, body %s", r.ContentLength, r.body)
				}
				sum := sha256.Sum256([]byte(r.body))
				if r.Header.Get("Content-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" || r.Header.Get("Content-Md5") != "" || r.Header.Get("Signature") != "" {
					t.Fatalf("%v", r.Header)
				}
				if r.Header.Get("Avow-Id") == "" || !strings.Contains(r.Header.Get("AI-Disclosure"), "on-behalf-of=") {
					t.Fatalf("%v", r.Header)
				}
			}
			if text := metricsText(t, reg); !strings.Contains(text, `avow_notices_total{language="en"}`) || strings.Contains(text, "avow_responses_total{") {
				t.Error("the notice is not counted, or a request counts as a response")
			}
		})
	}
}

// closes notes whether a body was closed.
type closes struct {
	io.Reader
	closed *bool
}

func (c closes) Close() error { *c.closed = true; return nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken off") }

func TestTransportWithoutNotice(t *testing.T) {
	for _, c := range []struct {
		name, contentType, encoding string
		body                        io.Reader
		strict, standard            bool // sent
	}{
		{"other-json", "application/json", "", strings.NewReader(`{"message":"Hello"}`), false, true},
		{"not-json", "application/json", "", strings.NewReader(`{"text":`), false, true},
		{"form", "application/x-www-form-urlencoded", "", strings.NewReader("text=Hello"), false, true},
		{"packed", "text/plain", "gzip", strings.NewReader("?"), false, true},
		{"large", "text/plain", "", strings.NewReader(strings.Repeat("x", 101)), false, true},
		{"empty", "text/plain", "", nil, false, true},
		{"broken", "text/plain", "", broken{}, false, false},
	} {
		for _, p := range []disclose.Profile{disclose.Strict, disclose.Standard} {
			t.Run(c.name+"/"+p.String(), func(t *testing.T) {
				want := c.strict
				if p == disclose.Standard {
					want = c.standard
				}
				err := tryMessage(t, p, c.contentType, c.encoding, c.body, want)
				var held *disclose.Withheld
				if !want && c.name != "broken" && !errors.As(err, &held) {
					t.Fatalf("error %v is no *Withheld", err)
				}
			})
		}
	}
}

// tryMessage sends a message whose text is out of reach, and checks that it is
// sent as it was, with the header, or not at all.
func tryMessage(t *testing.T, p disclose.Profile, contentType, encoding string, body io.Reader, want bool) error {
	t.Helper()
	o := agentOptions(t, p)
	o.MaxRequest = 100
	reg, metrics := newTestMetrics(t)
	o.Metrics = metrics
	sent, calls := "", 0
	rt, err := NewTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		calls++
		if r.Body != nil {
			b, _ := io.ReadAll(r.Body)
			sent = string(b)
			_ = r.Body.Close()
		}
		if r.Header.Get("AI-Disclosure") == "" {
			t.Error("sent without even the header")
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}), o)
	if err != nil {
		t.Fatal(err)
	}
	closed := body == nil
	var raw bytes.Buffer
	req := httptest.NewRequest("POST", "http://example.org/messages", nil)
	req.Header = http.Header{"Content-Type": {contentType}}
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	if body != nil {
		if s, ok := body.(*strings.Reader); ok {
			_, _ = s.Seek(0, io.SeekStart)
		}
		req.Body, req.ContentLength = closes{io.TeeReader(body, &raw), &closed}, -1
	}
	_, err = rt.RoundTrip(req)
	if (err == nil) != want || calls == 1 != want || !closed {
		t.Fatalf("error %v, %d calls, closed %v", err, calls, closed)
	}
	if want && sent != raw.String() {
		t.Fatalf("sent %q of %q", sent, raw.String())
	}
	if strings.Contains(metricsText(t, reg), "avow_notices_total{") {
		t.Fatal("what went without a notice is counted as one")
	}
	return err
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransportLeavesAlone(t *testing.T) {
	o := agentOptions(t, disclose.Strict)
	o.Skip = func(r *http.Request) bool { return r.URL.Path == "/skip" }
	message := o.Message
	o.Message = func(r *http.Request) (disclose.Output, bool) {
		out, ok := message(r)
		if r.Header.Get("X-By") == "person" {
			out.Author = disclose.AuthorHuman
		}
		if r.Header.Get("X-By") == "later" {
			out.Turn = disclose.LaterTurn
		}
		return out, ok
	}
	c, url, got := agent(t, o)
	for _, m := range []struct {
		path, by string
		header   bool
	}{{"/skip", "", false}, {"/messages", "person", false}, {"/messages", "later", true}} {
		if err := post(t, c, url+m.path, "text/plain", "Hello", "X-By", m.by); err != nil {
			t.Fatal(err)
		}
		if r := got()[0]; r.body != "Hello" || (r.Header.Get("AI-Disclosure") != "") != m.header {
			t.Errorf("%+v: %v %s", m, r.Header, r.body)
		}
	}
}

func TestTransportBodies(t *testing.T) {
	o := agentOptions(t, disclose.Strict)
	var got *http.Request
	rt, err := NewTransport(roundTrip(func(r *http.Request) (*http.Response, error) { got = r; return nil, errors.New("stop") }), o)
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(context.Background(), "POST", "http://example.org/messages", strings.NewReader("Hello"))
	req.Header.Set("Content-Type", "text/plain")
	req.Trailer = http.Header{"X-T": {"1"}, "Content-Digest": {"sha-256=:x:"}}
	_, _ = rt.RoundTrip(req)
	for range 2 { // GetBody gives the message anew
		body, err := got.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(body); string(b) != agentNotice+"\n\nHello" {
			t.Fatalf("GetBody gives %q", b)
		}
	}
	if got.ContentLength != -1 || got.Trailer.Get("X-T") != "1" || got.Trailer.Get("Content-Digest") != "" || req.Trailer.Get("Content-Digest") == "" || req.ContentLength != 5 {
		t.Errorf("length %d, trailer %v; the caller's %d, %v", got.ContentLength, got.Trailer, req.ContentLength, req.Trailer)
	}
	if _, err := NewTransport(nil, TransportOptions{Disclose: disclose.Options{Principal: "\n"}}); err == nil {
		t.Error("a principal that cannot be written is accepted")
	}
}
