package disclose

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/avowai/avow/watermark"
)

// choosy takes all records but some.
type choosy struct {
	*MemoryRecords
	not map[watermark.Payload]bool
}

func (c choosy) Put(ctx context.Context, r Record) error {
	if c.not[r.Label.ID] {
		return errors.New("not this one")
	}
	return c.MemoryRecords.Put(ctx, r)
}

// What waits is handed on once, and what is not taken stays in its order.
func TestSpoolHandsOnTogether(t *testing.T) {
	id := func(i int) watermark.Payload { return watermark.Payload{1, byte(i >> 8), byte(i)} }
	refused := []int{spoolTogether / 2, spoolTogether - 1}
	records := choosy{NewMemoryRecords(0), map[watermark.Payload]bool{}}
	for _, i := range refused {
		records.not[id(i)] = true
	}
	s := newSpool(records)
	const all = 3 * spoolTogether
	for i := range all {
		s.waiting = append(s.waiting, Record{Label: Label{ID: id(i)}})
	}
	s.drain(context.Background())
	if got := s.waiting[:len(refused)]; len(s.waiting) != all-spoolTogether-1+len(refused) || got[0].Label.ID != id(refused[0]) || got[1].Label.ID != id(refused[1]) {
		t.Fatalf("%d wait, first %v", len(s.waiting), s.waiting[0].Label.ID)
	}
	clear(records.not)
	s.drain(context.Background())
	if len(s.waiting) != 0 || len(records.byID) != all {
		t.Fatalf("%d wait, %d were taken of %d", len(s.waiting), len(records.byID), all)
	}
}

// What waits is handed on once Records take it, also where no output comes any more.
func TestSpoolHandsOnByItself(t *testing.T) {
	f := &flaky{MemoryRecords: NewMemoryRecords(0), down: true}
	s := newSpool(f)
	if err := s.put(context.Background(), Record{Label: Label{ID: testID}}); err != nil {
		t.Fatal(err)
	}
	s.tryAgain()
	s.mu.Lock()
	if len(s.waiting) != 1 || s.again == nil {
		t.Errorf("%d wait, again %v", len(s.waiting), s.again)
	}
	s.mu.Unlock()
	f.mu.Lock()
	f.down = false
	f.mu.Unlock()
	for range 3000 { // half a minute at most; the timer takes a second
		if _, err := f.ByID(context.Background(), testID); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := f.ByID(context.Background(), testID); err != nil || len(s.waiting) != 0 || s.bytes != 0 || s.again != nil {
		t.Fatalf("%v, %d wait, %d bytes, again %v", err, len(s.waiting), s.bytes, s.again)
	}
}

// TestFlush: before the end what waits is handed on as soon as it is taken, and what is
// not is counted.
func TestFlush(t *testing.T) {
	f := &flaky{MemoryRecords: NewMemoryRecords(0), down: true}
	m := newTestMarker(t, func(o *Options) { o.Records, o.Profile = f, Standard })
	if n := m.Flush(context.Background()); n != 0 {
		t.Fatalf("%d wait before anything was marked", n)
	}
	if err := m.spool.put(context.Background(), Record{Label: Label{ID: testID}}); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if n := m.Flush(ended); n != 1 {
		t.Errorf("%d wait while Records are down, want 1", n)
	}
	time.AfterFunc(50*time.Millisecond, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.down = false
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if n := m.Flush(ctx); n != 0 {
		t.Errorf("%d wait, want none", n)
	}
	if _, err := f.ByID(ctx, testID); err != nil {
		t.Error(err)
	}
}
