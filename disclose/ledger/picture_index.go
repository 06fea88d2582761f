package ledger

import (
	"cmp"
	"slices"

	"github.com/avowai/avow/disclose/fingerprint"
)

// A pictureIndex holds the global fingerprints of pictures. A search looks at each:
// a million take a few milliseconds.
type pictureIndex struct {
	globals []fingerprint.Global
	rows    []int64
}

func (p *pictureIndex) add(n int64, g fingerprint.Global) {
	p.globals, p.rows = append(p.globals, g), append(p.rows, n)
}

func (p *pictureIndex) append(more pictureIndex) {
	p.globals, p.rows = append(p.globals, more.globals...), append(p.rows, more.rows...)
}

// near returns the rows of pictures within fingerprint.SearchDistance, nearest
// first.
func (p *pictureIndex) near(g fingerprint.Global) []int64 {
	type hit struct {
		distance int
		row      int64
	}
	var hits []hit
	for i := range p.globals {
		if d := p.globals[i].Distance(g); d <= fingerprint.SearchDistance {
			hits = append(hits, hit{d, p.rows[i]})
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.row, b.row))
	})
	out := make([]int64, len(hits))
	for i, h := range hits {
		out[i] = h.row
	}
	return out
}

// without leaves out rows, where they are an eighth or more.
func (p *pictureIndex) without(gone func(int64) bool) pictureIndex {
	if stale := count(p.rows, gone); stale == 0 || stale < len(p.rows)/8 {
		return *p
	}
	var out pictureIndex
	for i, n := range p.rows {
		if !gone(n) {
			out.add(n, p.globals[i])
		}
	}
	return out
}

func count(rows []int64, is func(int64) bool) (n int) {
	for _, r := range rows {
		if is(r) {
			n++
		}
	}
	return n
}
