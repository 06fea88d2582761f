package disclose

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRevokedMarksAndTheirRecords: a record older than the revocation is said, and
// the verdict stays that of a revoked key.
func TestRevokedMarksAndTheirRecords(t *testing.T) {
	key := newTestKey(t)
	records := [2]*MemoryRecords{NewMemoryRecords(0), NewMemoryRecords(0)} // of the same id each
	m := newTestMarker(t, func(o *Options) { o.Key, o.Records = key, records[0] })
	picture, _, err := mark(t, m, Output{ContentType: "image/png"}, string(testPNG(t, 400, 300, 1)), 0)
	if err != nil {
		t.Fatal(err)
	}
	m = newTestMarker(t, func(o *Options) { o.Key, o.Records = key, records[1] })
	text, _, err := mark(t, m, Output{ContentType: "text/plain"}, prose(60), 0)
	if err != nil {
		t.Fatal(err)
	}
	made := time.Unix(1795392000, 0) // newTestMarker's clock
	const older = "the key is revoked; the matching record was written before that"
	for name, c := range map[string]struct {
		at   []time.Time // of each entry of the key
		asks bool
		says bool
	}{
		"before":    {[]time.Time{made.Add(time.Hour)}, true, true},
		"after":     {[]time.Time{made.Add(-time.Hour)}, true, false},
		"same time": {[]time.Time{made}, true, false},
		"unknown":   {[]time.Time{{}}, true, false},
		"earliest":  {[]time.Time{made.Add(time.Hour), made.Add(-time.Hour)}, true, false},
		"no record": {[]time.Time{made.Add(time.Hour)}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var o DetectorOptions
			for _, at := range c.at {
				o.Keys = append(o.Keys, VerifyKey{Key: key, Revoked: true, RevokedAt: at})
			}
			for i, data := range []string{picture, text} {
				carrier := []Carrier{CarrierImageMark, CarrierTextMark}[i]
				if c.asks {
					o.Records = records[i]
				}
				r := mustInspect(t, o, []byte(data), Source{})
				f, public := finding(r, carrier), finding(r.Public(), carrier)
				if f.Status != Present || f.reason != CauseRevokedKey || r.Reason != CauseRevokedKey {
					t.Errorf("%s: %s (%s), verdict %s (%s); want present (revoked_key)", carrier, f.Status, f.reason, r.Verdict, r.Reason)
				}
				if strings.Contains(f.Detail, older) != c.says || strings.Contains(public.Detail, older) != c.says || !strings.Contains(f.Detail, "the key is revoked") {
					t.Errorf("%s: detail %q, public %q", carrier, f.Detail, public.Detail)
				}
			}
		})
	}
}

// TestWaitingRecordsOutliveTheirMarker: a change of configuration while the records
// are down loses nothing that waits for them.
func TestWaitingRecordsOutliveTheirMarker(t *testing.T) {
	f := &flaky{MemoryRecords: NewMemoryRecords(0), down: true}
	old := newTestMarker(t, func(o *Options) { o.Records = f })
	if _, _, err := mark(t, old, Output{ContentType: "text/plain"}, "one", 0); err != nil {
		t.Fatal(err)
	}
	next := newTestMarker(t, func(o *Options) { o.Records, o.Previous, o.Jobs = f, old, 3 })
	f.down = false
	if _, _, err := mark(t, next, Output{ContentType: "text/plain"}, "two", 0); err != nil {
		t.Fatal(err)
	}
	if n := len(f.ring); n != 2 || len(next.spool.waiting) != 0 {
		t.Errorf("%d records written and %d waiting, want 2 and 0", n, len(next.spool.waiting))
	}
	if next.o.Previous != nil {
		t.Error("a Marker keeps the one before it, and so all that ever were")
	}
	apart := newTestMarker(t, func(o *Options) { o.Records, o.Previous = NewMemoryRecords(0), old })
	if apart.spool == old.spool {
		t.Error("what waits for other records was taken over")
	}
}

func TestImagesOfBothCountTogether(t *testing.T) {
	old := newTestMarker(t, func(o *Options) { o.Jobs, o.Queue = 1, 1 })
	same := newTestMarker(t, func(o *Options) { o.Jobs, o.Queue, o.Previous = 1, 1, old })
	leave, err := old.images.enter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if same.images.jobs.TryAcquire(1) || same.images.waiting.Load() != 1 {
		t.Error("an image in progress under the old configuration is not counted under the new")
	}
	leave()
	more := newTestMarker(t, func(o *Options) { o.Jobs, o.Previous = 2, old })
	if more.images.jobs == old.images.jobs || more.images.memory != old.images.memory {
		t.Error("another number of jobs needs a pool of its own, and the same memory")
	}
	d, err := NewDetector(DetectorOptions{Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for jobs, shared := range map[int]bool{2: true, 3: false} {
		n, err := NewDetector(DetectorOptions{Jobs: jobs, Previous: d})
		if err != nil || (n.jobs == d.jobs) != shared {
			t.Errorf("%d jobs after 2: shared %v, %v", jobs, n.jobs == d.jobs, err)
		}
	}
}

func TestPrintedMarkersAndDetectorsHoldNoKey(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	d, err := NewDetector(DetectorOptions{Keys: []VerifyKey{{Key: key}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{m, d, m.o, d.o} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "000102030405") || strings.Contains(text, "0 1 2 3 4 5") || strings.Contains(text, "0x0, 0x1, 0x2") {
				t.Errorf("%s of %T prints the key: %.200s", verb, v, text)
			}
		}
	}
}
