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

// sourceOf hands a picture to the mask.
func sourceOf(dst draw.Image) maskSource {
	s := maskSource{w: dst.Bounds().Dx(), h: dst.Bounds().Dy(), sample: 1}
	switch m := dst.(type) {
	case *image.Gray:
		s.grey, s.pix, s.stride = true, m.Pix, m.Stride
	case *image.Gray16:
		s.grey, s.sample, s.pix, s.stride = true, 2, m.Pix, m.Stride
	case *image.NRGBA64:
		s.sample, s.pix, s.stride = 2, m.Pix, m.Stride
	case *image.NRGBA:
		s.pix, s.stride = m.Pix, m.Stride
	}
	return s
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
		pix := row[4*s.from : 4*s.to]
		for _, v := range marks[s.from:s.to] {
			if len(pix) < 4 {
				break // never: it tells the compiler how long pix is
			}
			if pix[3] != 0 {
				pix[0] = clip8(int(pix[0]) + int((v*r>>10+markOne/2-thirdStep)>>markBits))
				pix[1] = clip8(int(pix[1]) + int((v*g>>10+markOne/2)>>markBits))
				pix[2] = clip8(int(pix[2]) + int((v*b>>10+markOne/2+thirdStep)>>markBits))
			}
			pix = pix[4:]
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
