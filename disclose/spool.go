package disclose

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	spoolSize  = 10_000                 // records kept while Records are down
	spoolBytes = 64 << 20               // and about what they take
	spoolAgain = time.Second            // until it is tried to hand them on without an output that asks
	spoolFlush = 100 * time.Millisecond // and while somebody waits for that

	spoolTogether = 256 // of them handed on at one time
)

var errSpoolFull = errors.New("disclose: records cannot be written and the waiting list is full")

// A spool keeps records in memory while Records cannot take them, and hands
// them on once they can. Nothing in it is acknowledged.
type spool struct {
	records Records
	mu      sync.Mutex
	waiting []Record
	bytes   int64       // what they take
	again   *time.Timer // set while some wait
}

func newSpool(r Records) *spool { return &spool{records: r} }

// on reports whether anything is kept at all.
func (s *spool) on() bool { return s.records != nil }

// patience bounds how long an output waits for its record. What is in memory
// does not wait, so it is spared the timer.
func (s *spool) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := s.records.(*MemoryRecords); ok {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), recordWait)
}

// ready reports whether one more record would find a place.
func (s *spool) ready() bool {
	if !s.on() {
		return true
	}
	s.mu.Lock()
	full := s.full()
	s.mu.Unlock()
	if !full {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordWait)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drain(ctx)
	return !s.full()
}

// full reports whether no more records find a place. The last one may be large.
func (s *spool) full() bool { return len(s.waiting) >= spoolSize || s.bytes >= spoolBytes }

// spoolWeight is about what a record takes in memory, in bytes.
func spoolWeight(r Record) int64 {
	return int64(1024 + len(r.Manifest) + 8*len(r.Fingerprint.Text))
}

func (s *spool) put(ctx context.Context, r Record) error {
	s.mu.Lock()
	waiting := len(s.waiting) > 0
	s.mu.Unlock()
	if !waiting && s.records.Put(ctx, r) == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if waiting {
		s.drain(ctx)
		if len(s.waiting) == 0 && s.records.Put(ctx, r) == nil {
			return nil
		}
	}
	if s.full() {
		return errSpoolFull
	}
	s.keep(r)
	return nil
}

// keep has a record wait. Where no further output comes, a timer hands it on.
func (s *spool) keep(r Record) {
	s.waiting, s.bytes = append(s.waiting, r), s.bytes+spoolWeight(r)
	if s.again == nil {
		s.again = time.AfterFunc(spoolAgain, s.tryAgain)
	}
}

// tryAgain hands on what waits, and comes again where some is left.
func (s *spool) tryAgain() {
	ctx, cancel := context.WithTimeout(context.Background(), recordWait)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drain(ctx)
	if len(s.waiting) == 0 {
		s.again = nil
		return
	}
	s.again.Reset(spoolAgain)
}

// Flush hands on the records that wait because Records could not take them, until none
// is left or ctx ends, and returns how many still wait. Programs call it before they
// end: what waits then is lost, though its output has left. Outputs that are marked
// meanwhile wait behind it.
func (m *Marker) Flush(ctx context.Context) (waiting int) {
	for m.spool.on() {
		m.spool.mu.Lock()
		m.spool.drain(ctx)
		waiting = len(m.spool.waiting)
		m.spool.mu.Unlock()
		if waiting == 0 || ctx.Err() != nil {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(spoolFlush):
		}
	}
	return waiting
}

// drain hands on what waits, oldest first, until one fails: one alone, to see
// whether it is taken, then many at one time, as Records may write them in one
// transaction. Outputs wait behind this.
func (s *spool) drain(ctx context.Context) {
	for n := 1; len(s.waiting) > 0 && ctx.Err() == nil; n = spoolTogether {
		n = min(n, len(s.waiting))
		failed := make([]bool, n)
		var wg sync.WaitGroup
		for i, r := range s.waiting[:n] {
			wg.Go(func() { failed[i] = s.records.Put(ctx, r) != nil })
		}
		wg.Wait()
		left := 0
		for i := range n {
			if failed[i] {
				s.waiting[left] = s.waiting[i]
				left++
				continue
			}
			s.bytes -= spoolWeight(s.waiting[i])
		}
		s.waiting = slices.Delete(s.waiting, left, n)
		if left > 0 {
			return
		}
	}
}
