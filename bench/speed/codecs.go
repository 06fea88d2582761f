package main

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"

	"github.com/avowai/avow/internal/fastpng"
)

// asNRGBA is what decoding a PNG file with alpha gives.
func asNRGBA(img image.Image) *image.NRGBA {
	out := image.NewNRGBA(img.Bounds())
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}

// codecColumns are the baselines: the standard library's codecs, and this
// project's encoder.
func codecColumns(img image.Image) ([]column, error) {
	var pngFile, jpegFile bytes.Buffer
	if err := png.Encode(&pngFile, img); err != nil {
		return nil, err
	}
	if err := jpeg.Encode(&jpegFile, img, &jpeg.Options{Quality: 90}); err != nil {
		return nil, err
	}
	return []column{
		{"image/png decode", func() error { _, err := png.Decode(bytes.NewReader(pngFile.Bytes())); return err }},
		{"image/png encode", func() error { return png.Encode(new(bytes.Buffer), img) }},
		{"fastpng encode", func() error { _, err := fastpng.Encode(img, 1); return err }},
		{"image/jpeg decode", func() error { _, err := jpeg.Decode(bytes.NewReader(jpegFile.Bytes())); return err }},
		{"image/jpeg encode 90", func() error { return jpeg.Encode(new(bytes.Buffer), img, &jpeg.Options{Quality: 90}) }},
	}, nil
}
