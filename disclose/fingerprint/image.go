package fingerprint

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"image"
	"log/slog"
	"math/rand/v2"

	"github.com/avowai/avow/watermark"
)

// Fingerprints of pictures. docs/spec/fingerprint.md has the formulas, where they
// come from, and what was measured.
//
// Both parts are signs after a random rotation (Charikar 2002): the share of bits in
// which two pictures differ estimates the angle between what is seen of them. What
// is seen are low frequencies, below those of the image mark: cosine transforms of
// the picture as a whole, and of overlapping cells of it. Each coefficient is
// weighed by its frequency, so that the few lowest ones, in which all pictures look
// alike, do not decide. Without the key the rotation is unknown.

const (
	// cellBits is the length of the fingerprint of a cell.
	cellBits = 32
	// cellLength is that of what is seen of a cell as it is rotated: zeros follow.
	cellLength = 64
)

// coefficients are what is seen of a cell.
type coefficients [cellLength]float32

// An Image is the fingerprint of a picture: a global part, by which it is looked
// for, and local ones, by which parts of it are recognised.
type Image struct {
	// Width and Height of the picture in pixels; zero for no fingerprint.
	Width, Height int
	Global        Global
	// Local are the fingerprints of the cells of a grid over the picture, row by
	// row: cells overlap by half. Zero stands for a cell that is too flat to say
	// anything.
	Local []uint32
}

// IsZero reports whether there is no fingerprint.
func (i Image) IsZero() bool { return i.Width == 0 || i.Height == 0 }

// ImageKey derives the secret of fingerprints of pictures from the key of the mark.
func ImageKey(k watermark.Key) [32]byte { return k.Subkey("avow image fingerprint 1") }

// An Imager makes and compares fingerprints of pictures under one secret. It is
// safe for concurrent use.
type Imager struct {
	secret [32]byte
	global rotation
	// cells are turned each in a way of its own, so that equal cells have different
	// bits.
	cells [maxCells]rotation
}

// NewImager returns an Imager for a secret, see [ImageKey].
func NewImager(secret [32]byte) *Imager {
	p := &Imager{secret: secret}
	p.global = newRotation(p.stream("global"), globalSeen)
	cells := p.stream("cells")
	for i := range p.cells {
		p.cells[i] = newRotation(cells, cellLength)
	}
	return p
}

// Format prints the type's name for every verb: the rest is secret.
func (p *Imager) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("fingerprint.Imager")) }

// LogValue logs what Format prints.
func (p *Imager) LogValue() slog.Value { return slog.StringValue("fingerprint.Imager") }

// stream draws from the secret for one purpose.
func (p *Imager) stream(purpose string) *rand.ChaCha8 {
	seed, err := hkdf.Key(sha256.New, p.secret[:], nil, "picture: "+purpose, 32)
	if err != nil {
		panic("fingerprint: HKDF of 32 bytes: " + err.Error()) // cannot happen: 32 <= 255*32
	}
	return rand.NewChaCha8([32]byte(seed))
}

// Image returns the fingerprint of a whole picture, as it is delivered. A picture
// in which there is next to nothing to see, or with a side below 32 pixels, has
// none: the result is the zero Image.
//
// Every pixel is read, row by row, so limits are the caller's; of a large picture only
// a small copy is held.
func (p *Imager) Image(img image.Image) Image {
	b := img.Bounds()
	g, ok := newGrid(b.Dx(), b.Dy())
	if !ok {
		return Image{}
	}
	v := newView(img, g, identity)
	out := Image{Width: g.w, Height: g.h, Local: make([]uint32, g.cells())}
	var plane plane
	v.sample(&plane, g, point{})
	says := 0
	var c coefficients
	for i := range out.Local {
		if e := plane.cell(g, i, &c); e >= leastContrast {
			out.Local[i] = p.cellBits(i, &c)
			says++
		}
	}
	global, ok := p.globalBits(v, g)
	if says == 0 && !ok {
		return Image{}
	}
	out.Global = global
	return out
}

// cellBits are the bits of cell i, never zero, which means that there are none.
func (p *Imager) cellBits(i int, c *coefficients) (out uint32) {
	turned := *c
	soften(turned[:])
	p.cells[i].turn(turned[:])
	for b, v := range turned[:cellBits] {
		if v > 0 {
			out |= 1 << b
		}
	}
	return max(out, 1)
}
