package ledger

import (
	"context"
	"database/sql"
	"time"
)

const (
	retainEvery = time.Hour // between two looks for rows that are too old
	retainRows  = 2000      // deleted in one transaction, so that records need not wait
)

// retain deletes some rows that are too old, and says when to look again.
func (w *writer) retain() time.Duration {
	if w.o.Retention < 0 {
		return retainEvery
	}
	more := false
	err := w.attempt(func(ctx context.Context) (err error) {
		more, err = w.expire(ctx, millis(w.o.Now().Add(-w.o.Retention)))
		return err
	})
	if more && err == nil {
		return time.Millisecond
	}
	return retainEvery
}

// expire deletes the oldest rows of each chain that were written before a time,
// and signs where it cut. It reports whether there may be more.
func (w *writer) expire(ctx context.Context, before int64) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	tx, err := w.d.begin(ctx, w.db)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	chains, err := w.oldChains(ctx, tx)
	if err != nil {
		return false, err
	}
	for _, c := range chains {
		n, err := w.cut(ctx, tx, c, before)
		if err != nil {
			return false, err
		}
		more = more || n == retainRows
	}
	return more, tx.Commit()
}

// A numbered writer is a writer with the number of its chain.
type numbered struct {
	chain  int64
	writer string
}

// oldChains are the chains by number, locked against others that delete.
func (w *writer) oldChains(ctx context.Context, tx *sql.Tx) ([]numbered, error) {
	q := `SELECT chain, writer FROM avow_chains ORDER BY chain`
	if w.d.postgres {
		q += ` FOR UPDATE`
	}
	rows, err := tx.QueryContext(ctx, q)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []numbered
	for rows.Next() {
		var c numbered
		var writer []byte
		if err := rows.Scan(&c.chain, &writer); err != nil {
			return nil, err
		}
		c.writer = string(writer)
		out = append(out, c)
	}
	return out, rows.Err()
}

// cut deletes up to retainRows from the beginning of a chain.
func (w *writer) cut(ctx context.Context, tx *sql.Tx, c numbered, before int64) (int, error) {
	chain := c.chain
	rows, err := tx.QueryContext(ctx, w.d.sql(`SELECT n, at, link FROM avow_records WHERE n > ?1 AND n <= ?2 ORDER BY n LIMIT ?3`),
		rowNumber(chain, 0), rowNumber(chain+1, 0)-1, retainRows)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	m, last, n := cutMark{at: millis(w.o.Now())}, int64(0), 0
	for rows.Next() {
		var number, at int64
		var end []byte
		if err := rows.Scan(&number, &at, &end); err != nil {
			return 0, err
		}
		if at >= before || len(end) != len(m.link) {
			break
		}
		last, m.seq, m.link, n = number, number-rowNumber(chain, 0), link(end), n+1
	}
	if err := rows.Close(); err != nil || n == 0 {
		return 0, err
	}
	m.sig = m.point(c.writer).sign("cut", w.key())
	for _, s := range []string{`DELETE FROM avow_records WHERE n > ?1 AND n <= ?2`, `DELETE FROM avow_manifests WHERE n > ?1 AND n <= ?2`} {
		if _, err := tx.ExecContext(ctx, w.d.sql(s), rowNumber(chain, 0), last); err != nil {
			return 0, err
		}
	}
	_, err = tx.ExecContext(ctx, w.d.sql(`UPDATE avow_chains SET cut = ?1 WHERE chain = ?2`), m.encode(), chain)
	return n, err
}
