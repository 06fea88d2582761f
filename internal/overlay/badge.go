package overlay

import (
	"image"
	"image/color"
	"math"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The badge is a black plate with white letters (contrast 21:1) inside a white
// line, so that it stands out from any picture.
var (
	plate  = color.NRGBA{0, 0, 0, 255}
	letter = color.NRGBA{255, 255, 255, 255}
)

// Measures of the badge as shares of the height of its capital letters.
const (
	padShare    = 0.55
	lineShare   = 0.09
	roundShare  = 0.4
	trackShare  = 0.06 // capitals read better with some space between them
	probeHeight = 1000
)

// typeface is the embedded font and the height of its capitals per unit of size.
type typeface struct {
	*opentype.Font
	capital float64
}

var bold = sync.OnceValue(func() typeface {
	f, err := opentype.Parse(gobold.TTF)
	if err != nil {
		panic("overlay: embedded font: " + err.Error()) // cannot happen: the font is part of the program
	}
	face := newFace(f, probeHeight)
	b, _, _ := face.GlyphBounds('I')
	return typeface{f, float64(-b.Min.Y) / 64 / probeHeight}
})

func newFace(f *opentype.Font, size float64) font.Face {
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic("overlay: embedded font: " + err.Error()) // cannot happen: NewFace fails on nothing we pass
	}
	return face
}

// capitals is a face whose capital letters are height pixels high.
func capitals(height int) font.Face {
	t := bold()
	return newFace(t.Font, float64(height)/t.capital)
}

func inset(height int) (pad, line int) {
	line = max(int(math.Round(lineShare*float64(height))), 1)
	return int(math.Round(padShare*float64(height))) + line, line
}

// write sets text from the point at on, drawing only where dst is given, and
// returns where it ends.
func write(dst *image.Alpha, face font.Face, text string, height int, at fixed.Point26_6) fixed.Int26_6 {
	d := font.Drawer{Dst: dst, Src: image.Opaque, Face: face, Dot: at}
	track := fixed.Int26_6(math.Round(trackShare * float64(height) * 64))
	for i, r := range text {
		if i > 0 {
			d.Dot.X += track
		}
		if dst == nil {
			d.Dot.X += d.MeasureString(string(r))
			continue
		}
		d.DrawString(string(r))
	}
	return d.Dot.X
}

// badgeSize is the size of the badge in pixels.
func badgeSize(t Text, height int) image.Point {
	pad, _ := inset(height)
	width := write(nil, capitals(height), t.String(), height, fixed.Point26_6{}).Ceil()
	return image.Pt(width+2*pad, height+2*pad)
}

// badge draws the badge with capital letters of height pixels.
func badge(t Text, height int) *image.NRGBA {
	size := badgeSize(t, height)
	pad, line := inset(height)
	ink := image.NewAlpha(image.Rectangle{Max: size})
	write(ink, capitals(height), t.String(), height, fixed.P(pad, pad+height))
	round := roundShare * float64(height)
	out := image.NewNRGBA(ink.Rect)
	for y := range size.Y {
		for x := range size.X {
			c := mix(letter, plate, inside(x, y, size, float64(line), round-float64(line)))
			c = mix(c, letter, float64(ink.AlphaAt(x, y).A)/255)
			c.A = uint8(math.Round(255 * inside(x, y, size, 0, round)))
			out.SetNRGBA(x, y, c)
		}
	}
	return out
}

// mix goes from a to b by t. The conversions here and in inside forbid fused
// multiply-add: a badge has the same bytes on every processor.
func mix(a, b color.NRGBA, t float64) color.NRGBA {
	f := func(p, q uint8) uint8 { return uint8(math.Round(float64(p) + float64(t*(float64(q)-float64(p))))) }
	return color.NRGBA{f(a.R, b.R), f(a.G, b.G), f(a.B, b.B), 255}
}

// inside is how much of pixel (x, y) lies in the rectangle of the given size,
// drawn in by edge, with corners of the given radius: one half minus its signed
// distance, cut to 0 to 1. math.Hypot is no help here: it differs by processor.
func inside(x, y int, size image.Point, edge, radius float64) float64 {
	hw, hh := float64(size.X)/2, float64(size.Y)/2
	dx := math.Abs(float64(x)+0.5-hw) - (hw - edge - radius)
	dy := math.Abs(float64(y)+0.5-hh) - (hh - edge - radius)
	ox, oy := max(dx, 0), max(dy, 0)
	d := math.Sqrt(float64(ox*ox)+float64(oy*oy)) + min(max(dx, dy), 0) - radius
	return min(max(0.5-d, 0), 1)
}
