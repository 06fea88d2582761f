package watermark

import (
	"math"
	"slices"
)

// Reading the payload at a lock: fold into the tiles of the super-tile, undo
// each tile's signs, add up, decode.

// observations are the whitened chips of every tile that the picture covers.
type observations struct {
	tiles []int       // tile numbers, from an unknown corner of the super-tile
	chips [][]float32 // by tile: two per payload bin
	area  []int       // pixels by tile
}

// observe folds a turned plane at a lock's shift.
func observe(p plane, l lock) *observations {
	acc := make([][]float32, superArea)
	area := make([]int, superArea)
	for y := range p.h {
		v := y - p.h/2 - l.dy
		ty := (v >> 7) & (superSide - 1)
		row := p.row(y)
		for x := 0; x < p.w; {
			u := x - p.w/2 - l.dx
			t := ty*superSide + (u>>7)&(superSide-1)
			run := min(tileSide-u&(tileSide-1), p.w-x)
			if acc[t] == nil {
				acc[t] = make([]float32, tileSide*tileSide)
			}
			at := (v&(tileSide-1))*tileSide + u&(tileSide-1)
			to := acc[t][at : at+run]
			for i, s := range row[x : x+run] {
				to[i] += s
			}
			area[t] += run
			x += run
		}
	}
	return chipsOf(acc, area, l.sign)
}

// chipsOf transforms the tiles, two at a time, and divides every bin by its
// root mean square over all tiles and its neighbours.
func chipsOf(acc [][]float32, area []int, sign float32) *observations {
	o := &observations{}
	for t, a := range acc {
		if a != nil {
			o.tiles, o.area = append(o.tiles, t), append(o.area, area[t])
		}
	}
	bins := len(format.bins)
	power := make([]float64, bins)
	for i := 0; i < len(o.tiles); i += 2 {
		var s spectrum
		a := acc[o.tiles[i]]
		for j, v := range a {
			s[j] = complex(float64(v), 0)
		}
		pair := i+1 < len(o.tiles)
		if pair {
			for j, v := range acc[o.tiles[i+1]] {
				s[j] = complex(real(s[j]), float64(v))
			}
		}
		s.transform(false)
		one, two := make([]float32, 2*bins), make([]float32, 2*bins)
		for j, b := range format.bins {
			p, q := s.at(b.kx, b.ky), conj(s.at(-b.kx, -b.ky))
			va, vb := (p+q)/2, (p-q)/2
			vb = complex(imag(vb), -real(vb))
			one[2*j], one[2*j+1] = float32(real(va)), float32(imag(va))
			two[2*j], two[2*j+1] = float32(real(vb)), float32(imag(vb))
			power[j] += norm(va) + norm(vb)
		}
		o.chips = append(o.chips, one)
		if pair {
			o.chips = append(o.chips, two)
		}
	}
	o.whiten(power, sign)
	return o
}

func norm(c complex128) float64 { return real(c)*real(c) + imag(c)*imag(c) }

// whiten divides by the noise of each bin. Bins are sorted by radius, so the
// running mean over them follows the spectrum's slope.
func (o *observations) whiten(power []float64, sign float32) {
	const r = 24
	for j := range power {
		lo, hi := max(j-r, 0), min(j+r+1, len(power))
		mean := 0.0
		for _, v := range power[lo:hi] {
			mean += v
		}
		mean = (mean/float64(hi-lo) + power[j]) / 2
		if mean <= 0 {
			continue
		}
		g := sign * float32(math.Sqrt(float64(len(o.chips))/mean))
		for _, c := range o.chips {
			c[2*j] *= g
			c[2*j+1] *= g
		}
	}
}

// weightings try assumptions about how far the picture was low-passed: none,
// and more weight on low frequencies.
const weightings = 2

func weight(w int, b bin) float32 {
	if w == 0 {
		return 1
	}
	return float32(1 / (1 + float64(b.radius2())/150))
}

// A reading is one accepted payload.
type reading struct {
	payload  Payload
	rho      float64
	coverage float64
}

// tries is how many hypotheses read evaluates for one lock and key.
const tries = superArea * weightings

// read looks for the payload of one key. tau is the least chip correlation that
// is accepted.
func (o *observations) read(kg *keying, tau float64) (reading, bool) {
	offsets := o.likelyOffsets(kg)
	best, ok := reading{}, false
	for _, off := range offsets {
		sums := o.despread(kg, off)
		for w := range weightings {
			llr := make([]float32, codeLen)
			for i, v := range sums {
				llr[kg.codeBit[i]] += v * weight(w, format.bins[i/2])
			}
			for _, p := range decode(llr) {
				word := encode(p)
				if rho := o.correlation(kg, &word, sums, w); rho >= tau && rho > best.rho {
					best, ok = reading{p, rho, o.coverage(kg, &word, off)}, true
				}
				break // the list is sorted; the first CRC match is the likeliest
			}
		}
		if ok {
			break
		}
	}
	return best, ok
}

// despread undoes the signs of every tile, for one place of the picture in the
// super-tile, and adds the tiles up.
func (o *observations) despread(kg *keying, offset int) []float32 {
	sums := make([]float32, chips())
	for i, t := range o.tiles {
		sign := kg.sign[shiftTile(t, offset)]
		for j, v := range o.chips[i] {
			sums[j] += v * float32(sign[j])
		}
	}
	return sums
}

func shiftTile(t, offset int) int {
	x := (t%superSide + offset%superSide) & (superSide - 1)
	y := (t/superSide + offset/superSide) & (superSide - 1)
	return y*superSide + x
}

// likelyOffsets returns the two places in the super-tile at which the chips of
// each code bit agree best with one another.
func (o *observations) likelyOffsets(kg *keying) []int {
	type scored struct {
		offset int
		energy float64
	}
	all := make([]scored, superArea)
	var bits [codeLen]float32
	for off := range all {
		clear(bits[:])
		for i, v := range o.despread(kg, off) {
			bits[kg.codeBit[i]] += v
		}
		all[off].offset = off
		for _, b := range bits {
			all[off].energy += float64(b * b)
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return compare(float32(b.energy), float32(a.energy)) })
	return []int{all[0].offset, all[1].offset}
}

// correlation is rho: the sum of the chips that say word, over the root of the
// sum of squares of all chips of all tiles. For signs independent of the
// picture P(rho >= t) <= exp(-t^2/2) (Hoeffding, 1963).
func (o *observations) correlation(kg *keying, word *[codeLen]byte, sums []float32, w int) float64 {
	s, n := 0.0, 0.0
	for i, v := range sums {
		g := float64(weight(w, format.bins[i/2]))
		if word[kg.codeBit[i]] == 1 {
			g = -g
		}
		s += g * float64(v)
	}
	for _, c := range o.chips {
		for i, v := range c {
			g := float64(v) * float64(weight(w, format.bins[i/2]))
			n += g * g
		}
	}
	if n == 0 {
		return 0
	}
	return s / math.Sqrt(n)
}

// coverage estimates the share of the picture that carries the payload: the
// area of the tiles in which it shows by itself.
func (o *observations) coverage(kg *keying, word *[codeLen]byte, offset int) float64 {
	with, all := 0, 0
	for i, t := range o.tiles {
		sign := kg.sign[shiftTile(t, offset)]
		s, n := 0.0, 0.0
		for j, v := range o.chips[i] {
			g := float64(v) * float64(sign[j])
			if word[kg.codeBit[j]] == 1 {
				g = -g
			}
			s += g
			n += g * g
		}
		all += o.area[i]
		if n > 0 && s/math.Sqrt(n) > 1 {
			with += o.area[i]
		}
	}
	return float64(with) / float64(max(all, 1))
}
