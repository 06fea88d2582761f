package ledger

import (
	"context"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// Forget erases the fingerprint and the manifest of every record of a label, with
// the salt that hides them in the chain, and adds a row that says so. The records
// themselves stay, marked as erased, and the chain verifies as before. It returns
// disclose.ErrNoRecord where there is none.
func (l *Ledger) Forget(ctx context.Context, id watermark.Payload) error {
	if l.w == nil {
		return ErrReadOnly
	}
	err := l.w.do(ctx, func(ctx context.Context) error {
		return l.w.transact(ctx, func(ctx context.Context, p *pending) error { return p.forget(ctx, id) })
	})
	if err != nil || l.d.postgres {
		return err
	}
	l.checkpoint(ctx)
	return nil
}

// checkpoint empties SQLite's write-ahead log, which still holds what was erased.
func (l *Ledger) checkpoint(ctx context.Context) {
	var busy, pages, done int
	err := l.read.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &done)
	if err != nil || busy != 0 {
		l.o.Logger.Warn("what was erased stands in the write-ahead log until SQLite next empties it", "error", err)
	}
}

// forget erases in a transaction.
func (p *pending) forget(ctx context.Context, id watermark.Payload) error {
	found, err := p.recordsOf(ctx, id)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return disclose.ErrNoRecord
	}
	for n, e := range found {
		if e.seq == 0 { // erased before
			continue
		}
		p.add(kindErasure, e.encode(), nil)
		by := rowNumber(p.tip.chain, p.tip.seq)
		if _, err := p.tx.ExecContext(ctx, p.w.d.sql(`UPDATE avow_records SET erased = ?1, salt = NULL, print = NULL WHERE n = ?2`), by, n); err != nil {
			return err
		}
		if _, err := p.tx.ExecContext(ctx, p.w.d.sql(`DELETE FROM avow_manifests WHERE n = ?1`), n); err != nil {
			return err
		}
	}
	return nil
}

// recordsOf finds the rows of a label and how an erasure names them; those that
// were erased before have the sequence number 0.
func (p *pending) recordsOf(ctx context.Context, id watermark.Payload) (map[int64]erasure, error) {
	rows, err := p.tx.QueryContext(ctx, p.w.d.sql(`SELECT r.n, r.erased, c.writer FROM avow_records r
		JOIN avow_chains c ON c.chain = r.n >> 40 WHERE r.id = ?1 AND r.kind = 0`), id[:])
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[int64]erasure{}
	for rows.Next() {
		var n, erased int64
		var writer []byte
		if err := rows.Scan(&n, &erased, &writer); err != nil {
			return nil, err
		}
		e := erasure{id: id, writer: string(writer)}
		if erased == 0 {
			e.seq = n & (1<<chainBits - 1)
		}
		out[n] = e
	}
	return out, rows.Err()
}
