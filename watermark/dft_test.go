package watermark

import (
	"fmt"
	"image"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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

// TestSpecificationListsTheTemplate keeps the table that other detectors are
// written from.
func TestSpecificationListsTheTemplate(t *testing.T) {
	spec, err := os.ReadFile(filepath.Join("..", "docs", "spec", "image-mark.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(spec), "```template\n")
	table, _, _ := strings.Cut(rest, "```")
	var want []string
	for _, p := range format.peaks {
		want = append(want, fmt.Sprintf("%d,%d,%d", p.kx, p.ky, p.phase))
	}
	if got := strings.Fields(table); !slices.Equal(got, want) {
		t.Errorf("the specification lists %v, the code has %v", got, want)
	}
}

// TestTileByDefinition compares rendered tiles with the sum that the
// specification gives.
func TestTileByDefinition(t *testing.T) {
	kg, word := newKeying(testKey(0)), encode(Payload{1, 2, 3})
	tiles := renderTiles(kg, &word, func(t int) bool { return t == 5 })
	for _, at := range [][2]int{{0, 0}, {1, 0}, {17, 90}, {127, 127}} {
		sum := 0.0
		wave := func(b bin, c complex128) {
			phase := 2 * math.Pi / tileSide * float64(b.kx*at[0]+b.ky*at[1])
			sum += 2 * real(c*cmplx.Exp(complex(0, phase)))
		}
		for _, p := range format.peaks {
			wave(p.bin, cmplx.Rect(lineWave, 2*math.Pi*float64(p.phase)/tileSide))
		}
		for j, b := range format.bins {
			chip := func(i int) float64 {
				return chipWave * float64(kg.sign[5][i]) * (1 - 2*float64(word[kg.codeBit[i]]))
			}
			wave(b, complex(chip(2*j), chip(2*j+1)))
		}
		if got := float64(tiles[5][at[1]*tileSide+at[0]]) / tileOne; math.Abs(got-sum) > 2.0/tileOne {
			t.Errorf("tile 5 at %v = %.4f, want %.4f", at, got, sum)
		}
	}
}

// TestFrontEnd compares the streaming front end with its definition.
func TestFrontEnd(t *testing.T) {
	for _, size := range []image.Point{{41, 29}, {5, 7}, {9, 3}, {10, 11}} {
		in := newPlane(size.X, size.Y)
		for i := range in.pix {
			in.pix[i] = float32(i * i % 251)
		}
		got := whiten(rowSource{w: in.w, h: in.h, row: func(out []float32, y int) { copy(out, in.row(y)) }})
		want := slowFrontEnd(in)
		for i := range want.pix {
			if math.Abs(float64(got.pix[i]-want.pix[i])) > 0.02*(1+math.Abs(float64(want.pix[i]))) {
				t.Fatalf("%v: pixel (%d,%d) = %v, want %v", size, i%in.w, i/in.w, got.pix[i], want.pix[i])
			}
		}
	}
}

func slowFrontEnd(p plane) plane {
	each := func(f func(x, y int) float32) plane {
		q := newPlane(p.w, p.h)
		for i := range q.pix {
			q.pix[i] = f(i%p.w, i/p.w)
		}
		return q
	}
	const r = boxRadius
	lh := each(func(x, y int) float32 { return slowMean(p, x-r, x+r, y, y) })
	lv := each(func(x, y int) float32 { return slowMean(p, x, x, y-r, y+r) })
	lhv := each(func(x, y int) float32 { return slowMean(lh, x, x, y-r, y+r) })
	split := []func(i int) float32{
		func(i int) float32 { return lv.pix[i] - lhv.pix[i] },
		func(i int) float32 { return lh.pix[i] - lhv.pix[i] },
		func(i int) float32 { return p.pix[i] - lh.pix[i] - lv.pix[i] + lhv.pix[i] },
	}
	out := newPlane(p.w, p.h)
	for b, f := range split {
		// Sizes repeat at the ends of rows; above and below, there are fewer.
		size := each(func(x, y int) float32 {
			s := float32(0)
			for d := -energyRadius; d <= energyRadius; d++ {
				s += abs32(f(y*p.w + min(max(x+d, 0), p.w-1)))
			}
			return s / (2*energyRadius + 1)
		})
		for i := range out.pix {
			x, y := i%p.w, i/p.w
			v := even(f(i), slowMean(size, x, x, y-energyRadius, y+energyRadius))
			if b == 2 {
				v *= diagonal
			}
			out.pix[i] += v
		}
	}
	return out
}

// TestDFT compares the fast transform with the definition, both ways.
func TestDFT(t *testing.T) {
	for _, n := range []int{128, 256} {
		d := newDFT(n)
		in := make([]complex64, n*n)
		for i := range in {
			in[i] = complex(float32(i*i%13), float32(i%7))
		}
		out := slices.Clone(in)
		d.columns(out, 0, n, false)
		d.rows(out, []int{3, n - 5}, false)
		for _, k := range [][2]int{{0, 3}, {17, 3}, {n - 1, n - 5}} {
			want := complex128(0)
			for i, v := range in {
				phase := -2 * math.Pi * float64(i%n*k[0]+i/n*k[1]) / float64(n)
				want += complex128(v) * cmplx.Exp(complex(0, phase))
			}
			if got := complex128(out[k[1]*n+k[0]]); cmplx.Abs(got-want) > 0.5 {
				t.Errorf("n %d, bin %v: %v, want %v", n, k, got, want)
			}
		}
		line := slices.Clone(in[:n])
		d.line(line, false)
		d.line(line, true)
		for i, v := range line {
			if cmplx.Abs(complex128(v)/complex(float64(n), 0)-complex128(in[i])) > 1e-3 {
				t.Fatalf("n %d: there and back gives %v at %d, want %v", n, v, i, in[i])
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
