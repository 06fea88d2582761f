package c2pa

import (
	"math"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/internal/jumbf"
)

// TestDataHashAlwaysHasItsSize goes through offsets on both sides of every jump
// of a CBOR integer's head.
func TestDataHashAlwaysHasItsSize(t *testing.T) {
	edges := []int64{0, 23, 24, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64}
	for n := range maxExclusions + 1 {
		for _, start := range edges {
			for _, length := range edges {
				var ranges []container.Range
				for range n {
					ranges = append(ranges, container.Range{Start: start, Length: length})
				}
				b, err := encodeDataHash(noHash[:], ranges)
				if err != nil || len(b) != dataHashSize {
					t.Fatalf("%d exclusions of %d, %d: %d bytes, %v, want %d", n, start, length, len(b), err, dataHashSize)
				}
				var h dataHash
				if err := cbor.Unmarshal(b, &h); err != nil || len(h.Pad) < 24 || len(h.Pad) > 255 || len(h.Exclusions) != n {
					t.Fatalf("pad of %d bytes, %v, want one class of heads", len(h.Pad), err)
				}
			}
		}
	}
	if _, err := encodeDataHash(noHash[:], make([]container.Range, maxExclusions+1)); err == nil {
		t.Fatal("too many exclusions were taken")
	}
}

// TestStoresOfSeveralSegments makes JPEG stores up to and beyond what one
// segment holds, about 64 kB, by way of a parent's filler.
func TestStoresOfSeveralSegments(t *testing.T) {
	s := testSigner(t, "Ed25519")
	file := samples(t)["jpeg"].data
	seen := map[int]bool{}
	for _, filler := range []int{0, 61_000, 62_000, 62_300, 62_400, 62_500, 62_600, 65_536, 125_000, 128_000, 205_000} {
		for off := range 3 {
			parent := superbox("c2pa", "c2pa",
				superbox("zzzz", "filler", jumbf.Box{Type: "cbor", Data: make([]byte, filler+off)}),
				superbox("c2ma", "urn:c2pa:a", superbox("c2cs", "c2pa.signature", jumbf.Box{Type: "cbor", Data: []byte{0xF6}})))
			m := fullManifest()
			m.Parent = &Parent{Store: parent.Append(nil), Results: validated("urn:c2pa:a")}
			out, info, err := Sign(t.Context(), file, m, s)
			if err != nil {
				t.Fatalf("filler %d: %v", filler+off, err)
			}
			checkFile(t, out, info, s)
			seen[len(info.Store)/65_000] = true
		}
	}
	if len(seen) < 4 {
		t.Fatalf("stores of %d lengths in segments, want at least 4", len(seen))
	}
}
