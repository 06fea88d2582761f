package watermark

import (
	"math"
	"sync"
)

// Reading the payload along a warp: fold into the tiles of the super-tile,
// transform, whiten.

// superPixels is the side of the super-tile in pixels.
const superPixels = superSide * tileSide

// observations are the whitened chips of every tile that the picture covers.
type observations struct {
	tiles []int       // tile numbers, from an unknown corner of the super-tile
	chips [][]float32 // by tile: two per payload bin
	area  []int       // pixels by tile, to within a run
}

// A superFold is one super-tile of sums, and how many pixels went where.
type superFold struct {
	sum  [superPixels * superPixels]float32
	area [superArea]int
}

var superFolds = sync.Pool{New: func() any { return new(superFold) }}

// observe folds a picture along a lock's warp.
func observe(src plane, l *lock) *observations {
	acc := superFolds.Get().(*superFold)
	defer superFolds.Put(acc)
	clear(acc.sum[:])
	clear(acc.area[:])
	for y := range src.h {
		l.warp.runs(src, y, 0, src.w, acc.add)
	}
	o := acc.observations(l.sign)
	o.keep(l.warp.shows)
	return o
}

// keep clears the bins that the picture cannot hold.
func (o *observations) keep(shows func(vec) bool) {
	for j, b := range format.bins {
		if !shows(vec{float64(b.kx), float64(b.ky)}) {
			for _, c := range o.chips {
				c[2*j], c[2*j+1] = 0, 0
			}
		}
	}
}

func (acc *superFold) add(r run) {
	const mask = superPixels - 1
	u, v := r.u, r.v
	for _, s := range r.pix {
		acc.sum[v>>fixedBits&mask*superPixels+u>>fixedBits&mask] += s
		u, v = u+r.du, v+r.dv
	}
	n := int64(len(r.pix) / 2)
	tu, tv := (r.u+n*r.du)>>fixedBits&mask/tileSide, (r.v+n*r.dv)>>fixedBits&mask/tileSide
	acc.area[tv*superSide+tu] += len(r.pix)
}

// tileTrust is how far a tile's own strength counts: 0 gives all tiles the same
// weight, 1 as much as the front end left them.
const tileTrust = 0.7

// observations transforms the tiles that hold pixels, two at a time, and
// whitens their chips: in each tile by the bins around, then over all tiles.
func (acc *superFold) observations(sign float32) *observations {
	o := &observations{}
	for t, n := range acc.area {
		if n > 0 {
			o.tiles, o.area = append(o.tiles, t), append(o.area, n)
		}
	}
	work := make([]complex64, tileSide*tileSide)
	for i := 0; i < len(o.tiles); i += 2 {
		acc.load(work, o.tiles[i], o.tiles[min(i+1, len(o.tiles)-1)])
		a, b := transformPair(work)
		o.chips = append(o.chips, a.chips(), b.chips())
	}
	o.chips = o.chips[:len(o.tiles)]
	o.whiten(sign)
	return o
}

// chips whitens a tile's spectrum by the bins around and reads its chips.
func (p *patch) chips() []float32 {
	g := float32(math.Pow(p.whiten(), tileTrust/2))
	out := make([]float32, 0, chips())
	for _, b := range format.bins {
		v := p.at(b.kx, b.ky)
		out = append(out, real(v)*g, imag(v)*g)
	}
	return out
}

// load packs two tiles as real and imaginary part.
func (acc *superFold) load(work []complex64, a, b int) {
	corner := func(t int) int { return (t/superSide)*tileSide*superPixels + (t%superSide)*tileSide }
	ca, cb := corner(a), corner(b)
	for y := range tileSide {
		ra, rb := acc.sum[ca+y*superPixels:][:tileSide], acc.sum[cb+y*superPixels:][:tileSide]
		to := work[y*tileSide:][:tileSide]
		for x := range to {
			to[x] = complex(ra[x], rb[x])
		}
	}
}

// whiten divides by the noise of each bin. Bins are sorted by radius, so the
// running mean over them follows the spectrum's slope. Only sizes enter.
func (o *observations) whiten(sign float32) {
	const r = 24
	power := make([]float64, len(format.bins))
	for _, c := range o.chips {
		for j := range power {
			power[j] += float64(c[2*j]*c[2*j]) + float64(c[2*j+1]*c[2*j+1])
		}
	}
	for j := range power {
		lo, hi := max(j-r, 0), min(j+r+1, len(power))
		mean := 0.0
		for _, v := range power[lo:hi] {
			mean += v
		}
		mean = (mean/float64(hi-lo) + power[j]) / 2
		if mean <= 0 {
			continue
		}
		g := sign * float32(math.Sqrt(float64(len(o.chips))/mean))
		for _, c := range o.chips {
			c[2*j] *= g
			c[2*j+1] *= g
		}
	}
}

// A grid8 is one number per tile of the super-tile.
type grid8 [superArea]complex64

// transform is the 8 x 8 discrete Fourier transform, not scaled.
func (g *grid8) transform(inverse bool) {
	for y := 0; y < superArea; y += superSide {
		line8((*[superSide]complex64)(g[y:y+superSide]), inverse)
	}
	for x := range superSide {
		var c [superSide]complex64
		for y := range c {
			c[y] = g[y*superSide+x]
		}
		line8(&c, inverse)
		for y, v := range c {
			g[y*superSide+x] = v
		}
	}
}

// line8 transforms eight numbers.
func line8(a *[superSide]complex64, inverse bool) {
	quarter := func(c complex64) complex64 { // times -i, or i
		if inverse {
			return complex(-imag(c), real(c))
		}
		return complex(imag(c), -real(c))
	}
	const h = float32(math.Sqrt2 / 2)
	eighth := func(c complex64) complex64 { // times exp(-+ i pi/4)
		q := quarter(c)
		return complex(h*(real(c)+real(q)), h*(imag(c)+imag(q)))
	}
	four := func(a, b, c, d complex64) (complex64, complex64, complex64, complex64) {
		p, q, r, s := a+c, a-c, b+d, quarter(b-d)
		return p + r, q + s, p - r, q - s
	}
	e0, e1, e2, e3 := four(a[0], a[2], a[4], a[6])
	o0, o1, o2, o3 := four(a[1], a[3], a[5], a[7])
	o1, o2, o3 = eighth(o1), quarter(o2), eighth(quarter(o3))
	a[0], a[1], a[2], a[3] = e0+o0, e1+o1, e2+o2, e3+o3
	a[4], a[5], a[6], a[7] = e0-o0, e1-o1, e2-o2, e3-o3
}

// despread undoes the signs of every tile and adds the tiles up, for all places
// of the picture in the super-tile at once: a cyclic correlation per chip, both
// chips of a bin in one transform.
func (o *observations) despread(kg *keying) *[superArea][]float32 {
	var out [superArea][]float32
	flat := make([]float32, superArea*chips())
	for off := range out {
		out[off] = flat[off*chips() : (off+1)*chips()]
	}
	for j := range format.bins {
		var g grid8
		for i, t := range o.tiles {
			g[t] = complex(o.chips[i][2*j], o.chips[i][2*j+1])
		}
		g.transform(false)
		var p grid8
		s := &kg.spectra[j]
		for k := range p {
			n := mirror8[k]
			y1, y2 := parts(g[k], g[n])
			s1, s2 := parts(s[k], s[n])
			a, b := mul64(conj64(y1), s1), mul64(conj64(y2), s2)
			p[k] = complex(real(a)-imag(b), imag(a)+real(b)) // a + ib
		}
		p.transform(true)
		for off, v := range p {
			out[off][2*j], out[off][2*j+1] = real(v)/superArea, imag(v)/superArea
		}
	}
	return &out
}

// parts splits the transform of a + ib, at k and -k, into those of a and b.
func parts(z, mirrored complex64) (complex64, complex64) {
	m := conj64(mirrored)
	a, b := z+m, z-m
	return complex(real(a)/2, imag(a)/2), complex(imag(b)/2, -real(b)/2)
}

// mirror8[k] is -k.
var mirror8 = func() (m [superArea]int) {
	for k := range m {
		x, y := k%superSide, k/superSide
		m[k] = -y&(superSide-1)*superSide + -x&(superSide-1)
	}
	return m
}()
