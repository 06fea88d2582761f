// Package luma reads how bright the pixels of an image are, of whatever kind the
// image is. The mark and the fingerprints look at the same brightness.
package luma

import "image"

// Row writes the luma of the pixels of row y from x0 on: what ITU-R BT.601 calls
// so, which JPEG and WebP code as well. out decides how many; all lie inside
// the image's bounds. Grey levels run from 0 to 255. What is transparent shows
// white, the page it will be seen on.
func Row(out []float32, img image.Image, x0, y int) {
	switch m := img.(type) {
	case *image.NRGBA:
		pix := m.Pix[m.PixOffset(x0, y):]
		for x := range out {
			c := pix[4*x : 4*x+4 : 4*x+4]
			v := float32(299*int(c[0])+587*int(c[1])+114*int(c[2])) / 1000
			if a := c[3]; a != 255 {
				v = 255 + (v-255)*float32(a)/255
			}
			out[x] = v
		}
	case *image.RGBA: // premultiplied: over white is + (255-a)
		pix := m.Pix[m.PixOffset(x0, y):]
		for x := range out {
			c := pix[4*x : 4*x+4 : 4*x+4]
			out[x] = float32(299*int(c[0])+587*int(c[1])+114*int(c[2])+1000*(255-int(c[3]))) / 1000
		}
	case *image.Gray:
		for x, v := range m.Pix[m.PixOffset(x0, y):][:len(out)] {
			out[x] = float32(v)
		}
	case *image.YCbCr:
		for x := range out {
			out[x] = float32(m.Y[m.YOffset(x0+x, y)])
		}
	case image.RGBA64Image: // what At gives, without an allocation for each pixel
		for x := range out {
			c := m.RGBA64At(x0+x, y)
			out[x] = wide(uint32(c.R), uint32(c.G), uint32(c.B), uint32(c.A))
		}
	default:
		for x := range out {
			r, g, b, a := img.At(x0+x, y).RGBA()
			out[x] = wide(r, g, b, a)
		}
	}
}

// wide is the luma of premultiplied 16-bit channels.
func wide(r, g, b, a uint32) float32 {
	return float32(299*r+587*g+114*b+1000*(0xffff-a)) / (1000 * 257)
}
