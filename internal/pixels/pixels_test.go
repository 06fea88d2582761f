package pixels

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

// smallWebP is a lossless file of one pixel, made by another encoder.
const smallWebP = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

func gradient(m interface {
	image.Image
	Set(x, y int, c color.Color)
}) image.Image {
	r := m.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			m.Set(x, y, color.NRGBA64{uint16(x * 900), uint16(y * 1100), uint16(x * y * 13), 0xFFFF})
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image, quality int) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

var bounds = image.Rect(-3, -5, 60, 52)

func TestPNGRoundTrip(t *testing.T) {
	for name, m := range map[string]image.Image{
		"rgb":     gradient(image.NewNRGBA(bounds)),
		"rgb 16":  gradient(image.NewNRGBA64(bounds)),
		"grey":    gradient(image.NewGray(bounds)),
		"grey 16": gradient(image.NewGray16(bounds)),
		"part":    gradient(image.NewNRGBA(bounds)).(*image.NRGBA).SubImage(image.Rect(1, 2, 8, 9)),
	} {
		data, err := EncodePNG(m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := Decode(data, PNG)
		if err != nil || got.Bounds().Size() != m.Bounds().Size() {
			t.Fatalf("%s: %v", name, err)
		}
		if grey(got) != grey(m) {
			t.Errorf("%s: became %T", name, got)
		}
		a, b := m.Bounds().Min, got.Bounds().Min
		for y := range m.Bounds().Dy() {
			for x := range m.Bounds().Dx() {
				r, g, bl, al := m.At(a.X+x, a.Y+y).RGBA()
				r2, g2, bl2, al2 := got.At(b.X+x, b.Y+y).RGBA()
				if r != r2 || g != g2 || bl != bl2 || al != al2 {
					t.Fatalf("%s: pixel %d,%d differs", name, x, y)
				}
			}
		}
	}
}

func grey(m image.Image) bool {
	return m.ColorModel() == color.GrayModel || m.ColorModel() == color.Gray16Model
}

func TestJPEGKeepsGreyAndQuality(t *testing.T) {
	for _, c := range []struct{ like, want int }{{30, minQuality}, {80, 80}, {92, 92}, {100, maxQuality}} {
		for name, m := range map[string]image.Image{"grey": gradient(image.NewGray(bounds)), "colour": gradient(image.NewNRGBA(bounds))} {
			data, err := EncodeJPEG(m, jpegOf(t, m, c.like))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(data, JPEG)
			if err != nil || grey(got) != grey(m) {
				t.Errorf("%s: %T, %v", name, got, err)
			}
			if q := Quality(data); q < c.want-1 || q > c.want+1 {
				t.Errorf("%s like %d: quality %d, want %d", name, c.like, q, c.want)
			}
		}
	}
}

func TestQuality(t *testing.T) {
	m := gradient(image.NewGray(bounds))
	file, small := jpegOf(t, m, 92), jpegOf(t, m, 30)
	size := len(small) + 2
	thumb := append([]byte{0xFF, 0xE1, byte(size >> 8), byte(size)}, small...)
	wide := append([]byte{0xFF, 0xD8, 0xFF, 0xDB, 0, 131, 0x10}, make([]byte, 128)...)
	wide[7+1] = 184 // a sum of 184 is 5 % of K.1: quality 97.5
	swapped := append([]byte{0xFF, 0xD8, 0xFF, 0xDB, 0, 132, 1}, make([]byte, 64)...)
	swapped = append(append(swapped, 0), bytes.Repeat([]byte{46}, 64)...)
	for name, c := range map[string]struct {
		data     []byte
		low, top int
	}{
		"plain":                {file, 91, 93},
		"thumbnail before it":  {append(append(bytes.Clone(file[:2]), thumb...), file[2:]...), 91, 93},
		"fill bytes":           {append([]byte{0xFF, 0xD8, 0xFF, 0xFF}, file[2:]...), 91, 93},
		"16 bit table":         {wide, 97, 98},
		"table 0 comes second": {swapped, 60, 61},
		"no table":             {[]byte{0xFF, 0xD8, 0xFF, 0xDA, 0, 2}, unknownQuality, unknownQuality},
		"cut in a table":       {file[:40], unknownQuality, unknownQuality},
		"empty":                {nil, unknownQuality, unknownQuality},
	} {
		if q := Quality(c.data); q < c.low || q > c.top {
			t.Errorf("%s: %d, want %d to %d", name, q, c.low, c.top)
		}
	}
}

func TestDecodeByName(t *testing.T) {
	file, err := base64.StdEncoding.DecodeString(smallWebP)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := Decode(file, WebP); err != nil || m.Bounds().Dx() != 1 {
		t.Errorf("WebP: %v", err)
	}
	if _, err := Decode(file, PNG); err == nil {
		t.Error("WebP was decoded as PNG")
	}
	if _, err := Decode(file, WebP+1); !errors.Is(err, ErrFormat) {
		t.Errorf("unknown format: %v", err)
	}
}
