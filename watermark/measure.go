package watermark

import "math"

// The measurements that the mask is made of: one pass over every second row of
// the picture, in integers.

const (
	detailRadius = 4 // of the box whose mean is taken off
	rowStep      = 2 // of the rows that are measured
	rootBits     = 10
)

// A maskSource is a picture to measure: grey, or red, green, blue and alpha, not
// premultiplied, in one or two bytes per sample, the higher first.
type maskSource struct {
	w, h   int
	grey   bool
	sample int // bytes
	pix    []uint8
	stride int
}

// row is row y, and the bytes per pixel.
func (s *maskSource) row(y int) ([]uint8, int) {
	step := s.sample
	if !s.grey {
		step *= 4
	}
	return s.pix[y*s.stride:][:s.w*step], step
}

// A cell is what was measured of 4 x 4 pixels. What is transparent neither hides
// a mark nor shows one; what is half transparent is seen over white.
type cell struct {
	r, g, b, luma int32 // sums over the pixels that can be seen; luma in 1/1000
	seen          int32
	detail        int32 // sum, in 1/1024
	pixels        int32 // in detail
}

// cells are the cells of a picture under measurement.
type cells struct {
	*mask
	src maskSource
	all []cell
}

// measure streams every second row once: it sums colours, and the detail, which
// is the distance from the mean over 9 x 9 pixels after a root (what stands out
// little counts for more).
func (m *mask) measure(src maskSource) *cells {
	c := &cells{m, src, make([]cell, m.cols*m.rows)}
	const reach = detailRadius / rowStep
	const rows = 2*reach + 2
	var ring [rows][]int32
	for i := range ring {
		ring[i] = make([]int32, src.w)
	}
	sums := make([]int32, src.w)
	n := (src.h + rowStep - 1) / rowStep
	for i := range n + reach {
		if i < n {
			row := ring[i%rows]
			c.colours(i*rowStep, row)
			for x, v := range row {
				sums[x] += v
			}
		}
		if old := i - 2*reach - 1; old >= 0 {
			for x, v := range ring[old%rows] {
				sums[x] -= v
			}
		}
		if at := i - reach; at >= 0 {
			c.detail(at*rowStep, ring[at%rows], sums, min(at+reach, n-1)-max(at-reach, 0)+1)
		}
	}
	c.completeLast()
	return c
}

// completeLast takes the last row of cells from the one above where no row of
// pixels that is measured runs through it.
func (c *cells) completeLast() {
	last := (c.rows - 1) * c.cols
	if last > 0 && c.all[last].pixels == 0 {
		copy(c.all[last:], c.all[last-c.cols:last])
	}
}

// row is the cells that pixel row y runs through.
func (c *cells) row(y int) []cell { return c.all[(y+c.padY)/cellSide*c.cols:][:c.cols] }

// colours adds row y to its cells and writes its luma in 1/1000.
func (c *cells) colours(y int, luma []int32) {
	pix, step := c.src.row(y)
	if c.src.grey {
		c.greys(y, luma, pix, step)
		return
	}
	green, blue, alpha := c.src.sample, 2*c.src.sample, 3*c.src.sample
	cells := c.row(y)
	for i := range cells {
		s, sum := c.span(i, len(luma)), cell{}
		for x := s.from; x < s.to; x++ {
			p := pix[x*step:][:step:step]
			r, g, b, a := int32(p[0]), int32(p[green]), int32(p[blue]), int32(p[alpha])
			v := 299*r + 587*g + 114*b
			if a != 255 {
				v = 255000 + (v-255000)/255*a
			}
			luma[x] = v
			if a == 0 && p[step-1] == 0 {
				continue
			}
			sum.r, sum.g, sum.b, sum.luma, sum.seen = sum.r+r, sum.g+g, sum.b+b, sum.luma+v, sum.seen+1
		}
		to := &cells[i]
		to.r, to.g, to.b, to.luma, to.seen = to.r+sum.r, to.g+sum.g, to.b+sum.b, to.luma+sum.luma, to.seen+sum.seen
	}
}

func (c *cells) greys(y int, luma []int32, pix []uint8, step int) {
	for x := range luma {
		v := int32(pix[x*step]) * 257
		if step == 2 {
			v = int32(pix[2*x])<<8 | int32(pix[2*x+1])
		}
		luma[x] = v * 1000 / 257
	}
	cells := c.row(y)
	for i := range cells {
		s := c.span(i, len(luma))
		for _, v := range luma[s.from:s.to] {
			cells[i].luma += v
			cells[i].seen++
		}
	}
}

// roots[i] is sqrt(4.46 d + 78.1) - 8.838 for d = i/8 grey levels, in 1/1024.
var roots = func() (t [8*256 + 1]int32) {
	for i := range t {
		t[i] = int32(float64((math.Sqrt(float64(4.46*float64(i))/8+78.1)-8.838)*(1<<rootBits)) + 0.5)
	}
	return t
}()

// detail adds one row's detail to its cells. sums are column sums over n rows.
func (c *cells) detail(y int, row, sums []int32, n int) {
	w, cells := len(row), c.row(y)
	d := detailRow{row: row, sums: sums}
	for _, v := range sums[:min(detailRadius, w)] {
		d.sum += int64(v)
	}
	for i := range d.share[1:] {
		d.share[i+1] = (1 << 32) / int64((i+1)*n)
	}
	for i := range cells {
		s := c.span(i, w)
		if s.from > detailRadius && s.to+detailRadius <= w {
			cells[i].detail += d.inside(s)
		} else {
			cells[i].detail += d.border(s)
		}
		cells[i].pixels += int32(s.to - s.from)
	}
}

// A detailRow walks along a row with the sum of the window.
type detailRow struct {
	row, sums []int32
	sum       int64
	share     [2*detailRadius + 2]int64 // by columns in the window, one over its pixels
}

func (d *detailRow) inside(s span) (total int32) {
	lead, lag := d.sums[s.from+detailRadius:s.to+detailRadius], d.sums[s.from-detailRadius-1:]
	lag = lag[:len(lead)]
	row, sum, share := d.row[s.from:s.to][:len(lead)], d.sum, d.share[2*detailRadius+1]
	for i, v := range row {
		sum += int64(lead[i] - lag[i])
		total += rootOf(int64(v) - sum*share>>32)
	}
	d.sum = sum
	return total
}

func (d *detailRow) border(s span) (total int32) {
	w := len(d.row)
	for x := s.from; x < s.to; x++ {
		if x+detailRadius < w {
			d.sum += int64(d.sums[x+detailRadius])
		}
		if old := x - detailRadius - 1; old >= 0 {
			d.sum -= int64(d.sums[old])
		}
		wide := min(x+detailRadius, w-1) - max(x-detailRadius, 0) + 1
		total += rootOf(int64(d.row[x]) - d.sum*d.share[wide]>>32)
	}
	return total
}

// rootOf looks up the root of a distance in 1/1000 grey level, in whole steps of
// 0.128 grey levels that count as eighths: near enough for a mask.
func rootOf(d int64) int32 { return roots[min(max(d, -d)>>7, 8*256)] }

// tintOf is the tint of a cell's mean colour, and its mean luma.
func (c *cells) tintOf(i int) (*tint, float64) {
	v := &c.all[i]
	if v.seen == 0 {
		return tints().of(255, 255, 255), 255
	}
	luma := float64(v.luma) / float64(1000*v.seen)
	if c.src.grey {
		return &tints().grey[min(int(luma), 255)], luma
	}
	return tints().of(int(v.r/v.seen), int(v.g/v.seen), int(v.b/v.seen)), luma
}

// masking is the masking level M of every cell: the detail, smoothed over 3 x 3
// cells, then eroded.
func (c *cells) masking() []float64 {
	mean := make([]int32, len(c.all))
	for i, v := range c.all {
		mean[i] = v.detail / max(v.pixels, 1)
	}
	low := erode(boxCells(mean, c.cols, c.rows), c.cols, c.rows)
	out := make([]float64, len(low))
	for i, v := range low {
		out[i] = float64(v) / (100 << rootBits)
	}
	return out
}

// boxCells averages over 3 x 3 cells, with the border repeated.
func boxCells(in []int32, w, h int) []int32 {
	tmp, out := make([]int32, w*h), make([]int32, w*h)
	for y := range h {
		row := in[y*w : (y+1)*w]
		for x, v := range row {
			tmp[y*w+x] = row[max(x-1, 0)] + v + row[min(x+1, w-1)]
		}
	}
	for y := range h {
		a, b, c := tmp[max(y-1, 0)*w:], tmp[y*w:], tmp[min(y+1, h-1)*w:]
		for x := range w {
			out[y*w+x] = (a[x] + b[x] + c[x]) / 9
		}
	}
	return out
}

// A lowest is three numbers in order.
type lowest struct{ a, b, c int32 }

// and keeps the three smallest of six: the k-th smallest of two sorted lists is
// the least of max(p_i, q_j) over i + j = k.
func (p lowest) and(q lowest) lowest {
	return lowest{
		min(p.a, q.a),
		min(max(p.a, q.a), p.b, q.b),
		min(max(p.a, q.b), max(p.b, q.a), p.c, q.c),
	}
}

// erode takes, of 3 x 3 cells, a weighted mean of the three smallest, in 1/100:
// the calm side of an edge stays calm.
func erode(in []int32, w, h int) []int32 {
	out, column := make([]int32, w*h), make([]lowest, w)
	for y := range h {
		p, q, r := in[max(y-1, 0)*w:], in[y*w:], in[min(y+1, h-1)*w:]
		for x := range column {
			lo, hi := min(p[x], q[x]), max(p[x], q[x])
			column[x] = lowest{min(lo, r[x]), max(lo, min(hi, r[x])), max(hi, r[x])}
		}
		for x := range column {
			s := column[max(x-1, 0)].and(column[x]).and(column[min(x+1, w-1)])
			out[y*w+x] = 45*s.a + 30*s.b + 25*s.c
		}
	}
	return out
}
