package fingerprint

import (
	"image"
	"testing"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

var straight = watermark.Affine{A: 1, D: 1}

func TestX(t *testing.T) {
	p := NewImager([32]byte{1})
	for _, s := range []image.Point{{1024, 1024}, {700, 500}, {160, 160}, {64, 64}, {2000, 300}} {
		img := corpus.Made(s.X, s.Y, 3)
		r := p.Image(img)
		b, err := r.AppendBinary(nil)
		c := p.Compare(r, img, straight)
		says := 0
		for _, v := range r.Local {
			if v != 0 {
				says++
			}
		}
		t.Log(s, len(r.Local), says, len(b), err, c)
		j := attack.JPEG(30)(img)
		t.Log(p.Compare(r, j, straight), p.Image(j).Global.Distance(r.Global))
		h := attack.Resize(.5, .5)(img)
		t.Log(p.Compare(r, h, watermark.Affine{A: .5, D: .5}), p.Image(h).Global.Distance(r.Global))
		o := corpus.Made(s.X, s.Y, 4)
		t.Log(p.Compare(r, o, straight), p.Image(o).Global.Distance(r.Global))
	}
}

func BenchmarkImage(b *testing.B) {
	p, img := NewImager([32]byte{1}), corpus.Made(1024, 1024, 1)
	for b.Loop() {
		p.Image(img)
	}
}

func BenchmarkCompare(b *testing.B) {
	p, img := NewImager([32]byte{1}), corpus.Made(1024, 1024, 1)
	r := p.Image(img)
	for b.Loop() {
		p.Compare(r, img, straight)
	}
}

func BenchmarkNewImager(b *testing.B) {
	for b.Loop() {
		NewImager([32]byte{1})
	}
}
