package watermark

import (
	"image"
	"image/draw"
	"math"
)

// Reading and writing the pixels of a picture that is being marked. The four
// kinds of copyOf differ in depth and channels only.

const (
	markBits  = 24
	markOne   = 1 << markBits
	thirdStep = markOne / 3
)

// weigh is mark times weight, rounded to whole steps of 1/depth grey level,
// with an offset that differs between channels, so that amplitudes below one
// step survive in their sum.
func weigh(mark int64, weight int32, depth, offset int64) int {
	return int((mark*int64(weight)*depth>>10 + markOne/2 + offset) >> markBits)
}

// sourceOf measures a picture for the mask. What is transparent neither hides a
// mark nor shows one; what is half transparent is seen over white.
func sourceOf(dst draw.Image) maskSource {
	b := dst.Bounds()
	s := maskSource{w: b.Dx(), h: b.Dy()}
	switch m := dst.(type) {
	case *image.Gray:
		s.grey = true
		s.row = func(y int, luma []int32, _ []uint8, seen []bool) {
			for x, v := range m.Pix[y*m.Stride:][:len(luma)] {
				luma[x], seen[x] = 1000*int32(v), true
			}
		}
	case *image.Gray16:
		s.grey = true
		s.row = func(y int, luma []int32, _ []uint8, seen []bool) {
			row := m.Pix[y*m.Stride:]
			for x := range luma {
				v := int32(row[2*x])<<8 | int32(row[2*x+1])
				luma[x], seen[x] = v*1000/257, true
			}
		}
	case *image.NRGBA64:
		s.row = func(y int, luma []int32, rgb []uint8, seen []bool) {
			row := m.Pix[y*m.Stride:]
			for x := range luma {
				c := row[8*x : 8*x+8 : 8*x+8]
				luma[x], seen[x] = seenLuma(c[0], c[2], c[4], c[6], rgb[3*x:]), c[6] != 0 || c[7] != 0
			}
		}
	case *image.NRGBA:
		s.row = func(y int, luma []int32, rgb []uint8, seen []bool) {
			row := m.Pix[y*m.Stride:]
			for x := range luma {
				c := row[4*x : 4*x+4 : 4*x+4]
				luma[x], seen[x] = seenLuma(c[0], c[1], c[2], c[3], rgb[3*x:]), c[3] != 0
			}
		}
	}
	return s
}

// seenLuma writes the colour over white and returns its luma in 1/1000.
func seenLuma(r, g, b, a uint8, rgb []uint8) int32 {
	rgb = rgb[:3:3]
	rgb[0], rgb[1], rgb[2] = r, g, b
	v := 299*int32(r) + 587*int32(g) + 114*int32(b)
	if a != 255 {
		v = 255000 + (v-255000)/255*int32(a)
	}
	return v
}

// adder returns what adds a row of the mark to dst.
func adder(dst draw.Image, k *mask) func(y int, marks []int64) {
	switch m := dst.(type) {
	case *image.Gray:
		return func(y int, marks []int64) { addGray(m, y, marks) }
	case *image.Gray16:
		return func(y int, marks []int64) { addGray16(m, y, marks) }
	case *image.NRGBA64:
		return func(y int, marks []int64) { addNRGBA64(m, k, y, marks) }
	}
	m := dst.(*image.NRGBA)
	return func(y int, marks []int64) { addNRGBA(m, k, y, marks) }
}

func addNRGBA(m *image.NRGBA, k *mask, y int, marks []int64) {
	row := m.Pix[y*m.Stride:]
	for i, t := range k.tints(y) {
		s := k.span(i, len(marks))
		r, g, b := int64(t.weight[0]), int64(t.weight[1]), int64(t.weight[2])
		for x, v := range marks[s.from:s.to] {
			c := row[4*(s.from+x):][:4:4]
			if c[3] == 0 {
				continue
			}
			c[0] = clip8(int(c[0]) + int((v*r>>10+markOne/2-thirdStep)>>markBits))
			c[1] = clip8(int(c[1]) + int((v*g>>10+markOne/2)>>markBits))
			c[2] = clip8(int(c[2]) + int((v*b>>10+markOne/2+thirdStep)>>markBits))
		}
	}
}

func addNRGBA64(m *image.NRGBA64, k *mask, y int, marks []int64) {
	row := m.Pix[y*m.Stride:]
	for i, t := range k.tints(y) {
		s := k.span(i, len(marks))
		for x, v := range marks[s.from:s.to] {
			c := row[8*(s.from+x):][:8:8]
			if c[6] == 0 && c[7] == 0 {
				continue
			}
			for j, w := range t.weight {
				put16(c[2*j:], weigh(v, w, 257, 0))
			}
		}
	}
}

// greyStep spreads the rounding of one channel over neighbours, as the three
// channels of a colour image do among themselves.
var greyStep = [4]int64{-3 * markOne / 8, markOne / 8, 3 * markOne / 8, -markOne / 8}

func addGray(m *image.Gray, y int, marks []int64) {
	row := m.Pix[y*m.Stride:]
	for x, v := range marks {
		row[x] = clip8(int(row[x]) + weigh(v, 1024, 1, greyStep[y&1*2+x&1]))
	}
}

func addGray16(m *image.Gray16, y int, marks []int64) {
	row := m.Pix[y*m.Stride:]
	for x, v := range marks {
		put16(row[2*x:], weigh(v, 1024, 257, 0))
	}
}

func put16(c []byte, delta int) {
	v := min(max(int(c[0])<<8|int(c[1])+delta, 0), math.MaxUint16)
	c[0], c[1] = byte(v>>8), byte(v)
}

func clip8(v int) byte { return byte(min(max(v, 0), 255)) }
