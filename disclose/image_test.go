package disclose

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

const imageCarriers = CarrierSet(1<<CarrierImageMark | 1<<CarrierMetadata)

func testJPEG(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, corpus.Made(w, h, 5), &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func testLabel(t testing.TB, m *Marker, id watermark.Payload) Label {
	t.Helper()
	l, err := m.Label(Label{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func reasons(res imageResult) map[Carrier]Reason {
	out := map[Carrier]Reason{}
	for _, m := range res.marks {
		out[m.Carrier] = m.Reason
	}
	return out
}

func TestImageMarker(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key; o.MaxPixels = 600 * 600 })
	big := testPNG(t, 512, 512, 1)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		data    []byte
		pixel   Reason
		meta    Reason
		changed bool
	}{
		{"png", nil, big, ReasonNone, ReasonNone, true},
		{"jpeg", nil, testJPEG(t, 512, 512), ReasonNone, ReasonNone, true},
		{"too small", nil, testPNG(t, 16, 16, 1), ReasonTooSmall, ReasonNone, true},
		{"over the pixel limit", nil, testPNG(t, 700, 700, 1), ReasonTooLarge, ReasonNone, true},
		{"truncated", nil, big[:len(big)/2], ReasonUndecodable, ReasonUndecodable, false},
		{"not an image", nil, []byte("hello"), ReasonUndecodable, ReasonUndecodable, false},
		{"cancelled", cancelled, big, ReasonMarkerError, ReasonNone, true},
		{"huge header", nil, pngHeader(30000, 30000), ReasonUndecodable, ReasonUndecodable, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := c.ctx
			if ctx == nil {
				ctx = context.Background()
			}
			before := bytes.Clone(c.data)
			res := m.images.mark(ctx, c.data, testLabel(t, m, testID), imageCarriers, m.o.VisibleLabel)
			got := reasons(res)
			if got[CarrierImageMark] != c.pixel || got[CarrierMetadata] != c.meta || res.changed != c.changed {
				t.Fatalf("%v changed %v: %+v", got, res.changed, res.marks)
			}
			if !bytes.Equal(before, c.data) || !c.changed && !bytes.Equal(res.data, c.data) {
				t.Fatal("input touched")
			}
			if f, err := imagemeta.Read(res.data); c.changed && (err != nil || f.GUID != testID.String()) {
				t.Fatalf("%+v %v", f, err)
			}
		})
	}
}

func TestImageMarkerLeavesItsOwnMark(t *testing.T) {
	key := newTestKey(t)
	rec := NewMemoryRecords(4)
	m := newTestMarker(t, func(o *Options) { o.Key = key; o.Records = rec })
	out := Output{ContentType: "image/png", Shape: ShapeImage}
	once, _, err := mark(t, m, out, string(testPNG(t, 512, 512, 1)), 0)
	if err != nil {
		t.Fatal(err)
	}
	res := m.images.mark(context.Background(), []byte(once), testLabel(t, m, watermark.Payload{}), imageCarriers, m.o.VisibleLabel)
	if res.changed || reasons(res)[CarrierImageMark] != ReasonAlreadyMarked {
		t.Fatalf("changed %v %+v", res.changed, res.marks)
	}
	empty := newTestMarker(t, func(o *Options) { o.Key = key; o.Records = NewMemoryRecords(4) })
	if res := empty.images.mark(context.Background(), []byte(once), testLabel(t, m, watermark.Payload{}), imageCarriers, empty.o.VisibleLabel); !res.changed {
		t.Fatal("a mark without a record counted as our own")
	}
}

func TestImageQueueIsBounded(t *testing.T) {
	var depth atomic.Int64
	m := newTestMarker(t, func(o *Options) {
		o.Key, o.Jobs, o.Queue = newTestKey(t), 1, 1
		o.ObserveQueue = func(d int) { depth.Add(int64(d)) }
	})
	im := m.images
	leave, err := im.enter(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, err := im.enter(ctx, 1); waiting <- err }()
	for im.waiting.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	if _, err := im.enter(context.Background(), 1); !errors.Is(err, ErrBusy) {
		t.Fatalf("%v, want ErrBusy", err)
	}
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	leave()
	if im.waiting.Load() != 0 || depth.Load() != 0 {
		t.Fatalf("waiting %d, depth %d", im.waiting.Load(), depth.Load())
	}
}
