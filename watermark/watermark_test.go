package watermark

import (
	"context"
	"testing"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/quality"
)

func testKey(seed byte) Key {
	var k Key
	for i := range k.secret {
		k.secret[i] = seed + byte(i)
	}
	return k
}

func TestSurvivesWhatNeedsNoSearch(t *testing.T) {
	key := testKey(0)
	img := corpus.Made(600, 400, 1)
	id := Payload{1, 2, 3, 4, 5, 6, 7, 8}
	marked, err := Embed(context.Background(), img, id, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if db := quality.PSNR(img, marked); db < 42 {
		t.Errorf("PSNR = %.2f dB, want at least 42", db)
	}
	for _, a := range attack.Plain() {
		found, err := Detect(context.Background(), a.Apply(marked), nil, testKey(9), key)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 || !found[0].Found || found[0].Payload != id || found[0].KeyID != key.ID() {
			t.Errorf("%s: %+v", a.Name, found)
			continue
		}
		t.Logf("%s: %.1f, coverage %.2f, rate %.1e", a.Name, found[0].Score, found[0].Coverage, found[0].FalsePositiveRate)
	}
}
