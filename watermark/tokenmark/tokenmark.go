// Package tokenmark verifies the statistical marks that inference backends put
// into text while they sample it. It needs the ids of the generated tokens and
// the operator's key, but no model and no graphics processor.
//
// A backend that marks derives pseudorandom numbers from its key, the tokens
// just before and each candidate token, and lets them decide between candidates
// that the model finds likely. Whoever holds the key can draw the numbers again
// and test whether the chosen tokens go along with them more often than chance
// allows. [Detect] does so for the three algorithms of vLLM (see [Scheme]).
//
// What a [Detection] means: a low P says that these token ids were chosen with this
// key by a backend of this configuration, or by someone who has the key or has
// learnt enough from the answers of a detector. A high P says nothing: short,
// greedy, edited and translated text all score like text without a mark.
//
// # What is checked against the source
//
// The algorithms follow the source of vLLM: vllm/v1/watermarking (gumbel.py,
// prfs/philox.py, prfs/base.py, detector.py, sbw.py) and
// vllm/config/watermarking.py, read at commits 01c268b, 373305d, 773dc86, a6d669a
// and caaac7c. The numbers that this package draws, scores and derives agree with
// the known answers in vLLM's own tests, and a sampler made of the same parts draws
// the very tokens that vLLM's drew in them. Not compared with the output of a
// running engine: everything; and there is no known answer at all for [LeftHash].
//
// Three things differ from vLLM's own detector, all to keep the false positive
// rate what it says. The p-value of the two-key scheme is exact, not that of a
// fitted gamma distribution. That of SBW is the exact binomial tail, not a
// z-test. And SBW counts every coin once besides every context once, since
// different contexts share coins (see [SBW]).
//
// The format is written down in docs/spec/token-mark.md.
package tokenmark

import (
	"errors"
	"fmt"
	"math"
)

// Limits of one verification.
const (
	// MaxTokens is the largest number of token ids of one text.
	MaxTokens = 1 << 17
	// MaxProfiles is the largest number of profiles tried on one text.
	MaxProfiles = 64
)

// Threshold is the false positive rate, over all profiles tried, at or below
// which a mark is found.
const Threshold = 1e-6

// Errors.
var (
	// ErrTooLong is returned for more than MaxTokens ids.
	ErrTooLong = errors.New("tokenmark: too many tokens")
	// ErrToken is returned for a negative token id.
	ErrToken = errors.New("tokenmark: negative token id")
	// ErrProfile is returned for a profile that no backend can have.
	ErrProfile = errors.New("tokenmark: unusable profile")
)

// A Detection says how well one text goes along with one profile. P, LogP and
// Score tell whoever may ask often which tokens carry the mark, and so how to
// imitate or to wash it: show strangers Found alone.
type Detection struct {
	Scheme Scheme
	// KeyID is the public name of the profile's key.
	KeyID string
	// Tokens is the number of ids seen, Scored the number that gave evidence:
	// a repeated context would count the same number twice.
	Tokens, Scored int
	// Score is the statistic. Gumbel, DualGumbel: the sum of -ln(1-u), whose
	// mean without a mark is Scored. SBW: the number of green tokens, whose
	// mean without a mark is Scored times the green share.
	Score float64
	// P is the chance that text without this mark scores as high, for this one
	// test. It underflows to 0 below about 1e-308; LogP, its natural
	// logarithm, does not.
	P, LogP float64
	// FalsePositiveRate is P times the number of profiles tried (Bonferroni),
	// at most 1: the chance that any of them scores as high on text without a
	// mark. It does not know of other calls: who tries several texts, or
	// several readings of one, multiplies by their number too.
	FalsePositiveRate float64
	// Found reports whether FalsePositiveRate is at most Threshold.
	Found bool
}

// Detect tests ids, the tokens of one generated answer in order and without its
// prompt, against every profile. It returns one Detection per profile, in their
// order, those that found nothing included. Errors: ErrTooLong, ErrToken,
// ErrProfile.
//
// The ids have to be those that the model produced: text that was tokenised
// again differs where the tokenizer joins what the model had split, and every
// wrong id costs the evidence of ContextWidth + 1 tokens. The ids of a stream are
// those of its chunks, joined. An answer that is one of several (n > 1) is a text
// of its own, and so is every turn of a conversation.
//
// Cost: 0.1 to 0.3 microseconds per token and profile at the default widths, up to
// 0.8 at the largest, and some 200 bytes per token at a time, whatever the number
// of profiles. MaxTokens with a key that is not theirs take at most 0.1 seconds per
// profile; only a text that was made with the key, and at Alpha 0.01, can make the
// tail of DualGumbel take 0.6 (BenchmarkLargest, BenchmarkWeightedTail).
func Detect(ids []int32, profiles ...Profile) ([]Detection, error) {
	whole, err := completeAll(profiles)
	if err != nil {
		return nil, err
	}
	if err := check(ids); err != nil {
		return nil, err
	}
	t := newText(ids)
	found := make([]Detection, len(whole))
	for i, p := range whole {
		found[i] = t.detect(p, len(whole))
	}
	return found, nil
}

// check refuses ids that no tokenizer has and texts over the limit.
func check(ids []int32) error {
	if len(ids) > MaxTokens {
		return fmt.Errorf("%w: %d, want at most %d", ErrTooLong, len(ids), MaxTokens)
	}
	for i, id := range ids {
		if id < 0 {
			return fmt.Errorf("%w: %d at position %d", ErrToken, id, i)
		}
	}
	return nil
}

// padding stands before the first token: -1, which is no token id.
const padding = math.MaxUint32

// A text is ids with paddings in front of them.
type text struct {
	padded []uint32
	firsts map[int][]int // by context width, see first
}

func newText(ids []int32) *text {
	padded := make([]uint32, maxWidth+len(ids))
	for i := range maxWidth {
		padded[i] = padding
	}
	for i, id := range ids {
		padded[maxWidth+i] = uint32(id)
	}
	return &text{padded, map[int][]int{}}
}

// first returns the offsets in padded of the tokens whose context, the width
// tokens before, is there for the first time. Only these are marked: vLLM draws
// without the mark where a context repeats, since the same context would mean the
// same numbers again (deduplicate_contexts; section G.3 of the supplement of
// S. Dathathri et al., Nature 634, 2024).
func (t *text) first(width int) []int {
	if at, ok := t.firsts[width]; ok {
		return at
	}
	at := make([]int, 0, len(t.padded)-maxWidth)
	seen := make(map[block]struct{}, len(t.padded)-maxWidth)
	for i := maxWidth; i < len(t.padded); i++ {
		name := prf{}.context(t.padded[i-width : i]) // 128 bits stand for the context
		if _, again := seen[name]; !again {
			seen[name] = struct{}{}
			at = append(at, i)
		}
	}
	t.firsts[width] = at
	return at
}

// detect tests the text against one of several profiles.
func (t *text) detect(p Profile, profiles int) Detection {
	d := Detection{Scheme: p.Scheme, KeyID: p.Key.ID(), Tokens: len(t.padded) - maxWidth}
	s := newScorer(p)
	for _, i := range t.first(p.ContextWidth) {
		if evidence, ok := s.score(t.padded[i-p.ContextWidth:i], t.padded[i]); ok {
			d.Score += evidence
			d.Scored++
		}
	}
	d.LogP = min(0, s.logTail(d.Score, d.Scored))
	d.P = math.Exp(d.LogP)
	d.FalsePositiveRate = min(1, d.P*float64(profiles))
	d.Found = d.FalsePositiveRate <= Threshold
	return d
}
