package middleware

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// PaceOptions bound how slow a client may be. The zero value is the recommended
// setting.
type PaceOptions struct {
	// Idle bounds how long one read of a request's body, or one write of an answer,
	// may stand still; 0 means 60 seconds. It begins anew with every step, so that a
	// stream may last as long as it likes, and whatever the upstream takes does not
	// count.
	Idle time.Duration
	// MinRate is how many bytes a second a client has to send or take while it keeps
	// others waiting, over Idle of such waiting; 0 means 100, below 0 no minimum.
	MinRate int
}

func (o PaceOptions) defaults() PaceOptions {
	o.Idle = or(o.Idle, time.Minute)
	o.MinRate = or(o.MinRate, 100)
	return o
}

// ErrTooSlow is returned to a handler for a client that stood still for too long, or
// stayed below the minimum rate.
var ErrTooSlow = errors.New("middleware: client is too slow")

// How much is written under one deadline, in bytes: a large answer would otherwise have
// to reach a slow client within a single one. Clients that take a piece within quickStep
// get larger ones.
const (
	minPiece  = 4 << 10
	maxPiece  = 64 << 10
	quickStep = 10 * time.Millisecond
)

// Pace cuts the connections of clients that stand still, so that many of them do not
// use up a server. It belongs outside of everything else: http.Server's own
// WriteTimeout would cut long streams, and ReadTimeout slow uploads that are under
// way. What the system keeps in its buffers counts as taken.
func Pace(next http.Handler, o PaceOptions) http.Handler {
	return &pace{next, o.defaults()}
}

type pace struct {
	next http.Handler
	o    PaceOptions
}

// ServeHTTP implements http.Handler.
func (p *pace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pw, r := p.begin(w, r)
	p.next.ServeHTTP(pw, r)
	pw.last()
	pw.body.last()
}

// begin starts to watch both directions of a connection.
func (p *pace) begin(w http.ResponseWriter, r *http.Request) (*pacedWriter, *http.Request) {
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // of the request before on the same connection
	pw := &pacedWriter{ResponseWriter: w, rc: rc, step: stopwatch{o: p.o, now: time.Now}}
	if r.Body != nil && r.Body != http.NoBody {
		pw.body = &pacedBody{ReadCloser: r.Body, rc: rc, step: stopwatch{o: p.o, now: time.Now}}
		r = r.WithContext(context.WithValue(r.Context(), paceKey{}, pw.body))
		r.Body = pw.body
	}
	return pw, r
}

// A stopwatch adds up how long one direction of a connection keeps others waiting,
// and how much it moves meanwhile.
type stopwatch struct {
	o      PaceOptions
	now    func() time.Time
	start  time.Time
	waited time.Duration
	moved  int
	took   time.Duration // of the last step
}

// begin starts a step, and returns when it has to be done.
func (s *stopwatch) begin() time.Time {
	s.start = s.now()
	return s.start.Add(s.o.Idle)
}

// end ends a step that moved n bytes. Once as much was waited as one step may take,
// what was moved meanwhile has to make up the minimum.
func (s *stopwatch) end(n int) error {
	s.took = s.now().Sub(s.start)
	s.waited += s.took
	s.moved += n
	if s.waited < s.o.Idle {
		return nil
	}
	least := s.waited.Seconds() * float64(s.o.MinRate)
	slow := float64(s.moved) < least
	s.waited, s.moved = 0, 0
	if slow && s.o.MinRate > 0 {
		return ErrTooSlow
	}
	return nil
}

// judge ends a step that moved n bytes and came to err.
func (s *stopwatch) judge(n int, err error) error {
	slow := s.end(n)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrTooSlow, err)
	case err == nil:
		return slow
	}
	return err
}

// pacedWriter gives every piece of an answer its time.
type pacedWriter struct {
	http.ResponseWriter
	rc       *http.ResponseController
	step     stopwatch
	err      error // why nothing more is written
	piece    int   // how much is written at once
	hijacked bool
	body     *pacedBody // of the request; nil for none
}

// SetReadDeadline lets a handler that holds room for a body be stricter than the
// pace: whichever time comes first ends a read. It is for the goroutine that reads.
func (w *pacedWriter) SetReadDeadline(t time.Time) error {
	if w.body != nil {
		w.body.bound = t
	}
	return w.rc.SetReadDeadline(t)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write implements http.ResponseWriter.
func (w *pacedWriter) Write(p []byte) (n int, err error) {
	for first := true; first || n < len(p); first = false {
		w.piece = max(w.piece, minPiece)
		piece := p[n:min(len(p), n+w.piece)]
		if err := w.begin(); err != nil {
			return n, err
		}
		m, err := w.ResponseWriter.Write(piece)
		n += m
		if err = w.end(m, err); err != nil {
			return n, err
		}
	}
	return n, nil
}

// FlushError implements what http.ResponseController looks for.
func (w *pacedWriter) FlushError() error {
	if err := w.begin(); err != nil {
		return err
	}
	return w.end(0, w.rc.Flush())
}

// Flush implements http.Flusher.
func (w *pacedWriter) Flush() { _ = w.FlushError() }

// begin starts a step. After a failed one the connection is of no use.
func (w *pacedWriter) begin() error {
	if w.err == nil {
		_ = w.rc.SetWriteDeadline(w.step.begin()) // a writer without deadlines has none to miss
	}
	return w.err
}

// end ends a step that wrote n bytes and came to err.
func (w *pacedWriter) end(n int, err error) error {
	if w.err = w.step.judge(n, err); w.step.took > quickStep {
		w.piece = minPiece
	} else if w.piece == n {
		w.piece = min(2*w.piece, maxPiece)
	}
	_ = w.rc.SetWriteDeadline(time.Time{}) // what the handler waits for is not the client's time
	return w.err
}

// Hijack hands over the connection, whose time is then the handler's affair.
func (w *pacedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := w.rc.Hijack()
	w.hijacked = w.hijacked || err == nil
	return conn, rw, err
}

// last gives what the server writes after the handler its time.
func (w *pacedWriter) last() {
	if !w.hijacked {
		_ = w.rc.SetWriteDeadline(w.step.begin())
	}
}

// pacedBody gives every read of a request's body its time.
type pacedBody struct {
	io.ReadCloser
	rc    *http.ResponseController
	step  stopwatch
	err   error
	bound time.Time   // the handler's own deadline; zero for none
	ended atomic.Bool // all of it was read
	slow  atomic.Bool // why the request's context has ended
	left  atomic.Bool // the handler has returned; a Transport may read on
}

type paceKey struct{}

// tooSlow reports whether a request ended because its body did not arrive.
func tooSlow(r *http.Request) bool {
	b, ok := r.Context().Value(paceKey{}).(*pacedBody)
	return ok && b.slow.Load()
}

func (b *pacedBody) Read(p []byte) (n int, err error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.left.Load(): // the connection's time is that of another request now
		return b.ReadCloser.Read(p)
	}
	until := b.step.begin()
	if !b.bound.IsZero() && b.bound.Before(until) {
		until = b.bound
	}
	_ = b.rc.SetReadDeadline(until)
	n, err = b.ReadCloser.Read(p)
	b.ended.Store(errors.Is(err, io.EOF))
	err = b.step.judge(n, err)
	if errors.Is(err, ErrTooSlow) {
		b.slow.Store(true)
		b.err = err // the deadline stays, so that nobody waits for the rest either
		_ = b.rc.SetReadDeadline(b.step.now())
		return n, err
	}
	// From the body's end on, the server watches for a client that goes away: a
	// deadline that is left would look like one.
	_ = b.rc.SetReadDeadline(time.Time{})
	return n, err
}

// last gives what the server still reads of a body that the handler left its time.
func (b *pacedBody) last() {
	if b == nil {
		return
	}
	b.left.Store(true)
	if !b.ended.Load() && !b.slow.Load() {
		_ = b.rc.SetReadDeadline(time.Now().Add(b.step.o.Idle))
	}
}

// slowRequest answers for a request whose body did not arrive.
func (c *core) slowRequest(w http.ResponseWriter, r *http.Request) {
	p := problem{
		Type: problemBase + "request_timeout", Title: "Request timed out", Status: http.StatusRequestTimeout,
		Detail:    "The body of the request did not arrive in time. Send it again, without standing still.",
		RequestID: or(requestID(r), newRequestID()),
	}
	w.Header().Set("Connection", "close")
	p.write(w, r)
}
