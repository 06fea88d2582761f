package watermark

import (
	"math"
	"slices"
)

// Synchronisation: where the tiles lie. This version looks for any shift, the
// eight flips and quarter turns, and inversion; it does not search rotation or
// scale. A lock is what any search hands on, so a search adds locks.

// A lock is one hypothesis about the geometry: the picture turned by orient
// shows the template shifted by (dx,dy), negated where sign is -1.
type lock struct {
	orient orientation
	dx, dy int
	sign   float32
	z      float64
}

// An orientation is one of the eight symmetries of the square: transpose, then
// mirror x, then mirror y, by its bits 4, 1 and 2.
type orientation uint8

const orientations = 8

// apply turns a plane.
func (o orientation) apply(p plane) plane {
	if o == 0 {
		return p
	}
	w, h := p.w, p.h
	if o&4 != 0 {
		w, h = h, w
	}
	out := newPlane(w, h)
	for y := range h {
		row := out.row(y)
		for x := range row {
			sx, sy := x, y
			if o&1 != 0 {
				sx = w - 1 - x
			}
			if o&2 != 0 {
				sy = h - 1 - y
			}
			if o&4 != 0 {
				sx, sy = sy, sx
			}
			row[x] = p.pix[sy*p.w+sx]
		}
	}
	return out
}

// freq maps a frequency of the turned picture to one of the picture itself.
func (o orientation) freq(b bin) (kx, ky int) {
	kx, ky = b.kx, b.ky
	if o&1 != 0 {
		kx = -kx
	}
	if o&2 != 0 {
		ky = -ky
	}
	if o&4 != 0 {
		kx, ky = ky, kx
	}
	return kx, ky
}

// fold adds up all tiles of a plane, counted from its integer centre, and
// transforms the sum.
func fold(p plane) *spectrum {
	s := &spectrum{}
	for y := range p.h {
		row := p.row(y)
		at := ((y - p.h/2) & (tileSide - 1)) * tileSide
		u := -(p.w / 2)
		for _, v := range row {
			i := at + u&(tileSide-1)
			s[i] = complex(real(s[i])+float64(v), 0)
			u++
		}
	}
	s.transform(false)
	return s
}

// whitenAt returns the number at (kx,ky) over the root mean square of the bins
// around it. Its size never exceeds 3, so that no line of the picture's own
// counts as many. Only sizes enter the divisor, never phases: the bound on
// false positives needs that.
func whitenAt(s *spectrum, kx, ky int) complex128 {
	const r = 3
	sum, n := 0.0, 0.0
	for dy := -r; dy <= r; dy++ {
		for dx := -r; dx <= r; dx++ {
			if kx+dx == 0 || ky+dy == 0 || dx == 0 && dy == 0 {
				continue
			}
			v := s.at(kx+dx, ky+dy)
			sum += real(v)*real(v) + imag(v)*imag(v)
			n++
		}
	}
	if sum == 0 {
		return 0
	}
	v := s.at(kx, ky) * complex(1/math.Sqrt(sum/n), 0)
	if size := math.Hypot(real(v), imag(v)); size > 3 {
		v *= complex(3/size, 0)
	}
	return v
}

// correlate returns the best shift of the template for one orientation of a
// folded picture. Its z is the phase correlation over all shifts, in units in
// which a picture without a mark gives each shift a variance of at most one.
func correlate(s *spectrum, o orientation) lock {
	var surface spectrum
	energy := 0.0
	for _, p := range format.peaks {
		kx, ky := o.freq(p.bin)
		v := whitenAt(s, kx, ky)
		energy += real(v)*real(v) + imag(v)*imag(v)
		surface.set(p.kx, p.ky, v*conj(twiddle[p.phase]))
	}
	if energy == 0 {
		return lock{orient: o}
	}
	surface.transform(true)
	best := lock{orient: o}
	for i, v := range surface {
		if z := math.Abs(real(v)); z > best.z {
			best.z, best.dx, best.dy, best.sign = z, i%tileSide, i/tileSide, 1
			if real(v) < 0 {
				best.sign = -1
			}
		}
	}
	// The template shifted by d has phases exp(-2 pi i k d / T); the surface
	// peaks where they cancel.
	best.z /= math.Sqrt(energy / 2)
	return best
}

func conj(c complex128) complex128 { return complex(real(c), -imag(c)) }

// locks returns the hypotheses worth reading a payload at, the best first.
func locks(p plane) []lock {
	folded := fold(p)
	all := make([]lock, orientations)
	for o := range all {
		all[o] = correlate(folded, orientation(o))
	}
	slices.SortStableFunc(all, func(a, b lock) int { return compare(float32(b.z), float32(a.z)) })
	best := all[:0:0]
	for _, l := range all[:maxLocks-1] {
		if l.z >= minLock {
			// The mirrored picture has another integer centre: look again.
			again := correlate(fold(l.orient.apply(p)), 0)
			again.orient = l.orient
			best = append(best, again)
		}
	}
	return best
}
