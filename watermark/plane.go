package watermark

import "image"

// A plane is one value per pixel, row by row, in grey levels from 0 to 255.
type plane struct {
	w, h int
	pix  []float32
}

func newPlane(w, h int) plane { return plane{w, h, make([]float32, w*h)} }

func (p plane) row(y int) []float32 { return p.pix[y*p.w : (y+1)*p.w] }

// lumaOf returns the luma of ITU-R BT.601, which JPEG and WebP code as well, of
// an image over white: what is transparent shows the page it will be seen on.
func lumaOf(img image.Image) plane {
	b := img.Bounds()
	p := newPlane(b.Dx(), b.Dy())
	for y := range p.h {
		lumaRow(p.row(y), img, b.Min.X, b.Min.Y+y)
	}
	return p
}

func lumaRow(out []float32, img image.Image, x0, y int) {
	switch m := img.(type) {
	case *image.NRGBA:
		for x := range out {
			c := m.Pix[m.PixOffset(x0+x, y):]
			v := float32(299*int(c[0])+587*int(c[1])+114*int(c[2])) / 1000
			if a := c[3]; a != 255 {
				v = 255 + (v-255)*float32(a)/255
			}
			out[x] = v
		}
	case *image.Gray:
		for x, v := range m.Pix[m.PixOffset(x0, y):][:len(out)] {
			out[x] = float32(v)
		}
	case *image.YCbCr:
		for x := range out {
			out[x] = float32(m.Y[m.YOffset(x0+x, y)])
		}
	default:
		for x := range out {
			r, g, b, a := img.At(x0+x, y).RGBA() // premultiplied: over white is + (1-a)
			out[x] = float32(299*r+587*g+114*b+1000*(0xffff-a)) / (1000 * 257)
		}
	}
}
