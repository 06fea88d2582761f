package disclose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/internal/jsonscan"
)

// A panic in the midst of a stream is a failed mark: strict breaks off, or refuses
// where nothing has left, standard passes the event on as it is.
func TestPanicInAStream(t *testing.T) {
	events := strings.SplitAfter(chatStream, "\n\n")
	for _, profile := range []Profile{Strict, Standard} {
		for at := range 2 { // the event before the first text, and the one with it
			m := newTestMarker(t, func(o *Options) { o.Profile = profile })
			var dst bytes.Buffer
			w := m.NewWriter(context.Background(), &dst, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat, Label: Label{ID: testID}})
			answer := w.sink.(*streamSink).answer
			sound := answer.driver
			var err error
			for i, event := range events {
				if answer.driver = sound; i == at {
					broken := *sound
					broken.member = func(*jsonscan.Scanner, []byte, *found) error { panic("injected") }
					answer.driver = &broken
				}
				before := dst.Len()
				if _, err = w.Write([]byte(event)); err != nil {
					break
				}
				if i == at && dst.String()[before:] != event {
					t.Errorf("%v, event %d became %q", profile, i, dst.String()[before:])
				}
			}
			var held *Withheld
			if profile == Strict && (!errors.As(err, &held) || held.Reason != ReasonMarkerError || (at == 0) != (dst.Len() == 0)) {
				t.Errorf("strict, event %d: %v, %d bytes", at, err, dst.Len())
			}
			if profile == Standard && (err != nil || w.Close() != nil || !strings.HasSuffix(dst.String(), "data: [DONE]\n\n")) {
				t.Errorf("standard, event %d: %v, %q", at, err, dst.String())
			}
		}
	}
}

// A picture whose time went by in the queue fails for the queue's sake, so that
// whoever asked is told when to come again; one that takes long by itself does not.
func TestTimeSpentInTheQueue(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.MarkTimeout = time.Minute })
	for waited, busy := range map[time.Duration]bool{0: false, 20 * time.Second: false, 55 * time.Second: true} {
		j := &imageJob{im: m.images, waited: waited}
		j.failed(CarrierImageMark, ReasonMarkerError, fmt.Errorf("embed: %w", context.DeadlineExceeded))
		j.failed(CarrierImageMark, ReasonMarkerError, errors.New("another cause"))
		if got := errors.Is(j.res.marks[0].Err, ErrBusy); got != busy || !errors.Is(j.res.marks[0].Err, context.DeadlineExceeded) {
			t.Errorf("after %v in the queue: %v", waited, j.res.marks[0].Err)
		}
		if errors.Is(j.res.marks[1].Err, ErrBusy) {
			t.Errorf("after %v in the queue: %v", waited, j.res.marks[1].Err)
		}
	}
}

// Pictures that are decoded share one budget of memory, however many may be worked on
// at one time.
func TestLargePicturesShareTheirMemory(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key, o.Jobs, o.Queue = newTestKey(t), 64, 64 })
	const large = decodeMemory / 4
	var leave []func()
	for range 4 {
		done, err := m.images.enter(t.Context(), large)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, done)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.images.enter(gone, large); !errors.Is(err, ErrBusy) {
		t.Fatalf("a fifth quarter of the memory: %v", err)
	}
	if !m.images.jobs.TryAcquire(60) {
		t.Fatal("a place in the pool was not given back")
	}
	m.images.jobs.Release(60)
	for _, done := range leave {
		done()
	}
	done, err := m.images.enter(t.Context(), decodeMemory)
	if err != nil || m.images.waiting.Load() != 1 {
		t.Fatalf("afterwards: %v, %d inside", err, m.images.waiting.Load())
	}
	done()
}
