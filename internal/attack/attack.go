// Package attack does to pictures what happens to them on their way: it is what
// the robustness bench and the tests of the image mark put marked pictures
// through. Every attack is deterministic.
package attack

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"

	"github.com/disintegration/imaging"
)

// An Attack is one treatment under a name.
type Attack struct {
	Name  string
	Apply func(image.Image) image.Image
}

// Plain lists the attacks that need no geometric search.
func Plain() []Attack {
	return []Attack{
		{"none", func(m image.Image) image.Image { return m }},
		{"jpeg90", JPEG(90)}, {"jpeg75", JPEG(75)}, {"jpeg50", JPEG(50)},
		{"crop 75 % of the area", Crop(0.75, 1)}, {"crop 50 % of the area", Crop(0.5, 2)},
		{"brightness 0.7", Linear(0.7, 0)}, {"brightness 1.3", Linear(1.3, 0)},
		{"contrast 0.7", Linear(0.7, 0.3*128)}, {"contrast 1.5", Linear(1.5, -0.5*128)},
		{"noise sigma 10", Noise(10, 3)},
	}
}

// Further lists attacks beyond those, for information.
func Further() []Attack {
	return []Attack{
		{"jpeg30", JPEG(30)}, {"crop 50 % + jpeg75", Chain(Crop(0.5, 4), JPEG(75))},
		{"crop 25 % of the area", Crop(0.25, 5)},
		{"flip", func(m image.Image) image.Image { return imaging.FlipH(m) }},
		{"quarter turn", func(m image.Image) image.Image { return imaging.Rotate90(m) }},
		{"invert", func(m image.Image) image.Image { return imaging.Invert(m) }},
		{"grey", func(m image.Image) image.Image { return imaging.Grayscale(m) }},
		{"blur sigma 1", func(m image.Image) image.Image { return imaging.Blur(m, 1) }},
		{"sharpen", func(m image.Image) image.Image { return imaging.Sharpen(m, 1) }},
		{"resize 0.5", func(m image.Image) image.Image { return imaging.Resize(m, m.Bounds().Dx()/2, 0, imaging.CatmullRom) }},
		{"rotate 5 degrees", func(m image.Image) image.Image { return imaging.Rotate(m, 5, color.Black) }},
	}
}

// Chain applies one after the other.
func Chain(steps ...func(image.Image) image.Image) func(image.Image) image.Image {
	return func(m image.Image) image.Image {
		for _, s := range steps {
			m = s(m)
		}
		return m
	}
}

// JPEG encodes at quality q, 1 to 100, and decodes.
func JPEG(q int) func(image.Image) image.Image {
	return func(m image.Image) image.Image {
		var buf bytes.Buffer
		if err := jpeg.Encode(&buf, onWhite(m), &jpeg.Options{Quality: q}); err != nil {
			panic(err) // cannot happen: the encoder takes any picture below 65,536 a side
		}
		out, err := jpeg.Decode(&buf)
		if err != nil {
			panic(err)
		}
		return out
	}
}

// onWhite lays a picture over white, as software does that has no alpha.
func onWhite(m image.Image) image.Image {
	if o, ok := m.(interface{ Opaque() bool }); ok && o.Opaque() {
		return m
	}
	out := image.NewRGBA(m.Bounds())
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(out, out.Bounds(), m, m.Bounds().Min, draw.Over)
	return out
}

// Crop keeps a share of the area, of the same shape, at a place drawn from seed.
func Crop(share float64, seed uint64) func(image.Image) image.Image {
	return func(m image.Image) image.Image {
		rng := rand.New(rand.NewPCG(seed, 1))
		b := m.Bounds()
		w, h := int(float64(b.Dx())*math.Sqrt(share)), int(float64(b.Dy())*math.Sqrt(share))
		x, y := rng.IntN(b.Dx()-w+1), rng.IntN(b.Dy()-h+1)
		return imaging.Crop(m, image.Rect(x, y, x+w, y+h).Add(b.Min))
	}
}

// Linear maps every channel to gain v + offset, in grey levels.
func Linear(gain, offset float64) func(image.Image) image.Image {
	return func(m image.Image) image.Image {
		f := func(v uint8) uint8 { return clip(gain*float64(v) + offset) }
		return imaging.AdjustFunc(m, func(c color.NRGBA) color.NRGBA {
			return color.NRGBA{f(c.R), f(c.G), f(c.B), c.A}
		})
	}
}

// Noise adds Gaussian noise of a standard deviation in grey levels.
func Noise(sigma float64, seed uint64) func(image.Image) image.Image {
	return func(m image.Image) image.Image {
		out := imaging.Clone(m)
		rng := rand.New(rand.NewPCG(seed, 2))
		for i := range out.Pix {
			if i%4 != 3 {
				out.Pix[i] = clip(float64(out.Pix[i]) + sigma*rng.NormFloat64())
			}
		}
		return out
	}
}

func clip(v float64) uint8 { return uint8(min(max(math.Round(v), 0), 255)) }
