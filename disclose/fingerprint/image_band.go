package fingerprint

import (
	"cmp"
	"math"
	"slices"
)

const (
	// cellSide and globalSide are how many samples a side of a cell and of the
	// picture as a whole has.
	cellSide   = 16
	globalSide = 64
	// cellSeen and globalSeen are how many coefficients of the cosine transform are
	// seen, the lowest first: up to 7.3 half waves along the side of a cell, and up
	// to 17.7 along that of the picture.
	cellSeen   = 48
	globalSeen = 256
	// leastContrast is the mean square, in grey levels, of what is seen of a cell
	// that says something.
	leastContrast = 1.5 * 1.5
)

var (
	cellBand   = newBand(cellSide, cellSeen)
	globalBand = newBand(globalSide, globalSeen)
)

// A band is a set of coefficients of the cosine transform of n x n samples.
type band struct {
	n     int
	cos   []float32 // of frequency k at sample i, at k*n+i: orthonormal
	count int       // of frequencies along an axis
	waves []wave
	scale float32 // from the sum of weighed squares to a mean square in grey levels
}

// A wave is one coefficient of a band. Its weight is its frequency: the spectrum of
// pictures falls with it (Field 1987), so all count alike on average.
type wave struct {
	kx, ky int
	weight float32
}

// newBand is the band of the lowest frequencies but that of the mean.
func newBand(n, seen int) *band {
	b := &band{n: n}
	for ky := range n {
		for kx := range n {
			b.waves = append(b.waves, wave{kx, ky, float32(math.Sqrt(float64(kx*kx + ky*ky)))})
		}
	}
	slices.SortStableFunc(b.waves, func(a, b wave) int { return cmp.Compare(a.weight, b.weight) })
	b.waves = b.waves[1 : seen+1]
	weights := float32(0)
	for _, w := range b.waves {
		b.count = max(b.count, w.kx+1, w.ky+1)
		weights += w.weight * w.weight
	}
	b.scale = float32(seen) / weights / float32(n*n)
	for k := range b.count {
		for i := range n {
			c := math.Cos(math.Pi*float64(k)*(float64(i)+0.5)/float64(n)) / math.Sqrt(float64(n))
			if k > 0 {
				c *= math.Sqrt2
			}
			b.cos = append(b.cos, float32(c))
		}
	}
	return b
}

// A scratch is what a transform works in.
type scratch struct{ flat, half []float32 }

func (b *band) scratch() *scratch {
	return &scratch{make([]float32, b.n*b.n), make([]float32, b.count*b.n)}
}

// transform writes the weighed coefficients of n x n samples, rows stride apart,
// less the plane that fits them best, and returns their mean square in grey levels.
func (b *band) transform(out, pix []float32, stride int, in *scratch) float32 {
	n, flat, half := b.n, in.flat, in.half
	for y := range n {
		copy(flat[y*n:], pix[y*stride:][:n])
	}
	level(flat, n)
	for y := range n {
		for k := range b.count {
			half[k*n+y] = dot(b.cos[k*n:(k+1)*n], flat[y*n:(y+1)*n])
		}
	}
	var energy float32
	for i, w := range b.waves {
		c := w.weight * dot(b.cos[w.ky*n:(w.ky+1)*n], half[w.kx*n:(w.kx+1)*n])
		out[i] = c
		energy += c * c
	}
	return energy * b.scale
}

// soften takes the fourth root of sizes. Edges, lines of text and the like put most
// of what is seen into a few coefficients, which other pictures with an edge or a line
// there share; what else is seen must have its say.
func soften(c []float32) {
	for i, v := range c {
		c[i] = float32(math.Copysign(math.Sqrt(math.Sqrt(math.Abs(float64(v)))), float64(v)))
	}
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
	side := float32(n)
	mean, ax, ay := sum/(side*side), sx/(side*norm), sy/(side*norm)
	for y := range n {
		for x := range n {
			pix[y*n+x] -= mean + ax*(float32(x)-mid) + ay*(float32(y)-mid)
		}
	}
}

func dot(a, b []float32) float32 {
	var sum float32
	for i, v := range a[:len(b)] {
		sum += v * b[i]
	}
	return sum
}
