package main

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"github.com/disintegration/imaging"
)

// A kind draws pictures of one sort: each is a source of its own.
type kind struct {
	name string
	draw func(rng *rand.Rand, w, h int) image.Image
}

// kinds are pictures that have little to tell one from another of their sort.
var kinds = []kind{
	{"gradient", shaded(gradient)}, {"object on a ground", shaded(object)}, {"horizon", shaded(horizon)},
	{"page of text", page}, {"chart", chart}, {"window with panels", panels},
	{"noise of a slope", slope},
	{"waves", shaded(waves)},
}

// shaded paints grey levels by place, 0 to 1 along the shorter side.
func shaded(of func(rng *rand.Rand) func(x, y float64) float64) func(*rand.Rand, int, int) image.Image {
	return func(rng *rand.Rand, w, h int) image.Image {
		f, s := of(rng), 1/float64(min(w, h))
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		noise := 3 * rng.Float64()
		for y := range h {
			for x := range w {
				v := uint8(min(max(f(float64(x)*s, float64(y)*s)+noise*rng.NormFloat64(), 0), 255))
				img.SetNRGBA(x, y, color.NRGBA{v, v, v, 255})
			}
		}
		return img
	}
}

// gradient is even, or a vignette, or both.
func gradient(rng *rand.Rand) func(x, y float64) float64 {
	a, b, c := 200*rng.Float64()-100, 200*rng.Float64()-100, 150*rng.Float64()
	if rng.IntN(3) == 0 {
		c = 0
	}
	return func(x, y float64) float64 { return 128 + a*(x-.5) + b*(y-.5) - c*((x-.5)*(x-.5)+(y-.5)*(y-.5)) }
}

// object is a disc, a box or a head and shoulders, near the middle.
func object(rng *rand.Rand) func(x, y float64) float64 {
	ground, v := gradient(rng), 255*rng.Float64()
	cx, cy, r, soft := .4+.2*rng.Float64(), .4+.2*rng.Float64(), .15+.25*rng.Float64(), .005+.05*rng.Float64()
	shape := rng.IntN(3)
	return func(x, y float64) float64 {
		d := math.Hypot(x-cx, y-cy) - r
		switch shape {
		case 1:
			d = max(math.Abs(x-cx), math.Abs(y-cy)) - r
		case 2:
			d = min(d+r/3, math.Hypot((x-cx)/1.3, y-cy-1.6*r)-r)
		}
		in := 1 / (1 + math.Exp(min(d/soft, 50)))
		return in*v + (1-in)*ground(x, y)
	}
}

// horizon is a sky over ground.
func horizon(rng *rand.Rand) func(x, y float64) float64 {
	at, tilt, low, bright := .3+.4*rng.Float64(), .1*rng.Float64()-.05, 40+60*rng.Float64(), 150+80*rng.Float64()
	waves := waves(rng)
	return func(x, y float64) float64 {
		if y < at+tilt*x {
			return bright + 40*(at-y)
		}
		return low + 0.2*(waves(x, y)-128)
	}
}

// waves is a sum of a few.
func waves(rng *rand.Rand) func(x, y float64) float64 {
	type wave struct{ x, y, phase, size float64 }
	all := make([]wave, 1+rng.IntN(8))
	for i := range all {
		f, turn := math.Exp(3*rng.Float64()), 2*math.Pi*rng.Float64()
		all[i] = wave{2 * math.Pi * f * math.Cos(turn), 2 * math.Pi * f * math.Sin(turn), 2 * math.Pi * rng.Float64(), 60 / math.Sqrt(f)}
	}
	return func(x, y float64) float64 {
		v := 128.0
		for _, w := range all {
			v += w.size * math.Sin(w.x*x+w.y*y+w.phase)
		}
		return v
	}
}

// slope is noise whose spectrum falls as that of photographs does, or faster.
func slope(rng *rand.Rand, w, h int) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	sum := make([]float64, w*h)
	steep := .4 + .5*rng.Float64()
	for n, size := 3, 1.0; n < min(w, h); n, size = 2*n, size*steep {
		small := image.NewGray(image.Rect(0, 0, n*w/min(w, h), n*h/min(w, h)))
		for i := range small.Pix {
			small.Pix[i] = uint8(rng.Uint32())
		}
		layer := imaging.Resize(small, w, h, imaging.CatmullRom)
		for i := range sum {
			sum[i] += size * (float64(layer.Pix[4*i]) - 128)
		}
	}
	for i, v := range sum {
		g := uint8(min(max(128+v*.7, 0), 255))
		copy(out.Pix[4*i:], []byte{g, g, g, 255})
	}
	return out
}

// A sheet is white paper that boxes are painted on.
type sheet struct{ *image.NRGBA }

func newSheet(w, h int, ground uint8) sheet {
	return sheet{imaging.New(w, h, color.NRGBA{ground, ground, ground, 255})}
}

func (s sheet) box(x0, y0, x1, y1 int, v uint8) {
	r := image.Rect(x0, y0, x1, y1).Intersect(s.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			s.SetNRGBA(x, y, color.NRGBA{v, v, v, 255})
		}
	}
}

// page has lines of words in one of a few sizes, all with the same margins.
func page(rng *rand.Rand, w, h int) image.Image {
	s := newSheet(w, h, 255)
	size := []int{10, 14, 20}[rng.IntN(3)]
	for y := w / 10; y < h-w/10; y += 2 * size {
		end := w - w/10
		if rng.IntN(6) == 0 {
			end = w/10 + rng.IntN(w/2)
		}
		for x := w / 10; x < end; {
			n := size * (1 + rng.IntN(7)) / 2
			for i := x; i < min(x+n, end); i += max(size/3, 2) {
				s.box(i, y+rng.IntN(size/3), i+max(size/6, 1), y+size, 40)
			}
			x += n + size/2
		}
	}
	return s
}

// chart has axes, a grid, and bars or a line.
func chart(rng *rand.Rand, w, h int) image.Image {
	s := newSheet(w, h, 255)
	l, t, r, b := w/8, h/10, w-w/12, h-h/8
	for i := range 6 {
		y := b - (b-t)*i/5
		s.box(l, y, r, y+1, 210)
	}
	n := 4 + rng.IntN(12)
	v := rng.Float64()
	for i := range n {
		x0, x1 := l+(r-l)*i/n, l+(r-l)*(i+1)/n
		v = min(max(v+.5*rng.NormFloat64(), .05), 1)
		y := b - int(float64(b-t)*v)
		s.box(x0+(x1-x0)/5, y, x1-(x1-x0)/5, b, 90)
	}
	s.box(l, t, l+2, b, 0)
	s.box(l, b, r, b+2, 0)
	return s
}

// panels is a window of a program: a bar, a list at the side, cards.
func panels(rng *rand.Rand, w, h int) image.Image {
	s := newSheet(w, h, 245)
	s.box(0, 0, w, h/12, 60)
	s.box(0, h/12, w/5, h, 225)
	for y := h / 8; y < h; y += h / 16 {
		s.box(w/40, y, w/40+rng.IntN(w/7), y+h/50, 120)
	}
	for y := h / 8; y < h-h/6; y += h / 4 {
		for x := w / 4; x < w-w/5; x += w / 4 {
			s.box(x, y, x+w/5, y+h/5, uint8(180+rng.IntN(76)))
			for k := range 4 {
				s.box(x+w/80, y+h/50+k*h/24, x+w/80+rng.IntN(w/6), y+h/50+k*h/24+h/60, 90)
			}
		}
	}
	return s
}
