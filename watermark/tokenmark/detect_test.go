package tokenmark

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func mustDetect(t testing.TB, ids []int32, profiles ...Profile) []Detection {
	t.Helper()
	found, err := Detect(ids, profiles...)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// common draws ids as words come: few of them often, so that contexts repeat.
func common(r *rand.Rand, n int) []int32 {
	z := rand.NewZipf(r, 1.3, 2, 5000)
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(z.Uint64())
	}
	return ids
}

// On text without a mark the p-value is at most x with a chance of at most x, up
// to what 5,000 texts can tell (four standard deviations), and for the continuous
// statistics with no smaller chance either. Keys are drawn anew per text, so that
// the texts are independent.
func TestUnmarkedIdsGiveUniformPValues(t *testing.T) {
	const texts = 5000
	levels := []float64{0.5, 0.1, 0.01, 0.001}
	for name, p := range schemes(0) {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 11))
			below := make([]int, len(levels))
			for range texts {
				p.Key = NewKey(r.Uint64() >> 1)
				d := mustDetect(t, common(r, 20+r.IntN(120)), p)[0]
				for i, x := range levels {
					if d.P <= x {
						below[i]++
					}
				}
			}
			for i, x := range levels {
				slack := 4 * math.Sqrt(texts*x*(1-x))
				if got := float64(below[i]); got > texts*x+slack || p.Scheme != SBW && got < texts*x-slack {
					t.Errorf("p <= %v for %d of %d texts, want %v +- %.1f", x, below[i], texts, texts*x, slack)
				}
			}
		})
	}
}

// Counting every context once and no more, a few common words would make SBW's
// p-values too low. This is what counting coins is for.
func TestSharedCoinsWouldMislead(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	const texts = 2000
	var vllm, ours int
	for range texts {
		p := Profile{Scheme: SBW, Key: NewKey(r.Uint64() >> 1)}
		ids := common(r, 150)
		score, scored := vllmScore(p, ids, true)
		if vllmP(SBW, 0, score, scored) <= 0.001 {
			vllm++
		}
		if mustDetect(t, ids, p)[0].P <= 0.001 {
			ours++
		}
	}
	t.Logf("p <= 0.001 for %d of %d texts by contexts alone, %d by coins", vllm, texts, ours)
	if vllm < 20*texts/1000 || ours > 4*texts/1000 {
		t.Fatalf("p <= 0.001 for %d of %d texts by contexts alone, %d by coins; want many and few", vllm, texts, ours)
	}
}

// Marked texts are found, and with the wrong key they are not. Tokens and scale
// of the logits are such that a few nats per token leave room for a mark.
func TestMarkedIdsAreFound(t *testing.T) {
	for name, p := range schemes(0x0123456789abcdef) {
		t.Run(name, func(t *testing.T) {
			n := 120
			if p.Scheme == SBW {
				n = 500
			}
			r := rand.New(rand.NewPCG(1, 2))
			s := sampler{profile: p, delta: 2, logits: model(r, 256, 2), draw: softmax(r), second: func(int) bool { return r.Float64() < 0.1 }}
			ids := s.generate(n)
			wrong := p
			wrong.Key = NewKey(12345)
			found := mustDetect(t, ids, wrong, p)
			if !found[1].Found || found[1].KeyID != p.Key.ID() {
				t.Errorf("marked: %+v, want found", found[1])
			}
			if found[0].Found || found[0].P < 1e-3 {
				t.Errorf("wrong key: %+v, want nothing", found[0])
			}
			// An excerpt loses the tokens whose context was cut off, no more.
			if d := mustDetect(t, ids[n/10:], p)[0]; !d.Found {
				t.Errorf("excerpt: %+v, want found", d)
			}
			// Without the mark nothing is found.
			s.repeats, s.profile.Key = false, NewKey(99)
			if d := mustDetect(t, s.generate(n), p)[0]; d.Found {
				t.Errorf("other key's text: %+v, want nothing", d)
			}
		})
	}
}

// Every replaced token costs its own evidence and that of ContextWidth more.
func TestReplacedTokensCostTheirNeighbours(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	p := Profile{Key: NewKey(42)}
	ids := sampler{profile: p, logits: model(r, 1000, 2), draw: softmax(r)}.generate(400)
	whole := mustDetect(t, ids, p)[0]
	for i := 0; i < len(ids); i += 10 {
		ids[i] = int32(r.IntN(1000))
	}
	damaged := mustDetect(t, ids, p)[0]
	if !damaged.Found || damaged.Score > whole.Score {
		t.Fatalf("a tenth replaced: %+v, want found and less than %+v", damaged, whole)
	}
}

func TestRateIsOverAllProfiles(t *testing.T) {
	ids := parseIDs(t, fewWords)
	p := Profile{Key: NewKey(42)}
	one := mustDetect(t, ids, p)[0]
	if one.FalsePositiveRate != one.P || !one.Found {
		t.Fatalf("one profile: %+v, want a rate of P", one)
	}
	many := append(slices.Repeat([]Profile{{Key: NewKey(1)}}, MaxProfiles-1), p)
	all := mustDetect(t, ids, many...)
	last := all[len(all)-1]
	if last.FalsePositiveRate != one.P*MaxProfiles || last.P != one.P {
		t.Fatalf("%d profiles: rate %v, want %v", MaxProfiles, last.FalsePositiveRate, one.P*MaxProfiles)
	}
	if all[0].FalsePositiveRate > 1 {
		t.Fatalf("rate = %v, want at most 1", all[0].FalsePositiveRate)
	}
	// What is found alone with little to spare is not among 64.
	weak := ids
	for mustDetect(t, weak, p)[0].P < 2*Threshold/MaxProfiles {
		weak = weak[:len(weak)-1]
	}
	if a, b := mustDetect(t, weak, p)[0], mustDetect(t, weak, many...)[MaxProfiles-1]; !a.Found || b.Found {
		t.Fatalf("alone %+v, among %d %+v: want found, then not", a, MaxProfiles, b)
	}
}

func TestNothingToScore(t *testing.T) {
	for name, p := range schemes(1) {
		if d := mustDetect(t, nil, p)[0]; d.P != 1 || d.LogP != 0 || d.FalsePositiveRate != 1 || d.Found || d.Scored != 0 {
			t.Errorf("%s: %+v, want P = 1", name, d)
		}
	}
}

// A loop of one token gives one piece of evidence per context, however long.
func TestRepetitionIsNoEvidence(t *testing.T) {
	for name, p := range schemes(7) {
		d := mustDetect(t, slices.Repeat([]int32{5}, 10_000), p)[0]
		if d.Scored > 6 || d.Found {
			t.Errorf("%s: %+v, want at most 6 scored", name, d)
		}
	}
}

func TestTinyChancesKeepTheirOrder(t *testing.T) {
	p := Profile{Key: NewKey(42)}
	f := newPRF(p.Key)
	context := slices.Repeat([]uint32{padding}, 4)
	var ids []int32
	for range 300 { // the best of 2,000 tokens every time
		best, state := uint32(0), f.context(context)
		for token := range uint32(2000) {
			if f.word(state, token) > f.word(state, best) {
				best = token
			}
		}
		ids = append(ids, int32(best))
		context = append(context[1:], best)
	}
	some, all := mustDetect(t, ids[:200], p)[0], mustDetect(t, ids, p)[0]
	if all.P != 0 || !(all.LogP < some.LogP) || math.IsInf(all.LogP, 0) {
		t.Fatalf("ln P = %v of 200 tokens, %v of 300 (P = %v), want it finite and falling", some.LogP, all.LogP, all.P)
	}
}

func TestLimits(t *testing.T) {
	p := Profile{Key: NewKey(1)}
	for _, c := range []struct {
		name     string
		ids      []int32
		profiles []Profile
		want     error
	}{
		{"too long", make([]int32, MaxTokens+1), []Profile{p}, ErrTooLong},
		{"negative", []int32{1, -1}, []Profile{p}, ErrToken},
		{"no profile", nil, nil, ErrProfile},
		{"too many profiles", nil, slices.Repeat([]Profile{p}, MaxProfiles+1), ErrProfile},
		{"no key", nil, []Profile{{}}, ErrProfile},
		{"scheme", nil, []Profile{{Key: p.Key, Scheme: 3}}, ErrProfile},
		{"seeding", nil, []Profile{{Key: p.Key, Seeding: 2}}, ErrProfile},
		{"sbw key", nil, []Profile{{Key: NewKey(1 << 63), Scheme: SBW}}, ErrProfile},
		{"width", nil, []Profile{{Key: p.Key, ContextWidth: 65}}, ErrProfile},
		{"negative width", nil, []Profile{{Key: p.Key, ContextWidth: -1}}, ErrProfile},
		{"alpha", nil, []Profile{{Key: p.Key, Alpha: 0.001}}, ErrProfile},
		{"alpha NaN", nil, []Profile{{Key: p.Key, Alpha: math.NaN()}}, ErrProfile},
		{"gamma", nil, []Profile{{Key: p.Key, Gamma: 1}}, ErrProfile},
		{"tiny gamma", nil, []Profile{{Key: p.Key, Gamma: 1e-12}}, ErrProfile},
	} {
		if _, err := Detect(c.ids, c.profiles...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestSchemeNames(t *testing.T) {
	for _, s := range []Scheme{Gumbel, DualGumbel, SBW} {
		if got, err := ParseScheme(s.String()); err != nil || got != s {
			t.Errorf("ParseScheme(%q) = %v, %v", s, got, err)
		}
	}
	if _, err := ParseScheme("kgw"); !errors.Is(err, ErrProfile) {
		t.Errorf("ParseScheme(kgw): %v, want ErrProfile", err)
	}
	if got := Scheme(9).String(); got != "scheme(9)" {
		t.Errorf("Scheme(9) = %q", got)
	}
}

// A higher score never has a higher chance.
func TestTailsFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3000).Draw(t, "n")
		alpha := rapid.Float64Range(minAlpha, maxAlpha).Draw(t, "alpha")
		score := rapid.Float64Range(0, 16).Draw(t, "score") * float64(n)
		more := score * rapid.Float64Range(1.001, 2).Draw(t, "factor")
		for name, tail := range map[string]func(float64) float64{
			"gamma":    func(s float64) float64 { return logGammaTail(float64(n), s) },
			"weighted": func(s float64) float64 { return logWeightedTail(n, 1-alpha, alpha, s) },
			"binomial": func(s float64) float64 { return logBinomialTail(int(s/16), n, alpha) },
		} {
			a, b := tail(score), tail(more)
			if !(a <= 1e-9 && b <= a+1e-9+1e-12*math.Abs(a)) {
				t.Fatalf("%s: ln tail %v at %v, %v at %v", name, a, score, b, more)
			}
		}
	})
}
