package fingerprint

import (
	"image"
	"math"

	"github.com/avowai/avow/internal/luma"
)

// maxBlocks bounds what is held of a picture: a small one is looked for in a large
// one by coarser samples.
const maxBlocks = 2 << 20

// A view is a small copy of a picture's luma, by averages over blocks, in which
// places are looked up by the coordinates of the picture it was made from.
type view struct {
	w, h  int // the picture's size
	block int // side of a block, in its pixels
	cols  int
	rows  int
	pix   []float32
	// turn goes from the pixels of the recorded picture to those of this one.
	turn matrix
}

// newView reduces a picture as far as samples of the grid allow that is laid over
// it by turn: two blocks at least for each sample.
func newView(img image.Image, g grid, turn matrix) *view {
	b := img.Bounds()
	s := g.step()
	x, y := turn.of(point{x: s.x}), turn.of(point{y: s.y})
	least := min(math.Hypot(x.x, x.y), math.Hypot(y.x, y.y))
	v := &view{w: b.Dx(), h: b.Dy(), turn: turn}
	v.block = max(int(least/2), int(math.Sqrt(float64(v.w)*float64(v.h)/maxBlocks))+1, 1)
	v.cols, v.rows = (v.w+v.block-1)/v.block, (v.h+v.block-1)/v.block
	v.pix = make([]float32, v.cols*v.rows)
	row := make([]float32, v.w)
	for y := range v.h {
		luma.Row(row, img, b.Min.X, b.Min.Y+y)
		v.add(v.pix[y/v.block*v.cols:][:v.cols], row)
	}
	v.average()
	return v
}

// add adds a row of pixels to a row of blocks.
func (v *view) add(to, row []float32) {
	n := v.block
	for i := range to {
		part := row[i*n : min((i+1)*n, len(row))]
		var sum float32
		for _, p := range part {
			sum += p
		}
		to[i] += sum
	}
}

// average divides the sums by the pixels of each block.
func (v *view) average() {
	for j := range v.rows {
		high := min(v.block, v.h-j*v.block)
		row := v.pix[j*v.cols : (j+1)*v.cols]
		for i := range row {
			row[i] /= float32(high * min(v.block, v.w-i*v.block))
		}
	}
}

// place turns a place in the recorded picture, counted from its integer centre,
// into one in the blocks.
func (v *view) place(p point) point {
	q := v.turn.of(p)
	n, half := float64(v.block), float64(v.block-1)/2
	return point{(q.x + float64(v.w/2) - half) / n, (q.y + float64(v.h/2) - half) / n}
}

// at interpolates between four blocks; what lies outside is as the border.
func (v *view) at(p point) float32 {
	x, y := min(max(p.x, 0), float64(v.cols-1)), min(max(p.y, 0), float64(v.rows-1))
	i, j := int(x), int(y)
	fx, fy := float32(x-float64(i)), float32(y-float64(j))
	right, down := 0, 0
	if i+1 < v.cols {
		right = 1
	}
	if j+1 < v.rows {
		down = v.cols
	}
	k := j*v.cols + i
	top := v.pix[k] + (v.pix[k+right]-v.pix[k])*fx
	low := v.pix[k+down] + (v.pix[k+down+right]-v.pix[k+down])*fx
	return top + (low-top)*fy
}

// A plane holds the samples of a grid.
type plane struct {
	w, h int
	pix  []float32
	in   *scratch
}

// cell returns the coefficients of a cell, and the mean square of what is seen.
func (p *plane) cell(g grid, i int, out *coefficients) float32 {
	if p.in == nil {
		p.in = cellBand.scratch()
	}
	at := i/g.cols*cellStride*p.w + i%g.cols*cellStride
	return cellBand.transform(out[:], p.pix[at:], p.w, p.in)
}

// sample takes the samples of a grid that is shifted by off: each the mean of four
// places.
func (v *view) sample(to *plane, g grid, off point) {
	to.w, to.h = g.samples()
	if n := to.w * to.h; cap(to.pix) < n {
		to.pix = make([]float32, n)
	}
	to.pix = to.pix[:to.w*to.h]
	v.lattice(to.pix, to.w, g.corner().plus(off), g.step())
}

// lattice fills rows of w samples, from the outer corner of the first one.
func (v *view) lattice(out []float32, w int, corner, step point) {
	n := float64(v.block)
	dx, dy := v.turn.of(point{x: step.x}), v.turn.of(point{y: step.y})
	dx, dy = point{dx.x / n, dx.y / n}, point{dy.x / n, dy.y / n}
	first := v.place(corner)
	for k := range out {
		i, j := float64(k%w), float64(k/w)
		var sum float32
		for _, q := range [4]point{{.25, .25}, {.75, .25}, {.25, .75}, {.75, .75}} {
			x, y := i+q.x, j+q.y
			sum += v.at(point{first.x + x*dx.x + y*dy.x, first.y + x*dx.y + y*dy.y})
		}
		out[k] = sum / 4
	}
}
