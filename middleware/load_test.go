package middleware

import (
	"bytes"
	"context"
	"image"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/pixels"
)

// TestManyUploadsAtOnce: more than there is room for get an answer or a 503, never
// a guess, and the room is there again afterwards.
func TestManyUploadsAtOnce(t *testing.T) {
	data, err := pixels.EncodePNG(image.NewNRGBA(image.Rect(0, 0, 128, 128)))
	if err != nil {
		t.Fatal(err)
	}
	a := newAsked(t, func(o *VerifyOptions) {
		o.Limits.Upload, o.Limits.Memory = int64(len(data)), int64(3*len(data))
		d, err := disclose.NewDetector(disclose.DetectorOptions{Jobs: 8, MaxMemory: 1, MaxWait: o.Limits.Wait})
		if err != nil {
			t.Fatal(err)
		}
		o.Detector = d
	})
	var mu sync.Mutex
	codes := map[int]int{}
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			w := a.verify(data)
			mu.Lock()
			defer mu.Unlock()
			codes[w.Code]++
			if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
				t.Error("a 503 without Retry-After")
			}
		})
	}
	wg.Wait()
	if codes[http.StatusOK] == 0 || codes[http.StatusOK]+codes[http.StatusServiceUnavailable] != 64 {
		t.Errorf("answers %v", codes)
	}
	if !a.uploads.TryAcquire(a.limits.Memory) {
		t.Error("room for questions is not given back")
	}
	a.uploads.Release(a.limits.Memory)
	a.report(a.verify(data))
}

// TestQuestionsHoldWhatTheyTake: a text that calls itself a picture, and what was
// fetched, have their room until they are answered.
func TestQuestionsHoldWhatTheyTake(t *testing.T) {
	text, picture := bytes.Repeat([]byte("Ten bytes."), 100), unmarked(t)
	for name, c := range map[string]struct {
		body  []byte
		media string
		takes int
	}{
		"a picture":                {picture, "image/png", len(picture)},
		"a text as a picture":      {text, "image/png", textFactor * len(text)},
		"a text":                   {text, "text/plain", textFactor * len(text)},
		"an answer":                {[]byte(`{"a":"b"}`), "application/json", textFactor * 9},
		"what an address leads to": {[]byte(`{"url":"https://example.org/"}`), "application/json", len(picture)},
	} {
		a := newAsked(t, func(o *VerifyOptions) {
			o.Fetch = func(context.Context, string) (io.ReadCloser, string, error) {
				return io.NopCloser(bytes.NewReader(picture)), "image/png", nil
			}
		})
		r := httptest.NewRequest("POST", "/avow/v1/verify", bytes.NewReader(c.body))
		r.Header.Set("Content-Type", c.media)
		q, err := a.read(t.Context(), httptest.NewRecorder(), r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if left := a.limits.Memory - int64(c.takes); a.uploads.TryAcquire(left+1) || !a.uploads.TryAcquire(left) {
			t.Errorf("%s: does not hold %d bytes", name, c.takes)
		} else {
			a.uploads.Release(left)
		}
		if q.release(); !a.uploads.TryAcquire(a.limits.Memory) {
			t.Errorf("%s: room is not given back", name)
		}
	}
}

// A deadlines notes until when a question may be read.
type deadlines struct {
	*httptest.ResponseRecorder
	until []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.until = append(d.until, t)
	return nil
}

// TestQuestionsKeepArriving: time is given for what has come, not for what was
// announced.
func TestQuestionsKeepArriving(t *testing.T) {
	a := newAsked(t, nil)
	const half = 512 << 10
	r := httptest.NewRequest("POST", "/avow/v1/verify", io.MultiReader(bytes.NewReader(make([]byte, half)), bytes.NewReader(make([]byte, half))))
	r.ContentLength = 2 * half
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	q, err := a.read(t.Context(), w, r)
	if err != nil {
		t.Fatal(err)
	}
	q.release()
	n := len(w.until)
	if n < 3 || !w.until[n-1].IsZero() {
		t.Fatalf("deadlines %v", w.until)
	}
	if given := w.until[n-2].Sub(w.until[0]); given != 2*time.Second {
		t.Errorf("half of it gives %v", given)
	}
}
