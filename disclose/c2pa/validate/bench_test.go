package validate

import (
	"crypto/sha256"
	"testing"
)

// BenchmarkAsset validates a signed PNG of about 1 MB: container, manifest,
// signature, chain, hashes. BenchmarkHash is what of it is hashing the file.
func BenchmarkAsset(b *testing.B) {
	for _, stamped := range []bool{false, true} {
		s := newStudio(b, stamped)
		file := s.sign(b, testPNG(b, 590, 590), testManifest())
		b.Run(map[bool]string{false: "plain", true: "stamped"}[stamped], func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if r, err := Asset(b.Context(), file, s.o); err != nil || r.State != Trusted {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHash(b *testing.B) {
	file := testPNG(b, 590, 590)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		sha256.Sum256(file)
	}
}
