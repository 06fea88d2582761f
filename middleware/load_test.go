package middleware

import (
	"image"
	"net/http"
	"sync"
	"testing"

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
