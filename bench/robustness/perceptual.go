package main

import (
	"context"
	"image"
	"image/draw"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// perceived asks the tools of libjxl how different two pictures look:
// butteraugli's maximum and 3-norm (0 is equal, about 1 just noticeable) and
// SSIMULACRA (0 is equal). A tool that is not installed gives 0.
func perceived(ctx context.Context, original, marked image.Image) (most, norm3, ssimulacra float64) {
	dir, err := os.MkdirTemp("", "robustness")
	if err != nil {
		return 0, 0, 0
	}
	defer os.RemoveAll(dir)
	a, b := filepath.Join(dir, "a.png"), filepath.Join(dir, "b.png")
	if write(a, original) != nil || write(b, marked) != nil {
		return 0, 0, 0
	}
	ask := func(tool string) string {
		out, err := exec.CommandContext(ctx, tool, a, b).CombinedOutput()
		if err != nil {
			return ""
		}
		return string(out)
	}
	text := ask("butteraugli_main")
	most, norm3 = number(`(?m)^([0-9.]+)$`, text), number(`3-norm: ([0-9.]+)`, text)
	return most, norm3, number(`(?m)^([0-9.]+)$`, ask("ssimulacra_main"))
}

func number(pattern, text string) float64 {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil || math.IsNaN(v) {
		return 0
	}
	return v
}

// write lays the picture over white: the tools treat alpha each in its own way.
func write(file string, img image.Image) error {
	flat := image.NewRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(flat, flat.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(flat, flat.Rect, img, img.Bounds().Min, draw.Over)
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, flat)
}
