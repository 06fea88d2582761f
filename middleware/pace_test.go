package middleware

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// A tiredClient takes what is written to it in its own time, by a clock that it
// turns itself.
type tiredClient struct {
	*httptest.ResponseRecorder
	clock     *fakeClock
	piece     time.Duration // that it takes for one write
	deadlines []time.Time
}

func (c *tiredClient) Write(p []byte) (int, error) {
	c.clock.pass(c.piece)
	return c.ResponseRecorder.Write(p)
}

func (c *tiredClient) SetWriteDeadline(t time.Time) error {
	c.deadlines = append(c.deadlines, t)
	return nil
}

func TestSlowAndSteadyIsNotCut(t *testing.T) {
	const size = 1 << 20
	for name, c := range map[string]struct {
		piece time.Duration // for 4 KiB
		rate  int
		fails bool
	}{
		"fast":       {0, 100, false},
		"steady":     {30 * time.Second, 100, false}, // 136 B/s, for two hours
		"too slow":   {50 * time.Second, 100, true},  // 82 B/s
		"no minimum": {50 * time.Second, -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			to := &tiredClient{ResponseRecorder: httptest.NewRecorder(), clock: clock, piece: c.piece}
			w := &pacedWriter{ResponseWriter: to, rc: http.NewResponseController(to),
				step: stopwatch{o: PaceOptions{Idle: time.Minute, MinRate: c.rate}, now: clock.Now}}
			n, err := w.Write(make([]byte, size))
			if failed := errors.Is(err, ErrTooSlow); failed != c.fails || !c.fails && n != size {
				t.Fatalf("wrote %d of %d bytes: %v", n, size, err)
			}
			if len(to.deadlines) < 4 || !to.deadlines[0].Equal(newClock().Now().Add(time.Minute)) {
				t.Errorf("first deadline %v", to.deadlines[:1])
			}
			if last := to.deadlines[len(to.deadlines)-1]; !last.IsZero() {
				t.Errorf("a deadline is left: %v", last)
			}
			if _, err := w.Write([]byte("more")); (err != nil) != c.fails {
				t.Errorf("after that: %v", err)
			}
		})
	}
}

// TestWhatTheUpstreamTakesDoesNotCount: a stream may stand still for as long as it
// likes while there is nothing to send.
func TestWhatTheUpstreamTakesDoesNotCount(t *testing.T) {
	clock := newClock()
	to := &tiredClient{ResponseRecorder: httptest.NewRecorder(), clock: clock}
	w := &pacedWriter{ResponseWriter: to, rc: http.NewResponseController(to), step: stopwatch{o: PaceOptions{}.defaults(), now: clock.Now}}
	for range 10 {
		clock.pass(time.Hour)
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
}

// paced serves a handler under limits until the test ends.
func pacedServer(t *testing.T, o PaceOptions, h http.Handler) *httptest.Server {
	t.Helper()
	return serve(t, Pace(h, o))
}

// TestClientThatReadsNothingIsCut: the buffers of the system fill, then the write
// stands still, and the handler is told.
func TestClientThatReadsNothingIsCut(t *testing.T) {
	told := make(chan error, 1)
	srv := pacedServer(t, PaceOptions{Idle: 20 * time.Millisecond}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				told <- err
				return
			}
		}
	}))
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-told; !errors.Is(err, ErrTooSlow) {
		t.Errorf("%v, want %v", err, ErrTooSlow)
	}
}

// TestUploadThatStandsStillIsCut, with an answer that says so and the connection
// closed.
func TestUploadThatStandsStillIsCut(t *testing.T) {
	upstream := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	for name, path := range map[string]string{"read by the proxy": chatPath, "passed on": "/files"} {
		t.Run(name, func(t *testing.T) {
			h, transport := reloadable(t, testOptions(disclose.Strict), upstream.URL, nil)
			defer transport()
			srv := pacedServer(t, PaceOptions{Idle: 300 * time.Millisecond}, h)
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn) // ends as the server closes the connection
			if text := string(answer); !strings.HasPrefix(text, "HTTP/1.1 408 ") || !strings.Contains(text, "problems/request_timeout") {
				t.Errorf("answer %.300q, %v", text, err)
			}
		})
	}
}

// readDeadlines notes the deadlines of a request's body.
type readDeadlines struct {
	*httptest.ResponseRecorder
	all []time.Time
}

func (d *readDeadlines) SetReadDeadline(t time.Time) error {
	d.all = append(d.all, t)
	return nil
}

func (d *readDeadlines) last() time.Time { return d.all[len(d.all)-1] }

// TestDeadlinesOfABody: none is left once it was read, as it would end a long answer;
// one is left for what a handler leaves, and for a client that was too slow.
func TestDeadlinesOfABody(t *testing.T) {
	clock := newClock()
	body := func(r io.Reader) (*pacedBody, *readDeadlines) {
		d := &readDeadlines{ResponseRecorder: httptest.NewRecorder()}
		return &pacedBody{ReadCloser: io.NopCloser(r), rc: http.NewResponseController(d), step: stopwatch{o: PaceOptions{}.defaults(), now: clock.Now}}, d
	}
	whole, d := body(strings.NewReader("body"))
	if _, err := io.ReadAll(whole); err != nil || !d.all[0].Equal(clock.Now().Add(time.Minute)) {
		t.Fatalf("%v, deadlines %v", err, d.all)
	}
	if whole.last(); !d.last().IsZero() {
		t.Errorf("a deadline is left: %v", d.last())
	}
	left, d := body(strings.NewReader("body"))
	if left.last(); d.last().IsZero() {
		t.Error("what is left of a body may take for ever")
	}
	n := len(d.all)
	if _, err := left.Read(make([]byte, 1)); err != nil || len(d.all) != n {
		t.Errorf("a late read touches the connection: %v %v", err, d.all)
	}
	slow, d := body(slowReader{clock})
	if _, err := io.ReadAll(slow); !errors.Is(err, ErrTooSlow) {
		t.Errorf("%v, want %v", err, ErrTooSlow)
	}
	if slow.last(); !d.last().Equal(clock.Now()) {
		t.Errorf("deadline %v of a client that was too slow", d.last())
	}
}

// A slowReader gives a byte every 10 seconds, by its clock.
type slowReader struct{ clock *fakeClock }

func (r slowReader) Read(p []byte) (int, error) {
	r.clock.pass(10 * time.Second)
	return copy(p[:1], "x"), nil
}

// TestUpstreamThatStandsStillIsCut: the client gets no made up end.
func TestUpstreamThatStandsStillIsCut(t *testing.T) {
	gone := make(chan struct{})
	upstream := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event("a"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	o := testOptions(disclose.Strict)
	o.Upstream.Idle = 20 * time.Millisecond
	h, transport := reloadable(t, o, upstream.URL, nil)
	defer transport()
	a := ask(t, "POST", serve(t, h).URL+chatPath, chatAsk)
	if a.err == nil && a.StatusCode == http.StatusOK || strings.Contains(string(a.body), "[DONE]") {
		t.Errorf("%.300q, %v; want a broken answer", a.body, a.err)
	}
	<-gone
}

// TestUpgradesPassThroughPace: what the connection is used for then has its own time.
func TestUpgradesPassThroughPace(t *testing.T) {
	upstream := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString(line)
		_ = rw.Flush()
	}))
	h, done := reloadable(t, testOptions(disclose.Standard), upstream.URL, nil)
	defer done()
	if got := upgradeThrough(t, pacedServer(t, PaceOptions{}, h).URL, true); got.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("%s", got.Status)
	}
}
