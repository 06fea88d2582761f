package watermark

import (
	"math"
	"slices"
	"sync"
)

const (
	// superSide is how many tiles a super-tile has on a side. Every tile of it
	// has chip signs of its own: a strictly periodic pattern could be read off
	// one image and erased or copied.
	superSide = 8
	superArea = superSide * superSide

	templateShare = 0.26 // of the mark's power
	tileOne       = 1024 // one grey level RMS in a rendered tile
)

// A keying is what one key decides.
type keying struct {
	codeBit []int16           // the code bit that each chip carries
	sign    [superArea][]int8 // chip signs, tile by tile
	spectra []grid8           // by bin: the transform over tiles of its two chips' signs
}

// chips is the number of chips in a tile.
func chips() int { return 2 * len(format.bins) }

// newKeying draws a key's signs and interleaver. Chips are dealt by radius:
// each run of codeLen of them goes onto a permutation of the code bits, so that
// every bit owns low and high frequencies.
func newKeying(k Key) *keying {
	n := chips()
	kg := &keying{codeBit: make([]int16, n)}
	inter := newStream(k.subkey("interleaver"))
	for start := 0; start < n; start += codeLen {
		p := inter.perm(codeLen)
		for i := start; i < min(start+codeLen, n); i++ {
			kg.codeBit[i] = int16(p[i-start])
		}
	}
	signs := newStream(k.subkey("chip signs"))
	for t := range kg.sign {
		kg.sign[t] = make([]int8, n)
		for i := range kg.sign[t] {
			kg.sign[t][i] = signs.sign()
		}
	}
	kg.spectra = make([]grid8, n/2)
	for j := range kg.spectra {
		for t := range superArea {
			kg.spectra[j][t] = complex(float32(kg.sign[t][2*j]), float32(kg.sign[t][2*j+1]))
		}
		kg.spectra[j].transform(false)
	}
	return kg
}

// keyings remembers the keyings of the keys in use; a key ring is small.
var keyings = struct {
	sync.Mutex
	of    map[Key]*keying
	order []Key
}{of: map[Key]*keying{}}

const maxKeyings = 32 // 0.7 MB each

func keyingOf(k Key) *keying {
	keyings.Lock()
	defer keyings.Unlock()
	if kg, ok := keyings.of[k]; ok {
		return kg
	}
	if len(keyings.order) >= maxKeyings {
		delete(keyings.of, keyings.order[0])
		keyings.order = slices.Delete(keyings.order, 0, 1)
	}
	kg := newKeying(k)
	keyings.of[k], keyings.order = kg, append(keyings.order, k)
	return kg
}

// A tile is one rendered tile, in 1/tileOne grey level RMS.
type tile [tileSide * tileSide]int16

// renderTiles renders the tiles of the super-tile that need names, two per
// inverse transform.
func renderTiles(kg *keying, word *[codeLen]byte, need func(t int) bool) *[superArea]*tile {
	var out [superArea]*tile
	var todo []int
	for t := range superArea {
		if need(t) {
			todo = append(todo, t)
		}
	}
	work := make([]complex64, tileSide*tileSide)
	for i := 0; i < len(todo); i += 2 {
		a := todo[i]
		b := todo[min(i+1, len(todo)-1)]
		pairSpectrum(work, kg, word, a, b)
		dftTile.rows(work, neededRows, true)
		dftTile.columns(work, 0, tileSide, true)
		out[a], out[b] = &tile{}, &tile{}
		for j, v := range work {
			out[b][j] = fixed(imag(v))
			out[a][j] = fixed(real(v)) // last, for a == b
		}
	}
	return &out
}

// fixed rounds to a tile's unit, halves up. A tile stays far below the range of
// 32 grey levels.
func fixed(v float32) int16 {
	const up = 1 << 15 // makes it positive, so that truncation rounds down
	return int16(int32(float64(v)*tileOne+(up+0.5)) - up)
}

// lineWave and chipWave are the amplitudes of a line of the template and of a
// chip, such that a tile has unit power. A real wave c e^(i..) + conj has a mean
// square of 2 |c|^2; a bin has two chips. The spectrum is flat: leaned towards high
// frequencies, which the eye sees less, it lost more to low-pass filters.
var (
	lineWave = math.Sqrt(templateShare / 2 / float64(len(format.peaks)))
	chipWave = math.Sqrt((1 - templateShare) / 4 / float64(len(format.bins)))
)

// pairSpectrum writes the spectrum of two tiles, a in the real and b in the
// imaginary part: with A and B Hermitian, the inverse transform of A + iB is
// a + ib.
func pairSpectrum(work []complex64, kg *keying, word *[codeLen]byte, a, b int) {
	clear(work)
	put := func(bn bin, ca, cb complex128) {
		work[bn.ky&(tileSide-1)*tileSide+bn.kx&(tileSide-1)] = complex64(complex(real(ca)-imag(cb), imag(ca)+real(cb)))
		work[-bn.ky&(tileSide-1)*tileSide+-bn.kx&(tileSide-1)] = complex64(complex(real(ca)+imag(cb), real(cb)-imag(ca)))
	}
	for _, p := range format.peaks {
		c := complex(float64(lineWave*real(twiddle[p.phase])), float64(lineWave*imag(twiddle[p.phase])))
		put(p.bin, c, c)
	}
	for i, bn := range format.bins {
		put(bn, kg.chipPair(word, a, i), kg.chipPair(word, b, i))
	}
}

// chipPair is the value of payload bin i in tile t: one chip on the real axis,
// one on the imaginary axis.
func (kg *keying) chipPair(word *[codeLen]byte, t, i int) complex128 {
	value := func(chip int) float64 {
		v := float64(kg.sign[t][chip]) * chipWave
		if word[kg.codeBit[chip]] == 1 {
			return -v
		}
		return v
	}
	return complex(value(2*i), value(2*i+1))
}
