package disclose

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/avowai/avow/disclose/fingerprint"
)

const (
	recordWait = 250 * time.Millisecond // how long an output waits for its record
	spoolSize  = 10_000                 // records kept while Records are down
	spoolBytes = 64 << 20               // and about what they take
	spoolAgain = time.Second            // until it is tried to hand them on without an output that asks

	spoolTogether = 256 // of them handed on at one time
)

var errSpoolFull = errors.New("disclose: records cannot be written and the waiting list is full")

// recordHeld records an output that has not left yet. Where that fails for good
// the profile decides.
func (w *Writer) recordHeld(out []byte) error {
	if !w.m.spool.on() || w.human() {
		return nil
	}
	outcome, _ := w.outcome()
	r := w.newRecord(outcome)
	r.SHA256, r.Size = sha256.Sum256(out), int64(len(out))
	return w.put(r)
}

// record records a stream that has left.
func (w *Writer) record(outcome Outcome) error {
	if !w.m.spool.on() || w.human() {
		return nil
	}
	if outcome == OutcomeMarked {
		outcome, _ = w.outcome()
	}
	r := w.newRecord(outcome)
	if w.digest != nil { // nil where a held output broke off before it left
		r.SHA256 = [32]byte(w.digest.Sum(nil))
	}
	r.Size = w.delivered
	return w.put(r)
}

func (w *Writer) newRecord(outcome Outcome) Record {
	r := Record{
		Label: w.label, MediaType: mediaType(w.out.ContentType), Shape: w.out.Shape, Route: w.out.Route,
		Response: w.responseID, Carriers: []Carrier{CarrierHeader}, Skipped: slices.Clone(w.skipped),
		Outcome: outcome, Empty: w.empty, StoredManifest: w.storesManifest(), Recorded: w.m.o.Now().UTC(),
		Session: w.out.Session, Manifest: w.store, ManifestID: w.storeID, Fingerprint: w.textFingerprint(),
	}
	for _, m := range w.marks {
		if m.Err == nil && m.Reason == ReasonNone && !slices.Contains(r.Carriers, m.Carrier) {
			r.Carriers = append(r.Carriers, m.Carrier)
		}
	}
	if w.notice {
		r.Language = w.language().String()
		r.Notices = (w.due & noticesOnAI).IDs()
		r.NoticeHash = sha256.Sum256([]byte(w.noticesText(w.due)))
	}
	return r
}

// imageFingerprint is what a record keeps of a picture.
func (m *Marker) imageFingerprint(print fingerprint.Image) Fingerprint {
	if print.IsZero() {
		return Fingerprint{}
	}
	return Fingerprint{KeyID: m.o.Key.ID(), Image: print}
}

func (w *Writer) put(r Record) error {
	ctx, cancel := w.m.spool.patience(w.ctx)
	defer cancel()
	all := []Record{r}
	for _, image := range w.images {
		ri := r
		ri.Response, ri.StoredManifest = "", false // the API's id is that of the response; an image holds its manifest
		ri.Manifest, ri.ManifestID = image.store, image.storeID
		ri.Fingerprint = w.m.imageFingerprint(image.print)
		ri.Label, ri.MediaType, ri.SHA256, ri.Size = image.label, image.mediaType, image.sum, image.size
		if ri.Label.ID == r.Label.ID {
			ri.Response, ri.Fingerprint = r.Response, ri.Fingerprint.together(r.Fingerprint)
			all[0] = ri // the record of a response that is one image describes the image
			continue
		}
		all = append(all, ri)
	}
	if w.recalled { // the answer itself has its record
		all = all[1:]
	}
	for _, r := range all {
		err := w.m.spool.put(ctx, r)
		w.m.o.ObserveRecord(err)
		if err != nil {
			return w.unrecordedOutput(err)
		}
	}
	return nil
}

// unrecordedOutput applies the profile to an output without a record. Once
// bytes are out it can only be counted.
func (w *Writer) unrecordedOutput(err error) error {
	w.unrecorded = true
	w.skip(ReasonLedgerDown)
	w.m.o.Logger.Error("output not recorded", "id", w.label.ID.String(), "error", err)
	if w.m.o.Profile.On(ReasonLedgerDown) == Withhold && w.delivered == 0 {
		return &Withheld{Reason: ReasonLedgerDown, Hint: hints[ReasonLedgerDown], Err: err}
	}
	return nil
}

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
