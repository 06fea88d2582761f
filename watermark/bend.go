package watermark

import "math"

// Pictures that were bent: the displacement is fitted with growing order and
// then as a field, smoothed over the regions by kernels that shrink.

const (
	bendRegions = 96
	bendLock    = 4.7 // z from which a lock is worth bending
	kernelPrior = 0.7 // weight of no displacement
)

// bendFits are the fits that order 2, order 3 and the field must reach: a
// picture without a mark seldom does, one with a mark always did.
var bendFits = [3]float64{6, 7.5, 9}

// kernels are the field's passes: the kernel's width in distances between
// regions, and the radius below which lines are looked at.
var kernels = []struct {
	width   float64
	radius2 int
}{{1.6, 12 * 12}, {1.2, 14 * 14}, {1.0, 18 * 18}, {0.9, allRadii}}

// A field is a warp under adjustment: the displacement found so far at the
// middle of every region.
type field struct {
	folded *foldedPicture
	seen   []sighting
	e      []vec
	sign   float32
}

func newField(src plane, w *warp, sign float32) *field {
	f := &field{folded: foldBy(src, w, smallRegion, bendRegions), sign: sign}
	f.seen = f.folded.sightings(identity)
	f.e = make([]vec, len(f.seen))
	return f
}

// move displaces by d.
func (f *field) move(d func(vec) vec) {
	f.folded.warp = f.folded.warp.moved(d)
	for b := range f.e {
		m := d(f.seen[b].at)
		f.e[b] = vec{f.e[b].x + m.x, f.e[b].y + m.y}
	}
}

// fit is the agreement over all lines, in standard deviations.
func (f *field) fit() float64 {
	sum := 0.0
	for b := range f.seen {
		for p, v := range f.seen[b].v {
			si, co := math.Sincos(kappas[p].dot(f.e[b]))
			sum += float64(real(v))*co + float64(imag(v))*si
		}
	}
	return float64(f.sign) * sum / math.Sqrt(max(energyOf(f.seen), 1e-9))
}

// smooth moves by one Newton step per place, averaged over the regions around.
func (f *field) smooth(width float64, radius2 int) {
	h, lines := curvature(radius2)
	if lines == 0 {
		return
	}
	g, score := make([]vec, len(f.seen)), 0.0
	for b := range f.seen {
		g[b] = gradient(&f.seen[b], f.e[b], f.sign, radius2)
		for p, v := range f.seen[b].v {
			if format.peaks[p].radius2() < radius2 {
				si, co := math.Sincos(kappas[p].dot(f.e[b]))
				score += float64(f.sign) * (float64(real(v))*co + float64(imag(v))*si)
			}
		}
	}
	gain := max(score/float64(lines*len(f.seen)), leastGain)
	det := h.det() * gain
	inv := mat{h.d / det, -h.b / det, -h.c / det, h.a / det}
	w, r := f.folded.src, f.folded
	spacing := math.Sqrt(float64(w.w) * float64(w.h) / float64(len(r.regions)))
	scale := -0.5 / (width * width * spacing * spacing)
	f.move(func(at vec) vec {
		sum, weight := vec{}, kernelPrior
		for b := range f.seen {
			dx, dy := at.x-f.seen[b].at.x, at.y-f.seen[b].at.y
			k := math.Exp(scale * (dx*dx + dy*dy))
			sum.x += k * g[b].x
			sum.y += k * g[b].y
			weight += k
		}
		e := inv.of(sum)
		return vec{e.x / weight, e.y / weight}
	})
}

// polynomial fits a displacement of an order, from the low lines up.
func (f *field) polynomial(order, radius2 int) {
	d, _ := newton(f.seen, newDisplacement(order, f.folded.warp.half), f.sign, radius2)
	d, _ = newton(f.seen, d, f.sign, allRadii)
	f.move(d.of)
}

// bend fits a field to a lock and reports whether the template agrees with it.
func (l *lock) bend(src plane) bool {
	f := newField(src, l.warp, l.sign)
	if len(f.seen) < fewRegions {
		return false
	}
	if f.polynomial(2, startRadius2); f.fit() < bendFits[0] {
		return false
	}
	f = newField(src, f.folded.warp, l.sign)
	if f.polynomial(3, 14*14); f.fit() < bendFits[1] {
		return false
	}
	f = newField(src, f.folded.warp, l.sign)
	for range 2 {
		for _, k := range kernels {
			f.smooth(k.width, k.radius2)
			f.smooth(k.width, k.radius2)
		}
		f = newField(src, f.folded.warp, l.sign)
	}
	f.smooth(0.9, allRadii)
	l.warp, l.fit = f.folded.warp, f.fit()
	return l.fit > bendFits[2]
}
