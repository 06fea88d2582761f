// Package fingerprint makes keyed fingerprints of outputs: short values from which
// nothing of the content can be read back, close for two versions of the same
// content and far apart for different ones. They tell whether what carries a mark
// is what was recorded under it, and find an output whose marks are gone.
//
// The key keeps strangers from computing the fingerprint of a guess, and from
// making content that collides with a recorded one.
package fingerprint

import (
	"errors"
	"math/bits"
	"slices"
)

// ErrEncoding is returned for bytes that are no fingerprint.
var ErrEncoding = errors.New("fingerprint: not an encoded fingerprint")

// GlobalBits is the length of the part that describes a picture as a whole.
const GlobalBits = 256

// A Global is the fingerprint of a picture as a whole. Two pictures are compared
// by the share of bits that differ.
type Global [GlobalBits / 64]uint64

// Distance is the number of bits that differ, 0 to GlobalBits.
func (g Global) Distance(h Global) int {
	n := 0
	for i := range g {
		n += bits.OnesCount64(g[i] ^ h[i])
	}
	return n
}

// What Records.Similar calls close.
const (
	SearchDistance = 44 // of Global.Distance
	SearchShared   = 2  // of Text.Shared
)

// A Text is the fingerprint of a text: hashes of its winnowed shingles, ascending,
// each once. An empty Text means that there was nothing to take hashes of.
type Text []uint64

// Shared is the number of hashes that both texts have.
func (t Text) Shared(other Text) int {
	if len(t) > len(other) {
		t, other = other, t
	}
	n := 0
	for _, h := range t {
		if _, ok := slices.BinarySearch(other, h); ok {
			n++
		}
	}
	return n
}
