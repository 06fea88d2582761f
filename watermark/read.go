package watermark

import (
	"cmp"
	"math"
	"slices"
)

// A reading is one accepted payload.
type reading struct {
	payload  Payload
	rho      float64
	coverage float64
	place    int // in the super-tile, of the lock's first tile
}

const (
	weightings = 7
	// tries is how many hypotheses read evaluates for one lock and key.
	tries = superArea * weightings
	// leastAgreement is what a hypothesis must show to be decoded, and mostDecoded
	// how many are.
	leastAgreement = 3.2
	mostDecoded    = 5

	rings      = 5   // of the channel's response
	leastShare = 0.1 // of the best ring's weight that any ring keeps
)

// A sounding is the response of the channel by radius, as the template shows it.
type sounding [rings]float64

func ringOf(radius2 int) float64 {
	return (math.Sqrt(float64(radius2)) - minRadius) / (maxRadius - minRadius) * rings
}

// sound measures the response along a lock's final warp.
func sound(s []sighting, sign float32) (r sounding) {
	var n sounding
	for b := range s {
		for p, v := range s[b].v {
			if v == 0 {
				continue
			}
			i := min(int(ringOf(format.peaks[p].radius2())), rings-1)
			r[i] += float64(sign * real(v))
			n[i]++
		}
	}
	most := 0.0
	for i := range r {
		r[i] /= max(n[i], 1)
		most = max(most, r[i])
	}
	for i := range r {
		if most > 0 {
			r[i] = max(r[i]/most, leastShare)
		} else {
			r[i] = 1
		}
	}
	return r
}

// at interpolates between the middles of rings.
func (r *sounding) at(radius2 int) float64 {
	x := clamp(ringOf(radius2)-0.5, 0, rings-1)
	i := min(int(x), rings-2)
	return r[i] + (r[i+1]-r[i])*(x-float64(i))
}

// weightsOf are the assumptions about the channel: as measured, the same more
// pronounced, flat, and low-passed at four radii.
func weightsOf(r *sounding) [weightings][]float32 {
	var w [weightings][]float32
	for i := range w {
		w[i] = make([]float32, len(format.bins))
	}
	for j, b := range format.bins {
		r2, m := float64(b.radius2()), r.at(b.radius2())
		w[0][j], w[1][j], w[2][j] = float32(m), float32(m*m), 1
		w[3][j] = float32(1 / (1 + r2/150))
		for i, cut := range []float64{400, 180, 90} {
			w[4+i][j] = float32(math.Exp(-r2 / cut))
		}
	}
	return w
}

// A hypothesis is one place in the super-tile and one weighting.
type hypothesis struct {
	place, weighting int
	// agreement is how far the chips of each code bit agree beyond chance, in
	// standard deviations of noise.
	agreement float64
}

// read looks for the payload of one key and returns the best word with a valid
// CRC. tau is the least chip correlation that is accepted.
func (o *observations) read(kg *keying, r *sounding, tau float64) (reading, bool) {
	sums, best := o.despread(kg), reading{}
	weights := weightsOf(r)
	for _, h := range o.hypotheses(kg, sums, &weights) {
		llr, w := make([]float32, codeLen), weights[h.weighting]
		for i, v := range sums[h.place] {
			llr[kg.codeBit[i]] += v * w[i/2]
		}
		found := decode(llr)
		if len(found) == 0 {
			continue
		}
		// The list is sorted: the first word with a CRC is the likeliest.
		word := encode(found[0])
		rho := o.correlation(kg, &word, sums[h.place], w)
		if rho > best.rho {
			best = reading{found[0], rho, o.coverage(kg, &word, h.place), h.place}
		}
		if rho >= tau {
			return best, true
		}
	}
	return best, false
}

// hypotheses ranks the places and weightings by how well the chips of each code
// bit agree with one another, which needs no decoding, and keeps those that a
// decoder may succeed at. A word at the limit of acceptance shows tau^2/32, about
// 4.7 standard deviations, give or take one or two: leastAgreement costs few.
func (o *observations) hypotheses(kg *keying, sums *[superArea][]float32, weights *[weightings][]float32) []hypothesis {
	var all []hypothesis
	for k, w := range weights {
		noise := o.power(w)
		if noise == 0 {
			continue
		}
		for place := range sums {
			var bits [codeLen]float32
			for i, v := range sums[place] {
				bits[kg.codeBit[i]] += v * w[i/2]
			}
			energy := 0.0
			for _, b := range bits {
				energy += float64(b * b)
			}
			a := (energy/noise - 1) * math.Sqrt(codeLen/2)
			if a > leastAgreement {
				all = append(all, hypothesis{place, k, a})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b hypothesis) int { return cmp.Compare(b.agreement, a.agreement) })
	return all[:min(len(all), mostDecoded)]
}

// power is the sum of the squares of all chips of all tiles, weighted.
func (o *observations) power(w []float32) float64 {
	n := 0.0
	for _, c := range o.chips {
		for i, v := range c {
			g := v * w[i/2]
			n += float64(g * g)
		}
	}
	return n
}

func shiftTile(t, offset int) int {
	x := (t%superSide + offset%superSide) & (superSide - 1)
	y := (t/superSide + offset/superSide) & (superSide - 1)
	return y*superSide + x
}

// correlation is rho: the sum of the chips that say word, over the root of the
// sum of squares of all chips of all tiles. For signs independent of the
// picture P(rho >= t) <= exp(-t^2/2) (Hoeffding, 1963).
func (o *observations) correlation(kg *keying, word *[codeLen]byte, sums, w []float32) float64 {
	s := 0.0
	for i, v := range sums {
		g := float64(w[i/2])
		if word[kg.codeBit[i]] == 1 {
			g = -g
		}
		s += g * float64(v)
	}
	n := o.power(w)
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
