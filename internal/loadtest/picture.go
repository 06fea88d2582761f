package loadtest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
)

// Picture is a PNG file of soft noise.
func Picture(seed uint64, side int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	small := make([]uint8, 33*33)
	for i := range small {
		small[i] = uint8(40 + rng.IntN(176))
	}
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			v := small[y*32/side*33+x*32/side] + uint8(rng.IntN(12))
			img.SetNRGBA(x, y, color.NRGBA{v, v / 2, 255 - v, 255})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		panic(err) // cannot happen: memory takes every byte
	}
	return file.Bytes()
}
