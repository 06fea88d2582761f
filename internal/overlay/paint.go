package overlay

import (
	"image"
	"image/color"
	"image/draw"
)

// A view maps the picture as it is seen to the picture as it is stored.
type view struct {
	bounds      image.Rectangle
	w, h        int // as seen
	orientation int
}

func newView(b image.Rectangle, orientation int) view {
	if orientation < 1 || orientation > 8 {
		orientation = 1
	}
	v := view{bounds: b, w: b.Dx(), h: b.Dy(), orientation: orientation}
	if orientation >= 5 { // sides change places
		v.w, v.h = v.h, v.w
	}
	return v
}

// stored is the place of the pixel that is seen at (x, y). Exif 2.32, tag 274:
// the value names where the stored first row and first column are seen.
func (v view) stored(x, y int) image.Point {
	mx, my := v.w-1-x, v.h-1-y
	p := [...]image.Point{
		{X: x, Y: y},   // 1: top, left
		{X: mx, Y: y},  // 2: top, right
		{X: mx, Y: my}, // 3: bottom, right
		{X: x, Y: my},  // 4: bottom, left
		{X: y, Y: x},   // 5: left, top
		{X: y, Y: mx},  // 6: right, top
		{X: my, Y: mx}, // 7: right, bottom
		{X: my, Y: x},  // 8: left, bottom
	}[v.orientation-1]
	return p.Add(v.bounds.Min)
}

// paint lays a piece over dst.
func (v view) paint(dst draw.Image, p piece) {
	for y := range p.pix.Rect.Dy() {
		for x := range p.pix.Rect.Dx() {
			c := p.pix.NRGBAAt(x, y)
			at := v.stored(p.at.X+x, p.at.Y+y)
			switch c.A {
			case 0:
			case 255:
				dst.Set(at.X, at.Y, c)
			default:
				dst.Set(at.X, at.Y, over(c, dst.At(at.X, at.Y)))
			}
		}
	}
}

// over composes c over what is below (Porter and Duff 1984, "over") in 16 bits.
func over(c color.NRGBA, below color.Color) color.NRGBA64 {
	b := color.NRGBA64Model.Convert(below).(color.NRGBA64)
	const full = 0xffff
	top := uint64(c.A) * 0x101
	rest := uint64(b.A) * (full - top) / full
	a := top + rest
	f := func(t uint8, u uint16) uint16 { return uint16((uint64(t)*0x101*top + uint64(u)*rest) / a) }
	return color.NRGBA64{R: f(c.R, b.R), G: f(c.G, b.G), B: f(c.B, b.B), A: uint16(a)}
}

// copyOf returns a copy of img that can be drawn on, of the same depth.
func copyOf(img image.Image, colourful bool) draw.Image {
	b := img.Bounds()
	switch src := img.(type) {
	case *image.NRGBA64: // draw.Draw would go through premultiplied colours and lose some
		dst := image.NewNRGBA64(b)
		copyRows(dst.Pix, dst.Stride, src.Pix, src.Stride, b)
		return dst
	case *image.Gray:
		if !colourful {
			dst := image.NewGray(b)
			copyRows(dst.Pix, dst.Stride, src.Pix, src.Stride, b)
			return dst
		}
	case *image.Gray16:
		if !colourful {
			dst := image.NewGray16(b)
			copyRows(dst.Pix, dst.Stride, src.Pix, src.Stride, b)
			return dst
		}
	}
	switch img.ColorModel() {
	case color.RGBA64Model, color.NRGBA64Model, color.Alpha16Model, color.Gray16Model:
		dst := image.NewNRGBA64(b)
		draw.Draw(dst, b, img, b.Min, draw.Src)
		return dst
	}
	return nrgbaOf(img)
}

// copyRows copies an image of which both strides may exceed the row.
func copyRows(dst []byte, dstStride int, src []byte, srcStride int, b image.Rectangle) {
	for y := range b.Dy() {
		copy(dst[y*dstStride:(y+1)*dstStride], src[y*srcStride:])
	}
}

// nrgbaOf returns a copy of img with 8 bits. Opaque kinds go through the fast
// paths to image.RGBA, which stores the same bytes where nothing is transparent.
func nrgbaOf(img image.Image) *image.NRGBA {
	b := img.Bounds()
	dst := image.NewNRGBA(b)
	switch src := img.(type) {
	case *image.NRGBA:
		copyRows(dst.Pix, dst.Stride, src.Pix, src.Stride, b)
	case *image.Paletted:
		fromPalette(dst, src)
	case *image.YCbCr, *image.CMYK, *image.Gray:
		draw.Draw(&image.RGBA{Pix: dst.Pix, Stride: dst.Stride, Rect: b}, b, img, b.Min, draw.Src)
	case *image.RGBA:
		if src.Opaque() {
			copyRows(dst.Pix, dst.Stride, src.Pix, src.Stride, b)
			break
		}
		draw.Draw(dst, b, img, b.Min, draw.Src)
	default:
		draw.Draw(dst, b, img, b.Min, draw.Src)
	}
	return dst
}

// fromPalette looks every colour up once. An index without a colour stays
// transparent, where image.Paletted would panic.
func fromPalette(dst *image.NRGBA, src *image.Paletted) {
	var table [256]color.NRGBA
	for i, c := range src.Palette[:min(len(src.Palette), 256)] {
		table[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
	}
	b := src.Rect
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			dst.SetNRGBA(x, y, table[src.Pix[src.PixOffset(x, y)]])
		}
	}
}
