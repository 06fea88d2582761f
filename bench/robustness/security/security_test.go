package security

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

// TestFolded: what repeats from tile to tile is kept, the rest averages out.
func TestFolded(t *testing.T) {
	f := newField(3*period+17, 2*period+5)
	for y := range f.h {
		for x := range f.w {
			f.v[y*f.w+x] = float64(modulo(x-f.w/2, period)) + 1000*float64(modulo(y-f.h/2, period))
		}
	}
	got := folded(f)
	for i, v := range got.v {
		x, y := modulo(i%period-period/2, period), modulo(i/period-period/2, period)
		if want := float64(x) + 1000*float64(y); math.Abs(v-want) > 1e-9 {
			t.Fatalf("(%d,%d) = %v, want %v", i%period, i/period, v, want)
		}
	}
}

// TestWiener: what varies less than the noise is smoothed, an edge is kept.
func TestWiener(t *testing.T) {
	f := newField(40, 20)
	for i := range f.v {
		f.v[i] = float64(i % 2)
		if i%f.w >= 20 {
			f.v[i] += 200
		}
	}
	got := wiener(f, 1)
	if calm := got.v[10*f.w+8]; math.Abs(calm-0.5) > 0.1 {
		t.Errorf("a calm place became %v, want about 0.5", calm)
	}
	if a, b := got.v[10*f.w+19], got.v[10*f.w+20]; b-a < 190 {
		t.Errorf("the edge became %v to %v", a, b)
	}
}

// TestPlusIsAlignedAtTheCentre: a tile put on by plus is what folded finds.
func TestPlusIsAlignedAtTheCentre(t *testing.T) {
	grey := corpus.Made(300, 270, 1)
	for i := range grey.Pix {
		grey.Pix[i] = 128
	}
	tile := newField(period, period)
	tile.v[5*period+9] = 40
	before, after := lumaOf(grey), lumaOf(plus(grey, tile, 1))
	for i := range after.v {
		after.v[i] -= before.v[i]
	}
	got := folded(after)
	if v := got.v[5*period+9]; math.Abs(v-40) > 0.5 {
		t.Errorf("the point came back as %v, want 40", v)
	}
}

// TestReport: a run on two small pictures has every section, and the attackers
// are counted.
func TestReport(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole run takes seconds")
	}
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	pictures := []corpus.Picture{{Name: "a", Image: corpus.Made(400, 390, 1)}, {Name: "b", Image: corpus.Made(390, 400, 2)}}
	var out bytes.Buffer
	if err := Run(context.Background(), pictures, key, &out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"Copy attack", "Fold and subtract", "Wiener", "N = 256", "Template removal", "Oracle", "payloads read under a key that did not write them: 0."} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in the report", part)
		}
	}
	if err := Run(context.Background(), pictures[:1], key, &out); err == nil {
		t.Error("one picture was enough")
	}
}
