// Package overlay draws visible labels into pictures: the badge "AI" of the EU
// Code of Practice, a QR code of an address, an image of the operator's own.
//
// The Code asks for the capital letters "AI", optionally followed by GENERATED
// or MODIFIED in letters of the same height, seen at once, in any corner (its
// Section 2 on deployers). It fixes no colours and no sizes; those here follow
// WCAG 2.2, success criterion 1.4.3 (contrast of 4.5:1), and the capital height
// of a browser's body text.
package overlay

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
)

// ErrTooSmall is returned for a picture that has no room for a legible label.
var ErrTooSmall = errors.New("overlay: picture too small for the label")

// ErrOptions is returned for options outside their ranges.
var ErrOptions = errors.New("overlay: bad options")

// A Text is what the badge says.
type Text uint8

// The texts. A picture too narrow for the second part gets "AI" alone: it is
// the part that the Code requires.
const (
	NoText Text = iota
	AI
	AIGenerated
	AIModified
	textCount
)

// String is the text in capital letters; "" for NoText.
func (t Text) String() string {
	return [...]string{"", "AI", "AI GENERATED", "AI MODIFIED"}[t]
}

// A Corner is a corner of the picture as its viewer sees it.
type Corner uint8

// The corners.
const (
	TopRight Corner = iota
	TopLeft
	BottomRight
	BottomLeft
	cornerCount
)

func (c Corner) left() bool   { return c == TopLeft || c == BottomLeft }
func (c Corner) bottom() bool { return c == BottomRight || c == BottomLeft }

// Defaults of Options, and the limits of what is drawn.
const (
	DefaultSize    = 0.035
	DefaultMinSize = 12 // capital height of 16 px body text, rounded up
	DefaultMargin  = 0.02
	DefaultBox     = 0.16
	MaxURL         = 300  // bytes
	MaxImageSide   = 4096 // pixels

	minModule = 3  // pixels of a QR module that still reads after JPEG
	minBox    = 24 // pixels of an operator's image that can still be made out
	quiet     = 4  // modules of quiet zone, ISO/IEC 18004
	maxShare  = 3  // a label covers at most one part in maxShare of the picture
)

// Options say what a label shows and where. Sizes are shares of the reference
// side: the shorter side of the picture, or a quarter of the longer one where
// that is more, as a panorama is shown to fit its width. At least one of Text,
// URL and Image is needed.
type Options struct {
	// Text of the badge; NoText draws none.
	Text Text
	// URL becomes a QR code, at most MaxURL bytes; "" draws none. Beside a badge
	// it is left out, as Image is, where the picture has room for the badge alone.
	URL string
	// Image is drawn as it is, never enlarged; nil draws none. At most
	// MaxImageSide on a side. Its legibility is its owner's matter.
	Image image.Image
	// Corner of the label; the zero value is TopRight.
	Corner Corner
	// Size is the height of the capital letters, up to 0.25; 0 means
	// DefaultSize.
	Size float64
	// MinSize is the least height of the capital letters in pixels, up to 256;
	// 0 means DefaultMinSize.
	MinSize int
	// Margin to the edges, up to 0.25; 0 means DefaultMargin, less than 0 none.
	Margin float64
	// Box is the side of the QR code and the longer side of Image, up to 0.5;
	// 0 means DefaultBox. A QR module is never under 3 pixels.
	Box float64
}

// A Label is ready to be drawn into pictures. It is safe for concurrent use.
type Label struct {
	o    Options
	code [][]bool     // QR modules with their quiet zone; true is dark
	art  *image.NRGBA // Options.Image
}

// New checks the options and prepares what does not depend on the picture.
func New(o Options) (*Label, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	l := &Label{o: o.withDefaults()}
	if o.URL != "" {
		code, err := qrCode(o.URL)
		if err != nil {
			return nil, fmt.Errorf("%w: QR code: %w", ErrOptions, err)
		}
		l.code = code
	}
	if o.Image != nil {
		l.art = nrgbaOf(o.Image)
	}
	return l, nil
}

func (o Options) check() error {
	within := func(v, most float64) bool { return v >= 0 && v <= most }
	switch {
	case o.Text == NoText && o.URL == "" && o.Image == nil:
		return fmt.Errorf("%w: nothing to draw", ErrOptions)
	case o.Text >= textCount || o.Corner >= cornerCount:
		return fmt.Errorf("%w: unknown text or corner", ErrOptions)
	case !within(o.Size, 0.25) || !within(o.Box, 0.5) || !(o.Margin <= 0.25):
		return fmt.Errorf("%w: size %v, margin %v, box %v: want at most 0.25, 0.25, 0.5", ErrOptions, o.Size, o.Margin, o.Box)
	case o.MinSize < 0 || o.MinSize > 256:
		return fmt.Errorf("%w: least size %d pixels: want at most 256", ErrOptions, o.MinSize)
	case len(o.URL) > MaxURL:
		return fmt.Errorf("%w: address of %d bytes: want at most %d", ErrOptions, len(o.URL), MaxURL)
	}
	if o.Image != nil {
		b := o.Image.Bounds()
		if b.Empty() || b.Dx() > MaxImageSide || b.Dy() > MaxImageSide {
			return fmt.Errorf("%w: image of %d x %d pixels: want at most %d on a side", ErrOptions, b.Dx(), b.Dy(), MaxImageSide)
		}
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Size == 0 {
		o.Size = DefaultSize
	}
	if o.MinSize == 0 {
		o.MinSize = DefaultMinSize
	}
	if o.Margin == 0 {
		o.Margin = DefaultMargin
	}
	if o.Box == 0 {
		o.Box = DefaultBox
	}
	o.Margin = max(o.Margin, 0)
	return o
}

// Draw returns a copy of img with the label in its corner. Depth is kept: 16-bit
// images give *image.NRGBA64 or *image.Gray16, grey ones *image.Gray unless the
// label has colours, all others *image.NRGBA. Bounds stay, and so does every
// pixel outside the label.
//
// orientation is the value of Exif tag 274 (1 to 8, anything else counts as 1)
// by which a viewer turns the picture; the label stands upright after that.
// Errors: ErrTooSmall.
func (l *Label) Draw(img image.Image, orientation int) (draw.Image, error) {
	view := newView(img.Bounds(), orientation)
	pieces, err := l.layout(view.w, view.h)
	if err != nil {
		return nil, err
	}
	dst := copyOf(img, l.colourful())
	for _, p := range pieces {
		view.paint(dst, p)
	}
	return dst, nil
}

// colourful reports whether the label needs more than greys.
func (l *Label) colourful() bool {
	if l.art == nil {
		return false
	}
	for i := 0; i < len(l.art.Pix); i += 4 {
		if p := l.art.Pix[i : i+4]; p[3] != 0 && (p[0] != p[1] || p[1] != p[2]) {
			return true
		}
	}
	return false
}
