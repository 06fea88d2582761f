package disclose

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"sync"
	"testing"
	"time"

	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/watermark"
)

// smallPNG is a picture that is quick to decode.
func smallPNG(t testing.TB, w, h int) []byte {
	t.Helper()
	data, err := pixels.EncodePNG(image.NewNRGBA(image.Rect(0, 0, w, h)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestMemoryOfPicturesIsBounded: however many are asked about, no more are decoded
// at one time than the memory is for; one that is over it goes alone.
func TestMemoryOfPicturesIsBounded(t *testing.T) {
	const each = 64 * 64 * 12 // of the PNG's pixels, see imagemeta.Info.DecodeBytes
	for name, c := range map[string]struct {
		memory int64
		peak   int
	}{"two": {2*each + 1, 2}, "alone": {each - 1, 1}} {
		t.Run(name, func(t *testing.T) {
			d, err := NewDetector(DetectorOptions{Jobs: 16, MaxMemory: c.memory})
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			now, peak := 0, 0
			src := Source{Gate: func(image.Image) ([]byte, error) {
				mu.Lock()
				now++
				peak = max(peak, now)
				mu.Unlock()
				defer func() { mu.Lock(); now--; mu.Unlock() }()
				return nil, errors.New("seen")
			}}
			data := smallPNG(t, 64, 64)
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					if _, err := d.InspectBytes(t.Context(), data, src); !errors.Is(err, ErrRefused) {
						t.Errorf("%v, want ErrRefused", err)
					}
				})
			}
			wg.Wait()
			if peak > c.peak {
				t.Errorf("%d at one time, want at most %d", peak, c.peak)
			}
		})
	}
}

// TestPicturesDoNotWaitForEver: a full detector says so, and who has gone is told
// something else.
func TestPicturesDoNotWaitForEver(t *testing.T) {
	d, err := NewDetector(DetectorOptions{MaxWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	data := smallPNG(t, 64, 64)
	if !d.memory.TryAcquire(DefaultMaxMemory) {
		t.Fatal("a new detector is full")
	}
	if _, err := d.InspectBytes(t.Context(), data, Source{}); !errors.Is(err, ErrBusy) {
		t.Errorf("%v, want ErrBusy", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.InspectBytes(gone, data, Source{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	answer := []byte(`{"data":[{"b64_json":"` + base64.StdEncoding.EncodeToString(data) + `"}]}`)
	if _, err := d.InspectBytes(t.Context(), answer, Source{ContentType: "application/json"}); !errors.Is(err, ErrBusy) {
		t.Errorf("inside an answer: %v, want ErrBusy", err)
	}
	d.memory.Release(DefaultMaxMemory)
	if _, err := d.InspectBytes(t.Context(), data, Source{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestGateEndsAnAnswer: a refused picture inside an answer is not passed over.
func TestGateEndsAnAnswer(t *testing.T) {
	d, err := NewDetector(DetectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	picture := base64.StdEncoding.EncodeToString(smallPNG(t, 64, 64))
	answer := []byte(`{"data":[{"b64_json":"` + picture + `"},{"b64_json":"` + picture + `"}]}`)
	full := errors.New("full")
	seen := 0
	_, err = d.Inspect(t.Context(), bytes.NewReader(answer), Source{ContentType: "application/json",
		Gate: func(image.Image) ([]byte, error) { seen++; return nil, full }})
	if !errors.Is(err, ErrRefused) || !errors.Is(err, full) || seen != 1 {
		t.Errorf("%v after %d pictures", err, seen)
	}
}

// TestDitherIsOnlyStricter: a bucket raises what a mark has to reach by at most a
// decade, always by the same amount, and under another key by another.
func TestDitherIsOnlyStricter(t *testing.T) {
	a := newTestKey(t)
	b, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDetector(DetectorOptions{Keys: []VerifyKey{{Key: a}, {Key: b}}})
	if err != nil {
		t.Fatal(err)
	}
	mark := func(k watermark.Key, rate float64) []watermark.Detection {
		return []watermark.Detection{{Found: true, KeyID: k.ID(), FalsePositiveRate: rate}}
	}
	differ, edges := 0, 0
	for i := range 64 {
		bucket := []byte{byte(i)}
		x, y := d.dither(a.ID(), bucket), d.dither(b.ID(), bucket)
		if x < 0 || x >= 1 || x != d.dither(a.ID(), bucket) {
			t.Fatalf("dither %v", x)
		}
		if x != y {
			differ++
		}
		if len(d.surer(mark(a, watermark.FoundRate/10), bucket)) != 1 {
			t.Fatalf("bucket %d: a mark that is a decade surer is left out", i)
		}
		if len(d.surer(mark(a, watermark.FoundRate*0.999), bucket)) == 0 {
			edges++
		}
	}
	if differ < 60 || edges < 32 {
		t.Errorf("%d of 64 differ between keys, %d leave out a mark at the edge", differ, edges)
	}
	if len(d.surer(mark(a, watermark.FoundRate), nil)) != 1 {
		t.Error("without a bucket a mark is left out")
	}
	template := []watermark.Detection{{FalsePositiveRate: watermark.PresentRate}}
	if len(d.surer(template, []byte{1})) != 1 {
		t.Error("a template has no key to hide behind, and is left out")
	}
}

func TestKeyIDs(t *testing.T) {
	k := newTestKey(t)
	d, err := NewDetector(DetectorOptions{Keys: []VerifyKey{{Key: k, Revoked: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if ids := d.KeyIDs(); len(ids) != 1 || ids[0] != k.ID() {
		t.Errorf("KeyIDs = %v", ids)
	}
}
