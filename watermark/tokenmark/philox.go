package tokenmark

import "math/bits"

// Philox4x32-10 of J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC 2011: ten rounds of two 32-bit
// multiplications over a 128-bit counter, with a 64-bit key that grows by a
// Weyl constant between rounds. It is not a cryptographic function.
const (
	philoxM0, philoxM1 = 0xD2511F53, 0xCD9E8D57
	philoxW0, philoxW1 = 0x9E3779B9, 0xBB67AE85
	philoxRounds       = 10
)

// block is a counter or an output of Philox.
type block [4]uint32

func philox(c block, k0, k1 uint32) block {
	for range philoxRounds {
		hi0, lo0 := bits.Mul32(philoxM0, c[0])
		hi1, lo1 := bits.Mul32(philoxM1, c[2])
		c = block{hi1 ^ c[1] ^ k0, lo1, hi0 ^ c[3] ^ k1, lo0}
		k0 += philoxW0
		k1 += philoxW1
	}
	return c
}

// prf is the function "philox4x32-10-v1" of vLLM (prfs/philox.py): key, context
// and candidate token to 32 bits. The context is absorbed four tokens at a time
// by chaining Philox; the result and the token seed a last call, one per four
// neighbouring tokens. Domain constants keep the two kinds of call apart.
type prf struct{ k0, k1 uint32 }

const (
	contextDomain = 0x574D4358 // "WMCX"
	tokenDomain   = 0x574D544B // "WMTK"
)

func newPRF(k Key) prf { return prf{uint32(k.value), uint32(k.value >> 32)} }

// context absorbs the tokens before, the oldest first. A last group of fewer than
// four is filled up with words that are no token ids.
func (f prf) context(tokens []uint32) block {
	state := block{contextDomain, uint32(len(tokens)), 0, 0}
	for at := 0; at < len(tokens); at += 4 {
		for i := range state {
			word := ^uint32(i)
			if at+i < len(tokens) {
				word = tokens[at+i]
			}
			state[i] ^= word
		}
		state = philox(state, f.k0^uint32(at), f.k1)
	}
	return state
}

// word returns the 32 bits of token after the context that state stands for.
func (f prf) word(state block, token uint32) uint32 {
	out := philox(block{token >> 2, state[0], state[1], state[2]}, f.k0^state[3], f.k1^tokenDomain)
	return out[token&3]
}

// uniform maps 32 bits into (0, 1) as vLLM does (prfs/base.py): 24 of them, in
// double precision, then rounded to single.
func uniform(word uint32) float32 {
	return float32((float64(word>>8) + 1) / (1<<24 + 1))
}
