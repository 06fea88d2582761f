package c2pa

import (
	"crypto/sha256"
	"testing"
)

// BenchmarkSign signs a PNG of a megabyte; BenchmarkSign/hash is what SHA-256
// takes of that. The bytes allocated show that the body is copied once.
func BenchmarkSign(b *testing.B) {
	file := pngFile(b, 600, 583)
	b.Run("hash", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			sha256.Sum256(file)
		}
	})
	for _, alg := range algorithmNames {
		b.Run(alg, func(b *testing.B) {
			s := testSigner(b, alg)
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Sign(b.Context(), file, fullManifest(), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("ES256/stamped", func(b *testing.B) {
		s := testSigner(b, "ES256")
		s.Stamp = stampWith(testTSA(b))
		b.ReportAllocs()
		for b.Loop() {
			if _, info, err := Sign(b.Context(), file, fullManifest(), s); err != nil || !info.Stamped {
				b.Fatal(err, info.StampErr)
			}
		}
	})
}
