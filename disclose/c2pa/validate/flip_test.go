package validate

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/avowai/avow/disclose/c2pa/container"
)

// A region is bytes of a signed file that may change without the state falling,
// and why. Nothing in it reaches a person but through Result.Stamped and
// Result.Signed, which fall.
type region struct {
	name string
	at   container.Range
}

// openRegions are all bytes of a file that no signature, hash or check covers.
func openRegions(t testing.TB, file []byte) (all []region) {
	t.Helper()
	f, err := container.Find(file)
	if err != nil || len(f.Store) == 0 {
		t.Fatal("no store", err)
	}
	if f.Format == container.PNG {
		return nil // the checksum of the chunk covers all
	}
	// COSE headers outside the signature, by design of COSE. An unknown header is
	// to be ignored, so the name of the padding may change; the padding itself is
	// checked for zeros. A broken time stamp is informational, as the spec has
	// it: it costs Stamped, and the signature is judged by the present time.
	add := func(name string, mark string, skip, length int) {
		if i := bytes.Index(file, []byte(mark)); i >= 0 {
			all = append(all, region{name, container.Range{Start: int64(i + skip), Length: int64(length)}})
		}
	}
	// c2md is another name of the same type of manifest, which readers take.
	add("type of the manifest", "c2ma", 3, 1)
	add("name of the padding header", "cpadY", 1, 3)
	// One bit pattern makes "c2md" of "c2ma", which readers have to take as well
	// (11.2.2 of 2.4, deprecated type).
	add("type of the manifest", "c2ma", 3, 1)
	if i := bytes.Index(file, []byte("gsigTst2")); i >= 0 {
		add("time stamp", "gsigTst2", 0, int(f.Exclude[len(f.Exclude)-1].End())-i)
	}
	switch f.Format {
	case container.JPEG:
		// The box instance number En of APP11 is the writer's to choose
		// (ISO/IEC 19566-5 annex D).
		all = append(all, region{"box instance number", container.Range{Start: f.Exclude[0].Start + 6, Length: 2}})
	case container.BMFF:
		// Every writer excludes ftyp: the spec demands it, because brands change
		// when a file is repackaged.
		all = append(all, region{"ftyp", container.Range{Start: 8, Length: f.Exclude[0].Start - 8}})
	}
	return all
}

func inRegion(all []region, at int) bool {
	for _, r := range all {
		if int64(at) >= r.at.Start && int64(at) < r.at.End() {
			return true
		}
	}
	return false
}

// TestFlippedByteIsRefused changes one byte at a time, 2,500 per container: the
// state must fall below Valid, but for the regions above.
func TestFlippedByteIsRefused(t *testing.T) {
	for _, stamped := range []bool{false, true} {
		s := newStudio(t, stamped)
		for name, file := range sources(t) {
			good := s.sign(t, file, testManifest())
			if r := s.check(t, good); r.State != Trusted || r.Stamped != stamped {
				t.Fatalf("%s: state %v, stamped %v, want Trusted, %v: %v", name, r.State, r.Stamped, stamped, failures(r))
			}
			open := openRegions(t, good)
			t.Run(name, func(t *testing.T) { flip(t, s, good, open) })
		}
	}
}

func flip(t *testing.T, s *studio, good []byte, open []region) {
	const rounds = 25
	rapid.Check(t, func(rt *rapid.T) {
		bad := bytes.Clone(good)
		for range rounds {
			at := rapid.IntRange(0, len(good)-1).Draw(rt, "at")
			x := rapid.ByteRange(1, 255).Draw(rt, "xor")
			bad[at] ^= x
			if r := s.check(t, bad); r.State >= Valid && !inRegion(open, at) {
				rt.Fatalf("byte %d of %d, %#x -> %#x: state %v", at, len(good), good[at], bad[at], r.State)
			}
			bad[at] = good[at]
		}
	})
}
