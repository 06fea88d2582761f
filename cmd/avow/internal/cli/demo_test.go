package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/avowai/avow/disclose"
)

// A textBuffer may be written and read at one time.
type textBuffer struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	wrote chan struct{}
}

func (b *textBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.wrote <- struct{}{}:
	default:
	}
	return b.buf.Write(p)
}

func (b *textBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// startDemo runs the demo on free ports until the test ends, and returns what it
// printed.
func startDemo(t *testing.T) string {
	t.Helper()
	out, errOut := &textBuffer{wrote: make(chan struct{}, 1)}, &textBuffer{}
	a := &app{out: out, err: errOut, logFormat: "text", logLevel: "warn", data: "data"}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.runDemo(ctx, "127.0.0.1:0", "localhost:0") }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	select {
	case <-out.wrote:
	case err := <-ended:
		ended <- err
		t.Fatalf("the demo did not start: %v\n%s", err, errOut.String())
	}
	return out.String()
}

// A printed is one curl command of the demo's text.
type printed struct{ url, body string }

var (
	curlCommand = regexp.MustCompile(`curl -\S+(?: /dev/stderr)? (http://\S+/v1/\S+)(?s:.*?)-d '([^']*)'`)
	metricsURL  = regexp.MustCompile(`metrics  (http://\S+)`)
	verifyURL   = regexp.MustCompile(`verify   (http://\S+)`)
)

// send does what the curl command does.
func (p printed) send(t *testing.T) (http.Header, []byte) {
	t.Helper()
	return post(t, p.url, "application/json", p.body)
}

func post(t *testing.T, url, contentType, body string) (http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept-Language", "en")
	return answerTo(t, req)
}

func answerTo(t *testing.T, req *http.Request) (http.Header, []byte) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%.500s", req.URL, resp.Status, err, data)
	}
	return resp.Header, data
}

func TestDemoCommandsDoWhatTheyPromise(t *testing.T) {
	h := newHome(t)
	text := startDemo(t)
	if !strings.Contains(text, "stand-in") || !strings.Contains(text, "no AI model") {
		t.Errorf("the demo does not say that its backend is a stand-in:\n%s", text)
	}
	commands := curlCommand.FindAllStringSubmatch(text, -1)
	if len(commands) != 2 {
		t.Fatalf("%d curl commands with a body, want 2:\n%s", len(commands), text)
	}
	t.Run("chat", func(t *testing.T) { checkDemoChat(t, printed{commands[0][1], commands[0][2]}) })
	t.Run("image", func(t *testing.T) {
		checkDemoImage(home{t, h.dir}, printed{commands[1][1], commands[1][2]}, verifyURL.FindStringSubmatch(text)[1])
	})
	t.Run("metrics", func(t *testing.T) {
		req, err := http.NewRequest("GET", metricsURL.FindStringSubmatch(text)[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, body := answerTo(t, req); !strings.Contains(string(body), `avow_marks_total{carrier="image_mark",outcome=`) {
			t.Error("the metrics do not count the image's mark")
		}
	})
}

func checkDemoChat(t *testing.T, p printed) {
	head, body := p.send(t)
	if head.Get("Content-Type") != "text/event-stream" || !strings.Contains(head.Get("AI-Disclosure"), "mode=machine-generated") {
		t.Errorf("headers %v", head)
	}
	if id := head.Get("Avow-Id"); len(id) != 16 || !strings.Contains(string(body), `"id":"`+id+`"`) {
		t.Errorf("Avow-Id %q is not the id of the field", id)
	}
	var answer strings.Builder
	for line := range strings.Lines(string(body)) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: {")
		if !ok {
			continue
		}
		var event struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte("{"+data), &event); err != nil {
			t.Fatalf("event %q: %v", line, err)
		}
		answer.WriteString(event.Choices[0].Delta.Content)
	}
	if !strings.HasPrefix(answer.String(), "You are interacting with an AI system, not a human.\n\n") {
		t.Errorf("the answer starts %.80q, want the notice", answer.String())
	}
	if !strings.Contains(answer.String(), "lighthouse") {
		t.Errorf("the answer %q does not answer", answer.String())
	}
}

func checkDemoImage(h home, p printed, service string) {
	head, body := p.send(h.t)
	var images struct {
		Data []struct {
			B64 []byte `json:"b64_json"`
		}
	}
	if err := json.Unmarshal(body, &images); err != nil || len(images.Data) != 1 {
		h.t.Fatalf("answer %.200q: %v", body, err)
	}
	h.write("image.png", images.Data[0].B64)
	rep := reportOf(h.t, h.run("verify", "--json", "image.png").want(exitOK, "", ""))
	ids := head.Get("Avow-Id")
	if rep.Verdict != disclose.Verified || imageID(rep) == "" || !strings.Contains(ids, imageID(rep)) {
		h.t.Errorf("verdict %s, id %q; want verified and one of %q", rep.Verdict, imageID(rep), ids)
	}
	h.write("image.json", body)
	h.run("verify", "image.json").want(exitOK, "image.json: ", "")
	_, answer := post(h.t, service, "image/png", string(images.Data[0].B64))
	if !strings.Contains(string(answer), `"record_matches"`) {
		h.t.Errorf("the service that marked the image does not know it: %.400s", answer)
	}
}

func TestDemoSaysWhenThePortIsTaken(t *testing.T) {
	h := newHome(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	r := h.run("demo", "--listen", l.Addr().String(), "--admin", "127.0.0.1:0").want(exitTrouble, "", "choose another with --listen")
	if r.out != "" {
		t.Errorf("stdout = %q, want nothing", r.out)
	}
}
