package watermark

import (
	"cmp"
	"math"
	"slices"
)

// The affine search: every pair of strong maxima of the map is matched with
// pairs of the template's lines. Two lines decide a matrix; the others judge it.

const (
	pairMaxima   = 84
	leastMaximum = 2.0
	nearestPair  = 8.0  // cycles per tile: nearer to zero, lines are too coarse a ruler
	leastSine2   = 0.45 // of the angle between a pair
	axisRatio    = 0.5  // logarithm of the largest ratio of the axes
	leastPair    = 3.6  // score worth keeping
)

// A maximum is one that stands out, to a fraction of a bin.
type maximum struct {
	vec
	size2, value float64
}

// maxima lists the strongest local maxima of the upper half plane, by radius.
func (m *lineMap) maxima() []maximum {
	var all []maximum
	n, mask := m.n, m.n-1
	reach := int(mapReach * float64(n))
	for ky := axisLines + 1; ky < reach; ky++ {
		r := (ky + mapMargin) * n
		for kx := -reach; kx <= reach; kx++ {
			v := m.value[r+kx&mask]
			if v < leastMaximum || kx*kx+ky*ky < n*n/400 || !m.isMaximum(r, kx, v) {
				continue
			}
			x := float64(kx) + parabola(m.value[r+(kx-1)&mask], v, m.value[r+(kx+1)&mask])
			y := float64(ky) + parabola(m.value[r-n+kx&mask], v, m.value[r+n+kx&mask])
			all = append(all, maximum{vec{x, y}, x*x + y*y, float64(v)})
		}
	}
	slices.SortStableFunc(all, func(a, b maximum) int { return cmp.Compare(b.value, a.value) })
	all = all[:min(len(all), pairMaxima)]
	slices.SortStableFunc(all, func(a, b maximum) int { return cmp.Compare(a.size2, b.size2) })
	return all
}

func (m *lineMap) isMaximum(r, kx int, v float32) bool {
	for dy := -m.n; dy <= m.n; dy += m.n {
		for dx := -1; dx <= 1; dx++ {
			o := m.value[r+dy+(kx+dx)&(m.n-1)]
			if o > v || o == v && (dy > 0 || dy == 0 && dx > 0) {
				return false
			}
		}
	}
	return true
}

// parabola is the place of the top of the parabola through three values.
func parabola(a, b, c float32) float64 {
	d := float64(a - 2*b + c)
	if d >= 0 {
		return 0
	}
	return clamp(float64(a-c)/(2*d), -0.5, 0.5)
}

// A linePair is two of the template's lines, the first nearer to zero.
type linePair struct {
	k1, k2   vec
	inverse  mat // of [k1 k2]
	det      float64
	ratio2   float64
	s11, s22 float64
	s12      float64
}

// linePairs are the pairs that are matched; the others add nothing but time.
var linePairs = makeLinePairs()

func makeLinePairs() []linePair {
	var all []linePair
	for j := range byRadius {
		for i := range j {
			k1, k2 := byRadius[i], byRadius[j]
			s11, s22, s12 := k1.dot(k1), k2.dot(k2), k1.dot(k2)
			det := k1.x*k2.y - k2.x*k1.y
			if s11 < nearestPair*nearestPair || det*det < leastSine2*s11*s22 || (i+j)%4 != 1 {
				continue
			}
			all = append(all, linePair{
				k1, k2, mat{k2.y / det, -k2.x / det, -k1.y / det, k1.x / det},
				det, s22 / s11, s11, s22, s12,
			})
		}
	}
	return all
}

// scanPairs matches pairs, for scales up to most.
func (m *lineMap) scanPairs(s *shortlist, most float64) {
	tops := m.maxima()
	unit2 := float64(m.n*m.n) / (tileSide * tileSide)
	lo, hi := leastScale*leastScale*unit2, most*most*unit2
	spread := 2 * math.Cosh(axisRatio)
	for j := range tops {
		for i := range tops {
			g1, g2 := tops[i], tops[j]
			ratio2 := g2.size2 / g1.size2
			cross, dot := g1.x*g2.y-g2.x*g1.y, g1.dot(g2.vec)
			if i == j || ratio2 < 0.384 || cross*cross < 0.1*g1.size2*g2.size2 {
				continue
			}
			for k := range linePairs {
				p := &linePairs[k]
				if r := ratio2 / p.ratio2; r < 0.384 || r > 2.59 {
					continue
				}
				d := math.Abs(cross / p.det)
				if d < lo || d > hi {
					continue
				}
				// |G|^2 = (|g1|^2 |k2|^2 + |g2|^2 |k1|^2 - 2 (g1.g2)(k1.k2)) / det^2,
				// for g2 and for its mirror image -g2.
				base, mixed := g1.size2*p.s22+g2.size2*p.s11, 2*dot*p.s12
				limit := spread * d * p.det * p.det
				if base-mixed <= limit {
					m.match(s, g1.vec, g2.vec, p)
				}
				if base+mixed <= limit {
					m.match(s, g1.vec, vec{-g2.x, -g2.y}, p)
				}
			}
		}
	}
}

// match judges the matrix that takes the pair's lines to g1 and g2.
func (m *lineMap) match(s *shortlist, g1, g2 vec, p *linePair) {
	g := mat{g1.x, g2.x, g1.y, g2.y}.mul(p.inverse)
	mask, reach := m.n-1, float32(mapReach*float64(m.n))
	value := m.value[mapMargin*m.n:]
	ga, gb, gc, gd := float32(g.a), float32(g.b), float32(g.c), float32(g.d)
	sum, n := float32(0), 0
	const big = 4096
	for i := len(lineX) - 1; i >= 0; i-- {
		x, y := ga*lineX[i]+gb*lineY[i], gc*lineX[i]+gd*lineY[i]
		if y < 0 {
			x, y = -x, -y
		}
		if y > reach || x > reach || x < -reach {
			continue
		}
		sum += value[int(y+0.5)*m.n+int(x+big+0.5)&mask]
		n++
		if n == 3 && sum < 0.5 || n == 6 && sum < 4.5 || n == 10 && sum < 10.5 {
			return
		}
	}
	if n < leastLines {
		return
	}
	if score := float64(sum) * rootOver[n]; score > max(leastPair, s.least) {
		s.add(g, score)
	}
}

// lineX and lineY are byRadius in single precision.
var lineX, lineY = func() (x, y [templatePeaks]float32) {
	for i, k := range byRadius {
		x[i], y[i] = float32(k.x), float32(k.y)
	}
	return x, y
}()
