package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

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
		if _, ok := j.get(identity{picture: kindOf(n).name, place: n, attack: unmarkedPiece}); ok {
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

// searchPiece searches piece n. Pieces of the last kind carry a mark, but of
// another key: they count for Found alone.
func searchPiece(ctx context.Context, pictures []corpus.Picture, n int, j *journal) error {
	rng := rand.New(rand.NewPCG(uint64(n), 50))
	key, err := watermark.GenerateKey()
	if err != nil {
		return err
	}
	kind := kindOf(n)
	img, err := kind.draw(ctx, pictures, rng)
	if err != nil {
		return err
	}
	var s watermark.Statistics
	start := time.Now()
	found, err := watermark.Detect(ctx, img, &watermark.DetectOptions{Statistics: &s}, key)
	if err != nil {
		return err
	}
	r := result{
		Picture: kind.name, Attack: unmarkedPiece, Place: n, Outcome: absent, Score: s.Z, Rho: s.Rho,
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

// A nullTally sums up the searches of one kind of pieces.
type nullTally struct {
	z, rho, speed  []float64
	found, present int
}

func (t *nullTally) add(r result) {
	t.z, t.speed = append(t.z, r.Score), append(t.speed, r.Millis)
	if r.Rho > 0 {
		t.rho = append(t.rho, r.Rho)
	}
	switch r.Outcome {
	case wrong:
		t.found++
	case present:
		t.present++
	}
}

func (o *options) reportUnmarked(j *journal) error {
	kinds := map[string]*nullTally{}
	var all nullTally
	for id, r := range j.all {
		if id.attack != unmarkedPiece {
			continue
		}
		if kinds[id.picture] == nil {
			kinds[id.picture] = &nullTally{}
		}
		kinds[id.picture].add(r)
		if id.picture != otherKey {
			all.add(r)
		}
	}
	fmt.Print("Whole searches of pieces of 192 to 512 pixels a side, each under a key of its own.\n\n" +
		"| pieces | searches | Found | Present | z median | z largest | words with a valid CRC | largest rho | ms median |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, k := range pieceKinds {
		if t := kinds[k.name]; t != nil {
			t.print(k.name)
		}
	}
	all.print("all without a mark")
	fmt.Print("\n| quantile | template z, without a mark |\n| --- | --- |\n")
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 0.9999, 1} {
		fmt.Printf("| %g | %.2f |\n", q, quantile(all.z, q))
	}
	z := all.z
	if o.plot == "" {
		return nil
	}
	return os.WriteFile(o.plot, []byte(tailPlot(z)), 0o644)
}

func (t *nullTally) print(name string) {
	present := fmt.Sprint(t.present)
	if name == otherKey {
		present += " (their template is there)"
	}
	fmt.Printf("| %s | %d | %d | %s | %.2f | %.2f | %d | %.2f | %.0f |\n",
		name, len(t.z), t.found, present, median(t.z), quantile(t.z, 1), len(t.rho), quantile(t.rho, 1), median(t.speed))
}
