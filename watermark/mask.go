package watermark

import "math"

// The perceptual mask: how much mark each place hides, in grey levels of luma
// RMS, and in which colour. It makes the mark about equally visible everywhere
// in the sense of butteraugli, and protects flat places beyond that.
const (
	cellSide = 4 // pixels per mask cell

	maskLevel = 2.53 * 2.72 // tau of the law, times the model's unit
	flatShare = 0.41        // of the amplitude that stays in flat places
	calmGain  = 4.07        // masking gain of a flat place,
	busySpan  = 1.4         // and how far below it places take the whole amplitude
	// calmMost is the most that flat places carry, in grey levels, and busyMost what
	// busy ones may add to it.
	calmMost, busyMost = 0.6, 4.0

	darkRoom  = 24.0 // grey levels above black where the mark has full strength
	whiteRoom = 8.0  // grey levels below white where it starts to be cut off on one side
	whiteGain = 1.15 // of the amplitude on paper white, which shows the darker half

	// sizePower makes small pictures, which have little room, carry a stronger mark
	// than large ones: amplitudes go with the area to minus this power.
	sizePower             = 0.09
	usualArea             = 600_000 // pixels with a factor of one
	leastSized, mostSized = 0.88, 1.12
	// Below tinyArea pixels the strength itself grows, with the root of what is
	// missing: such a picture holds four tiles at best.
	tinyArea = 50_000

	// maxMSE is the largest mean square error per channel at strength 1, in grey
	// levels: a peak signal-to-noise ratio of 39.1 dB.
	maxMSE = 8.0
)

// A mask holds one amplitude and one colour per cell. Cells are laid out from
// the picture's centre, as the tiles are.
type mask struct {
	cols, rows int
	padX, padY int     // pixels of the first cells that lie outside the picture
	amp        []int32 // 1/256 grey level
	tint       []*tint
}

// newMask measures a picture.
func newMask(src maskSource, strength float64) *mask {
	m := &mask{padX: -(src.w / 2) & (cellSide - 1), padY: -(src.h / 2) & (cellSide - 1)}
	m.cols = (src.w + m.padX + cellSide - 1) / cellSide
	m.rows = (src.h + m.padY + cellSide - 1) / cellSide
	c := m.measure(src)
	strength *= max(math.Sqrt(tinyArea/float64(src.w*src.h)), 1)
	sized := strength * sizeFactor(src.w*src.h)
	masking, n := c.masking(), m.cols*m.rows
	m.amp, m.tint = make([]int32, n), make([]*tint, n)
	amp, energy, seen := make([]float64, n), 0.0, 0.0
	for i := range amp {
		t, luma := c.tintOf(i)
		m.tint[i] = t
		if c.all[i].seen > 0 { // nothing else: it would spread into what can be seen
			amp[i] = float64(amplitude(masking[i], luma, t.vis) * sized)
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

// sizeFactor is what a picture's area does to its amplitudes.
func sizeFactor(pixels int) float64 {
	power := exponential(float64(-sizePower * logarithm(float64(pixels)/usualArea)))
	return clamp(power, leastSized, mostSized)
}

// amplitude is the law: masking is how busy the place is, luma its mean grey
// level, vis how visible a unit of mark is in its colour.
func amplitude(masking, luma, vis float64) float64 {
	k := 1 + 2.5486/(float64(0.4519*masking)+0.8296)
	busy := clamp((calmGain-k)/busySpan, 0, 1)
	m := maskLevel / float64(vis*k) * (flatShare + float64((1-flatShare)*busy))
	m = min(m, calmMost+float64(busyMost*busy))
	white := 1 + float64((whiteGain-1)*clamp((luma-(255-whiteRoom))/whiteRoom, 0, 1))
	return float64(float64(m*clamp((luma-0.5)/darkRoom, 0, 1)) * white)
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
