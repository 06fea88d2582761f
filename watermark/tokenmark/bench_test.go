package tokenmark

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// One answer of 500 tokens, one profile: what checking a response in line costs.
func BenchmarkDetect(b *testing.B) {
	ids := common(rand.New(rand.NewPCG(1, 1)), 500)
	for name, p := range schemes(42) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustDetect(b, ids, p)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)), "ns/token")
		})
	}
}

// The largest text against several profiles, whose contexts are found once.
func BenchmarkLargest(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	ids := make([]int32, MaxTokens)
	for i := range ids {
		ids[i] = int32(r.IntN(100_000))
	}
	for name, p := range map[string]Profile{
		"gumbel": {}, "dual, alpha 0.01": {Scheme: DualGumbel, Alpha: 0.01}, "sbw": {Scheme: SBW}, "width 64": {ContextWidth: 64},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			profiles := make([]Profile, 4)
			for i := range profiles {
				p.Key = NewKey(uint64(i))
				profiles[i] = p
			}
			for b.Loop() {
				mustDetect(b, ids, profiles...)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)*len(profiles)), "ns/token/key")
		})
	}
}

// The tail of the dual statistic costs most where the weights lie far apart and
// the score is far out.
func BenchmarkWeightedTail(b *testing.B) {
	for _, alpha := range []float64{0.01, 0.1} {
		for _, times := range []float64{1, 16} {
			b.Run(fmt.Sprintf("alpha %v, %v times the mean", alpha, times), func(b *testing.B) {
				for b.Loop() {
					logWeightedTail(MaxTokens, 1-alpha, alpha, times*MaxTokens)
				}
			})
		}
	}
}
