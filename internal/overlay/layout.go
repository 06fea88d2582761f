package overlay

import (
	"fmt"
	"image"
	"math"

	"golang.org/x/image/draw"
)

// A piece is one part of a label at its place in the picture as it is seen.
type piece struct {
	at  image.Point
	pix *image.NRGBA
}

// layout stacks the badge, the operator's image and the QR code from the corner
// inwards, for a picture of w x h pixels. Where they do not fit, the badge first
// shrinks down to its least size, then loses its second part, and at last stands
// alone: it is what the Code requires.
func (l *Label) layout(w, h int) ([]piece, error) {
	alone := []bool{false}
	if l.o.Text != NoText && (l.art != nil || l.code != nil) {
		alone = append(alone, true)
	}
	for _, alone := range alone {
		for _, text := range l.texts() {
			for _, height := range l.heights(w, h) {
				if pieces, ok := l.stack(text, height, alone, w, h); ok {
					return pieces, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("%w: %d x %d pixels", ErrTooSmall, w, h)
}

func (l *Label) texts() []Text {
	if l.o.Text == AIGenerated || l.o.Text == AIModified {
		return []Text{l.o.Text, AI}
	}
	return []Text{l.o.Text}
}

// heights are the capital heights to try, in pixels, largest first.
func (l *Label) heights(w, h int) []int {
	var all []int
	for t := share(l.o.Size, reference(w, h)); t > l.o.MinSize; t = t * 4 / 5 {
		all = append(all, t)
	}
	return append(all, l.o.MinSize)
}

// reference is the side that sizes are shares of.
func reference(w, h int) int { return max(min(w, h), max(w, h)/4) }

func share(part float64, side int) int { return int(math.Round(part * float64(side))) }

// stack places the parts, or reports that they do not fit.
func (l *Label) stack(text Text, height int, alone bool, w, h int) ([]piece, bool) {
	ref := reference(w, h)
	margin := share(l.o.Margin, min(w, h))
	var parts []*image.NRGBA
	if text != NoText {
		size := badgeSize(text, height)
		if size.X+2*margin > w || size.Y+2*margin > h { // not worth drawing
			return nil, false
		}
		parts = append(parts, badge(text, height))
	}
	if l.art != nil && !alone {
		parts = append(parts, l.artwork(max(share(l.o.Box, ref), minBox)))
	}
	if l.code != nil && !alone {
		module := max(share(l.o.Box, ref)/len(l.code), minModule)
		if len(l.code)*module > min(w, h) {
			return nil, false
		}
		parts = append(parts, drawCode(l.code, module))
	}
	return l.place(parts, margin, w, h)
}

// place puts the parts one under the other, towards the inside.
func (l *Label) place(parts []*image.NRGBA, margin, w, h int) ([]piece, bool) {
	gap, y, area := max(margin/2, 2), margin, 0
	var out []piece
	for i, p := range parts {
		if i > 0 {
			y += gap
		}
		size := p.Rect.Size()
		at := image.Pt(w-margin-size.X, y)
		if l.o.Corner.left() {
			at.X = margin
		}
		if l.o.Corner.bottom() {
			at.Y = h - y - size.Y
		}
		if size.X+2*margin > w || y+size.Y+margin > h {
			return nil, false
		}
		y += size.Y
		area += size.X * size.Y
		out = append(out, piece{at, p})
	}
	return out, int64(area)*maxShare <= int64(w)*int64(h)
}

// artwork is the operator's image, made smaller to fit into box x box pixels.
func (l *Label) artwork(box int) *image.NRGBA {
	size := l.art.Rect.Size()
	long := max(size.X, size.Y)
	if long <= box {
		return l.art
	}
	small := image.Rect(0, 0, max(size.X*box/long, 1), max(size.Y*box/long, 1))
	out := image.NewNRGBA(small)
	draw.CatmullRom.Scale(out, small, l.art, l.art.Rect, draw.Src, nil)
	return out
}
