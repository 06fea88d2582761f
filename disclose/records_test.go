package disclose

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avowai/avow/watermark"
)

func TestMemoryRecords(t *testing.T) {
	ctx := context.Background()
	m := NewMemoryRecords(2)
	for i := byte(1); i <= 3; i++ {
		if err := m.Put(ctx, Record{Label: Label{ID: watermark.Payload{i}}, Response: string('a' + rune(i))}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.ByID(ctx, watermark.Payload{1}); !errors.Is(err, ErrNoRecord) {
		t.Errorf("the oldest record is still there: %v", err)
	}
	if r, err := m.ByResponse(ctx, "d"); err != nil || r.Label.ID != (watermark.Payload{3}) {
		t.Errorf("ByResponse: %+v %v", r, err)
	}
	if all, _ := m.ByPrefix(ctx, []byte{2}); len(all) != 1 {
		t.Errorf("ByPrefix: %d records", len(all))
	}
	if all, _ := m.ByPrefix(ctx, nil); len(all) != 0 {
		t.Errorf("an empty prefix matches %d records", len(all))
	}
	if _, err := m.ByResponse(ctx, ""); !errors.Is(err, ErrNoRecord) {
		t.Errorf("an empty response id: %v", err)
	}
}

// flaky fails while down.
type flaky struct {
	*MemoryRecords
	mu   sync.Mutex
	down bool
}

func (f *flaky) Put(ctx context.Context, r Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return errors.New("down")
	}
	return f.MemoryRecords.Put(ctx, r)
}

func TestRecordsOfOutputs(t *testing.T) {
	records := NewMemoryRecords(0)
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Records, o.Key = records, key })
	for name, c := range map[string]struct {
		out  Output
		text string
	}{
		"held":   {Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Route: "/chat"}, chatAnswer},
		"stream": {Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat, Route: "/chat"}, chatStream},
	} {
		got, _, err := mark(t, m, c.out, c.text, 50)
		if err != nil {
			t.Fatal(err)
		}
		r, err := records.ByID(context.Background(), testID)
		if err != nil || r.SHA256 != sha256.Sum256([]byte(got)) || r.Size != int64(len(got)) {
			t.Errorf("%s: %v, size %d, want %d", name, err, r.Size, len(got))
		}
		if !slices.Equal(r.Carriers, []Carrier{CarrierHeader, CarrierField, CarrierNotice}) || r.Language != "en" || r.Response != "c1" || r.Route != "/chat" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestRecordsDown(t *testing.T) {
	for _, profile := range []Profile{Strict, Standard} {
		f := &flaky{MemoryRecords: NewMemoryRecords(0), down: true}
		m := newTestMarker(t, func(o *Options) { o.Records, o.Profile = f, profile })
		out := Output{ContentType: "application/json", Shape: ShapeOpenAIChat}
		if _, w, err := mark(t, m, out, chatAnswer, 0); err != nil || w.Result().Outcome != OutcomeMarked {
			t.Fatalf("%v: an output was lost while the spool has room: %v", profile, err)
		}
		m.spool.waiting = slices.Repeat(m.spool.waiting, spoolSize)
		if m.Ready() != (profile == Standard) {
			t.Errorf("%v: Ready = %v", profile, m.Ready())
		}
		_, w, err := mark(t, m, out, chatAnswer, 0)
		switch profile {
		case Strict:
			if err == nil || w.Result().Reason != ReasonLedgerDown {
				t.Errorf("strict: %v", err)
			}
		case Standard:
			if got := OutcomeValue(w.Result()); err != nil || got != "degraded; missing=record" {
				t.Errorf("standard: %v %s", err, got)
			}
		}
		f.mu.Lock()
		f.down = false
		f.mu.Unlock()
		ready := m.Ready()
		_, _, _ = mark(t, m, out, chatAnswer, 0)
		if !ready || len(m.spool.waiting) != 0 {
			t.Errorf("%v: the spool was not handed on: %d wait", profile, len(m.spool.waiting))
		}
	}
}

// TestSpoolIsBounded by what records take too: a few large manifests fill it.
func TestSpoolIsBounded(t *testing.T) {
	f := &flaky{MemoryRecords: NewMemoryRecords(0), down: true}
	s := newSpool(f)
	large := Record{Manifest: make([]byte, spoolBytes/4)} // one array for all of them
	for i := range 4 {
		if err := s.put(t.Context(), large); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	if err := s.put(t.Context(), Record{}); !errors.Is(err, errSpoolFull) || s.ready() {
		t.Errorf("%d bytes wait: %v", s.bytes, err)
	}
	f.mu.Lock()
	f.down = false
	f.mu.Unlock()
	if !s.ready() || len(s.waiting) != 0 || s.bytes != 0 {
		t.Errorf("%d records and %d bytes wait", len(s.waiting), s.bytes)
	}
}

func TestAbortedStreamIsRecordedAsSuch(t *testing.T) {
	records := NewMemoryRecords(0)
	m := newTestMarker(t, func(o *Options) { o.Records = records })
	var dst strings.Builder
	w := m.NewWriter(context.Background(), &dst, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat, Label: Label{ID: testID}})
	_, _ = w.Write([]byte(chatStream[:len(chatStream)/2]))
	sent := dst.Len()
	w.Abort()
	r, err := records.ByID(context.Background(), testID)
	if err != nil || r.Outcome != OutcomeAborted || r.Size != int64(sent) || dst.Len() != sent {
		t.Fatalf("%v %+v", err, r)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a write after Abort went through")
	}
}

func TestOwnMarkIsLeftAlone(t *testing.T) {
	records := NewMemoryRecords(0)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Records = newTestKey(t), records })
	once, _, err := mark(t, m, Output{ContentType: "image/png"}, string(testPNG(t, 320, 240, 4)), 0)
	if err != nil {
		t.Fatal(err)
	}
	twice, w, err := mark(t, m, Output{ContentType: "image/png"}, once, 0)
	if err != nil || twice != once || OutcomeValue(w.Result()) != "passed; reason=already_marked" {
		t.Fatalf("%v %s", err, OutcomeValue(w.Result()))
	}
}

func TestBusyPoolFailsTheMark(t *testing.T) {
	m := newTestMarker(t, func(o *Options) {
		o.Key, o.Jobs, o.Queue, o.Profile, o.MarkTimeout = newTestKey(t), 1, 1, Standard, 50*time.Millisecond
	})
	leave, err := m.images.enter(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	_, w, err := mark(t, m, Output{ContentType: "image/png"}, string(testPNG(t, 320, 240, 4)), 0)
	if got := OutcomeValue(w.Result()); err != nil || got != "degraded; missing=image_mark" {
		t.Fatalf("%v %s", err, got)
	}
}

func TestProfilesDecideEveryReason(t *testing.T) {
	for _, r := range Reasons() {
		for _, p := range []Profile{Strict, Standard} {
			action := p.On(r)
			if action == Withhold && Hint(r) == "" {
				t.Errorf("%v/%s withholds without saying what to do", p, r)
			}
			if p == Standard && action == Withhold && r != ReasonTruncated {
				t.Errorf("standard withholds for %s", r)
			}
		}
	}
}
