package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// longEnough is how long a test waits for what has to happen.
const longEnough = 20 * time.Second

// A stage is a proxy in front of a backend whose stream ends when told to.
type stage struct {
	t             *testing.T
	s             *service
	servers       *serverSet
	public, admin string
	last          chan struct{} // the backend sends its last event once it is closed
	stop, again   context.CancelFunc
	done          chan error
	said          *bytes.Buffer
}

func newStage(t *testing.T, delay, bound time.Duration) *stage {
	t.Helper()
	newHome(t)
	st := &stage{t: t, last: make(chan struct{}), done: make(chan error, 1), said: &bytes.Buffer{}}
	upstream := httptest.NewServer(http.HandlerFunc(st.backend))
	t.Cleanup(upstream.Close)
	a := &app{out: io.Discard, err: io.Discard, logFormat: "text", logLevel: "error", data: "data"}
	c := config.Default()
	c.Upstream, c.Listen, c.Admin = upstream.URL, "127.0.0.1:0", "localhost:0"
	c.Limits.DrainDelay, c.Limits.Drain = config.Duration(delay), config.Duration(bound)
	var err error
	if st.s, err = a.newService(c, slog.New(slog.DiscardHandler), "proxy"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.s.close)
	if st.servers, err = listenBoth(c.Listen, st.s.public, c.Admin, st.s.admin); err != nil {
		t.Fatal(err)
	}
	st.public, st.admin = "http://"+st.servers.addr(c.Listen), "http://"+st.servers.addr(c.Admin)
	ctx, stop := context.WithCancel(context.Background())
	again, hard := context.WithCancel(context.Background())
	st.stop, st.again = stop, hard
	t.Cleanup(func() { stop(); hard(); http.DefaultClient.CloseIdleConnections() })
	d := a.departure(st.s)
	d.again, d.say = again, func(format string, args ...any) { _, _ = fmt.Fprintf(st.said, format+"\n", args...) }
	go func() { st.done <- st.servers.run(ctx, d) }()
	return st
}

// backend sends the begin of an answer, and its end when it is told to.
func (st *stage) backend(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/chat/completions") {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(delta, finish string) {
		_, _ = fmt.Fprintf(w, "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", delta, finish)
		_ = http.NewResponseController(w).Flush()
	}
	event(`{"role":"assistant","content":"Once "}`, "null")
	select {
	case <-st.last:
	case <-r.Context().Done():
		return
	}
	event(`{"content":"upon a time."}`, "null")
	event(`{}`, `"stop"`)
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

// begin starts an answer and returns it once its first event is there.
func (st *stage) begin() (*http.Response, *bufio.Reader) {
	st.t.Helper()
	resp, err := http.Post(st.public+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"Tell me a story."}]}`))
	if err != nil {
		st.t.Fatal(err)
	}
	st.t.Cleanup(func() { _ = resp.Body.Close() })
	body := bufio.NewReader(resp.Body)
	if _, err := body.ReadString('\n'); err != nil {
		st.t.Fatal(err)
	}
	return resp, body
}

// readiness is the status of /readyz.
func (st *stage) readiness() int {
	st.t.Helper()
	resp, err := http.Get(st.admin + "/readyz")
	if err != nil {
		st.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// eventually waits until something holds.
func (st *stage) eventually(what string, holds func() bool) {
	st.t.Helper()
	for end := time.Now().Add(longEnough); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	st.t.Fatalf("%s: not after %v", what, longEnough)
}

func (st *stage) wait() {
	st.t.Helper()
	select {
	case err := <-st.done:
		if err != nil {
			st.t.Fatal(err)
		}
	case <-time.After(longEnough):
		st.t.Fatal("the servers did not stop")
	}
}

// refused reports whether nobody listens at the public address.
func (st *stage) refused() bool {
	c, err := net.Dial("tcp", strings.TrimPrefix(st.public, "http://"))
	if err == nil {
		_ = c.Close()
	}
	return err != nil
}

// record is what the ledger has about an answer.
func (st *stage) record(resp *http.Response) disclose.Record {
	st.t.Helper()
	id, err := watermark.ParsePayload(resp.Header.Get("Avow-Id"))
	if err != nil {
		st.t.Fatal(err)
	}
	r, err := st.s.ledger.ByID(context.Background(), id)
	if err != nil {
		st.t.Fatalf("the record of %s: %v", resp.Header.Get("Avow-Id"), err)
	}
	return r
}

func TestStreamsEndBeforeTheProxyDoes(t *testing.T) {
	st := newStage(t, 0, longEnough)
	if got := st.readiness(); got != http.StatusOK {
		t.Fatalf("ready before: %d", got)
	}
	resp, body := st.begin()
	st.stop()
	st.eventually("no more connections", st.refused)
	if got := st.readiness(); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz while stopping: %d, want 503", got)
	}
	close(st.last)
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), "upon a time.") || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	st.wait()
	if r := st.record(resp); r.Outcome != disclose.OutcomeMarked {
		t.Errorf("outcome %v, want %v", r.Outcome, disclose.OutcomeMarked)
	}
}

func TestRequestsAreTakenDuringTheDelay(t *testing.T) {
	st := newStage(t, time.Hour, longEnough)
	st.stop()
	st.eventually("not ready", func() bool { return st.readiness() == http.StatusServiceUnavailable })
	resp, body := st.begin()
	if !resp.Close {
		t.Errorf("the connection of an answer is to be used again: %v", resp.Header)
	}
	close(st.last)
	if rest, err := io.ReadAll(body); err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	st.again() // or it takes an hour
	st.wait()
}

func TestStreamsAreCutAtTheBound(t *testing.T) {
	for _, name := range []string{"bound", "second signal"} {
		t.Run(name, func(t *testing.T) {
			bound := time.Hour
			if name == "bound" {
				bound = time.Millisecond
			}
			st := newStage(t, 0, bound)
			resp, body := st.begin()
			st.stop()
			if name != "bound" {
				st.eventually("no more connections", st.refused)
				st.again()
			}
			st.wait()
			rest, err := io.ReadAll(body)
			if err == nil || strings.Contains(string(rest), "[DONE]") {
				t.Errorf("the stream looks whole: %q, %v", rest, err)
			}
			if !strings.Contains(st.said.String(), "cut 1 answers") {
				t.Errorf("said %q", st.said)
			}
			if r := st.record(resp); r.Outcome != disclose.OutcomeAborted {
				t.Errorf("outcome %v, want %v", r.Outcome, disclose.OutcomeAborted)
			}
		})
	}
}

// TestHTTP2GoesAway: an answer over HTTP/2 while leaving has the client open another
// connection next.
func TestHTTP2GoesAway(t *testing.T) {
	set := &serverSet{}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	var n atomic.Int64
	srv := httptest.NewUnstartedServer(&counting{set, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RemoteAddr)
	}), &n})
	srv.Config.Protocols = &protocols
	srv.Start()
	defer srv.Close()
	tr := &http.Transport{Protocols: &protocols}
	defer tr.CloseIdleConnections()
	ask := func() string {
		resp, err := (&http.Client{Transport: tr}).Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.ProtoMajor != 2 {
			t.Fatalf("%s %v", resp.Proto, err)
		}
		return string(body)
	}
	first := ask()
	if again := ask(); again != first {
		t.Fatalf("connections %s and %s, want the same one", first, again)
	}
	set.leaving.Store(true)
	ask()
	for end := time.Now().Add(longEnough); ask() == first; {
		if time.Now().After(end) {
			t.Fatal("the connection is still used")
		}
	}
}

func TestSignalIsTheCause(t *testing.T) {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGTERM); err != nil {
		t.Skipf("no such signal here: %v", err)
	}
	<-ctx.Done()
	var cause stopSignal
	if !errors.As(context.Cause(ctx), &cause) || cause.Signal != syscall.SIGTERM {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}
