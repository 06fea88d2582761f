package attack

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"

	"github.com/disintegration/imaging"
)

// Treatments that look at a pixel's surroundings or at the whole histogram.

// Equalise spreads the histogram of luma over all levels.
func Equalise(m image.Image) image.Image {
	in := imaging.Clone(m)
	var count [256]int
	for i := 0; i < len(in.Pix); i += 4 {
		count[lumaOf(in.Pix[i:])]++
	}
	curve := cumulative(count, len(in.Pix)/4)
	return relight(in, func(_, _ int, v uint8) float64 { return curve[v] })
}

func lumaOf(p []uint8) uint8 {
	return uint8((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2])) / 1000)
}

// cumulative maps levels to the share of pixels below, times 255.
func cumulative(count [256]int, n int) (curve [256]float64) {
	sum := 0
	for v, c := range count {
		curve[v] = 255 * (float64(sum) + float64(c)/2) / float64(max(n, 1))
		sum += c
	}
	return curve
}

// relight moves every pixel's channels by what to does to its luma.
func relight(in *image.NRGBA, to func(x, y int, v uint8) float64) image.Image {
	out := imaging.Clone(in)
	for y := range in.Rect.Dy() {
		for x := range in.Rect.Dx() {
			i := in.PixOffset(x, y)
			v := lumaOf(in.Pix[i:])
			d := to(x, y, v) - float64(v)
			for c := range 3 {
				out.Pix[i+c] = clip(float64(in.Pix[i+c]) + d)
			}
		}
	}
	return out
}

// CLAHE equalises in n x n tiles, with the histograms clipped at limit times
// their mean, and interpolates between tiles (Zuiderveld, 1994).
func CLAHE(n int, limit float64) Func {
	return func(m image.Image) image.Image {
		in := imaging.Clone(m)
		w, h := in.Rect.Dx(), in.Rect.Dy()
		curves := make([][256]float64, n*n)
		for t := range curves {
			r := image.Rect(t%n*w/n, t/n*h/n, (t%n+1)*w/n, (t/n+1)*h/n)
			curves[t] = clippedCurve(in, r, limit)
		}
		at := func(i, j int, v uint8) float64 {
			return curves[min(max(j, 0), n-1)*n+min(max(i, 0), n-1)][v]
		}
		return relight(in, func(x, y int, v uint8) float64 {
			fx, fy := (float64(x)+0.5)*float64(n)/float64(w)-0.5, (float64(y)+0.5)*float64(n)/float64(h)-0.5
			i, j := int(math.Floor(fx)), int(math.Floor(fy))
			fx, fy = fx-float64(i), fy-float64(j)
			return (at(i, j, v)*(1-fx)+at(i+1, j, v)*fx)*(1-fy) + (at(i, j+1, v)*(1-fx)+at(i+1, j+1, v)*fx)*fy
		})
	}
}

func clippedCurve(in *image.NRGBA, r image.Rectangle, limit float64) [256]float64 {
	var count [256]int
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			count[lumaOf(in.Pix[in.PixOffset(x, y):])]++
		}
	}
	n := r.Dx() * r.Dy()
	most, excess := int(limit*float64(n)/256)+1, 0
	for v, c := range count {
		if c > most {
			excess += c - most
			count[v] = most
		}
	}
	for v := range count {
		count[v] += excess / 256
	}
	return cumulative(count, n)
}

// Denoise is a bilateral filter (Tomasi and Manduchi, 1998): weights fall with the
// square of the distance and with a Gaussian over the difference of luma.
func Denoise(space, level float64) Func {
	r := int(2 * space)
	var near [512]float64
	for d := range near {
		near[d] = math.Exp(-float64(d*d) / (2 * level * level))
	}
	return func(m image.Image) image.Image {
		in := imaging.Clone(m)
		out := imaging.Clone(m)
		w, h := in.Rect.Dx(), in.Rect.Dy()
		for y := range h {
			for x := range w {
				bilateral(out.Pix[out.PixOffset(x, y):], in, x, y, r, space, &near)
			}
		}
		return out
	}
}

func bilateral(to []uint8, in *image.NRGBA, x, y, r int, space float64, near *[512]float64) {
	own := int(lumaOf(in.Pix[in.PixOffset(x, y):]))
	var sum [3]float64
	weight := 0.0
	for v := max(y-r, 0); v <= min(y+r, in.Rect.Dy()-1); v++ {
		for u := max(x-r, 0); u <= min(x+r, in.Rect.Dx()-1); u++ {
			p := in.Pix[in.PixOffset(u, v):]
			d := int(lumaOf(p)) - own
			k := near[max(d, -d)] / (1 + float64((u-x)*(u-x)+(v-y)*(v-y))/(space*space))
			for c := range sum {
				sum[c] += k * float64(p[c])
			}
			weight += k
		}
	}
	for c := range sum {
		to[c] = clip(sum[c] / weight)
	}
}

// Dither keeps black and white, with error diffusion.
func Dither(m image.Image) image.Image {
	out := image.NewPaletted(m.Bounds(), color.Palette{color.Black, color.White})
	draw.FloydSteinberg.Draw(out, out.Rect, onWhite(m), m.Bounds().Min)
	return out
}

// Stickers covers a share of the area with coloured discs.
func Stickers(share float64, seed uint64) Func {
	return func(m image.Image) image.Image {
		out := imaging.Clone(onWhite(m))
		w, h := out.Rect.Dx(), out.Rect.Dy()
		rng := rand.New(rand.NewPCG(seed, 11))
		covered := make([]bool, w*h)
		for left := int(share * float64(w*h)); left > 0; {
			cx, cy := rng.IntN(w), rng.IntN(h)
			r := max(int(float64(min(w, h))*(0.05+0.1*rng.Float64())), 1)
			c := color.NRGBA{uint8(rng.IntN(256)), uint8(rng.IntN(256)), uint8(rng.IntN(256)), 255}
			for y := max(cy-r, 0); y < min(cy+r, h); y++ {
				for x := max(cx-r, 0); x < min(cx+r, w); x++ {
					if (x-cx)*(x-cx)+(y-cy)*(y-cy) <= r*r {
						out.SetNRGBA(x, y, c)
						if !covered[y*w+x] {
							covered[y*w+x] = true
							left--
						}
					}
				}
			}
		}
		return out
	}
}

// Inset shows the picture in the middle of a sheet of which it covers a share.
func Inset(share float64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		side := 1 / math.Sqrt(share)
		w, h := int(float64(b.Dx())*side), int(float64(b.Dy())*side)
		sheet := imaging.New(w, h, color.NRGBA{220, 214, 205, 255})
		out := Noise(12, 13)(sheet)
		return imaging.PasteCenter(out, onWhite(m))
	}
}

// PrintAndScan stands in for paper: a slight turn, softness, a grey scale that
// ends before black and white, uneven light and noise.
func PrintAndScan(m image.Image) image.Image {
	soft := Chain(Linear(0.82, 22), Blur(0.7), Rotate(0.7), Resize(1.13, 1.12))(m)
	in := imaging.Clone(soft)
	w := float64(in.Rect.Dx())
	lit := relight(in, func(x, _ int, v uint8) float64 { return float64(v) * (0.94 + 0.1*float64(x)/w) })
	return Chain(Noise(4, 15), JPEG(80))(lit)
}
