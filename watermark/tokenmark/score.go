package tokenmark

import "math"

// A scorer draws the numbers of one profile again, for one text.
type scorer interface {
	// score returns the evidence of token after the context, the oldest token
	// first. It is no evidence where ok is false.
	score(context []uint32, token uint32) (evidence float64, ok bool)
	// logTail is the logarithm of the chance that n pieces of evidence, all
	// independent and of text without a mark, sum up to score or more.
	logTail(score float64, n int) float64
}

func newScorer(p Profile) scorer {
	switch p.Scheme {
	case DualGumbel:
		return dualScorer{newPRF(p.Key.derive("key_a")), newPRF(p.Key.derive("key_b")), p.Alpha}
	case SBW:
		below := greenBelow(p.Gamma)
		return sbwScorer{key: int64(p.Key.value), below: below, left: p.Seeding == LeftHash, drawn: map[coin]struct{}{}}
	}
	return gumbelScorer{newPRF(p.Key)}
}

// gumbelScorer: the sampler takes the token with the largest ln p + noise, where
// noise = -ln(-ln u), which prefers large u. Without a mark u is uniform, so
// -ln(1-u) is exponential with mean 1 and n of them sum to Gamma(n, 1).
type gumbelScorer struct{ f prf }

func (g gumbelScorer) score(context []uint32, token uint32) (float64, bool) {
	return exponential(g.f.word(g.f.context(context), token)), true
}

func (g gumbelScorer) logTail(score float64, n int) float64 { return logGammaTail(float64(n), score) }

// dualScorer scores a token against both keys, with weights 1-alpha and alpha,
// since nothing says which key drew it.
type dualScorer struct {
	a, b  prf
	alpha float64
}

func (d dualScorer) score(context []uint32, token uint32) (float64, bool) {
	first := exponential(d.a.word(d.a.context(context), token))
	second := exponential(d.b.word(d.b.context(context), token))
	return (1-d.alpha)*first + d.alpha*second, true
}

func (d dualScorer) logTail(score float64, n int) float64 {
	return logWeightedTail(n, 1-d.alpha, d.alpha, score)
}

// exponential is -ln(1-u), at most 24 ln 2: u stays below 1 in single precision.
func exponential(word uint32) float64 { return -math.Log1p(-float64(uniform(word))) }

// sbwScorer counts green tokens. A seed of 64 bits keys Philox, and the token's
// word there decides: its lower 31 bits are below gamma (2^31 - 1) or not.
type sbwScorer struct {
	key   int64
	below uint32
	left  bool
	drawn map[coin]struct{}
}

// A coin names the draw that decided whether a token is green. Different contexts
// can share one, and the same draw twice is one piece of evidence.
type coin struct {
	seed  uint64
	token uint32
}

// greenBelow is the bound under which the lower 31 bits mean green.
func greenBelow(gamma float64) uint32 {
	if !(gamma > 0 && gamma < 1) {
		return 0
	}
	return uint32(gamma * math.MaxInt32)
}

func (s sbwScorer) score(context []uint32, token uint32) (float64, bool) {
	c := coin{s.seed(context, token), token}
	if _, again := s.drawn[c]; again {
		return 0, false
	}
	s.drawn[c] = struct{}{}
	out := philox(block{token >> 2}, uint32(c.seed), uint32(c.seed>>32))
	if out[token&3]&math.MaxInt32 < s.below {
		return 1, true
	}
	return 0, true
}

// seed returns the Philox key. All products and sums wrap around in 64 bits, and
// the smallest is that of signed comparison, as in PyTorch's int64.
func (s sbwScorer) seed(context []uint32, token uint32) uint64 {
	if s.left {
		var sum int64
		for _, t := range context {
			sum += int64(int32(t))
		}
		return uint64(s.key * sum)
	}
	h := hash32(token)
	low := s.key * h * h
	for _, t := range context[1:] { // the oldest takes no part
		low = min(low, s.key*hash32(t)*h)
	}
	return uint64(low)
}

func (s sbwScorer) logTail(score float64, n int) float64 {
	return logBinomialTail(int(score), n, float64(s.below)/(1<<31))
}

// hash32 mixes a token id in wrapping 32-bit arithmetic with arithmetic right
// shifts (sbw.py, after R. Jenkins). The padding, -1, hashes to 0.
func hash32(token uint32) int64 {
	i := int32(token + 1)
	i -= i << 6
	i ^= i >> 17
	i -= i << 9
	i ^= i << 4
	i -= i << 3
	i ^= i << 10
	i ^= i >> 15
	return int64(i)
}
