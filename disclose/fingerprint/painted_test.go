package fingerprint

import (
	"image"
	"math/rand/v2"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/watermark"
)

// straight is the geometry of a picture that was neither turned nor scaled.
var straight = watermark.Affine{A: 1, D: 1}

// painted draws soft clouds over finer ones, different for every seed: its spectrum
// falls as that of photographs does.
func painted(w, h int, seed uint64) *image.NRGBA {
	rng := rand.New(rand.NewPCG(seed, 3))
	sum := make([]float64, 3*w*h)
	for n, size := 3, 0.6; n < min(w, h); n, size = 2*n, size*0.6 {
		small := image.NewNRGBA(image.Rect(0, 0, n*w/min(w, h), n*h/min(w, h)))
		for i := range small.Pix {
			small.Pix[i] = uint8(rng.Uint32()) | uint8(i&3/3*255)
		}
		layer := imaging.Resize(small, w, h, imaging.Linear)
		for i := range w * h {
			for c := range 3 {
				sum[3*i+c] += size * (float64(layer.Pix[4*i+c]) - 127.5)
			}
		}
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		for c := range 3 {
			out.Pix[4*i+c] = uint8(min(max(127.5+sum[3*i+c], 0), 255))
		}
		out.Pix[4*i+3] = 255
	}
	return out
}
