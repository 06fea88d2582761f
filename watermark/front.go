package watermark

import "math"

// The front end of the detector turns a picture into something close to white
// noise in which the mark has the same weight everywhere: each of three
// directional bands is divided by its own local strength, so that an edge
// silences its own direction only.
//
//	L_h, L_v, L_hv = 9-tap box means, horizontal, vertical, both
//	H = L_v - L_hv    V = L_h - L_hv    D = Y - L_h - L_v + L_hv
//	each band: e = 5x5 mean of |band| + 0.4, clipped to +-3e, over e^1.25
//	result: H + V + 1.5 D
//
// Rows stream through it, so that it holds a few rows and its result only.
const (
	boxRadius    = 4
	energyRadius = 2
	energyFloor  = 0.4
	clipAt       = 3
	diagonal     = 1.5
)

// A rowSource hands out a picture's luma row by row, from the top.
type rowSource struct {
	w, h int
	row  func(out []float32, y int)
	// stopped, where not nil, says that nobody waits for the result any more.
	stopped func() bool
}

// stopEvery is how many rows pass between two looks at stopped.
const stopEvery = 64

// whiten returns the front end's output, cut short where src has been stopped.
func whiten(src rowSource) plane {
	out := newPlane(src.w, src.h)
	f := newFrontEnd(src.w, src.h)
	for y := range src.h + boxRadius + energyRadius {
		if y%stopEvery == 0 && src.stopped != nil && src.stopped() {
			break
		}
		if y < src.h {
			src.row(f.luma.next(), y)
			f.takeLuma(y)
		} else {
			f.dropLuma(y)
		}
		band := y - boxRadius
		if band < 0 {
			continue
		}
		f.takeBands(band)
		if done := band - energyRadius; done >= 0 {
			f.emit(out.row(done), done)
		}
	}
	return out
}

// A ring keeps the last rows of a stream.
type ring struct {
	rows [][]float32
	at   int
}

func newRing(rows, w int) *ring {
	r := &ring{rows: make([][]float32, rows), at: -1}
	for i := range r.rows {
		r.rows[i] = make([]float32, w)
	}
	return r
}

// next moves on and returns the row to write; the oldest one is forgotten.
func (r *ring) next() []float32 {
	r.at++
	return r.rows[r.at%len(r.rows)]
}

func (r *ring) row(y int) []float32 { return r.rows[y%len(r.rows)] }

const bands = 3

// A frontEnd is the state between two rows.
type frontEnd struct {
	w, h      int
	luma      *ring            // Y
	across    *ring            // L_h
	lumaSum   []float32        // of 9 rows of Y
	acrossSum []float32        // of 9 rows of L_h
	band      [bands]*ring     // H, V, D
	size      [bands]*ring     // 5-tap sums of |band|
	sizeSum   [bands][]float32 // of 5 rows of size
}

func newFrontEnd(w, h int) *frontEnd {
	f := &frontEnd{
		w: w, h: h,
		luma: newRing(2*boxRadius+2, w), across: newRing(2*boxRadius+2, w),
		lumaSum: make([]float32, w), acrossSum: make([]float32, w),
	}
	for b := range bands {
		f.band[b], f.size[b] = newRing(2*energyRadius+2, w), newRing(2*energyRadius+2, w)
		f.sizeSum[b] = make([]float32, w)
	}
	return f
}

// takeLuma adds row y to the column sums and takes the one out that left the
// window.
func (f *frontEnd) takeLuma(y int) {
	row, across := f.luma.row(y), f.across.next()
	boxLine(across, row, boxRadius)
	if old := y - 2*boxRadius - 1; old >= 0 {
		slide(f.lumaSum, row, f.luma.row(old))
		slide(f.acrossSum, across, f.across.row(old))
		return
	}
	add(f.lumaSum, row)
	add(f.acrossSum, across)
}

func (f *frontEnd) dropLuma(y int) {
	if old := y - 2*boxRadius - 1; old >= 0 && old < f.h {
		sub(f.lumaSum, f.luma.row(old))
		sub(f.acrossSum, f.across.row(old))
	}
}

// takeBands splits row y and adds the sizes of its bands to their sums; y may
// lie beyond the last row, where old sizes leave.
func (f *frontEnd) takeBands(y int) {
	old := y - 2*energyRadius - 1
	if y >= f.h {
		for b := range bands {
			if old >= 0 {
				sub(f.sizeSum[b], f.size[b].row(old))
			}
		}
		return
	}
	n := 1 / float32(min(y+boxRadius, f.h-1)-max(y-boxRadius, 0)+1)
	f.split(y, n)
	for b := range bands {
		size := f.size[b].next()
		sizeLine(size, f.band[b].row(y))
		if old >= 0 {
			slide(f.sizeSum[b], size, f.size[b].row(old))
		} else {
			add(f.sizeSum[b], size)
		}
	}
}

// split writes the bands of row y; n is one over the rows in the window.
func (f *frontEnd) split(y int, n float32) {
	h := f.band[0].next()
	v, d := f.band[1].next()[:len(h)], f.band[2].next()[:len(h)]
	row, across := f.luma.row(y)[:len(h)], f.across.row(y)[:len(h)]
	lumaSum, acrossSum := f.lumaSum[:len(h)], f.acrossSum[:len(h)]
	for x := range h {
		lv, lhv, lh := lumaSum[x]*n, acrossSum[x]*n, across[x]
		h[x], v[x] = lv-lhv, lh-lhv
		d[x] = row[x] - lh - lv + lhv
	}
}

// emit writes the result for row y.
func (f *frontEnd) emit(out []float32, y int) {
	n := 1 / float32((2*energyRadius+1)*(min(y+energyRadius, f.h-1)-max(y-energyRadius, 0)+1))
	h, v, d := f.band[0].row(y)[:len(out)], f.band[1].row(y)[:len(out)], f.band[2].row(y)[:len(out)]
	eh, ev, ed := f.sizeSum[0][:len(out)], f.sizeSum[1][:len(out)], f.sizeSum[2][:len(out)]
	for x := range out {
		out[x] = even(h[x], eh[x]*n) + even(v[x], ev[x]*n) + diagonal*even(d[x], ed[x]*n)
	}
}

// even divides a band by its local strength.
func even(v, mean float32) float32 {
	e := mean + energyFloor
	return min(max(v, -clipAt*e), clipAt*e) * inversePower(e)
}

// boxLine writes the mean over 2r+1 pixels of a row, with fewer at the ends.
func boxLine(out, in []float32, r int) {
	n, sum := len(in), float32(0)
	for _, v := range in[:min(r, n)] {
		sum += v
	}
	for i := range min(r+1, n) {
		if i+r < n {
			sum += in[i+r]
		}
		out[i] = sum / float32(min(i+r, n-1)+1)
	}
	full := 1 / float32(2*r+1)
	if n > 2*r+1 {
		mid, lead, lag := out[r+1:n-r], in[2*r+1:], in[:n-2*r-1]
		lead, lag = lead[:len(mid)], lag[:len(mid)]
		for i := range mid {
			sum += lead[i] - lag[i]
			mid[i] = sum * full
		}
	}
	for i := max(n-r, r+1); i < n; i++ {
		sum -= in[i-r-1]
		out[i] = sum / float32(n-i+r)
	}
}

// sizeLine writes the 5-tap sums of sizes, with the border repeated.
func sizeLine(out, in []float32) {
	n := len(in)
	at := func(i int) float32 { return abs32(in[min(max(i, 0), n-1)]) }
	a, b, c, d := at(-2), at(-1), at(0), at(1)
	body := max(n-2, 0)
	if body > 0 {
		lead, to := in[2:], out[:body]
		lead = lead[:len(to)]
		for i := range to {
			e := abs32(lead[i])
			to[i] = a + b + c + d + e
			a, b, c, d = b, c, d, e
		}
	}
	for i := body; i < n; i++ {
		e := at(i + 2)
		out[i] = a + b + c + d + e
		a, b, c, d = b, c, d, e
	}
}

func add(sum, in []float32) {
	in = in[:len(sum)]
	for i := range sum {
		sum[i] += in[i]
	}
}

func sub(sum, old []float32) {
	old = old[:len(sum)]
	for i := range sum {
		sum[i] -= old[i]
	}
}

func slide(sum, in, old []float32) {
	in, old = in[:len(sum)], old[:len(sum)]
	for i := range sum {
		sum[i] += in[i] - old[i]
	}
}

// powers is e^-1.25 by the leading bits of e's binary form: 7 bits of fraction
// give a relative error below one percent, the same for mark and noise.
var powers = makePowers()

const powerShift = 23 - 7

func makePowers() *[1 << 15]float32 {
	t := new([1 << 15]float32)
	for i := range t {
		e := float64(math.Float32frombits(uint32(i)<<powerShift | 1<<(powerShift-1)))
		if p := math.Pow(e, -1.25); p < math.MaxFloat32 {
			t[i] = float32(p)
		}
	}
	return t
}

func inversePower(e float32) float32 { return powers[math.Float32bits(e)>>powerShift&(1<<15-1)] }
