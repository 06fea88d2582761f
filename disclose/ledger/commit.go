package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/avowai/avow/watermark"
)

// A newRow is a row about to be inserted.
type newRow struct {
	row
	n     int64
	link  link
	entry *entry // of a record
	id    []byte
}

// A pending is a transaction that adds to the end of this writer's chain.
type pending struct {
	w    *writer
	tx   *sql.Tx
	tip  tip
	at   int64
	rows []newRow
}

// transact runs fn in a transaction, with this writer's chain locked, inserts the
// rows it added and commits. Only then the end of the chain moves.
func (w *writer) transact(ctx context.Context, fn func(ctx context.Context, p *pending) error) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	tx, err := w.d.begin(ctx, w.db)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	p := &pending{w: w, tx: tx, tip: w.tip, at: millis(w.o.Now())}
	if err := p.lock(ctx); err != nil {
		return err
	}
	if err := fn(ctx, p); err != nil {
		return err
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if p.tip.seq > w.tip.seq && w.tip.unsigned() == 0 {
		w.unsignedSince = p.at
	}
	w.tip = p.tip
	return nil
}

// lock makes this transaction the only one on the chain, and sees to it that the
// chain is still this process's and ends where it left it.
func (p *pending) lock(ctx context.Context) error {
	var seq int64
	var end []byte
	err := p.w.stmt(p.tx, p.w.lockStmt).QueryRowContext(ctx, p.tip.chain, p.tip.claim).Scan(&seq, &end)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errTaken
	case err != nil:
		return err
	case seq != p.tip.seq || !bytes.Equal(end, p.tip.link[:]):
		return fmt.Errorf("%w: row %d is the last, want %d", ErrChain, seq, p.tip.seq)
	}
	return nil
}

// add appends a row to the chain.
func (p *pending) add(kind int, body []byte, e *entry) {
	r := newRow{row: row{seq: p.tip.seq + 1, kind: kind, at: p.at, body: body}, entry: e}
	r.n, r.link = rowNumber(p.tip.chain, r.seq), p.tip.link.follow(r.row)
	if e != nil {
		r.id = e.id
	}
	p.tip.seq, p.tip.link = r.seq, r.link
	p.rows = append(p.rows, r)
}

// head signs the chain as it is.
func (p *pending) head() {
	at := point{p.tip.writer, p.tip.seq, p.tip.link, p.at}
	p.add(kindHead, encodeHead(at.sign("head", p.w.key())), nil)
	p.tip.head = p.tip.seq
}

// commit writes records in one transaction. What is there already is
// acknowledged and not written again.
func (w *writer) commit(ctx context.Context, batch []*entry) error {
	return w.transact(ctx, func(ctx context.Context, p *pending) error {
		if w.headDue() {
			p.head()
		}
		known, err := w.d.known(ctx, p, batch)
		if err != nil {
			return err
		}
		for _, e := range batch {
			id := watermark.Payload(e.id)
			if !hasContent(known[id], e.content) {
				p.add(kindRecord, e.body, e)
				known[id] = append(known[id], e.body)
			}
		}
		return nil
	})
}

// hasContent reports whether one of several bodies is that of the same record.
func hasContent(bodies [][]byte, content []byte) bool {
	for _, b := range bodies {
		if len(b) >= 2 && len(b) == len(content)+32*digests(b[1]) && bytes.HasPrefix(b, content) {
			return true
		}
	}
	return false
}

// known finds the rows that have the ids of a batch.
func (d dialect) known(ctx context.Context, p *pending, batch []*entry) (map[watermark.Payload][][]byte, error) {
	out := make(map[watermark.Payload][][]byte, len(batch))
	collect := func(rows *sql.Rows, err error) error {
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id, body []byte
			if err := rows.Scan(&id, &body); err != nil {
				return err
			}
			if len(id) == len(watermark.Payload{}) {
				out[watermark.Payload(id)] = append(out[watermark.Payload(id)], body)
			}
		}
		return rows.Err()
	}
	if d.postgres {
		ids := make([][]byte, len(batch))
		for i, e := range batch {
			ids[i] = e.id
		}
		return out, collect(p.tx.QueryContext(ctx, `SELECT id, body FROM avow_records WHERE id = ANY($1::bytea[])`, ids))
	}
	find := p.w.stmt(p.tx, p.w.findStmt)
	for _, e := range batch {
		if err := collect(find.QueryContext(ctx, e.id)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// flush inserts the rows that were added, and moves the end of the chain.
func (p *pending) flush(ctx context.Context) error {
	if len(p.rows) == 0 {
		return nil
	}
	insert := p.insertEach
	if p.w.d.postgres {
		insert = p.insertAll
	}
	if err := insert(ctx); err != nil {
		return err
	}
	for _, r := range p.rows {
		if r.entry == nil || r.entry.manifest == nil {
			continue
		}
		_, err := p.tx.ExecContext(ctx, p.w.d.sql(`INSERT INTO avow_manifests (n, id, label, store) VALUES (?1, ?2, ?3, ?4)`),
			r.n, r.id, r.entry.label, r.entry.manifest)
		if err != nil {
			return err
		}
	}
	res, err := p.w.stmt(p.tx, p.w.moveStmt).ExecContext(ctx, p.tip.seq, p.tip.link[:], p.tip.head, p.tip.chain, p.tip.claim)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errTaken, err)
	}
	return nil
}

// insertEach is for SQLite, where a statement costs no round trip.
func (p *pending) insertEach(ctx context.Context) error {
	insert := p.w.stmt(p.tx, p.w.insertStmt)
	for _, r := range p.rows {
		e := r.entry
		if e == nil {
			e = &entry{}
		}
		if _, err := insert.ExecContext(ctx, r.n, r.kind, r.at, r.id, e.response, r.body, r.link[:], e.salt, e.print); err != nil {
			return err
		}
	}
	return nil
}

// insertAll is for PostgreSQL: one statement whatever the number of rows.
func (p *pending) insertAll(ctx context.Context) error {
	var n, kind, at []int64
	var id, response, body, link, salt, print [][]byte
	for _, r := range p.rows {
		e := r.entry
		if e == nil {
			e = &entry{}
		}
		n, kind, at = append(n, r.n), append(kind, int64(r.kind)), append(at, r.at)
		id, response, body = append(id, r.id), append(response, e.response), append(body, r.row.body)
		link, salt, print = append(link, r.link[:]), append(salt, e.salt), append(print, e.print)
	}
	_, err := p.tx.ExecContext(ctx, `INSERT INTO avow_records (n, kind, at, id, response, body, link, salt, print)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[])`,
		n, kind, at, id, response, body, link, salt, print)
	return err
}
