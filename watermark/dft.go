package watermark

// A dft transforms arrays of n by n complex numbers in place, n a power of two,
// in single precision. Every product is rounded by itself, so that no platform
// fuses it with a sum and a marked picture is the same everywhere.
type dft struct {
	n       int
	reverse []int
	turn    []complex64 // exp(-2 pi i k/n)
}

func newDFT(n int) *dft {
	f := &dft{n: n, reverse: make([]int, n), turn: make([]complex64, n)}
	for i, c := range turns(n) {
		f.turn[i] = conj64(complex64(c))
	}
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		f.reverse[i] = j
	}
	return f
}

var (
	dftTile  = newDFT(tileSide)
	dftSmall = newDFT(256)
	dftLarge = newDFT(512)
)

// dftBlock is how many columns are transformed together: few enough for them to
// stay in the first cache.
const dftBlock = 32

// columns transforms the columns of a from lo up to hi. a holds n rows of n.
// The inverse is not scaled.
func (f *dft) columns(a []complex64, lo, hi int, inverse bool) {
	for ; lo < hi; lo += dftBlock {
		f.block(a, lo, min(lo+dftBlock, hi), inverse)
	}
}

// block is a decimation in time over whole row pieces, two stages at a time.
func (f *dft) block(a []complex64, lo, hi int, inverse bool) {
	n := f.n
	row := func(y int) []complex64 { return a[y*n+lo : y*n+hi] }
	for y, r := range f.reverse {
		if y < r {
			p, q := row(y), row(r)
			for i, v := range p {
				p[i], q[i] = q[i], v
			}
		}
	}
	half := 1
	if bitsOf(n)&1 == 1 {
		for y := 0; y < n; y += 2 {
			sumDifference(row(y), row(y+1))
		}
		half = 2
	}
	for ; half < n; half *= 4 {
		for j := range half {
			w1, w2 := f.turn[j*(n/(2*half))], f.turn[j*(n/(4*half))]
			for y := j; y < n; y += 4 * half {
				radix4(row(y), row(y+half), row(y+2*half), row(y+3*half), w1, w2, senseOf(inverse))
			}
		}
	}
}

// senseOf is the sign that the inverse gives to all angles.
func senseOf(inverse bool) float32 {
	if inverse {
		return -1
	}
	return 1
}

// rows transforms row y of a for every y that want lists.
func (f *dft) rows(a []complex64, want []int, inverse bool) {
	for _, y := range want {
		f.line(a[y*f.n:(y+1)*f.n], inverse)
	}
}

// line transforms n numbers.
func (f *dft) line(a []complex64, inverse bool) {
	n := f.n
	a = a[:n]
	for i, r := range f.reverse {
		if i < r {
			a[i], a[r] = a[r], a[i]
		}
	}
	half := 1
	if bitsOf(n)&1 == 1 {
		for i := 0; i < n; i += 2 {
			p, q := a[i], a[i+1]
			a[i], a[i+1] = p+q, p-q
		}
		half = 2
	}
	sense := senseOf(inverse)
	for ; half < n; half *= 4 {
		s1, s2 := n/(2*half), n/(4*half)
		for y := 0; y < n; y += 4 * half {
			a0, a1 := a[y:y+half], a[y+half:y+2*half]
			a2, a3 := a[y+2*half:y+3*half], a[y+3*half:y+4*half]
			a1, a2, a3 = a1[:len(a0)], a2[:len(a0)], a3[:len(a0)]
			for j := range a0 {
				w1, w2 := f.turn[j*s1], f.turn[j*s2]
				w1, w2 = complex(real(w1), sense*imag(w1)), complex(real(w2), sense*imag(w2))
				t1, t3 := mul64(a1[j], w1), mul64(a3[j], w1)
				b0, b1, b2, b3 := a0[j]+t1, a0[j]-t1, a2[j]+t3, a2[j]-t3
				u2, u3 := mul64(b2, w2), quarter(mul64(b3, w2), sense)
				a0[j], a1[j], a2[j], a3[j] = b0+u2, b1+u3, b0-u2, b1-u3
			}
		}
	}
}

// radix4 is two radix-2 stages over pieces of rows: (0,1) and (2,3) with w1, then
// (0,2) with w2 and (1,3) with w2 a quarter turn on. line has it once more with
// factors that change: a function for one step would not be inlined.
func radix4(a0, a1, a2, a3 []complex64, w1, w2 complex64, sense float32) {
	a1, a2, a3 = a1[:len(a0)], a2[:len(a0)], a3[:len(a0)]
	w1, w2 = complex(real(w1), sense*imag(w1)), complex(real(w2), sense*imag(w2))
	for i := range a0 {
		t1, t3 := mul64(a1[i], w1), mul64(a3[i], w1)
		b0, b1, b2, b3 := a0[i]+t1, a0[i]-t1, a2[i]+t3, a2[i]-t3
		u2, u3 := mul64(b2, w2), quarter(mul64(b3, w2), sense)
		a0[i], a1[i], a2[i], a3[i] = b0+u2, b1+u3, b0-u2, b1-u3
	}
}

// quarter turns by -90 degrees, or by 90 in the other sense.
func quarter(c complex64, sense float32) complex64 {
	return complex(sense*imag(c), -sense*real(c))
}

func sumDifference(p, q []complex64) {
	q = q[:len(p)]
	for i := range p {
		p[i], q[i] = p[i]+q[i], p[i]-q[i]
	}
}

// mul64 multiplies in single precision; the language's own product of complex64
// goes through float64.
func mul64(a, b complex64) complex64 {
	return complex(
		float32(real(a)*real(b))-float32(imag(a)*imag(b)),
		float32(real(a)*imag(b))+float32(imag(a)*real(b)),
	)
}

func conj64(c complex64) complex64 { return complex(real(c), -imag(c)) }

func norm64(c complex64) float32 { return real(c)*real(c) + imag(c)*imag(c) }

func bitsOf(n int) int {
	b := 0
	for ; n > 1; n >>= 1 {
		b++
	}
	return b
}

// turns are exp(2 pi i k/n), by their series with every product rounded.
func turns(n int) []complex128 {
	const turn = 2 * 3.14159265358979323846264338327950288
	t := make([]complex128, n)
	for k := range t {
		x := float64(turn*float64(k)) / float64(n)
		if k > n/2 {
			x = float64(turn*float64(k-n)) / float64(n)
		}
		re, im, term := 1.0, 0.0, 1.0
		for i := 1; i < 40; i++ {
			term = float64(term*x) / float64(i)
			switch i % 4 {
			case 0:
				re += term
			case 1:
				im += term
			case 2:
				re -= term
			case 3:
				im -= term
			}
		}
		t[k] = complex(re, im)
	}
	return t
}

// twiddle are the phases that a template's line can have.
var twiddle = turns(tileSide)
