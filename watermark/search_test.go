package watermark

import (
	"context"
	"image"
	"math"
	"slices"
	"testing"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
)

// TestGeometry: the search finds pictures that were turned, scaled, stretched,
// slanted, bent, cropped and pasted, and says how.
func TestGeometry(t *testing.T) {
	if testing.Short() {
		t.Skip("fourteen searches")
	}
	marked, err := Embed(context.Background(), corpus.Made(640, 480, 5), Payload{7, 7}, testKey(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name            string
		attack          attack.Func
		rotation, scale float64
	}{
		{"half a degree", attack.Rotate(0.5), 0.5, 1},
		{"17 degrees", attack.Rotate(17), 17, 1},
		{"133 degrees", attack.Rotate(133), 133, 1},
		{"45 degrees, inner", attack.Inner(45), 45, 1},
		{"half size", attack.Resize(0.5, 0.5), 0, 0.5},
		{"0.3 of the size", attack.Resize(0.3, 0.3), 0, 0.3},
		{"1.5 of the size", attack.Resize(1.5, 1.5), 0, 1.5},
		{"three times the size", attack.Resize(3, 3), 0, 3},
		{"stretched and turned", attack.Chain(attack.Resize(0.75, 1), attack.Rotate(20)), 20, math.Sqrt(0.75)},
		{"slanted", attack.Shear(0.15), math.NaN(), 1},
		{"perspective", attack.Perspective(0.05, 1), math.NaN(), math.NaN()},
		{"bent", attack.Sine(2, 250), math.NaN(), math.NaN()},
		{"collage", attack.Chain(attack.Resize(0.8, 0.8), attack.Collage, attack.JPEG(85)), 0, 0.8},
		{"a small piece, turned", attack.Chain(attack.CropTo(300, 300, 1), attack.Rotate(5)), 5, 1},
	} {
		found, err := Detect(context.Background(), c.attack(marked), nil, testKey(1))
		if err != nil || len(found) != 1 || found[0].Payload != (Payload{7, 7}) {
			t.Errorf("%s: %+v, %v", c.name, found, err)
			continue
		}
		tr := found[0].Transform
		if !math.IsNaN(c.rotation) && math.Abs(tr.RotationDeg()-c.rotation) > 0.3 {
			t.Errorf("%s: rotation %v, want %v", c.name, tr.RotationDeg(), c.rotation)
		}
		if !math.IsNaN(c.scale) && math.Abs(tr.Scale()/c.scale-1) > 0.01 {
			t.Errorf("%s: scale %v, want %v", c.name, tr.Scale(), c.scale)
		}
	}
}

// TestUpright: the family of upright scales names the scale of a picture whose
// lines hardly stand out.
func TestUpright(t *testing.T) {
	marked, err := Embed(context.Background(), corpus.Made(900, 700, 5), Payload{7}, testKey(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, scale := range []float64{0.2, 0.35, 0.8} {
		img := attack.Resize(scale, scale)(attack.Noise(15, 1)(marked))
		m := newLineMap(whiten(lumaRows(img)))
		unit, found := float64(m.n)/tileSide, false
		for _, c := range m.upright(scanScale) {
			found = found || math.Abs(c.g.a*scale/unit-1) < 0.01 && math.Abs(c.g.b*scale/unit) < 0.01
		}
		if !found {
			t.Errorf("scaled by %v: %+v", scale, m.upright(scanScale))
		}
	}
}

// TestTwoDeployments: a picture that two keys marked carries both payloads, and
// each key reads its own only.
func TestTwoDeployments(t *testing.T) {
	ctx := context.Background()
	one, err := Embed(ctx, corpus.Made(640, 480, 6), Payload{1}, testKey(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Embed(ctx, one, Payload{2}, testKey(2), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys []Key
		want map[Payload]string
	}{
		"first":   {[]Key{testKey(1)}, map[Payload]string{{1}: testKey(1).ID()}},
		"second":  {[]Key{testKey(2)}, map[Payload]string{{2}: testKey(2).ID()}},
		"both":    {[]Key{testKey(1), testKey(2)}, map[Payload]string{{1}: testKey(1).ID(), {2}: testKey(2).ID()}},
		"neither": {[]Key{testKey(3)}, nil},
	} {
		found, err := Detect(ctx, two, nil, c.keys...)
		if err != nil {
			t.Fatal(err)
		}
		got := map[Payload]string{}
		for _, d := range found {
			if d.Found {
				got[d.Payload] = d.KeyID
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		for p, id := range c.want {
			if got[p] != id {
				t.Errorf("%s: payload %v under %q, want %q", name, p, got[p], id)
			}
		}
	}
}

// TestWorkers: the number of goroutines changes neither the marked picture nor
// what is found in it.
func TestWorkers(t *testing.T) {
	ctx, img := context.Background(), corpus.Made(500, 400, 4)
	one, err := Embed(ctx, img, Payload{3}, testKey(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	four, err := Embed(ctx, img, Payload{3}, testKey(1), &EmbedOptions{Workers: 4})
	if err != nil || !samePixels(one, four) {
		t.Fatalf("four goroutines mark differently: %v", err)
	}
	for name, a := range map[string]attack.Func{
		"marked": attack.Chain(attack.Rotate(31), attack.Resize(0.7, 0.8)),
		"noise":  attack.Noise(80, 1),
	} {
		var s1, s4 Statistics
		d1, err := Detect(ctx, a(one), &DetectOptions{Statistics: &s1}, testKey(1))
		if err != nil {
			t.Fatal(err)
		}
		d4, err := Detect(ctx, a(one), &DetectOptions{Statistics: &s4, Workers: 4}, testKey(1))
		if err != nil || !slices.Equal(d1, d4) || s1 != s4 {
			t.Errorf("%s: one goroutine %+v %+v, four %+v %+v, %v", name, d1, s1, d4, s4, err)
		}
	}
}

// TestDirect: without a search, a mirrored piece is found, a scaled one is not.
func TestDirect(t *testing.T) {
	ctx, direct := context.Background(), &DetectOptions{Direct: true}
	marked, err := Embed(ctx, corpus.Made(500, 400, 4), Payload{3}, testKey(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Detect(ctx, attack.Mirror(attack.Centre(0.6)(marked)), direct, testKey(1))
	if err != nil || len(found) != 1 || found[0].Payload != (Payload{3}) {
		t.Errorf("a mirrored piece: %+v, %v", found, err)
	}
	if found, err = Detect(ctx, attack.Resize(0.7, 0.7)(marked), direct, testKey(1)); err != nil || len(found) != 0 {
		t.Errorf("a scaled picture: %+v, %v", found, err)
	}
}

// TestBudget: when the time is over, the search stops without an error.
func TestBudget(t *testing.T) {
	img := corpus.Made(500, 400, 4)
	found, err := Detect(context.Background(), img, &DetectOptions{Budget: 1}, testKey(1))
	if err != nil || len(found) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestStatistics: an unmarked picture gives the statistics of a whole search,
// within what chance allows.
func TestStatistics(t *testing.T) {
	var s Statistics
	found, err := Detect(context.Background(), corpus.Made(300, 260, 9), &DetectOptions{Statistics: &s}, testKey(1))
	if err != nil || len(found) != 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	if s.Z < 2 || s.Z > 6.5 || s.Rho >= threshold(1) {
		t.Errorf("%+v", s)
	}
	if b := PresentBound(s.Z); b != 1 {
		t.Errorf("the bound at z = %.2f is %v, want 1", s.Z, b)
	}
}

// TestFlatAndEmptyPictures: nothing to measure is no reason to divide by it.
func TestFlatAndEmptyPictures(t *testing.T) {
	for _, size := range []image.Point{{160, 160}, {64, 64}, {65, 400}, {700, 161}} {
		found, err := Detect(context.Background(), image.NewGray(image.Rect(0, 0, size.X, size.Y)), nil, testKey(0))
		if len(found) != 0 || err != nil && min(size.X, size.Y) >= MinSide {
			t.Errorf("%v: %+v, %v", size, found, err)
		}
	}
}
