package watermark

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
)

const (
	// MinSide is the smallest side of an image that can be marked, in pixels.
	MinSide = 160
	// MaxPixels is the largest number of pixels of an image that can be marked.
	MaxPixels = 100_000_000

	// minDetectSide is the smallest side of an image in which a mark is looked
	// for: a larger one that was marked may have been cropped or scaled down.
	minDetectSide = 64
)

// The mark's colour: one unit changes the luma of ITU-R BT.601 by one grey
// level. Blue is nearly useless for luma, so it takes little of the error.
const (
	weightR = 0.9
	weightG = 1.15
	weightB = 0.5
)

// EmbedOptions tune Embed. The zero value is the recommended setting.
type EmbedOptions struct {
	// Strength scales the mark's amplitude: 0 means 1. At 1 the error stays
	// below a peak signal-to-noise ratio of 43.2 dB per image; twice the
	// strength costs 6 dB and quadruples the power that detection has.
	Strength float64
}

// Embed returns a copy of img that carries p under k. Depth is kept: 16-bit
// images give *image.NRGBA64 or *image.Gray16, grey ones *image.Gray, all others
// *image.NRGBA. Bounds and alpha stay as they are, and pixels that are fully
// transparent are left alone.
//
// The result is the same on every platform. Errors: ErrTooSmall, ErrTooLarge, a
// zero key, a strength outside 0 to 4, or the context's.
func Embed(ctx context.Context, img image.Image, p Payload, k Key, opts *EmbedOptions) (draw.Image, error) {
	strength := 1.0
	if opts != nil && opts.Strength != 0 {
		strength = opts.Strength
	}
	switch {
	case k.IsZero():
		return nil, fmt.Errorf("%w: the zero key", ErrKey)
	case !(strength > 0 && strength <= 4):
		return nil, fmt.Errorf("watermark: strength %v: want more than 0 and at most 4", strength)
	}
	if err := checkSize(img.Bounds(), MinSide); err != nil {
		return nil, err
	}
	dst := copyOf(img)
	luma := lumaOf(dst)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e := embedder{w: luma.w, h: luma.h, mask: maskOf(dst, luma, strength)}
	word := encode(p)
	e.tiles = renderTiles(keyingOf(k), &word, e.covered)
	add := e.adder(dst)
	marks, amps := make([]int64, luma.w), make([]int32, luma.w)
	for y := range luma.h {
		if y%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e.row(marks, amps, y)
		add(y, marks)
	}
	return dst, nil
}

// maskOf measures the picture; what is transparent neither hides a mark nor
// shows one.
func maskOf(dst draw.Image, luma plane, strength float64) mask {
	switch m := dst.(type) {
	case *image.Gray, *image.Gray16:
		return newMask(luma, strength, greyCost, nil)
	case *image.NRGBA:
		if !m.Opaque() {
			return newMask(luma, strength, rgbCost, visibleCells(m, luma.w, luma.h))
		}
	}
	return newMask(luma, strength, rgbCost, nil)
}

// visibleCells says which mask cells hold a pixel that is not transparent.
func visibleCells(m *image.NRGBA, w, h int) []bool {
	cols := (w + cellSide - 1) / cellSide
	out := make([]bool, cols*((h+cellSide-1)/cellSide))
	for y := range h {
		row := m.Pix[y*m.Stride:]
		for x := range w {
			if row[4*x+3] != 0 {
				out[y/cellSide*cols+x/cellSide] = true
			}
		}
	}
	return out
}

func checkSize(b image.Rectangle, least int) error {
	if b.Dx() < least || b.Dy() < least {
		return fmt.Errorf("%w: %d x %d pixels, at least %d on each side", ErrTooSmall, b.Dx(), b.Dy(), least)
	}
	if int64(b.Dx())*int64(b.Dy()) > MaxPixels {
		return fmt.Errorf("%w: %d x %d pixels, at most %d", ErrTooLarge, b.Dx(), b.Dy(), MaxPixels)
	}
	return nil
}

// copyOf returns an image of the same depth that can be changed in place.
func copyOf(img image.Image) draw.Image {
	b := img.Bounds()
	var dst draw.Image
	switch img.ColorModel() {
	case color.GrayModel:
		dst = image.NewGray(b)
	case color.Gray16Model:
		dst = image.NewGray16(b)
	case color.RGBA64Model, color.NRGBA64Model, color.Alpha16Model:
		dst = image.NewNRGBA64(b)
	default:
		dst = image.NewNRGBA(b)
	}
	switch src := img.(type) {
	case *image.NRGBA: // draw.Draw would go through premultiplied colours and lose some
		to := dst.(*image.NRGBA)
		for y := range b.Dy() {
			from := src.PixOffset(b.Min.X, b.Min.Y+y)
			copy(to.Pix[y*to.Stride:(y+1)*to.Stride], src.Pix[from:from+4*b.Dx()])
		}
	case *image.NRGBA64:
		to := dst.(*image.NRGBA64)
		for y := range b.Dy() {
			from := src.PixOffset(b.Min.X, b.Min.Y+y)
			copy(to.Pix[y*to.Stride:(y+1)*to.Stride], src.Pix[from:from+8*b.Dx()])
		}
	case *image.Paletted:
		to := dst.(*image.NRGBA)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				to.Set(x, y, src.At(x, y))
			}
		}
	default:
		draw.Draw(dst, b, img, b.Min, draw.Src)
	}
	return dst
}

// An embedder lays the tiles over the picture, from its integer centre.
type embedder struct {
	w, h  int
	mask  mask
	tiles *[superArea]*tile
}

// slot returns which tile covers a pixel, and where in it the pixel lies.
func slot(x, y, w, h int) (t, at int) {
	u, v := x-w/2, y-h/2
	tx, ty := (u>>7)&(superSide-1), (v>>7)&(superSide-1)
	return ty*superSide + tx, (v&(tileSide-1))*tileSide + u&(tileSide-1)
}

// covered reports whether tile t of the super-tile lies on the picture.
func (e *embedder) covered(t int) bool {
	return touches(t%superSide, e.w) && touches(t/superSide, e.h)
}

func touches(i, n int) bool {
	first, last := (-(n / 2))>>7, (n-1-n/2)>>7
	for j := first; j <= last; j++ {
		if j&(superSide-1) == i {
			return true
		}
	}
	return false
}

// row writes one row of the mark in 1/2^24 grey level.
func (e *embedder) row(out []int64, amps []int32, y int) {
	e.mask.row(amps, y)
	for x := 0; x < e.w; {
		t, at := slot(x, y, e.w, e.h)
		run := min(tileSide-at&(tileSide-1), e.w-x)
		samples := e.tiles[t][at : at+run]
		for i, v := range samples {
			out[x+i] = int64(amps[x+i]) * int64(v)
		}
		x += run
	}
}

const (
	markBits  = 24
	markOne   = 1 << markBits
	thirdStep = markOne / 3
)

// weigh is mark times weight, rounded to whole steps of 1/depth grey level,
// with an offset that differs between channels, so that amplitudes below one
// step survive in their sum.
func weigh(mark int64, weight1024, depth, offset int64) int {
	return int((mark*weight1024*depth>>10 + markOne/2 + offset) >> markBits)
}

const (
	w1024R = 922 // weightR * 1024
	w1024G = 1178
	w1024B = 512
)

// adder returns what adds a row of the mark to dst.
func (e *embedder) adder(dst draw.Image) func(y int, marks []int64) {
	switch m := dst.(type) {
	case *image.Gray:
		return func(y int, marks []int64) { addGray(m, y, marks) }
	case *image.Gray16:
		return func(y int, marks []int64) { addGray16(m, y, marks) }
	case *image.NRGBA64:
		return func(y int, marks []int64) { addNRGBA64(m, y, marks) }
	}
	m := dst.(*image.NRGBA)
	return func(y int, marks []int64) { addNRGBA(m, y, marks) }
}

func addNRGBA(m *image.NRGBA, y int, marks []int64) {
	row := m.Pix[y*m.Stride:]
	for x, v := range marks {
		c := row[4*x : 4*x+4 : 4*x+4]
		if c[3] == 0 {
			continue
		}
		c[0] = clip8(int(c[0]) + weigh(v, w1024R, 1, -thirdStep))
		c[1] = clip8(int(c[1]) + weigh(v, w1024G, 1, 0))
		c[2] = clip8(int(c[2]) + weigh(v, w1024B, 1, thirdStep))
	}
}

func addNRGBA64(m *image.NRGBA64, y int, marks []int64) {
	row := m.Pix[y*m.Stride:]
	weights := [3]int64{w1024R, w1024G, w1024B}
	for x, v := range marks {
		c := row[8*x : 8*x+8 : 8*x+8]
		if c[6] == 0 && c[7] == 0 {
			continue
		}
		for i, w := range weights {
			put16(c[2*i:], weigh(v, w, 257, 0))
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
