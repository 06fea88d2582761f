package main

import (
	"context"
	"fmt"
	"math"

	"github.com/avowai/avow/disclose/fingerprint"
)

// A window is the part of a picture that is left to compare, in shares of its
// sides.
type window struct {
	name string
	side float64
}

var windows = []window{{"whole picture", 1}, {"crop to 50 %", math.Sqrt(.5)}, {"crop to 25 %", .5}}

func (b *bench) compare(ctx context.Context) error {
	fmt.Printf("\n## Other pictures under a copied mark\n")
	for _, size := range [][2]int{{512, 512}, {768, 512}, {256, 256}} {
		pool, err := b.pool(ctx, b.members, size[0], size[1], uint64(size[0]*size[1]))
		if err != nil {
			return err
		}
		for _, w := range windows {
			b.strangers(pool, size, w)
		}
	}
	return nil
}

func (b *bench) strangers(pool []member, size [2]int, w window) {
	var all, near tail
	matches, pairs := map[string]int{}, map[string]int{}
	for i, p := range pool {
		cut := p.print
		if cut.IsZero() {
			continue
		}
		cut.Local = within(cut, w.side)
		for _, q := range pool[:i] {
			if p.source == q.source || q.print.IsZero() {
				continue
			}
			c := cut.Compare(q.print)
			cells := agreeing(cut.Local, q.print.Local)
			if cells < 6 {
				continue
			}
			pair := "different sorts"
			if p.kind == q.kind {
				pair = p.kind
			}
			pairs[pair]++
			if c.Match {
				matches[pair]++
			}
			z := (0.5 - c.Distance) * 2 * math.Sqrt(float64(cells))
			all.add(z)
			if pair == "corpus" {
				near.add(z)
			}
		}
	}
	fmt.Printf("\n%d x %d, %s: %d pairs; sd %.3f of corpus pairs %.3f\n", size[0], size[1], w.name, all.n(), all.sd(), near.sd())
	fmt.Printf("z quantiles: all %v corpus %v\n", all.list(), near.list())
	for k, n := range pairs {
		fmt.Printf("  %s: %d of %d\n", k, matches[k], n)
	}
}

func agreeing(a, b []uint32) (n int) {
	for i, v := range a {
		if v != 0 && b[i] != 0 {
			n++
		}
	}
	return n
}

// within leaves the cells that lie in the middle, side of each side.
func within(i fingerprint.Image, side float64) []uint32 {
	out := make([]uint32, len(i.Local))
	s := max(int(math.Sqrt(float64(i.Width)*float64(i.Height)))/12, 32)
	cols := i.Width/min(s, i.Width/2) - 1
	rows := max(len(i.Local)/max(cols, 1), 1)
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

func (b *bench) search(ctx context.Context) error {
	pool, err := b.pool(ctx, 2*b.members, 512, 384, 9)
	if err != nil {
		return err
	}
	hist := map[string]*[257]int{}
	for i, p := range pool {
		for _, q := range pool[:i] {
			if p.source == q.source || p.print.IsZero() || q.print.IsZero() {
				continue
			}
			pair := "different sorts"
			if p.kind == q.kind {
				pair = p.kind
			}
			if hist[pair] == nil {
				hist[pair] = new([257]int)
			}
			hist[pair][p.print.Global.Distance(q.print.Global)]++
		}
	}
	for k, h := range hist {
		n, s, s2 := 0, 0.0, 0.0
		least := -1
		for d, c := range h {
			if c > 0 && least < 0 {
				least = d
			}
			n += c
			s += float64(c * d)
			s2 += float64(c * d * d)
		}
		m := s / float64(n)
		fmt.Printf("%s: n %d mean %.1f sd %.2f least %d\n", k, n, m, math.Sqrt(s2/float64(n)-m*m), least)
	}
	return nil
}
