package watermark

import (
	"image"

	"github.com/avowai/avow/internal/luma"
)

// A plane is one value per pixel, row by row.
type plane struct {
	w, h int
	pix  []float32
}

func newPlane(w, h int) plane { return plane{w, h, make([]float32, w*h)} }

func (p plane) row(y int) []float32 { return p.pix[y*p.w : (y+1)*p.w] }

// lumaRows gives the luma of ITU-R BT.601, which JPEG and WebP code as well, of
// an image over white, a row at a time: what is transparent shows the page it
// will be seen on. Grey levels run from 0 to 255.
func lumaRows(img image.Image) rowSource {
	b := img.Bounds()
	return rowSource{w: b.Dx(), h: b.Dy(), row: func(out []float32, y int) { luma.Row(out, img, b.Min.X, b.Min.Y+y) }}
}

// halved averages two by two pixels of a source; an odd last row or column is
// left out.
func halved(src rowSource) rowSource {
	a, b := make([]float32, src.w), make([]float32, src.w)
	return rowSource{w: src.w / 2, h: src.h / 2, stopped: src.stopped, row: func(out []float32, y int) {
		src.row(a, 2*y)
		src.row(b, 2*y+1)
		for x := range out {
			out[x] = (a[2*x] + a[2*x+1] + b[2*x] + b[2*x+1]) / 4
		}
	}}
}
