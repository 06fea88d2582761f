package tokenmark

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A sampler draws tokens as vLLM does with a watermark: GumbelWatermarker,
// DualKeyGumbelWatermarker and SBWWatermarker of vllm/v1/watermarking.
type sampler struct {
	profile Profile
	delta   float32
	logits  func(position int) []float32
	draw    func(logits []float32) int // draws without a mark
	second  func(position int) bool    // whether DualGumbel's second key draws
	repeats bool                       // mark repeated contexts too
}

func (s sampler) generate(n int) []int32 {
	p, err := s.profile.complete()
	if err != nil {
		panic(err)
	}
	context := slices.Repeat([]uint32{padding}, p.ContextWidth)
	seen := map[string]bool{}
	ids := make([]int32, 0, n)
	for len(ids) < n {
		logits, name := s.logits(len(ids)), contextName(context)
		var token int
		if seen[name] && !s.repeats {
			token = s.draw(logits)
		} else {
			token = s.marked(p, context, logits, len(ids))
		}
		seen[name] = true
		ids = append(ids, int32(token))
		context = append(context[1:], uint32(token))
	}
	return ids
}

func (s sampler) marked(p Profile, context []uint32, logits []float32, position int) int {
	switch p.Scheme {
	case SBW:
		return s.draw(s.biased(p, context, logits))
	case DualGumbel:
		key := p.Key.derive("key_a")
		if s.second(position) {
			key = p.Key.derive("key_b")
		}
		return gumbelMax(newPRF(key), context, logits)
	}
	return gumbelMax(newPRF(p.Key), context, logits)
}

func gumbelMax(f prf, context []uint32, logits []float32) int {
	best, at := float32(math.Inf(-1)), 0
	state := f.context(context)
	for token, l := range logits {
		u := float64(uniform(f.word(state, uint32(token))))
		if v := l + float32(-math.Log(-math.Log(u))); v > best {
			best, at = v, token
		}
	}
	return at
}

func (s sampler) biased(p Profile, context []uint32, logits []float32) []float32 {
	out := slices.Clone(logits)
	for token := range out {
		if green, _ := newScorer(p).score(context, uint32(token)); green == 1 {
			out[token] += s.delta
		}
	}
	return out
}

func argmax(logits []float32) int {
	best := 0
	for i, l := range logits {
		if l > logits[best] {
			best = i
		}
	}
	return best
}

// fixture is the logits of vLLM's golden candidates (golden_candidates.py).
type fixture struct{ vocabulary, tokens, dominant, bias int }

var (
	balanced   = fixture{128, 64, -1, 0}
	repetitive = fixture{16, 48, 3, 52}
	middle     = fixture{8, 64, 3, 16}
	short      = fixture{16, 8, -1, 0}
)

func (f fixture) logits(position int) []float32 {
	out := make([]float32, f.vocabulary)
	for token := range out {
		v := (token*37+position*17)%131 - 56
		if token == f.dominant {
			v += f.bias
		}
		out[token] = float32(v) / 16
	}
	return out
}

// The sampler of these tests draws the tokens that vLLM's drew: what is found
// below in its texts is what vLLM would have written, logits apart. The goldens
// left out are those drawn with options it does not have.
func TestSamplerDrawsWhatVLLMDrew(t *testing.T) {
	fixtures := map[string]fixture{
		"gumbel/key 0, width 1":                    balanced,
		"gumbel/key 42, width 4":                   balanced,
		"gumbel/key 2^32, width 5, repeats scored": balanced,
		"gumbel/few words, repeats scored":         middle,
		"gumbel/8 tokens":                          short,
		"gumbel/repetitive, width 1":               repetitive,
		"dual/key 0, alpha 0.1":                    balanced,
		"dual/key 2^32, width 5, alpha 0.5":        balanced,
		"sbw/key 0, width 1":                       balanced,
		"sbw/key 42, width 4":                      balanced,
		"sbw/repetitive":                           repetitive,
	}
	for _, g := range goldens {
		f, ok := fixtures[g.name]
		if !ok {
			continue
		}
		delete(fixtures, g.name)
		s := sampler{
			profile: Profile{Scheme: g.scheme, Key: NewKey(g.key), ContextWidth: g.width}, delta: 2,
			logits: f.logits, draw: argmax, repeats: strings.Contains(g.name, "repeats scored"),
			second: func(i int) bool { return 1-g.alpha <= goldenRatio(i) },
		}
		if got, want := s.generate(f.tokens), parseIDs(t, g.ids); !slices.Equal(got, want) {
			t.Errorf("%s: drawn\n%v, want\n%v", g.name, got, want)
		}
	}
	for name := range fixtures {
		t.Errorf("no golden %q", name)
	}
}

// goldenRatio is vLLM's low-discrepancy sequence of routing draws.
func goldenRatio(i int) float64 {
	_, frac := math.Modf(float64(i+1) * (math.Sqrt(5) - 1) / 2)
	return math.Round(frac*1e4) / 1e4
}

// model makes logits of some entropy: normal, times scale, in a vocabulary.
func model(r *rand.Rand, vocabulary int, scale float32) func(int) []float32 {
	return func(int) []float32 {
		out := make([]float32, vocabulary)
		for i := range out {
			out[i] = scale * float32(r.NormFloat64())
		}
		return out
	}
}

// softmax draws from the distribution of logits.
func softmax(r *rand.Rand) func([]float32) int {
	return func(logits []float32) int {
		best, at := math.Inf(-1), 0
		for i, l := range logits {
			if v := float64(l) - math.Log(r.ExpFloat64()); v > best {
				best, at = v, i
			}
		}
		return at
	}
}

// schemes are the profiles that tests go through, named by axis.
func schemes(key uint64) map[string]Profile {
	k := NewKey(key)
	return map[string]Profile{
		"gumbel":            {Key: k},
		"gumbel/width 1":    {Key: k, ContextWidth: 1},
		"dual":              {Scheme: DualGumbel, Key: k},
		"dual/alpha 0.4":    {Scheme: DualGumbel, Key: k, Alpha: 0.4},
		"sbw":               {Scheme: SBW, Key: k},
		"sbw/gamma 0.25":    {Scheme: SBW, Key: k, Gamma: 0.25},
		"sbw/left":          {Scheme: SBW, Key: k, Seeding: LeftHash},
		"sbw/left, width 3": {Scheme: SBW, Key: k, Seeding: LeftHash, ContextWidth: 3},
	}
}
