package watermark

// tileSide is the period T of the template and the side of one payload tile, in
// pixels.
const tileSide = 128

// A spectrum is a tileSide x tileSide array of complex numbers, row by row.
type spectrum [tileSide * tileSide]complex128

// twiddle[k] = exp(2 pi i k / tileSide). Computed by a Taylor series with every
// product rounded, so that no platform fuses a multiplication with an addition
// and a marked image is the same everywhere.
var twiddle = makeTwiddles()

func makeTwiddles() [tileSide]complex128 {
	const turn = 2 * 3.14159265358979323846264338327950288
	var t [tileSide]complex128
	for k := range t {
		x := float64(turn*float64(k)) / tileSide
		if k > tileSide/2 {
			x = float64(turn*float64(k-tileSide)) / tileSide
		}
		re, im, term := 1.0, 0.0, 1.0
		for n := 1; n < 40; n++ {
			term = float64(term*x) / float64(n)
			switch n % 4 {
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

// fftLine transforms tileSide numbers at a[0], a[stride], ... in place: the
// discrete Fourier transform with exp(-2 pi i), or without scaling its inverse.
// Radix 2, decimation in time (Cooley and Tukey, 1965).
func fftLine(a []complex128, stride int, inverse bool) {
	for i, j := 1, 0; i < tileSide; i++ {
		bit := tileSide >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		if i < j {
			a[i*stride], a[j*stride] = a[j*stride], a[i*stride]
		}
	}
	for size := 2; size <= tileSide; size <<= 1 {
		half, step := size/2, tileSide/size
		for k := range half {
			w := twiddle[k*step]
			wr, wi := real(w), imag(w)
			if !inverse {
				wi = -wi
			}
			for i := k; i < tileSide; i += size {
				p, q := a[i*stride], a[(i+half)*stride]
				qr := float64(real(q)*wr) - float64(imag(q)*wi)
				qi := float64(real(q)*wi) + float64(imag(q)*wr)
				a[i*stride] = complex(real(p)+qr, imag(p)+qi)
				a[(i+half)*stride] = complex(real(p)-qr, imag(p)-qi)
			}
		}
	}
}

// transform is the two-dimensional transform in place, without scaling.
func (s *spectrum) transform(inverse bool) {
	for y := range tileSide {
		fftLine(s[y*tileSide:(y+1)*tileSide], 1, inverse)
	}
	var col [tileSide]complex128
	for x := range tileSide {
		for y := range tileSide {
			col[y] = s[y*tileSide+x]
		}
		fftLine(col[:], 1, inverse)
		for y := range tileSide {
			s[y*tileSide+x] = col[y]
		}
	}
}

// at returns the number at frequency (kx,ky), negative ones included.
func (s *spectrum) at(kx, ky int) complex128 {
	return s[(ky&(tileSide-1))*tileSide+kx&(tileSide-1)]
}

func (s *spectrum) set(kx, ky int, v complex128) {
	s[(ky&(tileSide-1))*tileSide+kx&(tileSide-1)] = v
}
