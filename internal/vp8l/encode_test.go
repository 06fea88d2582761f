package vp8l

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/image/webp"
	"pgregory.net/rapid"

	"github.com/avowai/avow/internal/corpus"
)

// exact is img in eight bits, alpha not multiplied in, at the origin.
func exact(img image.Image) *image.NRGBA {
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			out.Set(x, y, img.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return out
}

// checkRoundTrip decodes what Encode makes of img and compares every byte.
func checkRoundTrip(t interface {
	Helper()
	Fatalf(string, ...any)
}, img image.Image) []byte {
	t.Helper()
	data, err := Encode(img, 2)
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	got, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v: %v", img.Bounds(), err)
	}
	if want := exact(img); !bytes.Equal(got.(*image.NRGBA).Pix, want.Pix) {
		t.Fatalf("%v: pixels differ", img.Bounds())
	}
	return data
}

// geometric is an image whose every pixel differs from its left neighbour by a
// geometrically distributed step, up or down: Huffman's own code for these
// grows longer than the format allows.
func geometric(w, h int, seed uint64, q float64) *image.NRGBA {
	rng := rand.New(rand.NewPCG(seed, 1))
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		step := int(math.Log(1-rng.Float64()) / math.Log(q))
		if rng.IntN(2) == 0 {
			step = -step
		}
		left := 0
		if i%m.Stride >= 4 {
			left = int(m.Pix[i-4])
		}
		m.Pix[i] = uint8(left + step)
		if i%4 == 3 {
			m.Pix[i] = 0xFF
		}
	}
	return m
}

func filled(w, h int, c color.NRGBA) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.Draw(m, m.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return m
}

// seeThrough has every alpha beside every red, colours under alpha 0 too.
func seeThrough() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, 256, 256))
	for i := 0; i < len(m.Pix); i += 4 {
		copy(m.Pix[i:], []byte{byte(i >> 2), byte(i >> 5), 200, byte(i >> 10)})
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	made := corpus.Made(200, 150, 3)
	wide := image.NewNRGBA(image.Rect(-40, -30, 160, 120))
	draw.Draw(wide, wide.Rect, made, image.Point{}, draw.Src)
	grey := image.NewGray16(image.Rect(5, 6, 60, 41))
	for i := range grey.Pix {
		grey.Pix[i] = byte(i * i)
	}
	paletted := image.NewPaletted(image.Rect(0, 0, 33, 17), color.Palette{color.NRGBA{1, 2, 3, 4}, color.White, color.NRGBA{9, 0, 0, 0}})
	for i := range paletted.Pix {
		paletted.Pix[i] = byte(i*i) % 3
	}
	for name, m := range map[string]image.Image{
		"photo": made, "see-through": seeThrough(), "grey 16": grey, "paletted": paletted,
		"YCbCr":  image.NewYCbCr(image.Rect(0, 0, 31, 19), image.YCbCrSubsampleRatio420),
		"part":   wide.SubImage(image.Rect(-37, -28, 90, 33)),
		"column": made.SubImage(image.Rect(7, 0, 8, 150)),
		"row":    made.SubImage(image.Rect(0, 9, 200, 10)),
		"widest": filled(MaxSide, 3, color.NRGBA{1, 2, 3, 255}),
		"tall":   filled(2, MaxSide, color.NRGBA{1, 2, 3, 0}),
	} {
		t.Run(name, func(t *testing.T) { checkRoundTrip(t, m) })
	}
	for _, side := range []image.Point{{1, 1}, {2, 1}, {1, 2}, {3, 5}, {15, 16}, {16, 17}, {17, 33}, {64, 1}} {
		for _, c := range []color.NRGBA{{}, {0, 0, 0, 255}, {255, 255, 255, 255}, {7, 8, 9, 10}} {
			t.Run(fmt.Sprintf("%v %v", side, c), func(t *testing.T) { checkRoundTrip(t, filled(side.X, side.Y, c)) })
		}
	}
}

// TestSteepHistograms: on such images some encoders make codes over 15 bits.
func TestSteepHistograms(t *testing.T) {
	for seed := range uint64(24) {
		checkRoundTrip(t, geometric(300+int(seed), 201, seed, 0.5))
		checkRoundTrip(t, geometric(128, 128, seed, 0.35))
	}
}

func TestRepetitionsAreFound(t *testing.T) {
	tile := corpus.Made(64, 64, 1)
	m := image.NewNRGBA(image.Rect(0, 0, 64*8, 64*4))
	for y := 0; y < m.Rect.Dy(); y += 64 {
		for x := 0; x < m.Rect.Dx(); x += 64 {
			draw.Draw(m, image.Rect(x, y, x+64, y+64), tile, image.Point{}, draw.Src)
		}
	}
	one, all := checkRoundTrip(t, tile), checkRoundTrip(t, m)
	if len(all) > 5*len(one) {
		t.Fatalf("32 tiles take %d bytes, one takes %d", len(all), len(one))
	}
	if flat := checkRoundTrip(t, filled(1000, 1000, color.NRGBA{10, 20, 30, 255})); len(flat) > 4000 {
		t.Fatalf("a flat image takes %d bytes", len(flat))
	}
}

func TestSameFileForAnyWorkers(t *testing.T) {
	m := corpus.Made(333, 222, 2)
	want, err := Encode(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 0, 2, 7, 1000} {
		if got, err := Encode(m, n); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("workers = %d: %v, another file", n, err)
		}
	}
}

func TestSizeOutOfRange(t *testing.T) {
	for _, r := range []image.Rectangle{{}, image.Rect(0, 0, 0, 9), image.Rect(0, 0, MaxSide+1, 1), image.Rect(0, 0, 1, MaxSide+1)} {
		if _, err := Encode(image.NewAlpha(r), 1); !errors.Is(err, ErrSize) {
			t.Errorf("%v: %v, want ErrSize", r, err)
		}
	}
}

// TestOtherDecoder has libwebp read the file, where it is installed.
func TestOtherDecoder(t *testing.T) {
	if _, err := exec.LookPath("dwebp"); err != nil {
		t.Skip("dwebp is not installed")
	}
	for name, m := range map[string]image.Image{"photo": corpus.Made(301, 203, 4), "see-through": seeThrough(), "steep": geometric(300, 300, 5, 0.5), "dot": filled(1, 1, color.NRGBA{1, 2, 3, 255})} {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "a.webp"), filepath.Join(dir, "a.png")
		if err := os.WriteFile(in, checkRoundTrip(t, m), 0o600); err != nil {
			t.Fatal(err)
		}
		if msg, err := exec.Command("dwebp", in, "-o", out).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, msg)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(bytes.NewReader(data))
		if err != nil || !bytes.Equal(exact(got).Pix, exact(m).Pix) {
			t.Fatalf("%s: dwebp reads other pixels: %v", name, err)
		}
	}
}

// TestCodesAreComplete: every code fills its space and keeps to the limit.
func TestCodesAreComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2, greenSymbols).Draw(t, "size")
		limit := maxBits
		if size <= 19 && rapid.Bool().Draw(t, "lengths") {
			limit = maxLengthBits
		}
		ratio := rapid.Float64Range(1, 2.5).Draw(t, "ratio") // Fibonacci's is the worst
		counts := make([]uint32, size)
		for i := range counts {
			counts[i] = uint32(min(math.Pow(ratio, float64(i%40)), 1e8))
		}
		counts[rapid.IntRange(0, size-1).Draw(t, "unused")] = uint32(rapid.IntRange(0, 1).Draw(t, "count"))
		c := newPrefixCode(counts, limit)
		if c.only >= 0 {
			return
		}
		space := 0
		for s, n := range c.lengths {
			if (n > 0) != (counts[s] > 0) || int(n) > limit {
				t.Fatalf("symbol %d: count %d, length %d, limit %d", s, counts[s], n, limit)
			}
			if n > 0 {
				space += 1 << (maxBits - n)
			}
		}
		if space != 1<<maxBits {
			t.Fatalf("codes fill %d of %d", space, 1<<maxBits)
		}
	})
}

// FuzzEncode: whatever the pixels, the decoder gives them back.
func FuzzEncode(f *testing.F) {
	f.Add(uint8(1), []byte{1, 2, 3, 4})
	f.Add(uint8(17), bytes.Repeat([]byte{0, 0, 0, 255, 9, 9, 9, 0}, 200))
	f.Add(uint8(40), geometric(40, 40, 1, 0.5).Pix)
	f.Fuzz(func(t *testing.T, width uint8, pix []byte) {
		w := int(width) + 1
		if h := len(pix) / 4 / w; h > 0 && h < 300 {
			checkRoundTrip(t, &image.NRGBA{Pix: pix, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)})
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	m := corpus.Made(1024, 1024, 5)
	b.SetBytes(4 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(m, 2); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPatchwork: pictures of flat, noisy, smooth and repeated patches, so that
// groups of codes, copies and blocks of every kind meet.
func TestPatchwork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := image.NewNRGBA(image.Rect(0, 0, rapid.IntRange(1, 420).Draw(t, "w"), rapid.IntRange(1, 420).Draw(t, "h")))
		seed := rapid.Uint64().Draw(t, "seed")
		rng := rand.New(rand.NewPCG(seed, 2))
		steep := geometric(m.Rect.Dx(), m.Rect.Dy(), seed, 0.3+0.5*rng.Float64())
		for range rapid.IntRange(0, 24).Draw(t, "patches") {
			at := image.Pt(rng.IntN(m.Rect.Dx()), rng.IntN(m.Rect.Dy()))
			patch := image.Rectangle{at, at.Add(image.Pt(rng.IntN(200), rng.IntN(200)))}
			switch rng.IntN(3) {
			case 0:
				c := color.NRGBA{uint8(rng.Uint32()), uint8(rng.Uint32()), uint8(rng.Uint32()), uint8(rng.IntN(3) * 127)}
				draw.Draw(m, patch, image.NewUniform(c), image.Point{}, draw.Src)
			case 1:
				draw.Draw(m, patch, steep, at, draw.Src)
			default:
				draw.Draw(m, patch, m, image.Pt(rng.IntN(m.Rect.Dx()), rng.IntN(m.Rect.Dy())), draw.Src)
			}
		}
		checkRoundTrip(t, m)
	})
}
