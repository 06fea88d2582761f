package watermark

import "math"

// The perceptual mask: how much mark each place hides, in grey levels of luma
// RMS, and in which colour. It makes the mark about equally visible everywhere
// in the sense of butteraugli, and protects flat places beyond that.
const (
	cellSide = 4 // pixels per mask cell

	maskLevel = 3.35 * 2.72 // tau of the law, times the model's unit
	flatShare = 0.375       // of the amplitude that stays in flat places
	maskMost  = 6.0         // grey levels

	darkRoom  = 24.0 // grey levels above black where the mark has full strength
	whiteRoom = 8.0  // grey levels below white where the mark is not reduced
	whiteKeep = 0.65 // part of the mark that stays on paper white

	// maxMSE is the largest mean square error per channel at strength 1, in grey
	// levels: a peak signal-to-noise ratio of 42.7 dB.
	maxMSE = 3.4919

	detailRadius = 4 // of the box whose mean is taken off
	rowStep      = 2 // of the rows that are measured
)

// A mask holds one amplitude and one colour per cell. Cells are laid out from
// the picture's centre, as the tiles are.
type mask struct {
	cols, rows int
	padX, padY int     // pixels of the first cells that lie outside the picture
	amp        []int32 // 1/256 grey level
	tint       []*tint
}

// A maskSource hands out rows of a picture: luma in 1/1000 grey level, colour,
// and whether anything can be seen.
type maskSource struct {
	w, h int
	grey bool
	row  func(y int, luma []int32, rgb []uint8, seen []bool)
}

// newMask measures a picture.
func newMask(src maskSource, strength float64) *mask {
	m := &mask{padX: -(src.w / 2) & (cellSide - 1), padY: -(src.h / 2) & (cellSide - 1)}
	m.cols = (src.w + m.padX + cellSide - 1) / cellSide
	m.rows = (src.h + m.padY + cellSide - 1) / cellSide
	c := newCells(m, src)
	c.measure()
	masking := erode(boxCells(c.detail, m.cols, m.rows), m.cols, m.rows)
	n := m.cols * m.rows
	m.amp, m.tint = make([]int32, n), make([]*tint, n)
	amp, energy, seen := make([]float64, n), 0.0, 0.0
	for i := range amp {
		t, luma := c.tintOf(i)
		m.tint[i] = t
		amp[i] = float64(amplitude(masking[i], luma, t.vis) * strength)
		if c.seen[i] > 0 {
			energy += float64(float64(amp[i]*amp[i]) * t.cost)
			seen++
		}
	}
	gain := 1.0
	if mse, most := energy/max(seen, 1), float64(maxMSE*strength)*strength; mse > most {
		gain = math.Sqrt(most / mse)
	}
	for i, a := range amp {
		m.amp[i] = int32(float64(float64(a*gain)*256) + 0.5)
	}
	return m
}

// amplitude is the law: masking is how busy the place is, luma its mean grey
// level, vis how visible a unit of mark is in its colour.
func amplitude(masking, luma, vis float64) float64 {
	k := 1 + 2.5486/(float64(0.4519*masking)+0.8296)
	texture := clamp((4.07-k)/2, 0, 1)
	m := maskLevel / float64(vis*k) * (flatShare + float64((1-flatShare)*texture))
	room := clamp(min((luma-0.5)/darkRoom, max(whiteKeep, (255-luma)/whiteRoom)), 0, 1)
	return float64(min(m, maskMost) * room)
}

// cells collects sums over the cells of a picture.
type cells struct {
	*mask
	src    maskSource
	detail []float64
	luma   []int64
	rgb    [][3]int32
	seen   []int32
	pixels []int32 // in detail
}

func newCells(m *mask, src maskSource) *cells {
	n := m.cols * m.rows
	return &cells{m, src, make([]float64, n), make([]int64, n), make([][3]int32, n), make([]int32, n), make([]int32, n)}
}

// tintOf is the tint of a cell's mean colour, and its mean luma.
func (c *cells) tintOf(i int) (*tint, float64) {
	n := c.seen[i]
	if n == 0 {
		return tints().of(255, 255, 255), 255
	}
	luma := float64(c.luma[i]) / float64(int64(n)*1000)
	if c.src.grey {
		return &tints().grey[min(int(luma), 255)], luma
	}
	v := c.rgb[i]
	return tints().of(int(v[0]/n), int(v[1]/n), int(v[2]/n)), luma
}

// measure streams every second row of the picture once: it sums colours, and
// the detail, which is the distance from the mean over 9 x 9 pixels after a root
// (what stands out little counts for more).
func (c *cells) measure() {
	const rows = detailRadius + 2 // in the window: detailRadius+1
	w := c.src.w
	var ring [rows][]int32
	for i := range ring {
		ring[i] = make([]int32, w)
	}
	sums, rgb, seen := make([]int32, w), make([]uint8, 3*w), make([]bool, w)
	n := (c.src.h + rowStep - 1) / rowStep
	const reach = detailRadius / rowStep
	for i := range n + reach {
		if i < n {
			row := ring[i%rows]
			c.src.row(i*rowStep, row, rgb, seen)
			c.sumColours(i*rowStep, row, rgb, seen)
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
			c.sumDetail(at*rowStep, ring[at%rows], sums, min(at+reach, n-1)-max(at-reach, 0)+1)
		}
	}
	for i, n := range c.pixels {
		c.detail[i] /= float64(max(n, 1))
	}
}

func (c *cells) sumColours(y int, luma []int32, rgb []uint8, seen []bool) {
	at := (y + c.padY) / cellSide * c.cols
	for x, v := range luma {
		if !seen[x] {
			continue
		}
		i := at + (x+c.padX)/cellSide
		c.luma[i] += int64(v)
		c.seen[i]++
		if !c.src.grey {
			p := rgb[3*x : 3*x+3 : 3*x+3]
			s := &c.rgb[i]
			s[0] += int32(p[0])
			s[1] += int32(p[1])
			s[2] += int32(p[2])
		}
	}
}

// roots[i] is sqrt(4.46 d + 78.1) - 8.838 for d = i/8 grey levels.
var roots = func() (t [8*256 + 1]float32) {
	for i := range t {
		t[i] = float32(math.Sqrt(float64(4.46*float64(i))/8+78.1) - 8.838)
	}
	return t
}()

// sumDetail adds one row's detail to its cells. sums are column sums over n rows.
func (c *cells) sumDetail(y int, row, sums []int32, n int) {
	w := len(row)
	sum := int64(0)
	for _, v := range sums[:min(detailRadius, w)] {
		sum += int64(v)
	}
	at := (y + c.padY) / cellSide * c.cols
	detail, pixels := c.detail[at:at+c.cols], c.pixels[at:at+c.cols]
	var share [2*detailRadius + 2]int64 // one over the pixels in the window
	for i := range share[1:] {
		share[i+1] = (1 << 32) / int64((i+1)*n)
	}
	for x, v := range row {
		if x+detailRadius < w {
			sum += int64(sums[x+detailRadius])
		}
		if old := x - detailRadius - 1; old >= 0 {
			sum -= int64(sums[old])
		}
		wide := min(x+detailRadius, w-1) - max(x-detailRadius, 0) + 1
		d := int64(v) - sum*share[wide]>>32
		if d < 0 {
			d = -d
		}
		i := (x + c.padX) / cellSide
		detail[i] += float64(roots[min(d>>7, 8*256)]) // 1/128 is near enough to 8/1000
		pixels[i]++
	}
}

// boxCells averages over 3 x 3 cells, with the border repeated.
func boxCells(in []float64, w, h int) []float64 {
	tmp, out := make([]float64, w*h), make([]float64, w*h)
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

// erode takes, of 3 x 3 cells, a weighted mean of the three smallest: the calm
// side of an edge stays calm.
func erode(in []float64, w, h int) []float64 {
	out := make([]float64, w*h)
	for y := range h {
		for x := range w {
			a, b, c := math.Inf(1), math.Inf(1), math.Inf(1)
			for v := max(y-1, 0); v <= min(y+1, h-1); v++ {
				for _, s := range in[v*w+max(x-1, 0) : v*w+min(x+1, w-1)+1] {
					switch {
					case s < a:
						a, b, c = s, a, b
					case s < b:
						b, c = s, b
					case s < c:
						c = s
					}
				}
			}
			out[y*w+x] = float64(0.45*a) + float64(0.30*b) + float64(0.25*c)
		}
	}
	return out
}

// equalise multiplies the amplitudes by the gains of the tiles.
func (m *mask) equalise(crests *[superArea]*crest, w, h int) {
	for j := range m.rows {
		v := j*cellSide - m.padY - h/2
		for i := range m.cols {
			u := i*cellSide - m.padX - w/2
			t := v>>7&(superSide-1)*superSide + u>>7&(superSide-1)
			cell := v&(tileSide-1)/cellSide*tileCells + u&(tileSide-1)/cellSide
			a := &m.amp[j*m.cols+i]
			*a = int32(int64(*a) * int64(crests[t][cell]) >> 10)
		}
	}
}

// row writes the amplitudes of one pixel row, interpolated between the centres
// of cells, in 1/2^14 grey level. cells is scratch of one entry per column.
func (m *mask) row(out, cells []int32, y int) {
	ya, yb, fy := between(y+m.padY, m.rows)
	top, bottom := m.amp[ya*m.cols:(ya+1)*m.cols], m.amp[yb*m.cols:(yb+1)*m.cols]
	for i := range cells {
		cells[i] = top[i]*(8-fy) + bottom[i]*fy
	}
	for x := 0; x < len(out); {
		i, j, f := between(x+m.padX, m.cols)
		a, b := cells[i], cells[j]
		v, step := a*(8-f)+b*f, 2*(b-a)
		for end := min(x+(9-int(f))/2, len(out)); x < end; x++ {
			out[x] = v
			v += step
		}
	}
}

// between returns the two cells whose centres enclose pixel i, and how far i is
// from the first, in eighths: 1, 3, 5 or 7.
func between(i, n int) (a, b int, f int32) {
	eighths := 2*i + 1 - cellSide // from the centre of cell 0, in half pixels
	c := eighths >> 3
	f = int32(eighths - c*8)
	return min(max(c, 0), n-1), min(max(c+1, 0), n-1), f
}

// tints returns the tints of one pixel row, cell by cell.
func (m *mask) tints(y int) []*tint {
	return m.tint[(y+m.padY)/cellSide*m.cols:][:m.cols]
}

// A span is the pixels of one row that lie in one cell.
type span struct{ from, to int }

// span returns cell i's pixels of a row of w.
func (m *mask) span(i, w int) span {
	return span{max(i*cellSide-m.padX, 0), min((i+1)*cellSide-m.padX, w)}
}
