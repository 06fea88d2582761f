package fingerprint

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"math"
	"sync"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/watermark"
)

func testImager(n byte) *Imager { return NewImager([32]byte{n, 1, 2, 3}) }

// TestCopiesAreRecognised: in the geometry that each treatment has by its making.
func TestCopiesAreRecognised(t *testing.T) {
	p, img := testImager(1), painted(640, 480, 1)
	recorded := p.Image(img)
	crop := imaging.Crop(img, image.Rect(200, 100, 600, 460))
	cropped := watermark.Affine{A: 1, D: 1, Dx: 320 - 400, Dy: 240 - 280} // the recorded centre from the crop's
	for name, c := range map[string]struct {
		img   image.Image
		t     watermark.Affine
		cover float64
	}{
		"itself":          {img, straight, 1},
		"JPEG 30":         {attack.JPEG(30)(img), straight, 1},
		"blurred":         {attack.Blur(3)(img), straight, 1},
		"brighter":        {attack.Linear(1.2, 0)(img), straight, 1},
		"grey":            {attack.Grey(img), straight, 1},
		"half the size":   {attack.Resize(0.5, 0.5)(img), watermark.Affine{A: 0.5, D: 0.5}, 1},
		"twice the size":  {attack.Resize(2, 2)(img), watermark.Affine{A: 2, D: 2}, 1},
		"narrower":        {attack.Resize(0.7, 1)(img), watermark.Affine{A: 0.7, D: 1}, 1},
		"mirrored":        {attack.Mirror(img), watermark.Affine{A: -1, D: 1}, 1},
		"turned":          {attack.Quarter(img), watermark.Affine{B: 1, C: -1}, 1},
		"cropped":         {crop, cropped, 0.4},
		"cropped, halved": {attack.Resize(0.5, 0.5)(crop), watermark.Affine{A: 0.5, D: 0.5, Dx: cropped.Dx, Dy: cropped.Dy}, 0.4},
		"in a border":     {imaging.Paste(imaging.New(900, 700, color.Black), img, image.Pt(200, 100)), watermark.Affine{A: 1, D: 1, Dx: 520 - 450, Dy: 340 - 350}, 1},
		"captioned":       {attack.Caption(0.2)(img), straight, 1},
		"shift by period": {crop, watermark.Affine{A: 1, D: 1, Dx: cropped.Dx + 1024, Dy: cropped.Dy - 2048}, 0.4},
	} {
		got := p.Compare(recorded, c.img, c.t)
		if !got.Match || got.Distance > 0.16 || got.Coverage < c.cover || got.Coverage > 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestGeometryFromTheMark goes the whole way, with a picture beyond the period.
func TestGeometryFromTheMark(t *testing.T) {
	var k watermark.Key
	k, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	marked, err := watermark.Embed(ctx, painted(1400, 700, 2), watermark.Payload{7}, k, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := NewImager(ImageKey(k))
	recorded := p.Image(marked)
	for name, a := range map[string]attack.Func{
		"whole":   attack.JPEG(60),
		"cropped": attack.Chain(func(m image.Image) image.Image { return imaging.Crop(m, image.Rect(860, 90, 1400, 640)) }, attack.Resize(0.8, 0.8), attack.JPEG(75)),
		"turned":  attack.Rotate(5),
	} {
		img := a(marked)
		found, err := watermark.Detect(ctx, img, nil, k)
		if err != nil || len(found) != 1 || !found[0].Found {
			t.Errorf("%s: %+v, %v", name, found, err)
			continue
		}
		if c := p.Compare(recorded, img, found[0].Transform); !c.Match || c.Distance > 0.15 {
			t.Errorf("%s: %+v", name, c)
		}
		// The copied mark keeps its geometry, not what it was on.
		b := img.Bounds()
		if c := p.Compare(recorded, painted(b.Dx(), b.Dy(), 3), found[0].Transform); c.Match || c.Distance < 0.4 {
			t.Errorf("%s: another picture under the same geometry: %+v", name, c)
		}
	}
}

// TestOtherPicturesDoNotMatch: whatever the geometry says.
func TestOtherPicturesDoNotMatch(t *testing.T) {
	p := testImager(1)
	for seed := range uint64(12) {
		recorded := p.Image(painted(600, 500, seed))
		other := painted(600, 500, seed+100)
		for _, g := range []watermark.Affine{straight, {A: 1, D: 1, Dx: 90, Dy: -70}, {A: -1, D: 1}, {A: 0.7, D: 0.7}, {A: 1.5, D: 1.5, Dx: 500}} {
			if c := p.Compare(recorded, other, g); c.Match || c.Coverage > 0 && c.Distance < 0.35 {
				t.Errorf("picture %d, %+v: %+v", seed, g, c)
			}
		}
		// Nor does the same picture in a geometry that is not its own.
		if c := p.Compare(recorded, painted(600, 500, seed), watermark.Affine{A: 1, D: 1, Dx: 100, Dy: 60}); c.Match {
			t.Errorf("picture %d, shifted by a cell: %+v", seed, c)
		}
	}
}

// TestTheMarkIsNoEvidence: the same mark, with the same payload, on calm pictures.
func TestTheMarkIsNoEvidence(t *testing.T) {
	k, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	p := NewImager(ImageKey(k))
	marked := func(seed uint64, contrast float64) image.Image {
		m, err := watermark.Embed(context.Background(), imaging.AdjustContrast(painted(320, 320, seed), contrast), watermark.Payload{1}, k, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, contrast := range []float64{-100, -98, -95, -90, -80} {
		a, b := marked(1, contrast), marked(2, contrast)
		if c := p.Compare(p.Image(a), b, straight); c.Match || c.Coverage > 0 && c.Distance < 0.35 {
			t.Errorf("contrast %v: %+v", contrast, c)
		}
	}
}

func TestSearchFindsWhatLostItsMark(t *testing.T) {
	p, img := testImager(1), painted(700, 500, 1)
	recorded := p.Image(img).Global
	for name, a := range map[string]attack.Func{
		"blur": attack.Blur(10), "JPEG 10": attack.JPEG(10), "small": attack.Resize(0.15, 0.15), "stretched": attack.Resize(0.6, 1),
		"noise": attack.Noise(30, 1), "all": attack.Chain(attack.Blur(4), attack.Resize(0.4, 0.4), attack.JPEG(30)),
	} {
		if d := p.Image(a(img)).Global.Distance(recorded); d > SearchDistance {
			t.Errorf("%s: distance %d", name, d)
		}
	}
	for seed := range uint64(40) {
		if d := p.Image(painted(700, 500, seed+2)).Global.Distance(recorded); d < 80 {
			t.Errorf("another picture: distance %d", d)
		}
	}
}

// TestKeysAreUnrelated: another key gives other bits, and equal cells have
// different ones.
func TestKeysAreUnrelated(t *testing.T) {
	img := painted(512, 512, 1)
	a, b := testImager(1).Image(img), testImager(2).Image(img)
	if d := a.Global.Distance(b.Global); d < 80 || d > 176 {
		t.Errorf("global parts of two keys differ in %d bits", d)
	}
	if c := a.Compare(b); c.Match || math.Abs(c.Distance-0.5) > 0.06 {
		t.Errorf("local parts of two keys: %+v", c)
	}
	if c := testImager(2).Compare(a, img, straight); c.Match {
		t.Errorf("under the wrong key: %+v", c)
	}
	tiles := image.NewNRGBA(img.Rect)
	for y := 0; y < 512; y += 42 { // a cell's half side at this size
		for x := 0; x < 512; x += 42 {
			draw.Draw(tiles, image.Rect(x+4, y+4, x+46, y+46), painted(42, 42, 5), image.Point{}, draw.Src)
		}
	}
	local := testImager(1).Image(tiles).Local
	same := map[uint32]int{}
	for _, v := range local {
		if v != 0 {
			same[v]++
		}
	}
	if len(same) < len(local)/2 {
		t.Errorf("%d different values for %d equal cells", len(same), len(local))
	}
	k1, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	k2, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	if first, again := ImageKey(k1), ImageKey(k1); first == ImageKey(k2) || first != again {
		t.Error("ImageKey does not follow the key")
	}
}

// TestEveryKindOfImage: kinds, depths, origins and strides, over white.
func TestEveryKindOfImage(t *testing.T) {
	p, src := testImager(1), painted(300, 260, 4)
	for i := range 300 * 260 {
		if i%300 > 200 {
			src.Pix[4*i+3] = uint8(i % 300 / 2)
		}
	}
	page := imaging.Overlay(imaging.New(300, 260, color.White), src, image.Point{}, 1)
	want := p.Image(page)
	outer, inner := image.Rect(-31, -17, 320, 280), image.Rect(-20, -10, 280, 250)
	for name, whole := range map[string]draw.Image{
		"NRGBA": image.NewNRGBA(outer), "RGBA": image.NewRGBA(outer), "NRGBA64": image.NewNRGBA64(outer), "RGBA64": image.NewRGBA64(outer),
	} {
		draw.Draw(whole, inner, src, image.Point{}, draw.Src)
		part := whole.(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(inner)
		got := p.Image(part)
		if d := got.Global.Distance(want.Global); d > 8 {
			t.Errorf("%s: global distance %d", name, d)
		}
		if c := p.Compare(want, part, straight); !c.Match || c.Distance > 0.03 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for name, whole := range map[string]draw.Image{"Gray": image.NewGray(outer), "Gray16": image.NewGray16(outer), "CMYK": image.NewCMYK(outer)} {
		draw.Draw(whole, inner, page, image.Point{}, draw.Src)
		part := whole.(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(inner)
		if c := p.Compare(want, part, straight); !c.Match || c.Distance > 0.03 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestNothingToSay: pictures of one colour, tiny ones, and what is no picture.
func TestNothingToSay(t *testing.T) {
	p := testImager(1)
	recorded := p.Image(painted(400, 300, 1))
	for name, img := range map[string]image.Image{
		"white": imaging.New(400, 300, color.White), "transparent": image.NewNRGBA(image.Rect(0, 0, 400, 300)),
		"even shade": imaging.Resize(imaging.New(2, 2, color.Gray{90}), 400, 300, imaging.Linear),
		"tiny":       painted(31, 400, 1), "one pixel": painted(1, 1, 1), "none": image.NewNRGBA(image.Rectangle{}),
	} {
		if i := p.Image(img); !i.IsZero() || len(i.Local) != 0 {
			t.Errorf("%s has a fingerprint: %+v", name, i)
		}
		if c := p.Compare(recorded, img, straight); c.Match || c.Coverage != 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := p.Compare(Image{}, painted(400, 300, 1), straight); c != (Comparison{}) {
		t.Errorf("no fingerprint: %+v", c)
	}
	for _, side := range []int{32, 33, 63, 64, 65, 100} {
		img := painted(side, side, 1)
		i := p.Image(img)
		if i.IsZero() || p.Compare(i, img, straight).Distance > 0.05 {
			t.Errorf("%d pixels: %+v", side, i)
		}
	}
}

// TestHostileGeometry: nothing that a geometry or a record says makes Compare panic,
// run long or match.
func TestHostileGeometry(t *testing.T) {
	p, img := testImager(1), painted(400, 300, 1)
	recorded := p.Image(img)
	nan, inf := math.NaN(), math.Inf(1)
	for _, g := range []watermark.Affine{
		{}, {A: nan, D: 1}, {A: inf, D: inf}, {A: 1, D: 1, Dx: nan}, {A: 1, D: 1, Dy: inf}, {A: 1e-9, D: 1e-9}, {A: 1e9, D: 1e9},
		{A: 1, B: 1, C: 1, D: 1}, {A: 8, D: 0.01}, {A: 0.126, D: 0.126, Dx: 1e300}, {A: 8, D: 8, Dx: -1e18, Dy: 3},
	} {
		if c := p.Compare(recorded, img, g); c.Match || c.Coverage > 1 || math.IsNaN(c.Distance) {
			t.Errorf("%+v: %+v", g, c)
		}
	}
	for name, r := range map[string]Image{
		"cells missing": {Width: 400, Height: 300, Local: recorded.Local[1:]}, "none": {Width: 400, Height: 300},
		"huge": {Width: math.MaxInt, Height: math.MaxInt, Local: recorded.Local}, "negative": {Width: -400, Height: -300, Local: recorded.Local},
	} {
		if c := p.Compare(r, img, straight); c != (Comparison{}) {
			t.Errorf("%s: %+v", name, c)
		}
		if _, err := r.AppendBinary(nil); err == nil {
			t.Errorf("%s: is encoded", name)
		}
	}
}

func TestImagerIsSafeForConcurrentUse(t *testing.T) {
	p, img := testImager(1), painted(300, 300, 1)
	want := p.Image(img)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := p.Image(img); got.Global != want.Global || !p.Compare(want, img, straight).Match {
				t.Errorf("another fingerprint: %v", got.Global)
			}
		})
	}
	group.Wait()
}

func BenchmarkImage(b *testing.B) {
	p, img := testImager(1), painted(1024, 1024, 1)
	b.ReportAllocs()
	for b.Loop() {
		p.Image(img)
	}
}

func BenchmarkCompare(b *testing.B) {
	p, img := testImager(1), painted(1024, 1024, 1)
	recorded, other := p.Image(img), painted(1024, 1024, 2)
	for name, img := range map[string]image.Image{"copy": img, "other": other} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Compare(recorded, img, straight)
			}
		})
	}
}
