package middleware

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

func TestTrapSSEFlush(t *testing.T) {
	next := make(chan struct{})
	srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			_, _ = io.WriteString(w, event(fmt.Sprint("word", i)))
			w.(http.Flusher).Flush()
			<-next
		}
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	}))
	resp, err := testClient.Post(srv.URL+chatPath, "application/json", strings.NewReader(chatAsk))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("X-Accel-Buffering") != "no" || resp.ContentLength != -1 {
		t.Fatalf("header %v, length %d", resp.Header, resp.ContentLength)
	}
	in := bufio.NewReader(resp.Body)
	for i := range 3 { // each event has to arrive before the next is written
		line, err := in.ReadString('\n')
		if err != nil || !strings.Contains(line, fmt.Sprint("word", i)) {
			t.Fatalf("event %d: %q, %v", i, line, err)
		}
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(in); err != nil || string(rest) != "data: [DONE]\n\n" {
		t.Fatalf("rest %q, %v", rest, err)
	}
}

// Frames split anywhere, every line ending: outside the splice nothing changes.
func TestTrapSSEFramingAndUTF8AcrossChunks(t *testing.T) {
	for name, nl := range map[string]string{"lf": "\n", "crlf": "\r\n", "cr": "\r"} {
		t.Run(name, func(t *testing.T) {
			stream := strings.ReplaceAll(event("")+event("👩‍🚀 Grüße")+event(" und mehr")+"data: [DONE]\n\n", "\n", nl)
			for step := 1; step < 40; step += 3 {
				srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					for p := []byte(stream); len(p) > 0; {
						n := min(step, len(p))
						_, _ = w.Write(p[:n])
						p = p[n:]
					}
				})
				a := ask(t, "POST", srv.URL+chatPath, chatAsk)
				wantMarked(t, a)
				s := strings.Replace(string(a.body), noticeEN+`\n\n`, "", 1)
				start, end := strings.Index(s, `"ai_disclosure"`), strings.Index(s, `"id":"c"`)
				if start < 0 || s[:start]+s[end:] != stream {
					t.Fatalf("step %d: %q", step, s)
				}
			}
		})
	}
}

func TestTrapDisconnect(t *testing.T) {
	ended := make(chan error, 1)
	srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event("Hi"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		ended <- r.Context().Err()
	}))
	ctx, cancel := context.WithCancel(context.Background())
	req, _ := http.NewRequestWithContext(ctx, "POST", srv.URL+chatPath, strings.NewReader(chatAsk))
	req.Header.Set("Content-Type", "application/json")
	resp, err := testClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = resp.Body.Read(make([]byte, 1))
	cancel()
	_ = resp.Body.Close()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the upstream was not cancelled")
	}
}

func TestTrapDuplicateKeys(t *testing.T) {
	twice := strings.Replace(chatBody, `"content":"Hello."`, `"content":"shadowed","content":"Hello."`, 1)
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, twice)
	})
	a := ask(t, "POST", srv.URL+chatPath, chatAsk)
	wantStatus(t, a, 200)
	var got struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatal(err)
	}
	marked := strings.HasPrefix(got.Choices[0].Message.Content, noticeEN)
	if missing := strings.Contains(a.Header.Get("Avow-Outcome"), "missing"); marked == missing {
		t.Fatalf("outcome %q, but the value that counts is %q", a.Header.Get("Avow-Outcome"), got.Choices[0].Message.Content)
	}
}

// upgradeThrough does a WebSocket handshake by hand and echoes one line.
func upgradeThrough(t *testing.T, proxy string, wantEcho bool) *http.Response {
	t.Helper()
	u, _ := url.Parse(proxy)
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "GET "+chatPath+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if wantEcho {
		_, _ = io.WriteString(conn, "ping\n")
		if line, err := in.ReadString('\n'); err != nil || line != "ping\n" {
			t.Fatalf("echo %q, %v", line, err)
		}
	}
	return resp
}

func TestTrapWebsocketAndConnect(t *testing.T) {
	var asked atomic.Int32
	upstream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAi_disclosure: spoof\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString(line)
		_ = rw.Flush()
	})
	strict := upgradeThrough(t, proxyTo(t, testOptions(disclose.Strict), upstream).URL, false)
	if strict.StatusCode != http.StatusNotImplemented || asked.Load() != 0 {
		t.Fatalf("strict: %d, upstream asked %d times", strict.StatusCode, asked.Load())
	}
	standard := upgradeThrough(t, proxyTo(t, testOptions(disclose.Standard), upstream).URL, true)
	if standard.StatusCode != 101 || standard.Header.Get("AI-Disclosure") == "" || standard.Header.Get("Ai_disclosure") != "" {
		t.Fatalf("standard: %d %v", standard.StatusCode, standard.Header)
	}
	o := testOptions(disclose.Strict)
	o.Routes = []Route{{Path: chatPath, Exempt: &Exemption{Reason: "machine to machine"}}}
	if exempt := upgradeThrough(t, proxyTo(t, o, upstream).URL, true); exempt.StatusCode != 101 {
		t.Fatalf("exempt: %d", exempt.StatusCode)
	}
}

func TestTrapH2C(t *testing.T) {
	mw, err := New(testOptions(disclose.Strict))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(mw(http.HandlerFunc(chat)))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	resp, err := srv.Client().Post(srv.URL+chatPath, "application/json", strings.NewReader(chatAsk))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.ProtoMajor != 2 {
		t.Fatalf("proto %s", resp.Proto)
	}
	wantMarked(t, answer{resp, body, err})
	srv.Client().CloseIdleConnections()
}

func TestTrapRewriteNotDirector(t *testing.T) {
	srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("X-Forwarded-For"); got != "127.0.0.1" {
			t.Errorf("X-Forwarded-For = %q: the client's own was kept", got)
		}
		if r.Header.Get("Forwarded") != "" {
			t.Error("Forwarded was kept")
		}
		chat(w, r)
	}))
	wantMarked(t, ask(t, "POST", srv.URL+chatPath, chatAsk, "X-Forwarded-For", "1.2.3.4", "Forwarded", "for=1.2.3.4", "Connection", "X-Forwarded-For"))
}

// Both adapters give the same bytes for the same output.
func TestTrapModifyResponseOrWriterOneCore(t *testing.T) {
	label := disclose.Label{Time: time.Unix(1, 0)}
	label.ID[7] = 1
	fixed := func(w http.ResponseWriter, r *http.Request) { chat(w, r) }
	o := testOptions(disclose.Strict)
	mw, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	lib := serve(t, mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { SetLabel(r.Context(), label); fixed(w, r) })))
	a, b := ask(t, "POST", lib.URL+chatPath, chatAsk), ask(t, "POST", proxyTo(t, o, http.HandlerFunc(fixed)).URL+chatPath, chatAsk)
	wantMarked(t, a)
	wantHeader(t, a, "Avow-Id", "0000000000000001")
	other := strings.ReplaceAll(string(b.body), b.Header.Get("Avow-Id"), "0000000000000001")
	if string(a.body) != other {
		t.Fatalf("wrapper %s\nproxy %s", a.body, other)
	}
}

func TestTrapMuxTemplateAsLabel(t *testing.T) {
	o := testOptions(disclose.Strict)
	reg, m := newTestMetrics(t)
	o.Metrics = m
	mw, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /users/{id}/story", mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "story")
	})))
	wantMarked(t, ask(t, "GET", serve(t, mux).URL+"/users/zebra/story", ""))
	if text := metricsText(t, reg); !strings.Contains(text, `GET /users/{id}/story`) || strings.Contains(text, "zebra") {
		t.Fatalf("route label: %s", text)
	}
}

// F4: an upstream that broke off never becomes a clean, whole answer.
func TestTruncatedUpstreamIsNeverAWholeAnswer(t *testing.T) {
	whole := event("Hi") + event(" there") + "data: [DONE]\n\n"
	types := map[string]string{"application/json": chatBody, "text/event-stream": whole,
		"application/x-ndjson": `{"model":"m","message":{"role":"assistant","content":"Hi"},"done":false}` + "\n" + `{"model":"m","message":{"content":""},"done":true}` + "\n"}
	for contentType, body := range types {
		path := chatPath
		if strings.HasSuffix(contentType, "ndjson") {
			path = "/api/chat"
		}
		for _, cut := range []int{1, len(body) / 3, len(body) - 30} {
			head := "Content-Type: " + contentType + "\r\n"
			for framing, reply := range map[string]string{
				"length":  fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", head, len(body), body[:cut]),
				"chunked": fmt.Sprintf("HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", head, cut, body[:cut]),
				"close":   fmt.Sprintf("HTTP/1.1 200 OK\r\n%sConnection: close\r\n\r\n%s", head, body[:cut]),
				"http10":  fmt.Sprintf("HTTP/1.0 200 OK\r\n%s\r\n%s", head, body[:cut]),
			} {
				t.Run(fmt.Sprintf("%s/%s/%d", contentType, framing, cut), func(t *testing.T) {
					for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
						srv := proxyURL(t, testOptions(profile), rawUpstream(t, reply))
						if a := ask(t, "POST", srv.URL+path, chatAsk); a.err == nil && a.StatusCode == 200 {
							t.Fatalf("%s: a clean 200: %s", profile, a.body)
						}
					}
				})
			}
		}
		t.Run(contentType+"/length/held", func(t *testing.T) {
			reply := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n%s", body[:20])
			a := ask(t, "POST", proxyURL(t, testOptions(disclose.Strict), rawUpstream(t, reply)).URL+path, chatAsk)
			wantStatus(t, a, http.StatusBadGateway) // nothing had left, so a whole error answer is due
		})
		t.Run(contentType+"/close/whole", func(t *testing.T) {
			reply := "HTTP/1.1 200 OK\r\nContent-Type: " + contentType + "\r\nConnection: close\r\n\r\n" + body
			wantMarked(t, ask(t, "POST", proxyURL(t, testOptions(disclose.Strict), rawUpstream(t, reply)).URL+path, chatAsk))
		})
	}
}
