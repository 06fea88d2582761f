package attack

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/disintegration/imaging"
)

// each changes every pixel's colour.
func each(f func(color.NRGBA) color.NRGBA) Func {
	return func(m image.Image) image.Image { return imaging.AdjustFunc(m, f) }
}

// channels changes the three channels alike.
func channels(f func(float64) float64) Func {
	var table [256]uint8
	for i := range table {
		table[i] = clip(f(float64(i)))
	}
	return each(func(c color.NRGBA) color.NRGBA { return color.NRGBA{table[c.R], table[c.G], table[c.B], c.A} })
}

// Linear maps every channel to gain v + offset, in grey levels.
func Linear(gain, offset float64) Func {
	return channels(func(v float64) float64 { return gain*v + offset })
}

// Gamma raises every channel to a power.
func Gamma(g float64) Func {
	return channels(func(v float64) float64 { return 255 * math.Pow(v/255, g) })
}

// Posterise keeps n levels per channel.
func Posterise(n int) Func {
	step := 255 / float64(n-1)
	return channels(func(v float64) float64 { return math.Round(v/step) * step })
}

// Invert is the negative.
func Invert(m image.Image) image.Image { return imaging.Invert(m) }

// Grey takes colour away.
func Grey(m image.Image) image.Image { return imaging.Grayscale(m) }

// Saturation scales the distance from grey.
func Saturation(s float64) Func {
	return each(func(c color.NRGBA) color.NRGBA {
		y := luma(c)
		f := func(v uint8) uint8 { return clip(y + s*(float64(v)-y)) }
		return color.NRGBA{f(c.R), f(c.G), f(c.B), c.A}
	})
}

func luma(c color.NRGBA) float64 {
	return 0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B)
}

// Hue turns colours by degrees about the grey axis.
func Hue(degrees float64) Func {
	s, c := math.Sincos(degrees * math.Pi / 180)
	a, b, d := c+(1-c)/3, (1-c)/3-s/math.Sqrt(3), (1-c)/3+s/math.Sqrt(3)
	return each(func(p color.NRGBA) color.NRGBA {
		x, y, z := float64(p.R), float64(p.G), float64(p.B)
		return color.NRGBA{clip(a*x + b*y + d*z), clip(d*x + a*y + b*z), clip(b*x + d*y + a*z), p.A}
	})
}

// Noise adds Gaussian noise of a standard deviation in grey levels.
func Noise(sigma float64, seed uint64) Func {
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

// Blur is a Gaussian low-pass filter.
func Blur(sigma float64) Func {
	return func(m image.Image) image.Image { return imaging.Blur(m, sigma) }
}

// Sharpen is an unsharp mask.
func Sharpen(sigma float64) Func {
	return func(m image.Image) image.Image { return imaging.Sharpen(m, sigma) }
}

// Median takes the median over (2r+1) x (2r+1) pixels of each channel.
func Median(r int) Func {
	return func(m image.Image) image.Image {
		in := imaging.Clone(m)
		out := imaging.Clone(m)
		w, h := in.Rect.Dx(), in.Rect.Dy()
		for y := range h {
			for c := range 3 {
				medianRow(out, in, r, w, h, y, c)
			}
		}
		return out
	}
}

// medianRow slides a histogram along one row (Huang, 1979).
func medianRow(out, in *image.NRGBA, r, w, h, y, c int) {
	var count [256]int
	half := (2*r + 1) * (2*r + 1) / 2
	column := func(x, by int) {
		x = min(max(x, 0), w-1)
		for dy := -r; dy <= r; dy++ {
			count[in.Pix[min(max(y+dy, 0), h-1)*in.Stride+4*x+c]] += by
		}
	}
	for x := -r; x < r; x++ {
		column(x, 1)
	}
	for x := range w {
		column(x+r, 1)
		sum, v := count[0], 0
		for sum <= half {
			v++
			sum += count[v]
		}
		out.Pix[y*out.Stride+4*x+c] = uint8(v)
		column(x-r, -1)
	}
}

// Pixelate shows squares of n pixels.
func Pixelate(n int) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		small := imaging.Resize(m, max(b.Dx()/n, 1), max(b.Dy()/n, 1), imaging.Box)
		return imaging.Resize(small, b.Dx(), b.Dy(), imaging.NearestNeighbor)
	}
}

// Palette keeps n colours, chosen by median cut, with error diffusion.
func Palette(n int) Func {
	return func(m image.Image) image.Image {
		out := image.NewPaletted(m.Bounds(), medianCut(imaging.Clone(onWhite(m)), n))
		draw.FloydSteinberg.Draw(out, out.Rect, onWhite(m), m.Bounds().Min)
		return out
	}
}

// medianCut splits the box of colours with the widest side at its median
// (Heckbert, 1982), on every seventh pixel.
func medianCut(m *image.NRGBA, n int) color.Palette {
	var all [][3]uint8
	for i := 0; i+3 < len(m.Pix); i += 4 * 7 {
		all = append(all, [3]uint8(m.Pix[i:i+3]))
	}
	boxes := [][][3]uint8{all}
	for len(boxes) < n {
		at, axis, width := 0, 0, -1
		for i, b := range boxes {
			for c := range 3 {
				lo, hi := uint8(255), uint8(0)
				for _, p := range b {
					lo, hi = min(lo, p[c]), max(hi, p[c])
				}
				if w := int(hi) - int(lo); len(b) > 1 && w > width {
					at, axis, width = i, c, w
				}
			}
		}
		if width <= 0 {
			break
		}
		b := boxes[at]
		slices.SortFunc(b, func(p, q [3]uint8) int { return int(p[axis]) - int(q[axis]) })
		boxes[at] = b[:len(b)/2]
		boxes = append(boxes, b[len(b)/2:])
	}
	var out color.Palette
	for _, b := range boxes {
		var sum [3]int
		for _, p := range b {
			for c := range 3 {
				sum[c] += int(p[c])
			}
		}
		out = append(out, color.NRGBA{uint8(sum[0] / len(b)), uint8(sum[1] / len(b)), uint8(sum[2] / len(b)), 255})
	}
	return out
}

// Caption covers a share of the picture's height with a dark bar and white
// strokes like text.
func Caption(share float64) Func {
	return func(m image.Image) image.Image {
		out := imaging.Clone(m)
		w, h := out.Rect.Dx(), out.Rect.Dy()
		top := h - int(share*float64(h))
		draw.Draw(out, image.Rect(0, top, w, h), image.NewUniform(color.NRGBA{20, 20, 30, 255}), image.Point{}, draw.Src)
		rng := rand.New(rand.NewPCG(1, 9))
		for y := top + 8; y+6 < h; y += 16 {
			for x := 8; x+12 < w; x += 6 + rng.IntN(14) {
				draw.Draw(out, image.Rect(x, y, x+2+rng.IntN(4), y+2+rng.IntN(6)), image.White, image.Point{}, draw.Src)
			}
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
