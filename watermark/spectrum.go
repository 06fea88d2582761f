package watermark

import "math"

// The full search looks for the template's lines in the power spectrum of the
// whitened picture, where shifts do not show.

const (
	maxBlocks     = 16   // averaged into one spectrum
	mapReach      = 0.47 // cycles per pixel that are looked at
	axisLines     = 2    // on either side of an axis that are left out
	mapMargin     = 10   // rows below zero that the local mean sees
	localRadius   = 8    // 17 x 17
	localClip     = 4    // times the local mean
	compressAbove = 4    // standard deviations
)

// A lineMap is the standardised spectrum: how far each frequency of the upper
// half plane stands out of its surroundings, in standard deviations.
type lineMap struct {
	n     int // side of the transform
	rows  int // ky from -mapMargin
	value []float32
}

// newLineMap averages the spectra of blocks spread evenly over the picture.
func newLineMap(src plane) *lineMap {
	d := dftLarge
	if max(src.w, src.h) <= dftSmall.n {
		d = dftSmall
	}
	m := &lineMap{n: d.n, rows: d.n/2 + 1 + mapMargin}
	m.value = m.power(src, d)
	m.flatten()
	m.standardise()
	return m
}

// blockStarts spreads blocks of n over size, without more overlap than needed.
func blockStarts(size, n, most int) []int {
	if size <= n {
		return []int{0}
	}
	count := min((size+n-1)/n, most)
	starts := make([]int, count)
	for i := range starts {
		starts[i] = (size - n) * i / max(count-1, 1)
	}
	return starts
}

func (m *lineMap) power(src plane, d *dft) []float32 {
	xs, ys := blockStarts(src.w, d.n, maxBlocks), blockStarts(src.h, d.n, maxBlocks)
	for len(xs)*len(ys) > maxBlocks {
		if len(xs) >= len(ys) {
			xs = blockStarts(src.w, d.n, len(xs)-1)
		} else {
			ys = blockStarts(src.h, d.n, len(ys)-1)
		}
	}
	var at [][2]int
	for _, y := range ys {
		for _, x := range xs {
			at = append(at, [2]int{x, y})
		}
	}
	out := make([]float32, m.rows*m.n)
	work := make([]complex64, d.n*d.n)
	var rows []int
	for k := -d.n / 2; k < d.n/2; k++ {
		rows = append(rows, k&(d.n-1))
	}
	for i := 0; i < len(at); i += 2 {
		clear(work)
		load(work, src, d.n, at[i], false)
		if i+1 < len(at) {
			load(work, src, d.n, at[i+1], true)
		}
		d.columns(work, 0, d.n, false)
		d.rows(work, rows, false)
		m.gather(out, work)
	}
	return out
}

// load puts a block of the picture into the real or the imaginary part.
func load(work []complex64, src plane, n int, at [2]int, imaginary bool) {
	for y := range min(n, src.h-at[1]) {
		row := src.row(at[1] + y)[at[0]:]
		to := work[y*n : (y+1)*n]
		for x, v := range row[:min(n, len(row))] {
			if imaginary {
				to[x] = complex(real(to[x]), v)
			} else {
				to[x] = complex(v, imag(to[x]))
			}
		}
	}
}

// gather adds the power of both blocks: with z the transform of a + ib,
// |A|^2 + |B|^2 at k is half of |z|^2 at k and at -k.
func (m *lineMap) gather(out []float32, z []complex64) {
	mask := m.n - 1
	for r := range m.rows {
		ky := r - mapMargin
		up, down := z[(ky&mask)*m.n:][:m.n], z[(-ky&mask)*m.n:][:m.n]
		to := out[r*m.n:][:m.n]
		for x := range to {
			to[x] += norm64(up[x]) + norm64(down[-x&mask])
		}
	}
}

// flatten divides by the local mean, from which lines are clipped, smooths, and
// takes the root.
func (m *lineMap) flatten() {
	mean := m.localMean(m.value)
	clipped := make([]float32, len(m.value))
	for i, v := range m.value {
		clipped[i] = min(v, localClip*mean[i])
	}
	mean = m.localMean(clipped)
	for i, v := range m.value {
		if mean[i] > 0 {
			m.value[i] = min(v/mean[i], 64)
		} else {
			m.value[i] = 0
		}
	}
	m.blur(clipped)
	for i, v := range m.value {
		m.value[i] = float32(math.Sqrt(float64(v)))
	}
}

// localMean is the mean over 17 x 17 bins; kx wraps around, ky ends.
func (m *lineMap) localMean(in []float32) []float32 {
	n, mask := m.n, m.n-1
	tmp, out := make([]float32, len(in)), make([]float32, len(in))
	for r := range m.rows {
		row, to := in[r*n:(r+1)*n], tmp[r*n:(r+1)*n]
		s := float32(0)
		for x := -localRadius; x < localRadius; x++ {
			s += row[x&mask]
		}
		for x := range to {
			s += row[(x+localRadius)&mask]
			to[x] = s
			s -= row[(x-localRadius)&mask]
		}
	}
	sum := make([]float32, n)
	for r := range min(localRadius, m.rows) {
		add(sum, tmp[r*n:(r+1)*n])
	}
	for r := range m.rows {
		if next := r + localRadius; next < m.rows {
			add(sum, tmp[next*n:(next+1)*n])
		}
		if old := r - localRadius - 1; old >= 0 {
			sub(sum, tmp[old*n:(old+1)*n])
		}
		g := 1 / float32((min(r+localRadius, m.rows-1)-max(r-localRadius, 0)+1)*(2*localRadius+1))
		to := out[r*n : (r+1)*n]
		for x, v := range sum {
			to[x] = v * g
		}
	}
	return out
}

// blur convolves with [1 2 1]/4 along both axes.
func (m *lineMap) blur(tmp []float32) {
	n, mask := m.n, m.n-1
	for r := range m.rows {
		row, to := m.value[r*n:(r+1)*n], tmp[r*n:(r+1)*n]
		for x := range to {
			to[x] = (row[(x-1)&mask] + 2*row[x] + row[(x+1)&mask]) / 4
		}
	}
	for r := range m.rows {
		a, b, c := tmp[max(r-1, 0)*n:][:n], tmp[r*n:][:n], tmp[min(r+1, m.rows-1)*n:][:n]
		to := m.value[r*n:][:n]
		for x := range to {
			to[x] = (a[x] + 2*b[x] + c[x]) / 4
		}
	}
}

// standardise subtracts the mean, divides by the standard deviation, compresses
// what stands out and clears the axes. A hard clip instead would make plateaus
// on which a matrix that is a little wrong scores as well as the right one.
func (m *lineMap) standardise() {
	sum, square, count := 0.0, 0.0, 0.0
	m.each(func(v *float32) {
		c := float64(min(*v, 2.5))
		sum, square, count = sum+c, square+c*c, count+1
	}, func(*float32) {})
	mean := float32(sum / count)
	sd := float32(math.Sqrt(max(square/count-sum/count*sum/count, 1e-12)))
	m.each(func(v *float32) {
		s := (*v - mean) / sd
		if s > compressAbove {
			s = compressAbove * (1 + float32(math.Log(float64(s/compressAbove))))
		}
		*v = s
	}, func(v *float32) { *v = 0 })
}

// each visits the frequencies that are looked at, and the others.
func (m *lineMap) each(in, out func(*float32)) {
	reach := int(mapReach * float64(m.n))
	for r := range m.rows {
		ky := r - mapMargin
		for x := range m.n {
			kx := x
			if kx >= m.n/2 {
				kx -= m.n
			}
			v := &m.value[r*m.n+x]
			if abs(kx) <= axisLines || abs(ky) <= axisLines || abs(kx) > reach || abs(ky) > reach {
				out(v)
			} else {
				in(v)
			}
		}
	}
}

// at interpolates the map at a frequency in bins, which may lie in either half
// plane.
func (m *lineMap) at(x, y float64) float32 {
	if y < 0 {
		x, y = -x, -y
	}
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int(fx), int(fy)
	wx, wy := float32(x-fx), float32(y-fy)
	mask := m.n - 1
	a := (min(iy, m.rows-2-mapMargin) + mapMargin) * m.n
	top := m.value[a+ix&mask]*(1-wx) + m.value[a+(ix+1)&mask]*wx
	low := m.value[a+m.n+ix&mask]*(1-wx) + m.value[a+m.n+(ix+1)&mask]*wx
	return top*(1-wy) + low*wy
}
