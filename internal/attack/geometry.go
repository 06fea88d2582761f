package attack

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"

	"github.com/disintegration/imaging"
)

// Resize scales the sides by sx and sy (Catmull-Rom).
func Resize(sx, sy float64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		w, h := int(math.Round(float64(b.Dx())*sx)), int(math.Round(float64(b.Dy())*sy))
		return imaging.Resize(m, max(w, 1), max(h, 1), imaging.CatmullRom)
	}
}

// ThereAndBack scales by s and back to the size it had.
func ThereAndBack(s float64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		return imaging.Resize(Resize(s, s)(m), b.Dx(), b.Dy(), imaging.CatmullRom)
	}
}

// Cut takes n pixels off the left and the top.
func Cut(n int) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		b.Min = b.Min.Add(image.Pt(n, n))
		return imaging.Crop(m, b)
	}
}

// Crop keeps a share of the area, of the same shape, at a place drawn from seed.
func Crop(share float64, seed uint64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		side := math.Sqrt(share)
		return CropTo(int(float64(b.Dx())*side), int(float64(b.Dy())*side), seed)(m)
	}
}

// CropTo keeps at most w x h pixels at a place drawn from seed.
func CropTo(w, h int, seed uint64) Func {
	return func(m image.Image) image.Image {
		rng := rand.New(rand.NewPCG(seed, 1))
		b := m.Bounds()
		w, h := min(w, b.Dx()), min(h, b.Dy())
		x, y := rng.IntN(b.Dx()-w+1), rng.IntN(b.Dy()-h+1)
		return imaging.Crop(m, image.Rect(x, y, x+w, y+h).Add(b.Min))
	}
}

// Centre keeps a share of the area around the middle.
func Centre(share float64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		side := math.Sqrt(share)
		return imaging.CropCenter(m, int(float64(b.Dx())*side), int(float64(b.Dy())*side))
	}
}

// Rotate turns counter-clockwise on a canvas grown with black.
func Rotate(degrees float64) Func {
	return func(m image.Image) image.Image { return imaging.Rotate(m, degrees, color.Black) }
}

// Inner turns and keeps the largest rectangle of the same shape inside.
func Inner(degrees float64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		w, h := float64(b.Dx()), float64(b.Dy())
		s, c := math.Sincos(math.Abs(degrees) * math.Pi / 180)
		f := min(w/(w*c+h*s), h/(w*s+h*c))
		return imaging.CropCenter(imaging.Rotate(m, degrees, color.Black), int(w*f), int(h*f))
	}
}

// Quarter turns by 90 degrees.
func Quarter(m image.Image) image.Image { return imaging.Rotate90(m) }

// Mirror flips left and right.
func Mirror(m image.Image) image.Image { return imaging.FlipH(m) }

// Border adds a dark border of a share of each side.
func Border(share float64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		dx, dy := int(float64(b.Dx())*share), int(float64(b.Dy())*share)
		out := imaging.New(b.Dx()+2*dx, b.Dy()+2*dy, color.NRGBA{32, 34, 38, 255})
		return imaging.Paste(out, m, image.Pt(dx, dy))
	}
}

// Collage puts the picture beside a gradient and stripes on a larger sheet.
func Collage(m image.Image) image.Image {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, 2*w, h+h/2))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			v := uint8(80 + 100*x/out.Rect.Dx() + 40*y/out.Rect.Dy())
			if x/9%2 == 0 && y > h {
				v = 255 - v
			}
			out.SetNRGBA(x, y, color.NRGBA{v, v / 2, 200 - v/2, 255})
		}
	}
	draw.Draw(out, image.Rect(w/3, h/5, w/3+w, h/5+h), m, b.Min, draw.Over)
	return out
}

// Ellipse keeps an ellipse of 35 % of the area, on white.
func Ellipse(m image.Image) image.Image {
	out := imaging.Clone(onWhite(m))
	w, h := out.Rect.Dx(), out.Rect.Dy()
	r := math.Sqrt(0.35 / math.Pi)
	for y := range h {
		for x := range w {
			u, v := (float64(x)/float64(w)-0.5)/r, (float64(y)/float64(h)-0.5)/r
			if u*u+v*v > 1 {
				out.SetNRGBA(x, y, color.NRGBA{255, 255, 255, 255})
			}
		}
	}
	return out
}

// Drop leaves out every rows-th row and every columns-th column.
func Drop(rows, columns int) Func {
	return func(m image.Image) image.Image {
		in := imaging.Clone(m)
		w, h := in.Rect.Dx(), in.Rect.Dy()
		out := image.NewNRGBA(image.Rect(0, 0, w-w/columns, h-h/rows))
		for y := range out.Rect.Dy() {
			for x := range out.Rect.Dx() {
				out.SetNRGBA(x, y, in.NRGBAAt(min(x+x/(columns-1), w-1), min(y+y/(rows-1), h-1)))
			}
		}
		return out
	}
}

// resample reads every pixel of a w x h picture at from(x,y) of m, both counted
// from the middles; outside is black.
func resample(m image.Image, w, h int, from func(x, y float64) (float64, float64)) image.Image {
	in := imaging.Clone(m)
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	cx, cy := float64(in.Rect.Dx()-1)/2, float64(in.Rect.Dy()-1)/2
	for y := range h {
		for x := range w {
			u, v := from(float64(x)-float64(w-1)/2, float64(y)-float64(h-1)/2)
			bilinear(out.Pix[out.PixOffset(x, y):][:4], in, u+cx, v+cy)
		}
	}
	return out
}

func bilinear(to []uint8, in *image.NRGBA, x, y float64) {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int(fx), int(fy)
	if ix < 0 || iy < 0 || ix+1 >= in.Rect.Dx() || iy+1 >= in.Rect.Dy() {
		copy(to, []uint8{0, 0, 0, 255})
		return
	}
	wx, wy := x-fx, y-fy
	a := in.Pix[iy*in.Stride+4*ix:]
	b := in.Pix[(iy+1)*in.Stride+4*ix:]
	for c := range 4 {
		top := float64(a[c])*(1-wx) + float64(a[c+4])*wx
		low := float64(b[c])*(1-wx) + float64(b[c+4])*wx
		to[c] = clip(top*(1-wy) + low*wy)
	}
}

// Shear slants the picture: x moves by s y.
func Shear(s float64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		return resample(m, b.Dx()+int(s*float64(b.Dy())), b.Dy(), func(x, y float64) (float64, float64) { return x - s*y, y })
	}
}

// Sine bends the picture by up to amplitude pixels over a period.
func Sine(amplitude, period float64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		f := 2 * math.Pi / period
		return resample(m, b.Dx(), b.Dy(), func(x, y float64) (float64, float64) {
			return x + amplitude*math.Sin(f*y), y + amplitude*math.Sin(f*x+1)
		})
	}
}

// Barrel bends straight lines outward, by k at the corners.
func Barrel(k float64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		r2 := float64(b.Dx()*b.Dx()+b.Dy()*b.Dy()) / 4
		return resample(m, b.Dx(), b.Dy(), func(x, y float64) (float64, float64) {
			g := 1 - k + k*(x*x+y*y)/r2
			return x * g, y * g
		})
	}
}

// Perspective moves each corner inward by up to a share of the sides.
func Perspective(share float64, seed uint64) Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		w, h := float64(b.Dx()), float64(b.Dy())
		rng := rand.New(rand.NewPCG(seed, 3))
		var to [4][2]float64
		for i, c := range [4][2]float64{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}} {
			to[i] = [2]float64{c[0] * w * (0.5 - share*rng.Float64()), c[1] * h * (0.5 - share*rng.Float64())}
		}
		p := homography(w, h, to)
		return resample(m, b.Dx(), b.Dy(), func(x, y float64) (float64, float64) {
			d := p[6]*x + p[7]*y + 1
			return (p[0]*x + p[1]*y + p[2]) / d, (p[3]*x + p[4]*y + p[5]) / d
		})
	}
}

// homography takes the corners of a w x h rectangle about zero to four points,
// by Gaussian elimination.
func homography(w, h float64, to [4][2]float64) [8]float64 {
	var a [8][9]float64
	for i, c := range [4][2]float64{{-w / 2, -h / 2}, {w / 2, -h / 2}, {w / 2, h / 2}, {-w / 2, h / 2}} {
		x, y, u, v := c[0], c[1], to[i][0], to[i][1]
		a[2*i] = [9]float64{x, y, 1, 0, 0, 0, -u * x, -u * y, u}
		a[2*i+1] = [9]float64{0, 0, 0, x, y, 1, -v * x, -v * y, v}
	}
	for i := range 8 {
		p := i
		for j := i; j < 8; j++ {
			if math.Abs(a[j][i]) > math.Abs(a[p][i]) {
				p = j
			}
		}
		a[i], a[p] = a[p], a[i]
		for j := range 8 {
			if j == i {
				continue
			}
			f := a[j][i] / a[i][i]
			for k := range 9 {
				a[j][k] -= f * a[i][k]
			}
		}
	}
	var out [8]float64
	for i := range out {
		out[i] = a[i][8] / a[i][i]
	}
	return out
}
