package watermark

// The perceptual mask: how much mark each place hides, in grey levels RMS. It
// equalises the loss of structural similarity (Wang et al., 2004): where the
// picture varies by a, a mark of m ~ sqrt(a^2 + C2) costs about the same.
const (
	cellSide  = 4      // pixels per mask cell
	maskScale = 0.1035 // of the law below, at strength 1
	maskC2    = 58.5   // (0.03 * 255)^2, SSIM's constant
	maskMax   = 5.5    // grey levels

	darkRoom  = 14.0 // grey levels above black where the mark has full strength
	whiteRoom = 8.0  // grey levels below white where the mark is not reduced
	whiteKeep = 0.7  // part of the mark that stays on paper white

	// maxMSE is the largest mean square error per channel at strength 1, in grey
	// levels: 255^2 / 10^4.325, a peak signal-to-noise ratio of 43.25 dB.
	maxMSE = 3.0767
	// rgbCost and greyCost are the mean square errors per channel of a mark of
	// one grey level, rounding not counted.
	rgbCost  = (weightR*weightR + weightG*weightG + weightB*weightB) / 3
	greyCost = 1.15
)

// A mask holds one amplitude per cell, in 1/256 grey level.
type mask struct {
	w, h int
	amp  []int32
}

// newMask measures the picture. cost is the square error of a unit of mark;
// visible says which cells can be seen, nil for all. Every product is rounded on its own (float64
// conversions forbid fused operations), so that all platforms agree.
func newMask(p plane, strength, cost float64, visible []bool) mask {
	w, h := (p.w+cellSide-1)/cellSide, (p.h+cellSide-1)/cellSide
	activity, level := cells(p, w, h)
	smooth := boxMean(activity, w, h, 2)
	amp := make([]float64, w*h)
	energy, seen := 0.0, 0.0
	for i := range amp {
		amp[i] = float64(amplitude(smooth[i], level[i]) * strength)
		if visible == nil || visible[i] {
			energy += float64(amp[i] * amp[i])
			seen++
		}
	}
	target := float64(maxMSE*strength) * strength
	gain := 1.0
	if mse := float64(energy/max(seen, 1)) * cost; mse > target {
		gain = sqrt(target / mse)
	}
	m := mask{w, h, make([]int32, w*h)}
	for i, a := range amp {
		m.amp[i] = int32(float64(a*gain)*256 + 0.5)
	}
	return m
}

// cells returns, for every cell, the root of the mean gradient and the mean
// level. The root comes before averaging: a lone edge must not raise the mask
// of its calm neighbours.
func cells(p plane, w, h int) (activity, level []float64) {
	activity, level = make([]float64, w*h), make([]float64, w*h)
	for cy := range h {
		for cx := range w {
			grad, sum, n := 0.0, 0.0, 0.0
			for y := cy * cellSide; y < min((cy+1)*cellSide, p.h); y++ {
				for x := cx * cellSide; x < min((cx+1)*cellSide, p.w); x++ {
					v := p.pix[y*p.w+x]
					right, down := p.pix[y*p.w+min(x+1, p.w-1)], p.pix[min(y+1, p.h-1)*p.w+x]
					grad += float64(abs32(right-v) + abs32(down-v))
					sum += float64(v)
					n++
				}
			}
			activity[cy*w+cx], level[cy*w+cx] = sqrt(grad/n), sum/n
		}
	}
	return activity, level
}

// amplitude is the law: root is the mean root of the gradient, level the mean
// grey level.
func amplitude(root, level float64) float64 {
	a := float64(root * root)
	m := maskScale * sqrt(float64(2.5*float64(a*a))+maskC2)
	m = float64(m * (0.75 + float64(0.25*min(a/3, 1))))
	if level > 170 {
		m = float64(m * (1 + float64(0.25*min((level-170)/40, 1))))
	}
	room := min(clamp((level-0.5)/darkRoom, 0, 1), clamp((255-level)/whiteRoom, whiteKeep, 1))
	return float64(min(m, maskMax) * room)
}

// boxMean averages over (2r+1) x (2r+1) cells, with the border repeated.
func boxMean(in []float64, w, h, r int) []float64 {
	tmp, out := make([]float64, w*h), make([]float64, w*h)
	for y := range h {
		for x := range w {
			s := 0.0
			for d := -r; d <= r; d++ {
				s += in[y*w+min(max(x+d, 0), w-1)]
			}
			tmp[y*w+x] = s
		}
	}
	n := float64((2*r + 1) * (2*r + 1))
	for y := range h {
		for x := range w {
			s := 0.0
			for d := -r; d <= r; d++ {
				s += tmp[min(max(y+d, 0), h-1)*w+x]
			}
			out[y*w+x] = s / n
		}
	}
	return out
}

// row writes the amplitudes of one pixel row, interpolated between the centres
// of cells, in 1/2^14 grey level.
func (m mask) row(out []int32, y int) {
	ya, yb, fy := between(y, m.h)
	for x := range out {
		xa, xb, fx := between(x, m.w)
		top := m.amp[ya*m.w+xa]*(8-fx) + m.amp[ya*m.w+xb]*fx
		bottom := m.amp[yb*m.w+xa]*(8-fx) + m.amp[yb*m.w+xb]*fx
		out[x] = top*(8-fy) + bottom*fy
	}
}

// between returns the two cells whose centres enclose pixel i, and how far i is
// from the first, in eighths.
func between(i, n int) (a, b int, f int32) {
	eighths := 2*i + 1 - cellSide // from the centre of cell 0, in half pixels
	c := eighths >> 3
	f = int32(eighths - c*8)
	return min(max(c, 0), n-1), min(max(c+1, 0), n-1), f
}
