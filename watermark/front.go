package watermark

import "math"

// The front end of the detector turns a picture into something close to white
// noise in which the mark has the same weight everywhere: each of three
// directional bands is divided by its own local strength, so that an edge
// silences its own direction only.
//
//	L_h, L_v, L_hv = 9-tap box means, horizontal, vertical, both
//	H = L_v - L_hv    V = L_h - L_hv    D = Y - L_h - L_v + L_hv
//	each band: e = 5x5 mean of |band| + 0.8, clipped to +-3e, over e^1.25
//	result: H + V + 1.5 D
const (
	boxRadius    = 4
	energyRadius = 2
	energyFloor  = 0.8
	clipAt       = 3
	diagonal     = 1.5
)

// whiten returns the front end's output for a luma plane, in that plane's place:
// a large picture costs six planes of four bytes a pixel.
func whiten(y plane) plane {
	lh, lv := newPlane(y.w, y.h), newPlane(y.w, y.h)
	boxRows(lh, y, boxRadius)
	boxColumns(lv, y, boxRadius)
	lhv := newPlane(y.w, y.h)
	boxColumns(lhv, lh, boxRadius)
	for i, v := range y.pix { // the bands take the places of the means
		h, w := lv.pix[i]-lhv.pix[i], lh.pix[i]-lhv.pix[i]
		d := v - lh.pix[i] - lv.pix[i] + lhv.pix[i]
		lv.pix[i], lh.pix[i], lhv.pix[i] = h, w, d
	}
	out := y
	clear(out.pix)
	size, mean := newPlane(y.w, y.h), newPlane(y.w, y.h)
	for i, band := range []plane{lv, lh, lhv} {
		weight := float32(1)
		if i == 2 {
			weight = diagonal
		}
		for j, v := range band.pix {
			size.pix[j] = abs32(v)
		}
		boxRows(mean, size, energyRadius)
		boxColumns(size, mean, energyRadius)
		for j, v := range band.pix {
			e := size.pix[j] + energyFloor
			v = min(max(v, -clipAt*e), clipAt*e)
			out.pix[j] += weight * v * inversePower(e)
		}
	}
	return out
}

// boxRows writes the mean over 2r+1 pixels of each row, with fewer at the ends.
func boxRows(out, in plane, r int) {
	for y := range in.h {
		boxLine(out.row(y), in.row(y), 1, in.w, r)
	}
}

func boxLine(out, in []float32, stride, n, r int) {
	sum := float32(0)
	for i := range min(r, n) {
		sum += in[i*stride]
	}
	for i := range n {
		if i+r < n {
			sum += in[(i+r)*stride]
		}
		if i-r-1 >= 0 {
			sum -= in[(i-r-1)*stride]
		}
		out[i*stride] = sum / float32(min(i+r, n-1)-max(i-r, 0)+1)
	}
}

// boxColumns is boxRows for columns, a row at a time so that memory is read in
// order.
func boxColumns(out, in plane, r int) {
	sum := make([]float32, in.w)
	for y := range min(r, in.h) {
		for x, v := range in.row(y) {
			sum[x] += v
		}
	}
	for y := range in.h {
		if y+r < in.h {
			for x, v := range in.row(y + r) {
				sum[x] += v
			}
		}
		if y-r-1 >= 0 {
			for x, v := range in.row(y - r - 1) {
				sum[x] -= v
			}
		}
		n := 1 / float32(min(y+r, in.h-1)-max(y-r, 0)+1)
		o := out.row(y)
		for x, v := range sum {
			o[x] = v * n
		}
	}
}

// powers is e^-1.25 by the leading bits of e's binary form: 7 bits of fraction
// give a relative error below one percent, the same for mark and noise.
var powers = makePowers()

const powerShift = 23 - 7

func makePowers() []float32 {
	t := make([]float32, 1<<(8+7))
	for i := range t {
		e := float64(math.Float32frombits(uint32(i)<<powerShift | 1<<(powerShift-1)))
		if p := math.Pow(e, -1.25); p < math.MaxFloat32 {
			t[i] = float32(p)
		}
	}
	return t
}

func inversePower(e float32) float32 { return powers[math.Float32bits(e)>>powerShift&(1<<15-1)] }
