package main

import (
	"context"
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

// unmarkedPiece is what the journal calls a search of a piece without a mark.
const unmarkedPiece = "unmarked"

// otherKey names the pieces that carry a mark which the search has no key for.
const otherKey = "marked under another key"

// A pieceKind draws pieces that could be taken for a mark.
type pieceKind struct {
	name string
	draw func(ctx context.Context, pictures []corpus.Picture, rng *rand.Rand) (image.Image, error)
}

// pieceKinds come in turn; pieces of the corpus come oftenest.
var pieceKinds = []pieceKind{
	{"of the corpus, scaled and turned", fromCorpus(func(m image.Image, _ *rand.Rand) image.Image { return m })},
	{"synthetic textures", made(texture)},
	{"periodic patterns", made(pattern)},
	{"halftones", fromCorpus(halftone)},
	{"JPEG grids", fromCorpus(func(m image.Image, rng *rand.Rand) image.Image { return attack.JPEG(3 + rng.IntN(60))(m) })},
	{otherKey, foreign},
}

// kindOf gives half of the pieces to the first kind and a tenth to each other.
func kindOf(n int) pieceKind { return pieceKinds[max(n%10-4, 0)] }

func side(rng *rand.Rand) int { return 192 + rng.IntN(321) }

// fromCorpus treats pieces of the corpus.
func fromCorpus(treat func(image.Image, *rand.Rand) image.Image) func(context.Context, []corpus.Picture, *rand.Rand) (image.Image, error) {
	return func(_ context.Context, pictures []corpus.Picture, rng *rand.Rand) (image.Image, error) {
		return treat(piece(pictures[rng.IntN(len(pictures))], rng), rng), nil
	}
}

// piece is a crop of 192 to 512 pixels a side, of the picture as it is or
// scaled, half of them turned.
func piece(p corpus.Picture, rng *rand.Rand) image.Image {
	w, h := side(rng), side(rng)
	b := p.Bounds()
	scale := math.Exp(rng.Float64()*1.6 - 0.8)
	scale = max(scale, float64(w)/float64(b.Dx()), float64(h)/float64(b.Dy()))
	cw, ch := int(float64(w)/scale), int(float64(h)/scale)
	x, y := rng.IntN(b.Dx()-cw+1), rng.IntN(b.Dy()-ch+1)
	img := imaging.Crop(p, image.Rect(x, y, x+cw, y+ch).Add(b.Min))
	img = imaging.Resize(img, w, h, imaging.CatmullRom)
	if rng.IntN(2) == 0 {
		img = imaging.CropCenter(imaging.Rotate(img, 360*rng.Float64(), image.Black), w, h)
	}
	return img
}

// foreign is a piece marked under a key that is drawn and forgotten.
func foreign(ctx context.Context, pictures []corpus.Picture, rng *rand.Rand) (image.Image, error) {
	key, err := watermark.GenerateKey()
	if err != nil {
		return nil, err
	}
	id, err := watermark.NewPayload()
	if err != nil {
		return nil, err
	}
	return watermark.Embed(ctx, piece(pictures[rng.IntN(len(pictures))], rng), id, key, nil)
}

// made draws grey pictures, pixel by pixel.
func made(shade func(rng *rand.Rand) func(x, y float64) float64) func(context.Context, []corpus.Picture, *rand.Rand) (image.Image, error) {
	return func(_ context.Context, _ []corpus.Picture, rng *rand.Rand) (image.Image, error) {
		img := image.NewGray(image.Rect(0, 0, side(rng), side(rng)))
		f := shade(rng)
		for y := range img.Rect.Dy() {
			for x := range img.Rect.Dx() {
				img.SetGray(x, y, color.Gray{Y: uint8(min(max(f(float64(x), float64(y)), 0), 255))})
			}
		}
		return img, nil
	}
}

// texture is a sum of waves of a chosen slope of the spectrum, and noise.
func texture(rng *rand.Rand) func(x, y float64) float64 {
	slope, noise := 0.5+rng.Float64(), 15*rng.Float64()
	type wave struct{ x, y, phase, size float64 }
	var all [14]wave
	for i := range all {
		f, turn := 0.01*math.Exp(3.5*rng.Float64()), 2*math.Pi*rng.Float64()
		all[i] = wave{2 * math.Pi * f * math.Cos(turn), 2 * math.Pi * f * math.Sin(turn), 2 * math.Pi * rng.Float64(), math.Pow(0.1/f, slope) * 6}
	}
	return func(x, y float64) float64 {
		v := 128 + noise*rng.NormFloat64()
		for _, w := range all {
			v += w.size * math.Sin(w.x*x+w.y*y+w.phase)
		}
		return v
	}
}

// pattern repeats a random cell, as fabric, tiles and screens do, over a lattice
// of any turn. Every fourth one repeats at the period of the mark itself.
func pattern(rng *rand.Rand) func(x, y float64) float64 {
	n := 4 + rng.IntN(60)
	if rng.IntN(4) == 0 {
		n = 128
	}
	cell := make([]float64, n*n)
	level := 20 + 100*rng.Float64()
	for i := range cell {
		cell[i] = level * rng.NormFloat64()
		if i > 0 {
			cell[i] = 0.7*cell[i-1] + 0.3*cell[i]
		}
	}
	s, c := 0.0, 1.0
	if rng.IntN(2) == 0 {
		s, c = math.Sincos(2 * math.Pi * rng.Float64())
	}
	return func(x, y float64) float64 {
		u, v := int(c*x-s*y+1e5)%n, int(s*x+c*y+1e5)%n
		return 128 + cell[v*n+u]
	}
}

// halftone prints a picture with dots of a turned screen.
func halftone(m image.Image, rng *rand.Rand) image.Image {
	img := imaging.Grayscale(m)
	s, c := math.Sincos(2 * math.Pi * rng.Float64())
	k := 2 * math.Pi / (3 + 7*rng.Float64())
	soft := 0.02 + 0.3*rng.Float64()
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			u, v := k*(c*float64(x)-s*float64(y)), k*(s*float64(x)+c*float64(y))
			i := img.PixOffset(x, y)
			level := float64(img.Pix[i])/255 - (0.5 + 0.25*(math.Cos(u)+math.Cos(v)))
			dot := uint8(255 * min(max(0.5+level/soft, 0), 1))
			img.Pix[i], img.Pix[i+1], img.Pix[i+2] = dot, dot, dot
		}
	}
	return img
}
