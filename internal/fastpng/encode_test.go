package fastpng

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"pgregory.net/rapid"

	"github.com/avowai/avow/internal/corpus"
)

// TestRoundTrip: what image/png reads back is what was encoded, for all kinds,
// odd sizes, sub-images, and any number of goroutines.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 70).Draw(t, "w"), rapid.IntRange(1, 40).Draw(t, "h")
		full := image.Rect(-2, 3, w+5, h+9)
		in := image.Rect(0, 4, w, h+4)
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		flat, opaque := rapid.Bool().Draw(t, "flat"), rapid.Bool().Draw(t, "opaque")
		seed := rapid.Uint64().Draw(t, "seed")
		next := func() uint16 {
			if flat {
				return 0x8080
			}
			seed = seed*6364136223846793005 + 1442695040888963407
			return uint16(seed >> 48)
		}
		alpha := func() uint16 {
			if opaque || kind == 4 { // image/png rounds premultiplied colours
				return 0xffff
			}
			return next()
		}
		img := newImage(kind, full)
		for y := full.Min.Y; y < full.Max.Y; y++ {
			for x := full.Min.X; x < full.Max.X; x++ {
				img.Set(x, y, color.NRGBA64{next(), next(), next(), alpha()})
			}
		}
		part := img.SubImage(in)
		data, err := Encode(part, 1)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Encode(part, 4); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("four goroutines give another file: %v", err)
		}
		back, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for y := range h {
			for x := range w {
				want := color.NRGBA64Model.Convert(part.At(in.Min.X+x, in.Min.Y+y))
				if got := color.NRGBA64Model.Convert(back.At(x, y)); got != want {
					t.Fatalf("(%d,%d) = %v, want %v", x, y, got, want)
				}
			}
		}
	})
}

type picture interface {
	image.Image
	Set(x, y int, c color.Color)
	SubImage(r image.Rectangle) image.Image
}

func newImage(kind int, r image.Rectangle) picture {
	switch kind {
	case 0:
		return image.NewGray(r)
	case 1:
		return image.NewGray16(r)
	case 2:
		return image.NewNRGBA(r)
	case 3:
		return image.NewNRGBA64(r)
	case 4:
		return image.NewRGBA(r)
	}
	return image.NewPaletted(r, color.Palette{color.Black, color.White, color.NRGBA{9, 8, 7, 99}})
}

// TestManyStripes: the checksum over stripes is right, and noise and flat
// stripes live in one file.
func TestManyStripes(t *testing.T) {
	img := corpus.Made(900, 700, 3)
	for i := range img.Pix[:len(img.Pix)/2] {
		img.Pix[i] = 255
	}
	data, err := Encode(img, 2)
	if err != nil {
		t.Fatal(err)
	}
	back, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range back.(*image.RGBA).Pix {
		if v != img.Pix[i] {
			t.Fatalf("byte %d = %d, want %d", i, v, img.Pix[i])
		}
	}
}

func TestEmpty(t *testing.T) {
	if _, err := Encode(image.NewNRGBA(image.Rect(0, 0, 0, 5)), 1); err == nil {
		t.Error("an empty picture was encoded")
	}
}

func BenchmarkEncode(b *testing.B) {
	img := corpus.Made(1024, 1024, 1)
	b.Run("fastpng", func(b *testing.B) {
		for b.Loop() {
			data, err := Encode(img, 1)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(len(data)), "bytes")
		}
	})
	b.Run("image/png", func(b *testing.B) {
		for b.Loop() {
			var buf bytes.Buffer
			if err := png.Encode(&buf, img); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(buf.Len()), "bytes")
		}
	})
}
