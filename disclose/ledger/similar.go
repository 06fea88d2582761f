package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose"
)

// compareRows is how many candidates are read at one time, maxCompare how many in
// all: beyond them stand records that are gone or were erased.
const (
	compareRows = 64
	maxCompare  = 1024
)

// Similar returns the records made with the same key whose fingerprint is close,
// closest first, at most disclose.MaxSimilar. The first call reads all
// fingerprints; where ctx ends before that is done, the next one goes on.
func (l *Ledger) Similar(ctx context.Context, f disclose.Fingerprint) ([]disclose.Similarity, error) {
	if f.IsZero() {
		return nil, nil
	}
	if err := l.catchUp(ctx); err != nil {
		return nil, err
	}
	near, among := l.index.near(f)
	var out []disclose.Similarity
	for len(near) > 0 && len(out) < disclose.MaxSimilar {
		n := min(len(near), compareRows)
		some, err := l.rowsOf(ctx, near[:n])
		if err != nil {
			return nil, err
		}
		near = near[n:]
		for _, r := range some {
			if s, ok := disclose.Compare(f, r); ok && !r.Erased {
				s.Among = among
				out = append(out, s)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b disclose.Similarity) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(b.Shared, a.Shared))
	})
	return out[:min(len(out), disclose.MaxSimilar)], nil
}

// near are the rows that the index holds to be close, closest first, and among how
// many pictures they were found.
func (x *index) near(f disclose.Fingerprint) (rows []int64, among int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	k := x.byKey[f.KeyID]
	if k == nil {
		return nil, 0
	}
	if !f.Image.IsZero() {
		rows = k.pictures.near(f.Image.Global)
	}
	if len(f.Text) > 0 {
		rows = append(rows, k.texts.near(f.Text)...)
	}
	return rows[:min(len(rows), maxCompare)], len(k.pictures.rows)
}

// rowsOf reads records by their numbers, in the order given.
func (l *Ledger) rowsOf(ctx context.Context, numbers []int64) ([]disclose.Record, error) {
	list := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(numbers)), ","), "[]")
	found, err := l.records(ctx, `n IN (`+list+`)`)
	if err != nil {
		return nil, err
	}
	byNumber := make(map[int64]disclose.Record, len(found))
	for _, s := range found {
		byNumber[s.n] = s.record
	}
	var out []disclose.Record
	for _, n := range numbers {
		if r, ok := byNumber[n]; ok {
			out = append(out, r)
			delete(byNumber, n) // once, where picture and text both name it
		}
	}
	return out, nil
}
