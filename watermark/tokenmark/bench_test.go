package tokenmark

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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

// BenchmarkLength reports how many ids it takes (the median of 41 texts) until the
// false positive rate of one profile stays at Threshold, and the entropy of the
// model that they were drawn from. The figures in docs/spec/token-mark.md are these.
func BenchmarkLength(b *testing.B) {
	for _, scale := range []float32{3.5, 6, 12} {
		for _, p := range []Profile{{}, {Scheme: SBW}} {
			b.Run(fmt.Sprintf("%v/scale %v", p.Scheme, scale), func(b *testing.B) {
				for b.Loop() {
					r := rand.New(rand.NewPCG(1, 2))
					needed, bits := lengths(r, p, scale, 41)
					b.ReportMetric(float64(needed), "ids")
					b.ReportMetric(bits, "bits/id")
				}
			})
		}
	}
}

func lengths(r *rand.Rand, p Profile, scale float32, texts int) (median int, bits float64) {
	const longest = 900
	all := make([]int, texts)
	logits := model(r, 256, scale)
	for i := range all {
		p.Key = NewKey(r.Uint64() >> 1)
		ids := sampler{profile: p, delta: 2, logits: logits, draw: softmax(r), second: func(int) bool { return r.Float64() < 0.1 }}.generate(longest)
		for all[i] = longest; all[i] > 5; all[i] -= 5 {
			if d, err := Detect(ids[:all[i]-5], p); err != nil || !d[0].Found {
				break
			}
		}
	}
	for range 200 {
		bits += entropy(logits(0)) / 200
	}
	slices.Sort(all)
	return all[texts/2], bits
}

// entropy is that of softmax(logits), in bits.
func entropy(logits []float32) float64 {
	var z, sum float64
	for _, l := range logits {
		z += math.Exp(float64(l))
	}
	for _, l := range logits {
		p := math.Exp(float64(l)) / z
		sum -= p * math.Log2(p)
	}
	return sum
}
