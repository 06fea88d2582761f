package tokenmark

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzDetect: whatever the ids and the profile, the chances are chances, and
// asking again or beside others changes none.
func FuzzDetect(f *testing.F) {
	f.Add([]byte{}, uint64(0), uint8(0), 0, 0.0, 0.0, false)
	f.Add([]byte{7, 0, 0, 0, 7, 0, 0, 0}, uint64(42), uint8(1), 1, 0.5, 0.5, false)
	f.Add([]byte{255, 255, 255, 127, 0, 0, 0, 0, 1, 0, 0, 0}, uint64(1)<<63, uint8(2), 64, 0.99, 1e-9, true)
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 128}, uint64(1)<<62, uint8(2), 4, 0.01, 0.999999, true)
	f.Fuzz(func(t *testing.T, data []byte, key uint64, scheme uint8, width int, alpha, gamma float64, left bool) {
		p := Profile{Scheme: Scheme(scheme), Key: NewKey(key), ContextWidth: width, Alpha: alpha, Gamma: gamma}
		if left {
			p.Seeding = LeftHash
		}
		var ids []int32
		for ; len(data) >= 4; data = data[4:] {
			ids = append(ids, int32(binary.LittleEndian.Uint32(data)))
		}
		alone, err := Detect(ids, p)
		if err != nil {
			return
		}
		d := alone[0]
		if !(d.P >= 0 && d.P <= 1 && d.LogP <= 0 && d.Score >= 0) || d.Scored > len(ids) || d.Tokens != len(ids) {
			t.Fatalf("%+v of %d ids", d, len(ids))
		}
		if d.Scored == 0 && d.P != 1 {
			t.Fatalf("nothing scored, P = %v", d.P)
		}
		beside, err := Detect(ids, Profile{Key: NewKey(1), ContextWidth: 2}, p)
		if err != nil || beside[1].P != d.P || beside[1].FalsePositiveRate != math.Min(1, 2*d.P) {
			t.Fatalf("beside another: %+v, %v, want %+v", beside, err, d)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"", "0", "42", "0x2a", "18446744073709551615", "-1", "0b11", "1_000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if (err != nil) != k.IsZero() {
			t.Fatalf("ParseKey(%q) = %v, %v", text, k, err)
		}
	})
}
