package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"github.com/avowai/avow/disclose"
)

// catchUpRows and catchUpBytes are how much the index takes in at one time.
const (
	catchUpRows  = 10_000
	catchUpBytes = 32 << 20
)

// An index is what is kept in memory of all fingerprints, for Similar. It is built
// from the rows when it is first asked, and catches up with them, those of other
// processes included, whenever it is asked again. It may name rows that are gone:
// the rows themselves decide.
type index struct {
	turn chan struct{} // held by the one that catches up

	mu     sync.RWMutex
	byKey  map[string]*keyIndex // by the id of the fingerprints' key
	seen   map[int64]int64      // chain -> last row taken in
	purged map[int64]int64      // chain -> last row that was deleted when purge last looked
	budget int64
}

// A keyIndex holds the fingerprints that were made with one key: only they can be
// compared.
type keyIndex struct {
	pictures pictureIndex
	texts    textIndex
}

func (x *index) init(budget int64) {
	x.turn, x.budget = make(chan struct{}, 1), budget
	x.byKey, x.seen, x.purged = map[string]*keyIndex{}, map[int64]int64{}, map[int64]int64{}
}

// catchUp takes in the rows that were written since the last time. What it has
// taken in when ctx ends is kept.
func (l *Ledger) catchUp(ctx context.Context) error {
	select {
	case l.index.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("ledger: index: %w", ctx.Err())
	}
	defer func() { <-l.index.turn }()
	ends, err := l.indexEnds(ctx)
	if err != nil {
		return fmt.Errorf("ledger: index: %w", err)
	}
	for _, e := range ends {
		for l.index.seen[e.chain] < e.seq {
			if err := l.takeIn(ctx, e); err != nil {
				return fmt.Errorf("ledger: index: %w", err)
			}
		}
	}
	l.index.purge(ends)
	return nil
}

// indexEnds are the chains with their last rows, and the last that were deleted.
func (l *Ledger) indexEnds(ctx context.Context) ([]end, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT chain, seq, cut FROM avow_chains`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []end
	for rows.Next() {
		var e end
		var cut []byte
		if err := rows.Scan(&e.chain, &e.seq, &cut); err != nil {
			return nil, err
		}
		if m, err := decodeCut(cut); err == nil {
			e.start.seq = m.seq
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// takeIn reads the next fingerprints of a chain.
func (l *Ledger) takeIn(ctx context.Context, e end) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rows, err := l.read.QueryContext(context.WithoutCancel(ctx), l.d.sql(`SELECT n, print FROM avow_records
		WHERE n > ?1 AND n <= ?2 AND print IS NOT NULL ORDER BY n LIMIT ?3`),
		rowNumber(e.chain, l.index.seen[e.chain]), rowNumber(e.chain, e.seq), catchUpRows)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	fresh, count, size, last := map[string]*additions{}, 0, 0, int64(0)
	for count < catchUpRows && size < catchUpBytes && rows.Next() {
		var n int64
		var data sql.RawBytes // decodePrint copies what it keeps
		if err := rows.Scan(&n, &data); err != nil {
			return err
		}
		count, size, last = count+1, size+len(data), n
		if f, err := decodePrint(data); err == nil { // Verify names the others
			add := fresh[f.KeyID]
			if add == nil {
				add = &additions{}
				fresh[f.KeyID] = add
			}
			add.add(n, f)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	seen := e.seq
	if count == catchUpRows || size >= catchUpBytes {
		seen = last - rowNumber(e.chain, 0)
	}
	l.index.merge(fresh, e.chain, seen)
	return nil
}

// additions are fingerprints of one key that are to go into the index.
type additions struct {
	pictures pictureIndex
	texts    []newText
}

type newText struct {
	n      int64
	hashes []uint64
}

func (a *additions) add(n int64, f disclose.Fingerprint) {
	if !f.Image.IsZero() {
		a.pictures.add(n, f.Image.Global)
	}
	if len(f.Text) > 0 {
		a.texts = append(a.texts, newText{n, f.Text})
	}
}

// merge adds fingerprints. Only the holder of turn changes the index, so that
// reading without the lock is safe here; those who ask are locked out for the
// exchange alone.
func (x *index) merge(fresh map[string]*additions, chain, seen int64) {
	for id, add := range fresh {
		x.mu.RLock()
		k := x.byKey[id]
		keys := int64(max(len(x.byKey), 1))
		x.mu.RUnlock()
		if k == nil {
			k = &keyIndex{}
		}
		texts := k.texts.with(add.texts, x.budget/keys)
		x.mu.Lock()
		k.pictures.append(add.pictures)
		k.texts = texts
		x.byKey[id] = k
		x.mu.Unlock()
	}
	x.seen[chain] = seen
}

// purge drops what names deleted rows, once that is a good part.
func (x *index) purge(ends []end) {
	cuts, moved := map[int64]int64{}, false
	for _, e := range ends {
		cuts[e.chain] = e.start.seq
		moved = moved || e.start.seq > x.purged[e.chain]
	}
	if !moved {
		return
	}
	x.purged = cuts
	gone := func(n int64) bool { return n&(1<<chainBits-1) <= cuts[n>>chainBits] }
	for _, k := range x.byKey {
		pictures, texts := k.pictures.without(gone), k.texts.without(gone)
		x.mu.Lock()
		k.pictures, k.texts = pictures, texts
		x.mu.Unlock()
	}
}
