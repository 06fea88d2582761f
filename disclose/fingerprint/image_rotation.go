package fingerprint

import "math/rand/v2"

// rounds of signs and transforms make a rotation of which nothing is known without
// the key, close to one drawn evenly among all (Andoni and others, 2015, "Practical
// and optimal LSH for angular distance").
const rounds = 3

// A rotation turns vectors of a power of two of numbers: in every round some of them
// change signs, then comes the Walsh-Hadamard transform. Lengths stay, up to a factor.
type rotation struct {
	signs [rounds][]uint64 // a bit set changes the sign
}

func newRotation(from *rand.ChaCha8, n int) (r rotation) {
	for i := range r.signs {
		r.signs[i] = make([]uint64, n/64)
		for j := range r.signs[i] {
			r.signs[i][j] = from.Uint64()
		}
	}
	return r
}

// turn turns c in place.
func (r *rotation) turn(c []float32) {
	for _, signs := range r.signs {
		for i := range c {
			if signs[i/64]>>(i%64)&1 != 0 {
				c[i] = -c[i]
			}
		}
		hadamard(c)
	}
}

// hadamard is the Walsh-Hadamard transform, not scaled.
func hadamard(c []float32) {
	for n := 1; n < len(c); n *= 2 {
		for i := 0; i < len(c); i += 2 * n {
			a, b := c[i:i+n], c[i+n:i+2*n]
			for k, x := range a {
				y := b[k]
				a[k], b[k] = x+y, x-y
			}
		}
	}
}
