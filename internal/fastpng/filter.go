package fastpng

import "image"

// PNG colour types.
const (
	grey      = 0
	trueColor = 2
	withAlpha = 6
)

// A source is a picture as the rows of bytes that PNG stores.
type source struct {
	w, h          int
	depth, colour byte
	bpp           int // bytes per pixel
	rowBytes      int
	pix           []byte
	stride, from  int // from is bytes per pixel in pix
}

// newSource reports whether img is of a kind that is stored here.
func newSource(img image.Image) (*source, bool) {
	b := img.Bounds()
	s := &source{w: b.Dx(), h: b.Dy(), depth: 8}
	switch m := img.(type) {
	case *image.Gray:
		s.colour, s.bpp, s.from = grey, 1, 1
		s.pix, s.stride = m.Pix, m.Stride
	case *image.Gray16:
		s.depth, s.colour, s.bpp, s.from = 16, grey, 2, 2
		s.pix, s.stride = m.Pix, m.Stride
	case *image.NRGBA:
		s.colour, s.bpp, s.from = withAlpha, 4, 4
		if m.Opaque() {
			s.colour, s.bpp = trueColor, 3
		}
		s.pix, s.stride = m.Pix, m.Stride
	case *image.NRGBA64:
		s.depth, s.colour, s.bpp, s.from = 16, withAlpha, 8, 8
		if m.Opaque() {
			s.colour, s.bpp = trueColor, 6
		}
		s.pix, s.stride = m.Pix, m.Stride
	default:
		return nil, false
	}
	s.rowBytes = s.w * s.bpp
	return s, true
}

// row writes row y as PNG stores it, unfiltered.
func (s *source) row(out []byte, y int) {
	in := s.pix[y*s.stride:]
	switch {
	case s.bpp == s.from:
		copy(out, in[:s.rowBytes])
	case s.bpp == 3:
		for x := range s.w {
			p, q := out[3*x:3*x+3:3*x+3], in[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2] = q[0], q[1], q[2]
		}
	default:
		for x := range s.w {
			copy(out[6*x:6*x+6], in[8*x:8*x+6])
		}
	}
}

// filter returns rows y0 to y1 filtered, each behind its filter's number.
func (s *source) filter(y0, y1 int) []byte {
	out := make([]byte, (y1-y0)*(s.rowBytes+1))
	up, row := make([]byte, s.rowBytes), make([]byte, s.rowBytes)
	if y0 > 0 {
		s.row(up, y0-1)
	}
	for y := y0; y < y1; y++ {
		s.row(row, y)
		to := out[(y-y0)*(s.rowBytes+1):][:s.rowBytes+1]
		f := s.choose(row, up)
		to[0] = byte(f)
		apply(f, to[1:], row, up, s.bpp)
		up, row = row, up
	}
	return out
}

// A filter is a PNG filter type.
type filter byte

const (
	none filter = iota
	sub
	upward
	average
	paeth
)

const (
	sampleEvery = 8  // of the pieces of a row, one is looked at
	sampleBytes = 48 // in a piece
)

// choose picks the filter that leaves the smallest sum of sizes over a sample of
// the row (the heuristic of the PNG specification, section 12.7).
func (s *source) choose(row, up []byte) filter {
	var cost [5]int
	for at := s.bpp; at < len(row); at += sampleEvery * sampleBytes {
		for i := at; i < min(at+sampleBytes, len(row)); i++ {
			a, b, c := int(row[i-s.bpp]), int(up[i]), int(up[i-s.bpp])
			v := int(row[i])
			cost[none] += size(v)
			cost[sub] += size(v - a)
			cost[upward] += size(v - b)
			cost[average] += size(v - (a+b)/2)
			cost[paeth] += size(v - predict(a, b, c))
		}
	}
	best := none
	for f := sub; f <= paeth; f++ {
		if cost[f] < cost[best] {
			best = f
		}
	}
	return best
}

// size is the size of a byte taken as signed.
func size(v int) int {
	n := int(int8(v))
	if n < 0 {
		return -n
	}
	return n
}

// predict is Paeth's predictor: whichever neighbour is nearest to a + b - c.
func predict(a, b, c int) int {
	p, q := b-c, a-c
	r := p + q
	pa, pb, pc := p, q, r
	if pa < 0 {
		pa = -pa
	}
	if pb < 0 {
		pb = -pb
	}
	if pc < 0 {
		pc = -pc
	}
	if pa <= pb && pa <= pc {
		return a
	}
	if pb <= pc {
		return b
	}
	return c
}

// apply writes the filtered row.
func apply(f filter, out, row, up []byte, bpp int) {
	out, up = out[:len(row)], up[:len(row)]
	first := min(bpp, len(row))
	switch f {
	case none:
		copy(out, row)
	case sub:
		copy(out, row[:first])
		for i, left := range row[:len(row)-first] {
			out[i+first] = row[i+first] - left
		}
	case upward:
		for i, v := range row {
			out[i] = v - up[i]
		}
	case average:
		for i := range first {
			out[i] = row[i] - up[i]/2
		}
		for i := first; i < len(row); i++ {
			out[i] = row[i] - byte((int(row[i-bpp])+int(up[i]))/2)
		}
	case paeth:
		for i := range first {
			out[i] = row[i] - up[i]
		}
		for i := first; i < len(row); i++ {
			out[i] = row[i] - byte(predict(int(row[i-bpp]), int(up[i]), int(up[i-bpp])))
		}
	}
}
