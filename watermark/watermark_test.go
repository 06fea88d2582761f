package watermark

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/disintegration/imaging"
	"pgregory.net/rapid"

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
	if db := quality.PSNR(img, marked); db < 39 {
		t.Errorf("PSNR = %.2f dB, want at least 39", db)
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

func TestOnlyTheKeyReads(t *testing.T) {
	ctx := context.Background()
	img := corpus.Made(512, 512, 2)
	for _, unmarked := range []image.Image{img, corpus.Made(300, 200, 3), image.NewGray(image.Rect(0, 0, 200, 200))} {
		if found, err := Detect(ctx, unmarked, nil, testKey(0), testKey(1)); err != nil || len(found) != 0 {
			t.Errorf("unmarked: %+v, %v", found, err)
		}
	}
	marked, err := Embed(ctx, img, Payload{9}, testKey(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string][]Key{"no key": nil, "another key": {testKey(7)}, "the zero key": {{}}} {
		found, err := Detect(ctx, marked, nil, keys...)
		if err != nil || len(found) != 1 || found[0].Found || found[0].FalsePositiveRate > PresentRate || found[0].KeyID != "" {
			t.Errorf("%s: %+v, %v, want the template alone", name, found, err)
		}
	}
}

func TestTwoMarksUnderTwoKeys(t *testing.T) {
	ctx := context.Background()
	var img image.Image = corpus.Made(512, 512, 4)
	for i, k := range []Key{testKey(1), testKey(2)} {
		var err error
		if img, err = Embed(ctx, img, Payload{byte(i + 1)}, k, nil); err != nil {
			t.Fatal(err)
		}
	}
	found, err := Detect(ctx, img, nil, testKey(1), testKey(2), testKey(3))
	if err != nil || len(found) != 2 || found[0].Payload != (Payload{1}) || found[1].Payload != (Payload{2}) {
		t.Fatalf("%+v, %v", found, err)
	}
}

// TestTurns: flips, quarter turns and inversion are found and named.
func TestTurns(t *testing.T) {
	ctx := context.Background()
	marked, err := Embed(ctx, corpus.Made(500, 380, 5), Payload{5}, testKey(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		img      image.Image
		rotation float64
		flip     bool
	}{
		"none":      {marked, 0, false},
		"inverted":  {imaging.Invert(marked), 0, false},
		"rotate90":  {imaging.Rotate90(marked), 90, false},
		"rotate180": {imaging.Rotate180(marked), 180, false},
		"rotate270": {imaging.Rotate270(marked), -90, false},
		"flipH":     {imaging.FlipH(marked), 0, true},
		"transpose": {imaging.Transpose(marked), 0, true},
	} {
		found, err := Detect(ctx, c.img, nil, testKey(0))
		if err != nil || len(found) != 1 || found[0].Payload != (Payload{5}) {
			t.Errorf("%s: %+v, %v", name, found, err)
			continue
		}
		tr := found[0].Transform
		if tr.Flip() != c.flip || math.Abs(tr.Scale()-1) > 1e-3 || !c.flip && math.Abs(tr.RotationDeg()-c.rotation) > 0.05 {
			t.Errorf("%s: rotation %v, scale %v, flip %v", name, tr.RotationDeg(), tr.Scale(), tr.Flip())
		}
	}
}

// pictures are images of every kind, each a sub-image with a negative origin
// and rows wider than it needs.
func pictures() map[string]image.Image {
	src := corpus.Made(340, 300, 6)
	outer := image.Rect(-31, -17, 340-31, 300-17)
	inner := image.Rect(-29, -16, 263, 281-17)
	out := map[string]image.Image{}
	add := func(name string, dst draw.Image) {
		draw.Draw(dst, outer, src, image.Point{}, draw.Src)
		out[name] = dst.(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(inner)
	}
	add("nrgba", image.NewNRGBA(outer))
	add("rgba", image.NewRGBA(outer))
	add("nrgba64", image.NewNRGBA64(outer))
	add("rgba64", image.NewRGBA64(outer))
	add("gray", image.NewGray(outer))
	add("gray16", image.NewGray16(outer))
	add("cmyk", image.NewCMYK(outer))
	palette := color.Palette{}
	for i := range 216 {
		palette = append(palette, color.NRGBA{uint8(i / 36 * 51), uint8(i / 6 % 6 * 51), uint8(i % 6 * 51), 255})
	}
	add("paletted", image.NewPaletted(outer, palette))
	for name, ratio := range map[string]image.YCbCrSubsampleRatio{"ycbcr420": image.YCbCrSubsampleRatio420, "ycbcr444": image.YCbCrSubsampleRatio444} {
		m := image.NewYCbCr(outer, ratio)
		for y := outer.Min.Y; y < outer.Max.Y; y++ {
			for x := outer.Min.X; x < outer.Max.X; x++ {
				c := src.NRGBAAt(x-outer.Min.X, y-outer.Min.Y)
				yy, cb, cr := color.RGBToYCbCr(c.R, c.G, c.B)
				m.Y[m.YOffset(x, y)], m.Cb[m.COffset(x, y)], m.Cr[m.COffset(x, y)] = yy, cb, cr
			}
		}
		out[name] = m.SubImage(inner)
	}
	return out
}

func TestEveryKindOfImage(t *testing.T) {
	ctx := context.Background()
	want := map[string]string{"nrgba64": "*image.NRGBA64", "rgba64": "*image.NRGBA64", "gray": "*image.Gray", "gray16": "*image.Gray16"}
	for name, img := range pictures() {
		marked, err := Embed(ctx, img, Payload{6}, testKey(0), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		kind := want[name]
		if kind == "" {
			kind = "*image.NRGBA"
		}
		if got := fmt.Sprintf("%T", marked); got != kind || marked.Bounds() != img.Bounds() {
			t.Errorf("%s: %s %v, want %s %v", name, got, marked.Bounds(), kind, img.Bounds())
		}
		if db := quality.PSNR(img, marked); db < 39 {
			t.Errorf("%s: PSNR %.2f dB, want at least 39", name, db)
		}
		found, err := Detect(ctx, marked, nil, testKey(0))
		if err != nil || len(found) != 1 || found[0].Payload != (Payload{6}) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

func TestTransparentPixelsAreLeftAlone(t *testing.T) {
	img := corpus.Made(320, 320, 7)
	for i := range img.Pix {
		if x := i / 4 % 320; i%4 == 3 && x < 100 {
			img.Pix[i] = 0
		} else if i%4 == 3 && x < 200 {
			img.Pix[i] = 128
		}
	}
	marked, err := Embed(context.Background(), img, Payload{7}, testKey(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for y := range 320 {
		for x := range 320 {
			a, b := img.NRGBAAt(x, y), marked.(*image.NRGBA).NRGBAAt(x, y)
			if a.A != b.A || a.A == 0 && a != b {
				t.Fatalf("pixel (%d,%d): %v -> %v", x, y, a, b)
			}
			if a != b {
				changed++
			}
		}
	}
	if changed < 320*100 {
		t.Errorf("only %d pixels carry anything", changed)
	}
}

func TestSizesAndErrors(t *testing.T) {
	ctx := context.Background()
	for _, r := range []image.Rectangle{{}, image.Rect(0, 0, 1, 1), image.Rect(0, 0, 159, 4000), image.Rect(5, 5, 900, 164)} {
		if _, err := Embed(ctx, image.NewGray(r), Payload{}, testKey(0), nil); !errors.Is(err, ErrTooSmall) {
			t.Errorf("Embed %v: %v, want ErrTooSmall", r, err)
		}
	}
	for _, r := range []image.Rectangle{{}, image.Rect(0, 0, 63, 4000), image.Rect(5, 5, 900, 68), image.Rect(5, 5, 900, 164)} {
		if _, err := Detect(ctx, image.NewGray(r), nil); !errors.Is(err, ErrTooSmall) {
			t.Errorf("Detect %v: %v, want ErrTooSmall", r, err)
		}
	}
	if _, err := Embed(ctx, image.NewUniform(color.White), Payload{}, testKey(0), nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an endless picture: %v, want ErrTooLarge", err)
	}
	if _, err := Embed(ctx, corpus.Made(200, 200, 1), Payload{}, Key{}, nil); !errors.Is(err, ErrKey) {
		t.Errorf("the zero key: %v", err)
	}
	for _, s := range []float64{-1, 5} {
		if _, err := Embed(ctx, corpus.Made(200, 200, 1), Payload{}, testKey(0), &EmbedOptions{Strength: s}); err == nil {
			t.Errorf("strength %v was accepted", s)
		}
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Embed(done, corpus.Made(200, 200, 1), Payload{}, testKey(0), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Embed after cancel: %v", err)
	}
	if _, err := Detect(done, corpus.Made(200, 200, 1), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Detect after cancel: %v", err)
	}
}

func TestSmallestPicture(t *testing.T) {
	ok := 0
	for seed := range uint64(10) {
		id := Payload{byte(seed), 1}
		marked, err := Embed(context.Background(), corpus.Made(MinSide, MinSide, seed), id, testKey(0), nil)
		if err != nil {
			t.Fatal(err)
		}
		found, err := Detect(context.Background(), marked, nil, testKey(0))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 1 && found[0].Payload == id {
			ok++
		}
	}
	if ok < 9 {
		t.Errorf("%d of 10 read at %d x %d", ok, MinSide, MinSide)
	}
}

func TestKeyNeverPrintsItsSecret(t *testing.T) {
	k := testKey(3)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k)
	text := fmt.Sprintf("%v %+v %#v %s %q %x %X %d", k, k, k, k, k, k, k, k) + log.String()
	if strings.Contains(text, "0405") || strings.Contains(text, "3, 4, 5") || !strings.Contains(text, k.ID()) {
		t.Fatal(text)
	}
}

func TestKeyTextForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k Key
		copy(k.secret[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "secret"))
		if k.IsZero() {
			return
		}
		text := k.Secret()
		if back, err := ParseKey(text); err != nil || back != k {
			t.Fatal(back, err)
		}
		i := rapid.IntRange(0, len(text)-1).Draw(t, "i")
		bad := text[:i] + string(text[i]^1) + text[i+1:]
		if back, err := ParseKey(bad); err == nil {
			t.Fatalf("a changed digit was not noticed: %v", back)
		} else if !errors.Is(err, ErrKey) || strings.Contains(err.Error(), text[12:40]) {
			t.Fatalf("error %v", err)
		}
	})
}

func TestRatesAreBounds(t *testing.T) {
	if tau := threshold(1); foundRate(tau, 1) > FoundRate*1.001 || foundRate(tau-0.01, 1) <= FoundRate {
		t.Errorf("threshold %v has rate %v", tau, foundRate(tau, 1))
	}
	if threshold(16) <= threshold(1) {
		t.Error("more keys do not raise the threshold")
	}
	if presentRate(0, 8) != 1 || presentRate(9.5, 8) > PresentRate {
		t.Errorf("presentRate: %v, %v", presentRate(0, 8), presentRate(9.5, 8))
	}
}

// TestCorrelationOfNoiseKeepsItsBound: for a fixed word and signs independent of
// the picture, rho has variance one at most.
func TestCorrelationOfNoiseKeepsItsBound(t *testing.T) {
	img := corpus.Made(512, 384, 8)
	obs := observe(whiten(lumaRows(img)), &lock{warp: affineWarp(img.Bounds().Dx(), img.Bounds().Dy(), identity, vec{}), sign: 1})
	word := encode(Payload{1})
	flat := weightsOf(&sounding{1, 1, 1, 1, 1})[1]
	sum, n := 0.0, 400
	for i := range n {
		var k Key
		k.secret[0], k.secret[1], k.secret[2] = byte(i), byte(i>>8), 1
		kg := newKeying(k)
		rho := obs.correlation(kg, &word, obs.despread(kg)[0], flat)
		sum += rho * rho
	}
	if v := sum / float64(n); v > 1.25 || v < 0.75 {
		t.Errorf("variance of rho over %d keys = %.2f, want about 1", n, v)
	}
}
