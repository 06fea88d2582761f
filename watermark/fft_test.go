package watermark

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// TestTransformIsTheDFT compares with the definition, at some frequencies.
func TestTransformIsTheDFT(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var s, in spectrum
	for i := range in {
		in[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	s = in
	s.transform(false)
	for _, k := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {-3, 7}, {27, -27}, {64, 5}} {
		want := complex128(0)
		for i, v := range in {
			phase := -2 * math.Pi * float64(k[0]*(i%tileSide)+k[1]*(i/tileSide)) / tileSide
			want += v * cmplx.Exp(complex(0, phase))
		}
		if got := s.at(k[0], k[1]); cmplx.Abs(got-want) > 1e-8 {
			t.Errorf("at %v: %v, want %v", k, got, want)
		}
	}
	s.transform(true)
	for i, v := range s {
		if cmplx.Abs(v/(tileSide*tileSide)-in[i]) > 1e-10 {
			t.Fatalf("inverse at %d: %v, want %v", i, v, in[i])
		}
	}
}

func TestTilesHaveUnitPower(t *testing.T) {
	word := encode(Payload{1, 2, 3})
	tiles := renderTiles(newKeying(testKey(0)), &word, func(t int) bool { return t < 3 })
	for i := range 3 {
		sum := 0.0
		for _, v := range tiles[i] {
			sum += float64(v) * float64(v) / (tileOne * tileOne)
		}
		if rms := math.Sqrt(sum / (tileSide * tileSide)); math.Abs(rms-1) > 0.01 {
			t.Errorf("tile %d: RMS %.3f, want 1", i, rms)
		}
	}
	if tiles[3] != nil || *tiles[0] == *tiles[1] {
		t.Error("a tile too many, or two tiles alike")
	}
}

func TestLayout(t *testing.T) {
	if len(format.peaks) != templatePeaks {
		t.Fatalf("%d peaks", len(format.peaks))
	}
	seen := map[bin]bool{}
	for _, p := range format.peaks {
		if near(seen, p.bin) || p.kx == 0 || p.ky <= 0 {
			t.Errorf("peak %v is too near to another, or off the half plane", p.bin)
		}
		seen[p.bin] = true
	}
	if n := len(format.bins); n < 1000 || n > 1200 {
		t.Errorf("%d payload bins", n)
	}
}

func TestBoxMeans(t *testing.T) {
	in := newPlane(11, 7)
	for i := range in.pix {
		in.pix[i] = float32(i * i % 17)
	}
	rows, columns := newPlane(11, 7), newPlane(11, 7)
	boxRows(rows, in, 4)
	boxColumns(columns, in, 2)
	for y := range 7 {
		for x := range 11 {
			if got, want := rows.pix[y*11+x], slowMean(in, x-4, x+4, y, y); math.Abs(float64(got-want)) > 1e-4 {
				t.Fatalf("rows (%d,%d) = %v, want %v", x, y, got, want)
			}
			if got, want := columns.pix[y*11+x], slowMean(in, x, x, y-2, y+2); math.Abs(float64(got-want)) > 1e-4 {
				t.Fatalf("columns (%d,%d) = %v, want %v", x, y, got, want)
			}
		}
	}
}

func slowMean(p plane, x0, x1, y0, y1 int) float32 {
	sum, n := float32(0), float32(0)
	for y := max(y0, 0); y <= min(y1, p.h-1); y++ {
		for x := max(x0, 0); x <= min(x1, p.w-1); x++ {
			sum += p.pix[y*p.w+x]
			n++
		}
	}
	return sum / n
}

func TestInversePower(t *testing.T) {
	for _, e := range []float32{0.8, 1, 3.7, 60, 255} {
		want := math.Pow(float64(e), -1.25)
		if got := float64(inversePower(e)); math.Abs(got/want-1) > 0.01 {
			t.Errorf("inversePower(%v) = %v, want %v", e, got, want)
		}
	}
}
