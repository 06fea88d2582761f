package watermark

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestPolarIsItsOwnInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SliceOfN(rapid.ByteRange(0, 1), codeLen, codeLen).Draw(t, "word")
		got := append([]byte(nil), word...)
		polar(got)
		polar(got)
		if string(got) != string(word) {
			t.Fatal("polar(polar(x)) != x")
		}
	})
}

func TestInfoPositions(t *testing.T) {
	n := 0
	for _, is := range info {
		if is {
			n++
		}
	}
	if n != infoBits || info[0] || !info[codeLen-1] {
		t.Fatalf("%d information bits, first %v, last %v", n, info[0], info[codeLen-1])
	}
}

func TestCRC16CheckValue(t *testing.T) {
	if got := crc16([]byte("123456789")); got != 0x31C3 {
		t.Fatalf("crc16 = %#x, want 0x31C3", got)
	}
}

// noisy returns the likelihoods of a payload's code word behind Gaussian noise;
// sum(SNR) is codeLen * snr.
func noisy(p Payload, snr float64, rng *rand.Rand) []float32 {
	llr := make([]float32, codeLen)
	amplitude := float32(snr)
	for i, bit := range encode(p) {
		llr[i] = amplitude*(1-2*float32(bit)) + float32(rng.NormFloat64()*math.Sqrt(snr))
	}
	return llr
}

func TestDecodeCorrectsNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	wrong := 0
	const runs, sumSNR = 60, 210.0
	for range runs {
		p := Payload{byte(rng.Uint32()), byte(rng.Uint32()), 3, 4, byte(rng.Uint32()), 6, 7, 8}
		got := decode(noisy(p, sumSNR/codeLen, rng))
		if len(got) == 0 || got[0] != p {
			wrong++
		}
	}
	if wrong > 2 {
		t.Fatalf("%d of %d words lost at sum(SNR) = %v, want at most 2", wrong, runs, sumSNR)
	}
}

func TestDecodeOfNoiseIsMostlyRejectedByCRC(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	passed := 0
	for range 40 {
		llr := make([]float32, codeLen)
		for i := range llr {
			llr[i] = float32(rng.NormFloat64())
		}
		passed += len(decode(llr))
	}
	if passed > 3 { // 40 x 32 candidates x 2^-16 = 0.02 expected
		t.Fatalf("%d candidates passed the CRC", passed)
	}
}

func BenchmarkDecode(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	llr := noisy(Payload{1, 2, 3}, 0.4, rng)
	for b.Loop() {
		decode(llr)
	}
}
