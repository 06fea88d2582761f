package disclose

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestMemorySessions(t *testing.T) {
	ctx := context.Background()
	m := NewMemorySessions(2)
	id := func(i byte) SessionID { return SessionID{i} }
	put := func(i byte, s Session) {
		if err := m.PutSession(ctx, id(i), s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Session(ctx, id(1)); !errors.Is(err, ErrNoSession) {
		t.Errorf("unknown session: %v", err)
	}
	seen := time.Unix(1795392000, 0)
	put(1, Session{Seen: seen})
	put(2, Session{})
	put(1, Session{Seen: seen, Human: true})
	put(3, Session{})
	if s, err := m.Session(ctx, id(1)); err != nil || !s.Human || !s.Seen.Equal(seen) {
		t.Errorf("session 1: %+v %v", s, err)
	}
	if _, err := m.Session(ctx, id(2)); !errors.Is(err, ErrNoSession) {
		t.Errorf("the session not seen for longest is still there: %v", err)
	}
	if len(m.byID) != 2 || m.latest.Len() != 2 {
		t.Errorf("%d and %d sessions, want 2", len(m.byID), m.latest.Len())
	}
}

func TestMemorySessionsFromManySides(t *testing.T) {
	var s Sessions = NewMemoryRecords(10)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				id := SessionID{byte(i), byte(j)}
				if err := s.PutSession(context.Background(), id, Session{Owed: true}); err != nil {
					t.Error(err)
				}
				if got, err := s.Session(context.Background(), id); err != nil || !got.Owed {
					t.Errorf("%+v %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSessionPseudonyms(t *testing.T) {
	keyed := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	same := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	if keyed.Session("abc") != same.Session("abc") {
		t.Error("the pseudonym changes with the process")
	}
	if keyed.Session("abc") == keyed.Session("abd") {
		t.Error("two values share a pseudonym")
	}
	a, b := newTestMarker(t, nil), newTestMarker(t, nil)
	first, other := a.Session("abc"), b.Session("abc")
	if first == other || a.Session("abc") != first {
		t.Error("without a key a pseudonym holds for its Marker, and for it only")
	}
	if id := keyed.Session("abc"); string(id[:3]) == "abc" {
		t.Error("the value is kept")
	}
}

func BenchmarkMemorySessions(b *testing.B) {
	m := NewMemorySessions(0)
	marker := newTestMarker(b, nil)
	ids := make([]SessionID, 1000)
	for i := range ids {
		ids[i] = marker.Session(strconv.Itoa(i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id := ids[i%len(ids)]
		_, _ = m.Session(context.Background(), id)
		_ = m.PutSession(context.Background(), id, Session{})
	}
}
