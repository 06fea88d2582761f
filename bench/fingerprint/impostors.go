package main

import (
	"context"
	"fmt"
	"image"
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark"
)

// A window is the part of a picture that is left to compare, in shares of its
// sides.
type window struct {
	name string
	side float64
}

var windows = []window{{"whole", 1}, {"crop to 50 %", math.Sqrt(.5)}, {"crop to 25 %", .5}}

// compare puts the mark of one picture on others.
func (b *bench) compare(ctx context.Context) error {
	fmt.Printf("\n## Other pictures under the same mark\n\nAll pairs of %d pictures of a size, each with the same payload under the same key,\nas a copied mark or a leaked key would have it.\n\n", b.members)
	fmt.Println("| size | left | sort of pairs | pairs | with 4 cells to compare | matches | share | too little to tell | smallest distance | 0.001 % | 0.1 % | median | bits per cell |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	var all []*distribution
	for _, size := range []image.Point{{X: 512, Y: 512}, {X: 768, Y: 512}, {X: 256, Y: 256}} {
		pool, err := b.pool(ctx, b.members, size.X, size.Y, uint64(size.X*size.Y), true)
		if err != nil {
			return err
		}
		for _, w := range windows {
			all = append(all, strangers(pool, size, w))
		}
	}
	extrapolate(all)
	return b.forge(ctx)
}

// A distribution collects the distances of unlike pairs in one window.
type distribution struct {
	name      string
	distances []float64
}

// A score counts pairs of one sort.
type score struct {
	pairs, compared, undecided, matches int
	distances                           []float64
	spread                              float64
}

func strangers(pool []member, size image.Point, w window) *distribution {
	scores := map[string]*score{}
	for _, s := range sorts() {
		scores[s] = new(score)
	}
	for i, p := range pool {
		cut := p.print
		cut.Local = within(cut, w.side)
		for _, q := range pool[:i] {
			if p.source == q.source {
				continue
			}
			scores[p.sort(q)].add(cut, q.print)
		}
	}
	name := fmt.Sprintf("%d x %d | %s", size.X, size.Y, w.name)
	for _, sort := range sorts() {
		if s := scores[sort]; sort == unlike || w.side == 1 {
			d := s.distances
			fmt.Printf("| %s | %s | %d | %d | %d | %.1g | %d | %.3f | %.3f | %.3f | %.3f | %.1f |\n", name, sort, s.pairs, s.compared, s.matches,
				float64(s.matches)/float64(max(s.pairs, 1)), s.undecided, quantile(d, 0), quantile(d, 1e-5), quantile(d, 1e-3), quantile(d, .5), float64(len(d))/s.spread)
		}
	}
	return &distribution{name, scores[unlike].distances}
}

func (s *score) add(a, b fingerprint.Image) {
	s.pairs++
	n, d := agreeing(a.Local, b.Local)
	if n < leastCells {
		return
	}
	s.compared++
	switch c := a.Compare(b); {
	case c.Match:
		s.matches++
	case c.Coverage == 0:
		s.undecided++
	}
	s.distances = append(s.distances, d)
	s.spread += 4 * float64(n) * (d - .5) * (d - .5)
}

// leastCells is the smallest number of cells that a match rests on.
const leastCells = 4

// agreeing counts the cells that have bits in both, and the share of bits that differ.
func agreeing(a, b []uint32) (n int, distance float64) {
	differ := 0
	for i, v := range b {
		if len(a) > i && a[i] != 0 && v != 0 {
			n++
			differ += bits.OnesCount32(a[i] ^ v)
		}
	}
	return n, float64(differ) / float64(32*max(n, 1))
}

// within leaves the cells that lie in the middle, side of each side.
func within(i fingerprint.Image, side float64) []uint32 {
	if i.IsZero() {
		return nil
	}
	out := make([]uint32, len(i.Local))
	s := max(int(math.Sqrt(float64(i.Width)*float64(i.Height)))/12, 32)
	cols, rows := i.Width/s-1, i.Height/s-1
	in := func(k, n int) bool {
		lo, hi := float64(k)/float64(n+1), float64(k+2)/float64(n+1)
		return lo >= .5-side/2-.02 && hi <= .5+side/2+.02
	}
	for k, v := range i.Local {
		if in(k%cols, cols) && in(k/cols, rows) {
			out[k] = v
		}
	}
	return out
}

// farthest is the largest distance of a match.
const farthest = 0.22

// extrapolate fits the tails and says how likely they are to reach a match.
func extrapolate(all []*distribution) {
	fmt.Printf("\nThe tail of unlike pairs, with the distances of the 0.1 %% that are closest taken as\nexponential below the quantile; a match needs at most %.2f.\n\n", farthest)
	fmt.Println("| size | left | 0.1 % below | mean excess | chance of a match by the fit |\n| --- | --- | --- | --- | --- |")
	for _, d := range all {
		u, mean := lowTail(d.distances, 1e-3)
		fmt.Printf("| %s | %.3f | %.4f | %.1g |\n", d.name, u, mean, 1e-3*math.Exp((farthest-u)/mean))
	}
}

// forge compares under geometries that a copied mark may have.
func (b *bench) forge(ctx context.Context) error {
	const recorded, queries = 240, 400
	rng := rand.New(rand.NewPCG(7, 7))
	pool, pictures, sources := make([]fingerprint.Image, recorded), make([]image.Image, queries), make([]member, recorded+queries)
	for i := range pool {
		var img image.Image
		img, sources[i] = b.draw(rng, i, recorded, 300+rng.IntN(1500), 300+rng.IntN(1500))
		pool[i] = b.imager.Image(img)
	}
	for i := range pictures {
		pictures[i], sources[recorded+i] = b.draw(rng, i, queries, 200+rng.IntN(500), 200+rng.IntN(500))
	}
	type result struct{ pairs, compared, matches int }
	var like, other result
	least := 1.0
	for range b.forged {
		if err := ctx.Err(); err != nil {
			return err
		}
		i, j := rng.IntN(recorded), rng.IntN(queries)
		p, q := sources[i], sources[recorded+j]
		if p.source == q.source {
			continue
		}
		r := &other
		if p.sort(q) != unlike {
			r = &like
		}
		r.pairs++
		c := b.imager.Compare(pool[i], pictures[j], turned(rng))
		if c.Coverage > 0 {
			r.compared++
			if r == &other {
				least = min(least, c.Distance)
			}
		}
		if c.Match {
			r.matches++
		}
	}
	fmt.Printf("\nUnder geometries at random (any turn, mirrored or not, scales 0.4 to 2, any shift; recorded\npictures of up to 1800 x 1800, so that several places are tried):\n\n")
	fmt.Println("| pairs | number | compared | matches |\n| --- | --- | --- | --- |")
	fmt.Printf("| %s | %d | %d | %d (smallest distance %.3f) |\n| of one sort | %d | %d | %d |\n", unlike, other.pairs, other.compared, other.matches, least, like.pairs, like.compared, like.matches)
	return nil
}

// turned is a geometry that detection could find.
func turned(rng *rand.Rand) watermark.Affine {
	k, turn := .4*math.Exp(1.6*rng.Float64()), 0.0
	if rng.IntN(2) == 0 {
		turn = 2 * math.Pi * rng.Float64()
	}
	s, c := math.Sincos(turn)
	t := watermark.Affine{A: k * c, B: k * s, C: -k * s, D: k * c, Dx: 1024*rng.Float64() - 512, Dy: 1024*rng.Float64() - 512}
	if rng.IntN(4) == 0 {
		t.A, t.C = -t.A, -t.C
	}
	return t
}
