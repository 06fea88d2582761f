package watermark

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"math/rand/v2"
)

// A stream draws pseudo-random numbers from a 32-byte seed with ChaCha8 (C2SP,
// chacha8rand), the same on every platform and in every version.
type stream struct{ src *rand.ChaCha8 }

func newStream(seed [32]byte) stream { return stream{rand.NewChaCha8(seed)} }

// publicStream is a stream that everybody can draw.
func publicStream(label string) stream {
	return newStream(sha256.Sum256(fmt.Appendf(nil, "avow public %s %d", label, TemplateVersion)))
}

// below returns a number in [0,n). The bias of 2^-64 n does not matter here.
func (s stream) below(n int) int {
	hi, _ := bits.Mul64(s.src.Uint64(), uint64(n))
	return int(hi)
}

// sign returns +1 or -1.
func (s stream) sign() int8 { return int8(s.src.Uint64()>>63)*2 - 1 }

// perm returns a permutation of 0..n-1 (Fisher and Yates).
func (s stream) perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		j := s.below(i + 1)
		p[i], p[j] = p[j], i
	}
	return p
}
