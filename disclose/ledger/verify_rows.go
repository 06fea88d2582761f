package ledger

import (
	"context"
	"database/sql"
	"errors"
	"sort"
)

// chunkRows and chunkBytes are how much a walk reads at one time.
const (
	chunkRows  = 4096
	chunkBytes = 32 << 20
)

// A fullRow is a row with all that is stored of it.
type fullRow struct {
	row
	n                               int64
	link, id, response, salt, print []byte
	erased                          int64
	manifest                        *manifestSum // nil for none
}

// A manifestSum is what a walk keeps of a manifest store.
type manifestSum struct {
	id, label []byte
	digest    digest
}

// A chunk is a run of rows of one chain. Stray are the numbers of manifests that
// belong to no row.
type chunk struct {
	rows  []fullRow
	stray []int64
	more  bool // there may be more rows
	err   error
}

// each calls fn with every row of a chain, in order.
func (c *check) each(ctx context.Context, chain int64, fn func(fullRow) error) error {
	reading, cancel := context.WithCancel(ctx)
	chunks := c.chunks(reading, chain)
	defer func() { // the transaction is for one at a time
		cancel()
		for range chunks {
		}
	}()
	for got := range chunks {
		if got.err != nil {
			return got.err
		}
		for _, r := range got.rows {
			if err := fn(r); err != nil {
				return err
			}
		}
		c.stray = append(c.stray, got.stray...)
		c.v.Rows += int64(len(got.rows))
	}
	return ctx.Err()
}

// chunks reads a chain run by run, the next one while the last is looked at.
func (c *check) chunks(ctx context.Context, chain int64) <-chan chunk {
	out := make(chan chunk)
	go func() {
		defer close(out)
		after, last := rowNumber(chain, 0), rowNumber(chain+1, 0)-1
		for {
			// A query that can be cancelled costs a tenth more; between two is enough.
			got := c.load(context.WithoutCancel(ctx), after, last)
			select {
			case out <- got:
			case <-ctx.Done():
				return
			}
			if got.err != nil || !got.more {
				return
			}
			after = got.rows[len(got.rows)-1].n
		}
	}()
	return out
}

func (c *check) load(ctx context.Context, after, last int64) (out chunk) {
	out.rows = make([]fullRow, 0, 256)
	rows, err := c.tx.QueryContext(ctx, c.l.d.sql(`SELECT n, kind, at, id, response, body, link, erased, salt, print
		FROM avow_records WHERE n > ?1 AND n <= ?2 ORDER BY n LIMIT ?3`), after, last, chunkRows)
	if err != nil {
		return chunk{err: err}
	}
	defer func() { _ = rows.Close() }()
	var mem arena
	for rows.Next() {
		var r fullRow
		var id, response, body, link, salt, print sql.RawBytes
		if err := rows.Scan(&r.n, &r.kind, &r.at, &id, &response, &body, &link, &r.erased, &salt, &print); err != nil {
			return chunk{err: err}
		}
		r.seq = r.n & (1<<chainBits - 1)
		r.id, r.response, r.body, r.link, r.salt, r.print = mem.keep(id), mem.keep(response), mem.keep(body), mem.keep(link), mem.keep(salt), mem.keep(print)
		out.rows = append(out.rows, r)
		if out.more = len(out.rows) == chunkRows || mem.size >= chunkBytes; out.more {
			break
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return chunk{err: err}
	}
	if out.more {
		last = out.rows[len(out.rows)-1].n
	}
	out.stray, out.err = c.loadManifests(ctx, out.rows, after, last)
	return out
}

// An arena holds many small pieces in a few large blocks.
type arena struct {
	block []byte
	size  int // of all pieces
}

// arenaBlock is the size of a block, in bytes.
const arenaBlock = 1 << 20

// keep copies a piece; nil stays nil.
func (a *arena) keep(piece []byte) []byte {
	if piece == nil {
		return nil
	}
	if len(piece) > cap(a.block)-len(a.block) {
		a.block = make([]byte, 0, max(arenaBlock, len(piece)))
	}
	start := len(a.block)
	a.block, a.size = append(a.block, piece...), a.size+len(piece)
	return a.block[start:len(a.block):len(a.block)]
}

// loadManifests adds what is stored of manifests to the rows they belong to.
func (c *check) loadManifests(ctx context.Context, to []fullRow, after, last int64) (stray []int64, err error) {
	rows, err := c.tx.QueryContext(ctx, c.l.d.sql(`SELECT n, id, label, store FROM avow_manifests WHERE n > ?1 AND n <= ?2 ORDER BY n`), after, last)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n int64
		var m manifestSum
		var store []byte
		if err := rows.Scan(&n, &m.id, &m.label, &store); err != nil {
			return nil, err
		}
		i := sort.Search(len(to), func(i int) bool { return to[i].n >= n })
		if i == len(to) || to[i].n != n {
			stray = append(stray, n)
			continue
		}
		var s salt
		copy(s[:], to[i].salt)
		m.digest = s.manifest(store)
		to[i].manifest = &m
	}
	return stray, rows.Err()
}
