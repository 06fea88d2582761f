package watermark

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/avowai/avow/internal/corpus"
)

// TestErode compares the three smallest of nine with sorting.
func TestErode(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const w, h = 7, 5
	in := make([]int32, w*h)
	for range 200 {
		for i := range in {
			in[i] = rng.Int32N(40)
		}
		out := erode(in, w, h)
		for i, got := range out {
			var nine []int32
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ { // the border counts again
					nine = append(nine, in[min(max(i/w+dy, 0), h-1)*w+min(max(i%w+dx, 0), w-1)])
				}
			}
			slices.Sort(nine)
			if want := 45*nine[0] + 30*nine[1] + 25*nine[2]; got != want {
				t.Fatalf("cell %d of %v = %d, want %d", i, in, got, want)
			}
		}
	}
}

// TestMeasureByDefinition compares detail and luma of a cell with their
// definition, at the border and inside.
func TestMeasureByDefinition(t *testing.T) {
	img := corpus.Made(61, 45, 4)
	m := &mask{padX: -(61 / 2) & (cellSide - 1), padY: -(45 / 2) & (cellSide - 1)}
	m.cols, m.rows = (61+m.padX+3)/cellSide, (45+m.padY+3)/cellSide
	c := m.measure(sourceOf(img))
	luma := func(x, y int) int32 {
		p := img.Pix[img.PixOffset(x, y):]
		return 299*int32(p[0]) + 587*int32(p[1]) + 114*int32(p[2])
	}
	for _, i := range []int{0, m.cols - 1, 5*m.cols + 7, len(c.all) - 1} {
		var want cell
		for y := 0; y < 45; y += rowStep {
			for x := range 61 {
				if (y+m.padY)/cellSide*m.cols+(x+m.padX)/cellSide != i {
					continue
				}
				sum, n := int64(0), int64(0)
				for v := y - detailRadius; v <= y+detailRadius; v += rowStep {
					for u := x - detailRadius; u <= x+detailRadius; u++ {
						if v >= 0 && v < 45 && u >= 0 && u < 61 {
							sum, n = sum+int64(luma(u, v)), n+1
						}
					}
				}
				want.detail += rootOf(int64(luma(x, y)) - sum/n)
				want.luma += luma(x, y)
				want.pixels++
			}
		}
		got := c.all[i]
		// One over the window is rounded: a step of the table may differ.
		if got.luma != want.luma || got.pixels != want.pixels || max(got.detail-want.detail, want.detail-got.detail) > 40*want.pixels {
			t.Errorf("cell %d: %+v, want %+v", i, got, want)
		}
	}
}

// TestBlackStaysBlack at every height, though rows are left out in measuring, and
// beside transparent parts.
func TestBlackStaysBlack(t *testing.T) {
	for h := 168; h < 184; h++ {
		img := image.NewNRGBA(image.Rect(0, 0, 176, h))
		draw.Draw(img, img.Rect, image.Black, image.Point{}, draw.Src)
		draw.Draw(img, image.Rect(0, 0, 176, h-90), image.Transparent, image.Point{}, draw.Src)
		marked, err := Embed(context.Background(), img, Payload{1}, testKey(0), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !samePixels(img, marked) {
			t.Errorf("height %d: black pixels were changed", h)
		}
	}
}

// TestMaskSparesBlackAndPaper: nothing in black, half of the mark on white, and a
// busy place carries more than a calm one.
func TestMaskSparesBlackAndPaper(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 400, 400))
	draw.Draw(img, image.Rect(0, 0, 200, 200), image.Black, image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(200, 0, 400, 200), image.White, image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(0, 200, 200, 400), image.NewUniform(color.NRGBA{120, 120, 120, 255}), image.Point{}, draw.Src)
	rng := rand.New(rand.NewPCG(3, 4))
	for y := 200; y < 400; y++ {
		for x := 200; x < 400; x++ {
			v := uint8(60 + rng.IntN(130))
			img.SetNRGBA(x, y, color.NRGBA{v, v, v, 255})
		}
	}
	m := newMask(sourceOf(img), 1)
	at := func(x, y int) int32 { return m.amp[y/cellSide*m.cols+x/cellSide] }
	black, white, calm, busy := at(100, 100), at(300, 100), at(100, 300), at(300, 300)
	if black != 0 || white < 64 || white > 512 || calm < 64 || float64(calm) > 256*calmMost*mostSized+1 || busy < 2*calm {
		t.Errorf("amplitudes in 1/256 grey level: black %d, white %d, calm %d, busy %d", black, white, calm, busy)
	}
}
