// Package tokenmark verifies the statistical marks that inference backends put
// into text while they sample it. It needs the ids of the generated tokens and
// the operator's key, but no model and no graphics processor.
//
// A backend that marks derives pseudorandom numbers from its key, the tokens
// just before and each candidate token, and lets them decide between candidates
// that the model finds likely. Whoever holds the key can draw the numbers again
// and test whether the chosen tokens go along with them more often than chance
// allows. [Verify] does so for the three algorithms of vLLM (see [Scheme]);
// [Detector] does it piece by piece, as a stream delivers the ids.
//
// What a [Result] means: a low P says that these token ids were chosen with this
// key by a backend of this configuration, or by someone who has the key or has
// learnt enough from the answers of a detector. A high P says nothing: short,
// greedy, edited and translated text all score like text without a mark.
//
// # What is checked against the source
//
// The algorithms follow the source of vLLM: vllm/v1/watermarking (gumbel.py,
// prfs/philox.py, prfs/base.py, detector.py, sbw.py) and
// vllm/config/watermarking.py, read at commits 01c268b, 373305d, 773dc86, a6d669a
// and caaac7c. The numbers that this package draws, scores and derives agree
// with the known answers in vLLM's own tests (see the tests for which). Not
// compared with the output of a running engine: everything; and there is no known
// answer at all for [LeftHash].
//
// Three things differ from vLLM's own detector, all to keep the false positive
// rate what it says. The p-value of the two-key scheme is exact, not that of a
// fitted gamma distribution. That of SBW is the exact binomial tail, not a
// z-test. And SBW counts every coin once, where vLLM counts every context once,
// though contexts share coins (see [SBW]).
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

// A Result says how well one text goes along with one profile.
type Result struct {
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
	// at most 1.
	FalsePositiveRate float64
	// Found reports whether FalsePositiveRate is at most Threshold.
	Found bool
}

// Verify tests ids, the tokens of one generated answer in order and without its
// prompt, against every profile. It returns one Result per profile, in their
// order. The ids have to be those that the model produced: text that was
// tokenised again differs where the tokenizer joins what the model had split.
//
// An answer that is one of several (n > 1) is a text of its own, and so is every
// turn of a conversation.
func Verify(ids []int32, profiles ...Profile) ([]Result, error) {
	accs, err := newAccumulators(profiles)
	if err != nil {
		return nil, err
	}
	if err := check(ids, 0); err != nil {
		return nil, err
	}
	results := make([]Result, len(accs))
	for i, a := range accs {
		a.add(ids)
		results[i] = a.result(len(ids), len(accs))
		accs[i] = nil // its set of contexts may be large
	}
	return results, nil
}

// A Detector is [Verify] for ids that arrive in pieces, such as the token_ids of
// the chunks of a streamed answer. It is for one answer and one goroutine.
type Detector struct {
	accs   []*accumulator
	tokens int
}

// NewDetector returns a Detector for one answer.
func NewDetector(profiles ...Profile) (*Detector, error) {
	accs, err := newAccumulators(profiles)
	if err != nil {
		return nil, err
	}
	return &Detector{accs: accs}, nil
}

// Add takes the next ids of the answer. After an error (ErrTooLong, ErrToken)
// none of them has been taken, and the results are still those of the ids before.
func (d *Detector) Add(ids ...int32) error {
	if err := check(ids, d.tokens); err != nil {
		return err
	}
	for _, a := range d.accs {
		a.add(ids)
	}
	d.tokens += len(ids)
	return nil
}

// Tokens is the number of ids taken so far.
func (d *Detector) Tokens() int { return d.tokens }

// Results returns what [Verify] would for the ids taken so far. The tail of a
// distribution costs up to some hundred nanoseconds per token, so ask once at
// the end rather than after every piece. A decision taken after each of many
// pieces would need a stricter threshold.
func (d *Detector) Results() []Result {
	results := make([]Result, len(d.accs))
	for i, a := range d.accs {
		results[i] = a.result(d.tokens, len(d.accs))
	}
	return results
}

// check refuses ids that no tokenizer has and texts over the limit.
func check(ids []int32, before int) error {
	if len(ids) > MaxTokens-before {
		return fmt.Errorf("%w: more than %d", ErrTooLong, MaxTokens)
	}
	for i, id := range ids {
		if id < 0 {
			return fmt.Errorf("%w: %d at position %d", ErrToken, id, before+i)
		}
	}
	return nil
}

// result turns the sums of an accumulator into a Result.
func (a *accumulator) result(tokens, profiles int) Result {
	logP := min(0, a.scorer.logTail(a.score, a.scored))
	p := math.Exp(logP)
	rate := min(1, p*float64(profiles))
	return Result{
		Scheme: a.profile.Scheme, KeyID: a.profile.Key.ID(),
		Tokens: tokens, Scored: a.scored, Score: a.score,
		P: p, LogP: logP, FalsePositiveRate: rate, Found: rate <= Threshold,
	}
}
