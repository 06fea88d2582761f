package luma

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"
)

// plain hides everything but what an image.Image has to have.
type plain struct{ image.Image }

func TestEveryKindOfImageHasTheLumaOfItsColours(t *testing.T) {
	r := image.Rect(-7, -5, 6, 4)
	kinds := map[string]draw.Image{
		"NRGBA": image.NewNRGBA(r), "RGBA": image.NewRGBA(r), "Gray": image.NewGray(r), "NRGBA64": image.NewNRGBA64(r),
		"RGBA64": image.NewRGBA64(r), "Gray16": image.NewGray16(r), "CMYK": image.NewCMYK(r),
		"Paletted": image.NewPaletted(r, color.Palette{color.Black, color.White, color.NRGBA{200, 30, 60, 90}, color.Transparent}),
	}
	for name, whole := range kinds {
		t.Run(name, func(t *testing.T) {
			for y := r.Min.Y; y < r.Max.Y; y++ {
				for x := r.Min.X; x < r.Max.X; x++ {
					whole.Set(x, y, color.NRGBA{uint8(37 * x), uint8(91 * y), uint8(11 * x * y), uint8(255 - 60*(x&3))})
				}
			}
			part := whole.(interface {
				SubImage(image.Rectangle) image.Image
			}).SubImage(image.Rect(-3, -4, 5, 3))
			b := part.Bounds()
			got, want := make([]float32, b.Dx()), make([]float32, b.Dx())
			for y := b.Min.Y; y < b.Max.Y; y++ {
				Row(got, part, b.Min.X, y)
				Row(want, plain{part}, b.Min.X, y)
				for x := range got {
					if math.Abs(float64(got[x]-want[x])) > 0.5 {
						t.Fatalf("pixel %d,%d = %v, want %v", b.Min.X+x, y, got[x], want[x])
					}
				}
			}
		})
	}
}
