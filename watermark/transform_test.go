package watermark

import (
	"context"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/internal/corpus"
)

// TestTransformSaysWhereTheMarkedPictureLies: of crops, borders, turns and scales
// of a picture larger than the period.
func TestTransformSaysWhereTheMarkedPictureLies(t *testing.T) {
	ctx := context.Background()
	const w, h = 1300, 700
	marked, err := Embed(ctx, corpus.Made(w, h, 5), Payload{5}, testKey(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	crop := func(x, y, w, h int) image.Image { return imaging.Crop(marked, image.Rect(x, y, x+w, y+h)) }
	border := imaging.Paste(imaging.New(w+301, h+77, color.Black), marked, image.Pt(290, 9))
	for name, c := range map[string]struct {
		img image.Image
		// A pixel of the marked picture, and where it went.
		from, to vec
	}{
		"whole":           {marked, vec{400, 300}, vec{400, 300}},
		"cropped":         {crop(811, 203, 420, 450), vec{900, 250}, vec{89, 47}},
		"bordered":        {border, vec{900, 250}, vec{1190, 259}},
		"crop turned":     {imaging.Rotate180(crop(5, 90, 500, 430)), vec{305, 200}, vec{199, 319}},
		"crop mirrored":   {imaging.FlipH(crop(700, 203, 420, 450)), vec{900, 250}, vec{219, 47}},
		"crop scaled":     {imaging.Resize(crop(640, 100, 600, 560), 480, 448, imaging.CatmullRom), vec{900, 250}, vec{208, 120}},
		"crop turned 90°": {imaging.Rotate270(crop(40, 100, 500, 400)), vec{300, 200}, vec{299, 260}},
	} {
		found, err := Detect(ctx, c.img, nil, testKey(0))
		if err != nil || len(found) != 1 || found[0].Payload != (Payload{5}) {
			t.Errorf("%s: %+v, %v", name, found, err)
			continue
		}
		tr, b := found[0].Transform, c.img.Bounds()
		if tr.Dx < -512 || tr.Dx >= 512 || tr.Dy < -512 || tr.Dy >= 512 {
			t.Errorf("%s: shift %v, %v", name, tr.Dx, tr.Dy)
		}
		best := math.Inf(1)
		for _, x := range []float64{-1024, 0, 1024} {
			for _, y := range []float64{-1024, 0, 1024} {
				u := vec{c.from.x - w/2 + tr.Dx + x, c.from.y - h/2 + tr.Dy + y}
				p := mat{tr.A, tr.B, tr.C, tr.D}.of(u)
				best = min(best, math.Hypot(p.x+float64(b.Dx()/2)-c.to.x, p.y+float64(b.Dy()/2)-c.to.y))
			}
		}
		if best > 1.5 {
			t.Errorf("%s: %v is %.1f pixels from %v", name, c.from, best, c.to)
		}
	}
}
