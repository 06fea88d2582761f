package watermark

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/sync/errgroup"
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

// EmbedOptions tune Embed. The zero value is the recommended setting.
type EmbedOptions struct {
	// Strength scales the mark's amplitude: 0 means 1. At 1 the peak
	// signal-to-noise ratio is 43.8 dB on average and about 39 dB in the busiest
	// pictures; twice the strength costs 6 dB and quadruples the power that
	// detection has.
	Strength float64
	// Workers is how many goroutines may be used, 0 for one. The result does not
	// depend on it.
	Workers int
}

// Embed returns a copy of img that carries p under k. Depth is kept: 16-bit
// images give *image.NRGBA64 or *image.Gray16, grey ones *image.Gray, all others
// *image.NRGBA. Bounds and alpha stay as they are, and pixels that are fully
// transparent are left alone.
//
// The result is the same on every platform. Errors: ErrTooSmall, ErrTooLarge, a
// zero key, a strength outside 0 to 4, or the context's.
func Embed(ctx context.Context, img image.Image, p Payload, k Key, opts *EmbedOptions) (draw.Image, error) {
	strength, workers := 1.0, 1
	if opts != nil {
		workers = max(opts.Workers, 1)
		if opts.Strength != 0 {
			strength = opts.Strength
		}
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
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e := newEmbedder(dst, p, k, strength, workers)
	if err := e.paint(ctx, dst, workers); err != nil {
		return nil, err
	}
	return dst, nil
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
	mask  *mask
	tiles *[superArea]*tile
}

// newEmbedder measures the picture and renders the tiles, side by side where it
// may.
func newEmbedder(dst draw.Image, p Payload, k Key, strength float64, workers int) *embedder {
	e := &embedder{w: dst.Bounds().Dx(), h: dst.Bounds().Dy()}
	var crests *[superArea]*crest
	var group errgroup.Group
	group.SetLimit(workers)
	group.Go(func() error {
		e.mask = newMask(sourceOf(dst), strength)
		return nil
	})
	group.Go(func() error {
		word := encode(p)
		e.tiles = renderTiles(keyingOf(k), &word, e.covered)
		crests = crestsOf(e.tiles)
		return nil
	})
	_ = group.Wait() // none fails
	e.mask.equalise(crests, e.w, e.h)
	return e
}

// bandRows is how many rows one goroutine paints at a time.
const bandRows = 64

// paint adds the mark to dst.
func (e *embedder) paint(ctx context.Context, dst draw.Image, workers int) error {
	add := adder(dst, e.mask)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for top := 0; top < e.h; top += bandRows {
		group.Go(func() error {
			marks, amps, cells := make([]int64, e.w), make([]int32, e.w), make([]int32, e.mask.cols)
			for y := top; y < min(top+bandRows, e.h); y++ {
				e.mask.row(amps, cells, y)
				e.row(marks, amps, y)
				add(y, marks)
			}
			return ctx.Err()
		})
	}
	return group.Wait()
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

// row writes one row of the mark in 1/2^24 grey level, given its amplitudes.
func (e *embedder) row(out []int64, amps []int32, y int) {
	for x := 0; x < e.w; {
		t, at := slot(x, y, e.w, e.h)
		run := min(tileSide-at&(tileSide-1), e.w-x)
		samples := e.tiles[t][at : at+run]
		to, amp := out[x:x+run], amps[x:x+run]
		for i, v := range samples {
			to[i] = int64(amp[i]) * int64(v)
		}
		x += run
	}
}
