package cli

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// cutWait is how long handlers have to note that their answers were cut, so that
	// the ledger is not closed before they have written that.
	cutWait = 5 * time.Second
	// drainPoll is how often it is looked whether the last answer has ended.
	drainPoll = 20 * time.Millisecond
)

// A stopSignal is the cause of a context that a signal has ended.
type stopSignal struct{ os.Signal }

func (s stopSignal) Error() string { return s.String() + " signal received" }

// untilSignal returns a context that ends when the process is told to stop.
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case s := <-told:
			cancel(stopSignal{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(told); cancel(nil) }
}

// A departure says how servers stop: in which order, and how long each step may
// take. The order is that of a rolling restart. Readiness goes first, while requests
// are still taken, since balancers notice late. Then the public listener closes, and
// answers in progress come to their end. The admin address stays until then, so that
// the end can be watched.
type departure struct {
	// delay is the time between "not ready" and the closing of the listener.
	delay time.Duration
	// bound is how long answers in progress have from then on; then they are cut.
	bound time.Duration
	// limits gives both anew when it comes to that, as the configuration may have
	// changed; nil leaves them.
	limits func() (delay, bound time.Duration)
	// admin is the address that closes last.
	admin string
	// leaving is set at once; /readyz looks at it.
	leaving *atomic.Bool
	// again ends when the process is told to stop once more; nil means at a signal.
	again context.Context
	// say tells the operator.
	say func(format string, args ...any)
}

// departure is how a service stops under the configuration that it has then.
func (a *app) departure(s *service) departure {
	return departure{
		limits: func() (delay, bound time.Duration) {
			l := s.current.Load().c.Limits
			return time.Duration(l.DrainDelay), time.Duration(l.Drain)
		},
		admin: s.current.Load().c.Admin, leaving: &s.leaving, say: a.say,
	}
}

// run serves until ctx ends, then lets answers in progress finish.
func (s *serverSet) run(ctx context.Context, d departure) error {
	failed := make(chan error, 1)
	go func() { failed <- s.serve() }()
	defer s.close()
	select {
	case err := <-failed:
		s.leave(ctx, d, true) // an address is gone already
		return err
	case <-ctx.Done():
		s.leave(ctx, d, false)
		return <-failed
	}
}

// leave stops in the order that departure describes, without the delay where that
// helps nobody.
func (s *serverSet) leave(ctx context.Context, d departure, hurry bool) {
	again := d.again
	if again == nil {
		var stop func()
		again, stop = signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
	}
	d.leaving.Store(true)
	s.leaving.Store(true)
	if d.limits != nil {
		d.delay, d.bound = d.limits()
	}
	// Somebody sits at a terminal and waits.
	cause, ok := context.Cause(ctx).(stopSignal)
	if hurry || ok && cause.Signal == os.Interrupt {
		d.delay = 0
	}
	if n := s.answering(d.admin); n > 0 || d.delay > 0 {
		d.say("stopping: %d answers in progress have up to %v; a second signal stops at once", n, d.delay+d.bound)
	}
	select {
	case <-again.Done():
	case <-time.After(d.delay):
	}
	s.shut(d.admin)
	if s.ended(again, d.bound, d.admin) {
		return
	}
	d.say("cut %d answers that had not ended", s.answering(d.admin))
	s.cut()
	for addr, srv := range s.servers {
		if addr != d.admin {
			_ = srv.Close() // a handler that waits for its client to read
		}
	}
	s.ended(context.Background(), cutWait, d.admin)
}

// shut closes all listeners but the one kept, and connections as they become idle.
func (s *serverSet) shut(kept string) {
	for addr, srv := range s.servers {
		if addr != kept {
			s.idle.Go(func() { _ = srv.Shutdown(s.base) })
		}
	}
}

// ended reports whether the last answer ends in time. A request that is still being
// read when the listener closes has the connection to itself: Shutdown waits for it.
func (s *serverSet) ended(ctx context.Context, bound time.Duration, kept string) bool {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	idle := make(chan struct{})
	go func() { s.idle.Wait(); close(idle) }()
	select {
	case <-ctx.Done():
		return s.answering(kept) == 0
	case <-idle:
	}
	for s.answering(kept) > 0 { // connections taken over
		select {
		case <-ctx.Done():
			return false
		case <-time.After(drainPoll):
		}
	}
	return true
}

// answering counts the answers in progress on all addresses but one.
func (s *serverSet) answering(but string) (n int64) {
	for addr, count := range s.counters {
		if addr != but {
			n += count.Load()
		}
	}
	return n
}
