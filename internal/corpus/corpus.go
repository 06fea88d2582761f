// Package corpus gives tests and benches their pictures: made ones, and those
// of a folder.
package corpus

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/image/webp"
)

// A Picture is one image under a name.
type Picture struct {
	Name string
	image.Image
}

// Made draws a picture of the given size: sky-like gradients, soft shapes and
// textured ground, different for every seed.
func Made(w, h int, seed uint64) *image.NRGBA {
	rng := rand.New(rand.NewPCG(seed, 77))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	f := [4]float64{rng.Float64()*0.05 + 0.01, rng.Float64()*0.05 + 0.01, rng.Float64() * 6, rng.Float64() * 6}
	horizon := float64(h) * (0.3 + 0.4*rng.Float64())
	tint := [3]float64{rng.Float64() * 60, rng.Float64() * 60, rng.Float64() * 60}
	for y := range h {
		for x := range w {
			fx, fy := float64(x), float64(y)
			v := 150 + 60*math.Sin(f[0]*fx+f[2])*math.Cos(f[1]*fy+f[3])
			if fy > horizon {
				v = 90 + 30*math.Sin(fx/7+3*math.Sin(fy/11)) + 18*rng.NormFloat64()
			}
			img.SetNRGBA(x, y, color.NRGBA{level(v - tint[0]), level(v - tint[1]/2), level(v + 30 - tint[2]), 255})
		}
	}
	return img
}

func level(v float64) uint8 { return uint8(min(max(v, 0), 255)) }

// Folder decodes the PNG, JPEG and WebP files of a folder, in the order of
// their names. Other files are passed over.
func Folder(dir string) ([]Picture, error) {
	var out []Picture
	for _, pattern := range []string{"*.png", "*.jpg", "*.webp"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			img, err := decode(f)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Base(f), err)
			}
			out = append(out, Picture{filepath.Base(f), img})
		}
	}
	slices.SortFunc(out, func(a, b Picture) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return out, nil
}

func decode(file string) (image.Image, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := bytes.NewReader(data)
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG")):
		return png.Decode(r)
	case bytes.HasPrefix(data, []byte("RIFF")):
		return webp.Decode(r)
	}
	return jpeg.Decode(r)
}
