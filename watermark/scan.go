package watermark

import (
	"cmp"
	"math"
	"slices"
)

// Candidate matrices: where B maps pixels to the plane of tiles, the line k
// shows at the frequency g = N/T B^T k. A candidate is kept as G = N/T B^T.

const (
	leastLines  = 8   // that must lie within reach
	earlyLines  = 8   // after which hopeless hypotheses are dropped
	keptByScan  = 40  // handed to the climb
	leastScan   = 3.2 // score worth keeping
	scanScale   = 7.2 // largest scale-down at full resolution
	levelScale  = 2.4 // and on the reduced levels
	leastScale  = 0.93
	aspectReach = 0.44 // of the logarithm of the ratio of the axes
)

// A candidate is one hypothesis of the search.
type candidate struct {
	g     mat
	score float64
}

// near reports whether two candidates differ by less than tolerance, in either
// sense.
func (c candidate) near(o candidate, tolerance float64) bool {
	return o.g.distance(c.g) < tolerance || o.g.distance(c.g.negative()) < tolerance
}

func (c candidate) like(o candidate) bool { return c.near(o, sameMatrix) }

// A shortlist keeps good candidates, without repetition.
type shortlist struct {
	all   []candidate
	least float64
}

const shortlistRoom = 2000

func (s *shortlist) add(g mat, score float64) {
	s.all = append(s.all, candidate{g, score})
	if len(s.all) >= shortlistRoom {
		s.sort()
		s.all = s.all[:shortlistRoom/2]
		s.least = max(s.least, s.all[len(s.all)-1].score)
	}
}

func (s *shortlist) sort() {
	slices.SortStableFunc(s.all, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
}

// best returns up to n candidates that differ by more than tolerance.
func (s *shortlist) best(n int, tolerance float64) []candidate {
	s.sort()
	var out []candidate
	for _, c := range s.all {
		near := slices.ContainsFunc(out, func(o candidate) bool { return o.near(c, tolerance) })
		if !near {
			if out = append(out, c); len(out) == n {
				break
			}
		}
	}
	return out
}

// byRadius lists the template's lines from the innermost.
var byRadius = func() []vec {
	var all []vec
	for _, p := range format.peaks {
		all = append(all, vec{float64(p.kx), float64(p.ky)})
	}
	slices.SortStableFunc(all, func(a, b vec) int { return cmp.Compare(a.dot(a), b.dot(b)) })
	return all
}()

// linesWithin counts the lines whose radius stays within r, in cycles per tile.
func linesWithin(r float64) int {
	n := 0
	for n < len(byRadius) && byRadius[n].dot(byRadius[n]) <= r*r {
		n++
	}
	return n
}

// scanTurns tries every rotation by [0,180) degrees, mirrored and not, and every
// scale up to most: one bin per step at the outermost line.
func (m *lineMap) scanTurns(s *shortlist, most float64) {
	unit := float64(m.n) / tileSide
	reach := mapReach * float64(m.n)
	for lo := leastScale; lo < most; lo *= 1.5 {
		hi := min(lo*1.5, most)
		extent := min(maxRadius*unit*hi, reach)
		steps := int(math.Pi*extent) + 1
		for i := range steps {
			sin, cos := math.Sincos(math.Pi * float64(i) / float64(steps))
			rot := mat{cos, -sin, sin, cos}
			m.scanScales(s, rot, lo, hi, 1/extent)
			m.scanScales(s, rot.mul(mat{a: -1, d: 1}), lo, hi, 1/extent)
		}
	}
}

// scanScales tries the scales of one turn. The lines' places are taken to the
// upper half plane once.
func (m *lineMap) scanScales(s *shortlist, turn mat, lo, hi, step float64) {
	unit := float32(m.n) / tileSide
	var xs, ys [templatePeaks]float32
	for p, k := range byRadius {
		g := turn.of(k)
		if g.y < 0 {
			g.x, g.y = -g.x, -g.y
		}
		xs[p], ys[p] = float32(g.x)*unit, float32(g.y)*unit
	}
	mask, base := m.n-1, mapMargin*m.n
	shift := bitsOf(m.n)
	const big = 4096 // rounding of negative numbers by truncation
	for q := lo; q < hi; q *= 1 + step {
		n := linesWithin(mapReach * tileSide / q)
		if n < leastLines {
			return
		}
		f := float32(q)
		sum := float32(0)
		first := n - earlyLines
		for p := n - 1; p >= 0; p-- {
			x, y := int(xs[p]*f+big+0.5), int(ys[p]*f+0.5)
			sum += m.value[base+y<<shift+x&mask]
			if p == first && sum < 0.5 {
				break
			}
		}
		if score := float64(sum) / math.Sqrt(float64(n+2)); score > s.least {
			g := float64(unit) * q
			s.add(mat{turn.a * g, turn.b * g, turn.c * g, turn.d * g}, score)
		}
	}
}

// scanAspects tries scales that differ between the axes, upright and lying.
func (m *lineMap) scanAspects(s *shortlist, most float64) {
	unit := float64(m.n) / tileSide
	reach := mapReach * float64(m.n)
	for q := leastScale; q < most; {
		step := 1 / min(maxRadius*unit*q, reach)
		for a := -aspectReach; a <= aspectReach; a += step {
			x, y := q*math.Exp(a/2)*unit, q*math.Exp(-a/2)*unit
			for _, o := range orientations[:4] {
				g := mat{x, 0, 0, y}.mul(o)
				if score := m.score(g); score > s.least {
					s.add(g, score)
				}
			}
		}
		q *= 1 + step
	}
}

// score sums the map at the nearest bins.
func (m *lineMap) score(g mat) float64 {
	mask, reach := m.n-1, mapReach*float64(m.n)
	sum, n := float32(0), 0
	for p := len(byRadius) - 1; p >= 0; p-- {
		v := g.of(byRadius[p])
		if v.y < 0 {
			v.x, v.y = -v.x, -v.y
		}
		if v.y > reach || v.x > reach || v.x < -reach {
			continue
		}
		sum += m.value[(int(v.y+0.5)+mapMargin)*m.n+int(math.Floor(v.x+0.5))&mask]
		if n++; n == earlyLines && sum < 0.5 {
			return 0
		}
	}
	if n < leastLines {
		return 0
	}
	return float64(sum) / math.Sqrt(float64(n+2))
}

// smooth is score with interpolation.
func (m *lineMap) smooth(g mat) float64 {
	reach := mapReach * float64(m.n)
	sum, n := 0.0, 0
	for _, k := range byRadius {
		v := g.of(k)
		if abs(v.y) > reach || abs(v.x) > reach {
			continue
		}
		sum += float64(m.at(v.x, v.y))
		n++
	}
	if n < leastLines {
		return 0
	}
	return sum / math.Sqrt(float64(n+2))
}

// climb raises a candidate's score, one entry of its matrix after another, by
// steps from 0.4 down to 0.03 percent of its size.
func (m *lineMap) climb(c candidate) candidate {
	c.score = m.smooth(c.g)
	size := math.Sqrt(abs(c.g.det()))
	for step := 0.004; step > 0.00025; step /= 1.7 {
		for range 4 {
			moved := false
			for i := range 8 {
				next := c.g
				by := size * step
				if i&1 == 1 {
					by = -by
				}
				*[]*float64{&next.a, &next.b, &next.c, &next.d}[i/2] += by
				if v := m.smooth(next); v > c.score {
					c, moved = candidate{next, v}, true
				}
			}
			if !moved {
				break
			}
		}
	}
	return c
}
