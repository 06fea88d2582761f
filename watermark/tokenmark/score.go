package tokenmark

import (
	"fmt"
	"math"
)

// A scorer draws the numbers of one profile again.
type scorer interface {
	// score returns the evidence of token after the context (the oldest token
	// first), and the identity of the numbers it was drawn from: what was
	// drawn from the same numbers before is no evidence any more.
	score(context []uint32, token uint32) (evidence float64, drawn identity)
	// logTail is the logarithm of the chance that n pieces of evidence, all
	// independent and of text without a mark, sum up to score or more.
	logTail(score float64, n int) float64
}

// An identity names the numbers that a piece of evidence was drawn from.
type identity struct{ a, b uint64 }

func newScorer(p Profile) scorer {
	switch p.Scheme {
	case DualGumbel:
		return dualScorer{newPRF(p.Key.derive("key_a")), newPRF(p.Key.derive("key_b")), p.Alpha}
	case SBW:
		below := greenBelow(p.Gamma)
		return sbwScorer{key: int64(p.Key.value), below: below, left: p.Seeding == LeftHash}
	}
	return gumbelScorer{newPRF(p.Key)}
}

// gumbelScorer: the sampler takes the token with the largest ln p + noise, where
// noise = -ln(-ln u), which prefers large u. Without a mark u is uniform, so
// -ln(1-u) is exponential with mean 1 and n of them sum to Gamma(n, 1).
type gumbelScorer struct{ f prf }

func (g gumbelScorer) score(context []uint32, token uint32) (float64, identity) {
	state := g.f.context(context)
	return exponential(g.f.word(state, token)), contextIdentity(state)
}

func (g gumbelScorer) logTail(score float64, n int) float64 { return logGammaTail(float64(n), score) }

// dualScorer scores a token against both keys, with weights 1-alpha and alpha,
// since nothing says which key drew it.
type dualScorer struct {
	a, b  prf
	alpha float64
}

func (d dualScorer) score(context []uint32, token uint32) (float64, identity) {
	state := d.a.context(context)
	first := exponential(d.a.word(state, token))
	second := exponential(d.b.word(d.b.context(context), token))
	return (1-d.alpha)*first + d.alpha*second, contextIdentity(state)
}

func (d dualScorer) logTail(score float64, n int) float64 {
	return logWeightedTail(n, 1-d.alpha, d.alpha, score)
}

// exponential is -ln(1-u), at most 24 ln 2: u stays below 1 in single precision.
func exponential(word uint32) float64 { return -math.Log1p(-float64(uniform(word))) }

// contextIdentity stands for the context: one random vector per context. The
// sampler skips a context that it has used, so only its first token is marked.
func contextIdentity(s block) identity {
	return identity{uint64(s[0])<<32 | uint64(s[1]), uint64(s[2])<<32 | uint64(s[3])}
}

// sbwScorer counts green tokens. A seed of 64 bits keys Philox, and the token's
// word there decides: its lower 31 bits are below gamma (2^31 - 1) or not.
type sbwScorer struct {
	key   int64
	below uint32
	left  bool
}

// greenBelow is the bound under which the lower 31 bits mean green.
func greenBelow(gamma float64) uint32 {
	if !(gamma > 0 && gamma < 1) {
		return 0
	}
	return uint32(gamma * math.MaxInt32)
}

func (s sbwScorer) score(context []uint32, token uint32) (float64, identity) {
	seed := s.seed(context, token)
	out := philox(block{token >> 2}, uint32(seed), uint32(seed>>32))
	var green float64
	if out[token&3]&math.MaxInt32 < s.below {
		green = 1
	}
	return green, identity{seed, uint64(token)}
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

// An accumulator adds up the evidence of one text for one profile.
type accumulator struct {
	profile Profile
	scorer  scorer
	window  []uint32 // the tokens before, the oldest first
	drawn   map[identity]struct{}
	score   float64
	scored  int
}

// padding stands before the first token: -1, which is no token id.
const padding = math.MaxUint32

func newAccumulators(profiles []Profile) ([]*accumulator, error) {
	if len(profiles) == 0 || len(profiles) > MaxProfiles {
		return nil, fmt.Errorf("%w: %d profiles, want 1 to %d", ErrProfile, len(profiles), MaxProfiles)
	}
	accs := make([]*accumulator, len(profiles))
	for i, p := range profiles {
		p, err := p.complete()
		if err != nil {
			return nil, fmt.Errorf("profile %d: %w", i, err)
		}
		window := make([]uint32, p.ContextWidth)
		for j := range window {
			window[j] = padding
		}
		accs[i] = &accumulator{profile: p, scorer: newScorer(p), window: window, drawn: map[identity]struct{}{}}
	}
	return accs, nil
}

func (a *accumulator) add(ids []int32) {
	for _, id := range ids {
		token := uint32(id)
		evidence, drawn := a.scorer.score(a.window, token)
		if _, again := a.drawn[drawn]; !again {
			a.drawn[drawn] = struct{}{}
			a.score += evidence
			a.scored++
		}
		copy(a.window, a.window[1:])
		a.window[len(a.window)-1] = token
	}
}
