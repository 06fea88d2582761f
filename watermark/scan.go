package watermark

import (
	"cmp"
	"math"
	"slices"
)

// Candidate matrices: where B maps pixels to the plane of tiles, the line k
// shows at the frequency g = N/T B^T k. A candidate is kept as G = N/T B^T.

const (
	leastLines  = 8 // that must lie within reach
	earlyLines  = 8 // after which hypotheses below earlySum are dropped
	earlySum    = 1
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

// scanStep is the step of the scans in bins at the outermost line; the map is
// blurred over two.
const scanStep = 1.25

// scanTurns tries every rotation by [0,180) degrees, mirrored and not, and every
// scale up to most.
func (m *lineMap) scanTurns(s *shortlist, most float64) {
	unit := float64(m.n) / tileSide
	far := mapReach * float64(m.n)
	for lo := leastScale; lo < most; lo *= 1.5 {
		hi := min(lo*1.5, most)
		extent := min(maxRadius*unit*hi, far)
		steps := int(math.Pi*extent/scanStep) + 1
		scales := scaleSteps(lo, hi, scanStep/extent)
		for i := range steps {
			sin, cos := math.Sincos(math.Pi * float64(i) / float64(steps))
			rot := mat{cos, -sin, sin, cos}
			m.scanScales(s, rot, scales)
			m.scanScales(s, rot.mul(mat{a: -1, d: 1}), scales)
		}
	}
}

// A scaleStep is one scale to try, and how many lines it leaves within reach.
type scaleStep struct {
	q     float64
	lines int
}

func scaleSteps(lo, hi, step float64) []scaleStep {
	var all []scaleStep
	for q := lo; q < hi; q *= 1 + step {
		if n := linesWithin(mapReach * tileSide / q); n >= leastLines {
			all = append(all, scaleStep{q, n})
		}
	}
	return all
}

// scanScales tries the scales of one turn. The lines' places are taken to the
// upper half plane once.
func (m *lineMap) scanScales(s *shortlist, turn mat, scales []scaleStep) {
	unit := float32(m.n) / tileSide
	var xs, ys [templatePeaks]float32
	for p, k := range byRadius {
		g := turn.of(k)
		if g.y < 0 {
			g.x, g.y = -g.x, -g.y
		}
		xs[p], ys[p] = float32(g.x)*unit, float32(g.y)*unit
	}
	mask, shift := m.n-1, bitsOf(m.n)
	value := m.value[mapMargin*m.n:]
	const big = 4096 // rounding of negative numbers by truncation
	for _, c := range scales {
		f, sum := float32(c.q), float32(0)
		x, y := xs[:c.lines], ys[:c.lines]
		for p := c.lines - 1; p >= 0; p-- {
			sum += value[int(y[p]*f+0.5)<<shift+int(x[p]*f+big+0.5)&mask]
			if p == c.lines-earlyLines && sum < earlySum {
				break
			}
		}
		if score := float64(sum) * rootOver[c.lines]; score > s.least {
			g := float64(unit) * c.q
			s.add(mat{turn.a * g, turn.b * g, turn.c * g, turn.d * g}, score)
		}
	}
}

// rootOver[n] is 1/sqrt(n+2): what makes sums over n lines comparable.
var rootOver = func() (r [templatePeaks + 1]float64) {
	for n := range r {
		r[n] = 1 / math.Sqrt(float64(n+2))
	}
	return r
}()

// scanAspects tries scales that differ between the axes, upright and lying. A
// line's column depends on one of them only, and its row on the other.
func (m *lineMap) scanAspects(s *shortlist, most float64) {
	unit := float64(m.n) / tileSide
	step := scanStep / min(maxRadius*unit*2, mapReach*float64(m.n))
	all := scaleSteps(leastScale*math.Exp(-aspectReach/2), most*math.Exp(aspectReach/2), step)
	reach := int(aspectReach/math.Log1p(step)) + 1
	for _, lying := range []bool{false, true} {
		xs, ys := m.axisBins(all, lying, false), m.axisBins(all, lying, true)
		for i := range all {
			for j := max(i-reach, 0); j <= min(i+reach, len(all)-1); j++ {
				for _, sign := range []int{1, -1} {
					score := m.scoreBins(&xs[i], &ys[j], sign)
					if score <= s.least {
						continue
					}
					g := mat{float64(sign) * all[i].q * unit, 0, 0, all[j].q * unit}
					if lying {
						g = g.mul(mat{0, 1, 1, 0})
					}
					s.add(g, score)
				}
			}
		}
	}
}

// outside marks a line beyond the map's reach.
const outside = math.MinInt32

// axisBins are the bins of all lines along one axis, scale by scale. Lines are
// taken with their row in the upper half plane.
func (m *lineMap) axisBins(all []scaleStep, lying, rows bool) [][templatePeaks]int32 {
	out := make([][templatePeaks]int32, len(all))
	unit, far := float64(m.n)/tileSide, mapReach*float64(m.n)
	for i, c := range all {
		for p, k := range byRadius {
			if lying {
				k.x, k.y = k.y, k.x
			}
			if k.y < 0 {
				k.x, k.y = -k.x, -k.y
			}
			v := k.x
			if rows {
				v = k.y
			}
			v = math.Floor(v*c.q*unit + 0.5)
			if abs(v) > far {
				v = outside
			}
			out[i][p] = int32(v)
		}
	}
	return out
}

func (m *lineMap) scoreBins(xs, ys *[templatePeaks]int32, sign int) float64 {
	sum, n, mask := float32(0), 0, m.n-1
	for p := templatePeaks - 1; p >= 0; p-- {
		if xs[p] == outside || ys[p] == outside {
			continue
		}
		sum += m.value[(int(ys[p])+mapMargin)*m.n+sign*int(xs[p])&mask]
		if n++; n == earlyLines && sum < earlySum {
			return 0
		}
	}
	if n < leastLines {
		return 0
	}
	return float64(sum) * rootOver[n]
}

// smooth is the score of a matrix, with interpolation.
func (m *lineMap) smooth(g mat) float64 {
	far := mapReach * float64(m.n)
	sum, n := 0.0, 0
	for _, k := range byRadius {
		v := g.of(k)
		if abs(v.y) > far || abs(v.x) > far {
			continue
		}
		sum += float64(m.at(v.x, v.y))
		n++
	}
	if n < leastLines {
		return 0
	}
	return sum * rootOver[n]
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
