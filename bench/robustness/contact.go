package main

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

const (
	cropSide  = 72 // pixels of the picture
	zoom      = 2
	amplified = 10
)

// contactSheet puts crops side by side at 200 %: original, marked, and ten times
// their difference, of the calmest and of the busiest part of every picture.
func contactSheet(ctx context.Context, pictures []corpus.Picture, key watermark.Key, file string) error {
	const cell, gap = cropSide * zoom, 8
	rows := len(pictures)
	sheet := imaging.New(2*(3*cell+3*gap), rows*(cell+gap), color.NRGBA{255, 255, 255, 255})
	for i, p := range pictures {
		marked, err := watermark.Embed(ctx, p.Image, payloadOf(i), key, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		calm, busy := extremes(p.Image)
		for k, at := range []image.Point{calm, busy} {
			x, y := k*(3*cell+3*gap), i*(cell+gap)
			r := image.Rectangle{at, at.Add(image.Pt(cropSide, cropSide))}
			a, b := flat(p.Image, r), flat(marked, r)
			for n, img := range []image.Image{a, b, difference(a, b)} {
				big := imaging.Resize(img, cell, cell, imaging.NearestNeighbor)
				draw.Draw(sheet, image.Rect(x+n*(cell+gap), y, x+n*(cell+gap)+cell, y+cell), big, image.Point{}, draw.Src)
			}
		}
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, sheet)
}

func flat(img image.Image, r image.Rectangle) *image.NRGBA {
	out := imaging.New(r.Dx(), r.Dy(), color.White)
	draw.Draw(out, out.Rect, img, r.Min, draw.Over)
	return out
}

func difference(a, b *image.NRGBA) *image.NRGBA {
	out := imaging.Clone(a)
	for i := range out.Pix {
		if i%4 == 3 {
			out.Pix[i] = 255
			continue
		}
		out.Pix[i] = uint8(min(max(128+amplified*(int(b.Pix[i])-int(a.Pix[i])), 0), 255))
	}
	return out
}

// extremes are the corners of the calmest crop that is not one flat colour, and
// of the busiest one.
func extremes(img image.Image) (calm, busy image.Point) {
	b := img.Bounds()
	grey := imaging.Grayscale(img)
	least, most := 1e18, -1.0
	for y := 0; y+cropSide <= b.Dy(); y += cropSide / 2 {
		for x := 0; x+cropSide <= b.Dx(); x += cropSide / 2 {
			sum := 0
			for v := y; v < y+cropSide; v += 2 {
				for u := x; u+1 < x+cropSide; u += 2 {
					d := int(grey.Pix[v*grey.Stride+4*u]) - int(grey.Pix[v*grey.Stride+4*u+4])
					sum += d * d
				}
			}
			s := float64(sum)
			if s > 0 && s < least {
				least, calm = s, image.Pt(x, y)
			}
			if s > most {
				most, busy = s, image.Pt(x, y)
			}
		}
	}
	return calm.Add(b.Min), busy.Add(b.Min)
}
