package watermark

import (
	"cmp"
	"math"
	"slices"
)

// The near-identity scan: small rotations and scales, at which the regions'
// templates no longer add up. Its score does not know the template's phases,
// so it needs no search over shifts.

// A lock is a hypothesis about the geometry: along warp, the picture shows the
// template, negated where sign is -1.
type lock struct {
	level int // of the pyramid
	warp  *warp
	sign  float32
	z     float64 // phase correlation before any fit to phases: the proved one
	fit   float64 // the same sum after refinement
}

const (
	nearRotation, nearScale = 0.04, 0.034
	nearStep                = 0.32 / 0.17 // over the span in pixels
	nearSteps               = 14
)

// A turn is one matrix tried around a start: I + E.
type turn struct {
	e     mat
	score float64
}

// phases holds 2 pi k.(basis c)/T for every region and line along one direction
// of the search.
func phases(s []sighting, m mat, basis mat) [][templatePeaks]float64 {
	out := make([][templatePeaks]float64, len(s))
	for b := range s {
		c := basis.of(m.of(s[b].at))
		for p, k := range format.peaks {
			out[b][p] = 2 * math.Pi / tileSide * (float64(k.kx)*c.x + float64(k.ky)*c.y)
		}
	}
	return out
}

// A grid scans i*du along one basis matrix and j*dv along another.
type turnGrid struct {
	first, second mat
	du, dv        float64
	nu, nv        int // steps to each side
}

var (
	rotating   = mat{b: -1, c: 1}
	scaling    = mat{a: 1, d: 1}
	stretching = mat{a: 1, d: -1}
	shearing   = mat{b: 1, c: 1}
)

// scan scores every point of the grid: sum over lines of |sum over regions of
// v exp(-i kappa.E c)|. m maps pixels to the plane of tiles.
func (g turnGrid) scan(s []sighting, m mat) []turn {
	n := len(s) * templatePeaks
	v, step := make([]complex64, n), make([]complex64, n)
	line := make([]complex64, n)
	a, b := phases(s, m, g.first), phases(s, m, g.second)
	lineStep := make([]complex64, n)
	for i := range s {
		for p := range templatePeaks {
			start := -(float64(-g.nu)*g.du*a[i][p] + float64(-g.nv)*g.dv*b[i][p])
			j := i*templatePeaks + p
			line[j] = mul64(s[i].v[p], unit(start))
			lineStep[j], step[j] = unit(-g.dv*b[i][p]), unit(-g.du*a[i][p])
		}
	}
	var out []turn
	var x [templatePeaks]complex64
	for j := -g.nv; j <= g.nv; j++ {
		copy(v, line)
		for i := -g.nu; i <= g.nu; i++ {
			clear(x[:])
			for k := 0; k < n; k += templatePeaks {
				rotate(v[k:k+templatePeaks], step[k:k+templatePeaks], &x)
			}
			score := 0.0
			for _, c := range x {
				score += math.Sqrt(float64(norm64(c)))
			}
			fi, fj := float64(i)*g.du, float64(j)*g.dv
			e := mat{
				fi*g.first.a + fj*g.second.a, fi*g.first.b + fj*g.second.b,
				fi*g.first.c + fj*g.second.c, fi*g.first.d + fj*g.second.d,
			}
			// Of equals, the smallest: one region alone cannot tell.
			out = append(out, turn{e, score * (1 - 1e-6*float64(i*i+j*j))})
		}
		for k := range line {
			line[k] = mul64(line[k], lineStep[k])
		}
	}
	return out
}

// rotate adds v to x and turns v on by step.
func rotate(v, step []complex64, x *[templatePeaks]complex64) {
	v, step = v[:templatePeaks], step[:templatePeaks]
	for p, c := range v {
		x[p] += c
		v[p] = mul64(c, step[p])
	}
}

func unit(phase float64) complex64 {
	s, c := math.Sincos(phase)
	return complex(float32(c), float32(s))
}

// turned adds up the regions after E: what a fold along (I+E)m would show.
func turned(s []sighting, m mat, e mat) (x [templatePeaks]complex64) {
	ph := phases(s, m, e)
	for b := range s {
		for p, v := range s[b].v {
			x[p] += mul64(v, unit(-ph[b][p]))
		}
	}
	return x
}

// nearGrid is the scan for a picture of w x h pixels.
func nearGrid(w, h int, m mat) turnGrid {
	step := nearStep / (float64(max(w, h)) / 2 * math.Sqrt(math.Abs(m.det())))
	return turnGrid{
		first: rotating, second: scaling, du: step, dv: step,
		nu: min(int(nearRotation/step), nearSteps), nv: min(int(nearScale/step), nearSteps-2),
	}
}

// best keeps the n highest scores.
func best(turns []turn, n int) []turn {
	slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(b.score, a.score) })
	return turns[:min(n, len(turns))]
}
