package main

import (
	"context"
	"image"
	"math"
	"math/rand/v2"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark"
)

// A member is one picture of a pool: a piece of a corpus picture, or a made one.
// Two pictures are strangers where their sources differ.
type member struct {
	source int    // corpus pictures count from 0, made ones below
	kind   string // "corpus", or that of a made one
	print  fingerprint.Image
}

// Three of five members are pieces of the corpus.
const corpusShare = 0.6

// pool draws n pictures of w by h pixels. Where they are marked, all carry the same
// mark: what a copy of it, or a leaked key, would put on each.
func (b *bench) pool(ctx context.Context, n, w, h int, seed uint64, marked bool) ([]member, error) {
	out := make([]member, n)
	for i := range out {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var img image.Image
		img, out[i] = b.draw(rand.New(rand.NewPCG(seed, uint64(i))), i, n, w, h)
		if marked {
			var err error
			if img, err = watermark.Embed(ctx, img, watermark.Payload{1, 2, 3}, b.key, nil); err != nil {
				return nil, err
			}
		}
		out[i].print = b.imager.Image(img)
	}
	return out, nil
}

// draw is picture i of a pool of n.
func (b *bench) draw(rng *rand.Rand, i, n, w, h int) (image.Image, member) {
	if i < int(corpusShare*float64(n)) {
		source := i % len(b.pictures)
		return edited(piece(b.pictures[source], rng, w, h), rng), member{source: source, kind: "corpus"}
	}
	k := kinds[i%len(kinds)]
	return k.draw(rng, w, h), member{source: -i, kind: k.name}
}

// piece is a crop of a picture, some of them all of it, scaled to w by h.
func piece(p image.Image, rng *rand.Rand, w, h int) image.Image {
	r := p.Bounds()
	most := min(float64(r.Dx())/float64(w), float64(r.Dy())/float64(h))
	scale := most
	if rng.IntN(4) > 0 {
		scale = most * math.Exp(-rng.Float64()*1.5)
	}
	cw, ch := int(scale*float64(w)), int(scale*float64(h))
	x, y := r.Min.X+rng.IntN(r.Dx()-cw+1), r.Min.Y+rng.IntN(r.Dy()-ch+1)
	return imaging.Resize(imaging.Crop(p, image.Rect(x, y, x+cw, y+ch)), w, h, imaging.Box)
}

// edited leaves half of the pieces alone.
func edited(img image.Image, rng *rand.Rand) image.Image {
	switch rng.IntN(8) {
	case 0:
		return imaging.FlipH(img)
	case 1:
		return imaging.AdjustContrast(img, 60*rng.Float64()-30)
	case 2:
		return imaging.AdjustGamma(img, .5+rng.Float64())
	case 3:
		return imaging.Blur(img, 1+4*rng.Float64())
	}
	return img
}

// sort names a pair: two of one sort, or the sorts that have nothing in common.
func (m member) sort(other member) string {
	if m.kind == other.kind && m.kind != "corpus" {
		return m.kind
	}
	return unlike
}

// unlike are pairs of corpus pictures, and of made ones of different sorts.
const unlike = "corpus, and unlike sorts"

// sorts lists the names, in the order of the tables.
func sorts() []string {
	out := []string{unlike}
	for _, k := range kinds {
		out = append(out, k.name)
	}
	return out
}
