// Package security plays the attackers of the image mark: those who carry a mark
// over to another picture, and those who take it off. They know everything that
// is published, the template included; they do not know the key.
package security

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/quality"
	"github.com/avowai/avow/watermark"
)

// side is the size of the pieces that are attacked.
const side = 512

// A lab is what all attacks work on.
type lab struct {
	ctx      context.Context
	w        io.Writer
	pieces   []*image.NRGBA // unmarked
	marked   []*image.NRGBA
	key      watermark.Key
	template field
}

// Run prints a report on all attacks, made on the centres of the pictures.
func Run(ctx context.Context, pictures []corpus.Picture, key watermark.Key, w io.Writer) error {
	l := &lab{ctx: ctx, w: w, key: key}
	for _, p := range pictures {
		if min(p.Bounds().Dx(), p.Bounds().Dy()) < side*3/4 {
			continue
		}
		l.pieces = append(l.pieces, imaging.Clone(imaging.CropCenter(flat(p), side, side)))
	}
	if len(l.pieces) < 2 {
		return fmt.Errorf("security: want at least two pictures of %d pixels a side", side*3/4)
	}
	for i, p := range l.pieces {
		m, err := l.mark(p, payload(i), key)
		if err != nil {
			return err
		}
		l.marked = append(l.marked, m)
	}
	fmt.Fprintf(w, "%d pieces of at most %d x %d pixels.\n\n", len(l.pieces), side, side)
	for _, attack := range []func() error{
		l.copying, l.folding, l.filtering, l.averaging, l.knownTemplate, l.oracle, l.otherKeys,
	} {
		if err := attack(); err != nil {
			return err
		}
	}
	return nil
}

// flat lays a picture over white: transparency is not what is attacked.
func flat(m image.Image) image.Image {
	return imaging.Overlay(imaging.New(m.Bounds().Dx(), m.Bounds().Dy(), color.White), m, image.Point{}, 1)
}

func payload(i int) watermark.Payload { return watermark.Payload{0x5e, byte(i >> 8), byte(i), 1} }

func (l *lab) mark(m image.Image, id watermark.Payload, key watermark.Key) (*image.NRGBA, error) {
	out, err := watermark.Embed(l.ctx, m, id, key, nil)
	if err != nil {
		return nil, err
	}
	return imaging.Clone(out), nil
}

// A tally counts what Detect says.
type tally struct {
	found, present, of int
	psnr               float64
}

// look counts one picture; like is what it is compared with.
func (l *lab) look(t *tally, m, like image.Image, id watermark.Payload) error {
	found, err := watermark.Detect(l.ctx, m, nil, l.key)
	if err != nil {
		return err
	}
	t.of++
	for _, d := range found {
		switch {
		case d.Found && d.Payload == id:
			t.found++
		case !d.Found:
			t.present++
		}
	}
	if like != nil {
		t.psnr += quality.PSNR(like, m)
	}
	return nil
}

func (t *tally) cells() string {
	cost := ""
	if t.psnr > 0 {
		cost = fmt.Sprintf("%.1f", t.psnr/float64(t.of))
	}
	return fmt.Sprintf("%d | %d | %d | %s |", t.found, t.present, t.of, cost)
}

func (l *lab) head(title, text string) {
	fmt.Fprintf(l.w, "## %s\n\n%s\n\n| attack | payload read | template only | of | PSNR to the attacked picture, dB |\n| --- | --- | --- | --- | --- |\n", title, text)
}

func (l *lab) line(name string, t *tally) { fmt.Fprintf(l.w, "| %s | %s\n", name, t.cells()) }

// A field is a change of luma, one value per pixel.
type field struct {
	w, h int
	v    []float64
}

func newField(w, h int) field { return field{w, h, make([]float64, w*h)} }

// residual is the picture's luma less a local Wiener estimate of it: what an
// attacker takes for the mark.
func residual(m *image.NRGBA) field {
	f := lumaOf(m)
	s := wiener(f, 9)
	for i := range f.v {
		f.v[i] -= s.v[i]
	}
	return f
}

func lumaOf(m *image.NRGBA) field {
	f := newField(m.Rect.Dx(), m.Rect.Dy())
	for i := range f.v {
		c := m.Pix[4*i:]
		f.v[i] = 0.299*float64(c[0]) + 0.587*float64(c[1]) + 0.114*float64(c[2])
	}
	return f
}

// wiener smooths with a noise variance: where a 5 x 5 window varies by no more
// than that, only its mean stays.
func wiener(f field, noise float64) field {
	const r = 2
	out := newField(f.w, f.h)
	for y := range f.h {
		for x := range f.w {
			sum, square, n := 0.0, 0.0, 0.0
			for v := max(y-r, 0); v <= min(y+r, f.h-1); v++ {
				for _, p := range f.v[v*f.w+max(x-r, 0) : v*f.w+min(x+r, f.w-1)+1] {
					sum, square, n = sum+p, square+p*p, n+1
				}
			}
			mean := sum / n
			variance := square/n - mean*mean
			keep := max(variance-noise, 0) / max(variance, 1e-9)
			out.v[y*f.w+x] = mean + keep*(f.v[y*f.w+x]-mean)
		}
	}
	return out
}

// plus adds gain times a change of luma to a picture, aligned at the centres and
// repeated over the tile where the field is one.
func plus(m *image.NRGBA, f field, gain float64) *image.NRGBA {
	out := imaging.Clone(m)
	w, h := m.Rect.Dx(), m.Rect.Dy()
	for y := range h {
		for x := range w {
			u, v := modulo(x-w/2+f.w/2, f.w), modulo(y-h/2+f.h/2, f.h)
			d := gain * f.v[v*f.w+u]
			c := out.Pix[y*out.Stride+4*x:]
			for i := range 3 {
				c[i] = uint8(min(max(math.Round(float64(c[i])+d), 0), 255))
			}
		}
	}
	return out
}

func modulo(a, n int) int { return (a%n + n) % n }
