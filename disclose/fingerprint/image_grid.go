package fingerprint

import "math"

const (
	// Cells are half a side apart.
	cellStride = cellSide / 2
	// Cells are a sixth of the picture's side, or of what a square of its area has,
	// and no smaller than leastHalf twice: below, what is seen would come into the
	// band of the mark.
	cellShare = 12
	leastHalf = 32
	// leastSide is the smallest side of a picture that has a fingerprint, maxCells
	// the largest number of cells: long strips get longer cells.
	leastSide = 32
	maxCells  = 192
	// maxSide keeps sizes that come from elsewhere within what can be computed.
	maxSide = 1 << 20
)

// A grid lays the cells over a picture. Lengths are in its pixels.
type grid struct {
	w, h       int
	sx, sy     int // half the sides of a cell
	cols, rows int
}

// newGrid returns the grid of a picture of w by h pixels, or false for one that is
// too small.
func newGrid(w, h int) (g grid, ok bool) {
	if min(w, h) < leastSide || max(w, h) > maxSide {
		return grid{}, false
	}
	s := max(int(math.Sqrt(float64(w)*float64(h)))/cellShare, leastHalf)
	g = grid{w: w, h: h, sx: min(s, w/2), sy: min(s, h/2)}
	g.count()
	for g.cells() > maxCells {
		if w > h {
			g.sx += max(g.sx/16, 1)
		} else {
			g.sy += max(g.sy/16, 1)
		}
		g.count()
	}
	return g, true
}

func (g *grid) count() { g.cols, g.rows = g.w/g.sx-1, g.h/g.sy-1 }

func (g grid) cells() int { return g.cols * g.rows }

// samples is how many samples the grid takes along each axis.
func (g grid) samples() (nx, ny int) { return (g.cols + 1) * cellStride, (g.rows + 1) * cellStride }

// step is the distance between two samples.
func (g grid) step() point { return point{float64(g.sx) / cellStride, float64(g.sy) / cellStride} }

// corner is the outer corner of the first cell, from the picture's integer centre
// (w/2, h/2), as the mark counts: pixel i reaches from i-1/2 to i+1/2.
func (g grid) corner() point {
	return point{
		float64(g.w-g.sx*(g.cols+1))/2 - 0.5 - float64(g.w/2),
		float64(g.h-g.sy*(g.rows+1))/2 - 0.5 - float64(g.h/2),
	}
}

// A point is a place or a length.
type point struct{ x, y float64 }

func (p point) plus(q point) point { return point{p.x + q.x, p.y + q.y} }

// A matrix is 2x2, row by row.
type matrix struct{ a, b, c, d float64 }

var identity = matrix{a: 1, d: 1}

func (m matrix) of(p point) point { return point{m.a*p.x + m.b*p.y, m.c*p.x + m.d*p.y} }

func (m matrix) det() float64 { return m.a*m.d - m.b*m.c }

func (m matrix) inverse() matrix {
	k := 1 / m.det()
	return matrix{m.d * k, -m.b * k, -m.c * k, m.a * k}
}

// sane reports whether m turns pictures into pictures: what detection finds lies
// well within these limits.
func (m matrix) sane() bool {
	size := max(math.Abs(m.a), math.Abs(m.b), math.Abs(m.c), math.Abs(m.d))
	det := math.Abs(m.det())
	return size <= 8 && det >= 1.0/64 && det >= size*size/16 // false for what is not a number
}
