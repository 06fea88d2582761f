package fingerprint

import "math"

// A band is a set of coefficients of the cosine transform of n x n samples.
type band struct {
	n     int
	cos   []float32 // of frequency k at sample i, at k*n+i: orthonormal
	count int       // of frequencies along an axis
	of    []wave
	scale float32 // from the sum of weighed squares to a mean square in grey levels
}

// A wave is one coefficient of a band.
type wave struct {
	kx, ky int
	weight float32
}

const (
	maxWaves  = 64
	cellReach = 5.7 // largest frequency, in half waves to a cell
	// globalReach is that of the picture as a whole, globalSide its samples along
	// an axis.
	globalReach = 18.5
	globalSide  = 64
	// leastContrast is the mean square, in grey levels, of what is seen of a cell
	// that says something.
	leastContrast = 2.5 * 2.5
)

var (
	cellBand   = newBand(cellSide, cellReach)
	globalBand = newBand(globalSide, globalReach)
)

// coefficients are those of a cell, weighed.
type coefficients [maxWaves]float32

func newBand(n int, reach float64) *band {
	b := &band{n: n, count: int(reach) + 1}
	for k := range b.count {
		for i := range n {
			c := math.Cos(math.Pi * float64(k) * (float64(i) + 0.5) / float64(n))
			if k > 0 {
				c *= math.Sqrt2
			}
			b.cos = append(b.cos, float32(c/math.Sqrt(float64(n))))
		}
	}
	weights := 0.0
	for ky := range b.count {
		for kx := range b.count {
			if f := math.Hypot(float64(kx), float64(ky)); f > 0 && f <= reach {
				b.of = append(b.of, wave{kx, ky, float32(f)})
				weights += f * f
			}
		}
	}
	b.scale = float32(float64(len(b.of)) / weights / float64(n*n))
	return b
}

// A scratch is what a transform works in.
type scratch struct{ flat, half []float32 }

func (b *band) scratch() *scratch {
	return &scratch{make([]float32, b.n*b.n), make([]float32, b.count*b.n)}
}

// transform writes the weighed coefficients of n x n samples, rows stride apart,
// without their plane, and returns their mean square in grey levels.
func (b *band) transform(out, pix []float32, stride int, in *scratch) float32 {
	flat, half := in.flat, in.half
	for y := range b.n {
		copy(flat[y*b.n:], pix[y*stride:][:b.n])
	}
	level(flat, b.n)
	for y := range b.n {
		for k := range b.count {
			half[k*b.n+y] = dot(b.cos[k*b.n:(k+1)*b.n], flat[y*b.n:(y+1)*b.n])
		}
	}
	var energy float32
	for i, w := range b.of {
		c := dot(b.cos[w.ky*b.n:(w.ky+1)*b.n], half[w.kx*b.n:(w.kx+1)*b.n])
		c *= w.weight
		out[i] = c
		energy += c * c
	}
	return energy * b.scale
}

// level takes the plane out of n x n samples that fits them best: shades that run
// evenly over a picture are alike in many.
func level(pix []float32, n int) {
	var sum, sx, sy, norm float32
	mid := float32(n-1) / 2
	for y := range n {
		for x := range n {
			v := pix[y*n+x]
			sum += v
			sx += v * (float32(x) - mid)
			sy += v * (float32(y) - mid)
		}
		norm += (float32(y) - mid) * (float32(y) - mid)
	}
	area := float32(n)
	mean, ax, ay := sum/(area*area), sx/(area*norm), sy/(area*norm)
	for y := range n {
		for x := range n {
			pix[y*n+x] -= mean + ax*(float32(x)-mid) + ay*(float32(y)-mid)
		}
	}
}
