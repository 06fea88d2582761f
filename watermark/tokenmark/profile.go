package tokenmark

import "fmt"

// A Scheme is an algorithm that a backend marks text with.
type Scheme uint8

// The schemes.
const (
	// Gumbel draws every token by the Gumbel-max trick with noise from the key
	// (S. Aaronson, 2022): the text keeps the model's distribution. It cannot
	// mark greedy output. vLLM's default.
	Gumbel Scheme = iota
	// DualGumbel is Gumbel with two keys derived from one, so that draft and
	// target model of speculative decoding can both mark (S. Dathathri et al.,
	// Nature 634, 2024, supplementary algorithm 6).
	DualGumbel
	// SBW favours a pseudorandom green share of the vocabulary by a bias
	// (S. Ceppi, I. Sanchez, arXiv 2609.03844; of the family of
	// J. Kirchenbauer et al., ICML 2023). It marks greedy output too.
	//
	// With SelfHash a token's colour hangs on the token and on one of it and the
	// tokens before it, whichever hashes lowest: other contexts that share this
	// one share the colour, so each such pair counts once. Counting every
	// context once alone, as vLLM does, takes one coin for several tosses, and
	// common words then make text without a mark score too high.
	SBW
)

var schemeNames = [...]string{Gumbel: "gumbel", DualGumbel: "dual_key_gumbel", SBW: "sbw"}

// String is the algorithm's name in vLLM's --watermark-config.
func (s Scheme) String() string {
	if int(s) < len(schemeNames) {
		return schemeNames[s]
	}
	return fmt.Sprintf("scheme(%d)", uint8(s))
}

// ParseScheme reads the name that String writes.
func ParseScheme(name string) (Scheme, error) {
	for s, n := range schemeNames {
		if n == name {
			return Scheme(s), nil
		}
	}
	return 0, fmt.Errorf("%w: scheme %q, known are %q", ErrProfile, name, schemeNames)
}

// A Seeding says what an SBW green list hangs on.
type Seeding uint8

// The seedings of SBW.
const (
	// SelfHash seeds with the candidate token and the ContextWidth - 1 tokens
	// before it. vLLM's default.
	SelfHash Seeding = iota
	// LeftHash seeds with the sum of the ids of the ContextWidth tokens before.
	// This is what vLLM's sampler does; its detector (sbw.py, commits caaac7c
	// and d6d2f2c) sums hashes of the ids instead, so that it does not find what
	// the sampler marks. There is no known answer for this one.
	LeftHash
)

// A Profile is the configuration that a backend marks with. Its zero fields,
// Key apart, mean vLLM's defaults. Generation and verification have to agree in
// all of them, and in the tokenizer.
type Profile struct {
	Scheme Scheme
	// Key is the secret that the backend is configured with.
	Key Key
	// ContextWidth is the number of tokens that seed the numbers for the next
	// one, 1 to 64. 0 means 4, or 1 for SBW with LeftHash.
	ContextWidth int
	// Alpha is, for DualGumbel, the weight of the second key, 0.01 to 0.99;
	// 0 means 0.1. It should be near the share of tokens that the second key
	// drew: vLLM's alpha without speculative decoding, and with it the share that
	// the target model drew itself.
	Alpha float64
	// Seeding is, for SBW, what the green list hangs on.
	Seeding Seeding
	// Gamma is, for SBW, the green share of the vocabulary, above 0 and below 1;
	// 0 means 0.5. (The strength of the bias, vLLM's delta, is not needed.)
	Gamma float64
}

// Bounds of a Profile.
const (
	maxWidth           = 64
	minAlpha, maxAlpha = 0.01, 0.99
)

// completeAll completes every profile.
func completeAll(profiles []Profile) ([]Profile, error) {
	if len(profiles) == 0 || len(profiles) > MaxProfiles {
		return nil, fmt.Errorf("%w: %d profiles, want 1 to %d", ErrProfile, len(profiles), MaxProfiles)
	}
	whole := make([]Profile, len(profiles))
	for i, p := range profiles {
		p, err := p.complete()
		if err != nil {
			return nil, fmt.Errorf("profile %d: %w", i, err)
		}
		whole[i] = p
	}
	return whole, nil
}

// complete fills in the defaults and refuses what no backend can run.
func (p Profile) complete() (Profile, error) {
	switch {
	case !p.Key.set:
		return p, fmt.Errorf("%w: no key", ErrProfile)
	case int(p.Scheme) >= len(schemeNames):
		return p, fmt.Errorf("%w: %v", ErrProfile, p.Scheme)
	case p.Seeding > LeftHash:
		return p, fmt.Errorf("%w: seeding %d", ErrProfile, p.Seeding)
	case p.Scheme == SBW && p.Key.value >= 1<<63:
		return p, fmt.Errorf("%w: an SBW key is below 2^63", ErrProfile)
	}
	if p.ContextWidth == 0 {
		p.ContextWidth = 4
		if p.Scheme == SBW && p.Seeding == LeftHash {
			p.ContextWidth = 1
		}
	}
	if p.Alpha == 0 {
		p.Alpha = 0.1
	}
	if p.Gamma == 0 {
		p.Gamma = 0.5
	}
	return p, p.inRange()
}

func (p Profile) inRange() error {
	if p.ContextWidth < 1 || p.ContextWidth > maxWidth {
		return fmt.Errorf("%w: context width %d, want 1 to %d", ErrProfile, p.ContextWidth, maxWidth)
	}
	if !(p.Alpha >= minAlpha && p.Alpha <= maxAlpha) {
		return fmt.Errorf("%w: alpha %v, want %v to %v", ErrProfile, p.Alpha, minAlpha, maxAlpha)
	}
	if t := greenBelow(p.Gamma); !(p.Gamma > 0 && p.Gamma < 1) || t == 0 {
		return fmt.Errorf("%w: gamma %v, want above 0 and below 1", ErrProfile, p.Gamma)
	}
	return nil
}
