package ledger

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

func TestSessions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		l, ctx := p.open(), context.Background()
		id := disclose.SessionID{1, 2, 3}
		if _, err := l.Session(ctx, id); !errors.Is(err, disclose.ErrNoSession) {
			t.Fatalf("an unknown session: %v", err)
		}
		now := time.Now().UTC().Truncate(time.Millisecond)
		for _, want := range []disclose.Session{
			{Seen: now, Owed: true}, {Noticed: now, Seen: now.Add(time.Second), Human: true}, {Noticed: now, Seen: now.Add(time.Minute)},
		} {
			if err := l.PutSession(ctx, id, want); err != nil {
				t.Fatal(err)
			}
			if got, err := l.Session(ctx, id); err != nil || got != want {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
		if _, err := l.Session(ctx, disclose.SessionID{1, 2, 4}); !errors.Is(err, disclose.ErrNoSession) {
			t.Errorf("another session: %v", err)
		}
	})
}

// TestSessionsAreShared: what one process remembers, another knows; and what is too
// old nobody knows.
func TestSessionsAreShared(t *testing.T) {
	var later atomic.Int64
	now := time.Now()
	p := postgresPlace(t).with(func(o *Options) { o.Now = func() time.Time { return now.Add(time.Duration(later.Load())) } })
	one, ctx := p.open(), context.Background()
	two := p.with(func(o *Options) { o.Writer = "two" }).open()
	for i := range byte(3) {
		if err := one.PutSession(ctx, disclose.SessionID{i}, disclose.Session{Seen: now}); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := two.Session(ctx, disclose.SessionID{2}); err != nil || !s.Seen.Equal(now.Truncate(time.Millisecond)) {
		t.Errorf("through another process: %+v, %v", s, err)
	}
	later.Store(int64(sessionLife + time.Hour))
	if _, err := two.Session(ctx, disclose.SessionID{2}); !errors.Is(err, disclose.ErrNoSession) {
		t.Errorf("an old session: %v", err)
	}
	if err := two.PutSession(ctx, disclose.SessionID{1}, disclose.Session{Seen: now.Add(sessionLife)}); err != nil {
		t.Fatal(err)
	}
	if err := two.sessions.forget(ctx); err != nil {
		t.Fatal(err)
	}
	if n := p.count(`SELECT count(*) FROM avow_sessions`); n != 1 {
		t.Errorf("%d sessions are left, want 1", n)
	}
}

func BenchmarkSessions(b *testing.B) {
	url := os.Getenv(postgresVariable)
	if url == "" {
		b.Skipf("PostgreSQL was skipped: set %s to a URL", postgresVariable)
	}
	l, err := Open(context.Background(), Options{URL: url, Writer: "bench-sessions"})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			id := disclose.SessionID{byte(i), byte(i >> 8), 7}
			if _, err := l.Session(context.Background(), id); err != nil && !errors.Is(err, disclose.ErrNoSession) {
				b.Fatal(err)
			}
			if err := l.PutSession(context.Background(), id, disclose.Session{Seen: time.Now()}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
