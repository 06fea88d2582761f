package main

import (
	"context"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"github.com/disintegration/imaging"
	"golang.org/x/sync/errgroup"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

// searchUnmarked runs the whole search on pieces without a mark, each under a
// key of its own, and reports the largest statistics.
func (o *options) searchUnmarked(ctx context.Context, pictures []corpus.Picture, j *journal) error {
	bar := newProgress(o.unmarked)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(o.workers)
	for n := 1; n <= o.unmarked && gctx.Err() == nil; n++ {
		if _, ok := j.get(identity{place: n, attack: "unmarked"}); ok {
			bar.step()
			continue
		}
		group.Go(func() error {
			defer bar.step()
			return searchPiece(gctx, pictures, n, j)
		})
	}
	err := group.Wait()
	bar.end()
	if err != nil {
		return err
	}
	return o.reportUnmarked(j)
}

func searchPiece(ctx context.Context, pictures []corpus.Picture, n int, j *journal) error {
	rng := rand.New(rand.NewPCG(uint64(n), 50))
	key, err := watermark.GenerateKey()
	if err != nil {
		return err
	}
	img := piece(pictures[rng.IntN(len(pictures))], rng)
	var s watermark.Statistics
	start := time.Now()
	found, err := watermark.Detect(ctx, img, &watermark.DetectOptions{Statistics: &s}, key)
	if err != nil {
		return err
	}
	r := result{
		Attack: "unmarked", Place: n, Outcome: absent, Score: s.Z, Rho: s.Rho,
		Millis: millis(time.Since(start)), Mega: megapixels(img.Bounds()),
	}
	for _, d := range found {
		r.Outcome = present
		if d.Found {
			r.Outcome = wrong
		}
	}
	return j.add(r)
}

// piece is a crop of 192 to 512 pixels a side, of the picture as it is or
// scaled, half of them turned.
func piece(p corpus.Picture, rng *rand.Rand) image.Image {
	w, h := 192+rng.IntN(321), 192+rng.IntN(321)
	b := p.Bounds()
	scale := math.Exp(rng.Float64()*1.6 - 0.8)
	scale = max(scale, float64(w)/float64(b.Dx()), float64(h)/float64(b.Dy()))
	cw, ch := int(float64(w)/scale), int(float64(h)/scale)
	x, y := rng.IntN(b.Dx()-cw+1), rng.IntN(b.Dy()-ch+1)
	img := imaging.Crop(p, image.Rect(x, y, x+cw, y+ch).Add(b.Min))
	img = imaging.Resize(img, w, h, imaging.CatmullRom)
	if rng.IntN(2) == 0 {
		img = imaging.CropCenter(imaging.Rotate(img, 360*rng.Float64(), image.Black), w, h)
	}
	return img
}

func (o *options) reportUnmarked(j *journal) error {
	var z, rho []float64
	counts := map[outcome]int{}
	for id, r := range j.all {
		if id.attack == "unmarked" {
			z = append(z, r.Score)
			counts[r.Outcome]++
			if r.Rho > 0 {
				rho = append(rho, r.Rho)
			}
		}
	}
	fmt.Printf("%d full searches of unmarked pieces, 192 to 512 pixels a side, each under a key of its own: %d Found, %d Present.\n\n",
		len(z), counts[wrong], counts[present])
	fmt.Print("| quantile | template z |\n| --- | --- |\n")
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 0.9999, 1} {
		fmt.Printf("| %g | %.2f |\n", q, quantile(z, q))
	}
	fmt.Printf("\nWords with a valid CRC: %d, largest rho %.2f.\n", len(rho), quantile(rho, 1))
	if o.plot == "" {
		return nil
	}
	return os.WriteFile(o.plot, []byte(tailPlot(z)), 0o644)
}
