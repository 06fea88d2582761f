package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
)

// errTaken is returned to a writer whose chain another process goes on with.
var errTaken = errors.New("ledger: another process writes under the same name")

// A tip is the end of the chain that this process writes.
type tip struct {
	chain  int64
	writer string
	claim  []byte // drawn when the chain was claimed; another one takes it away
	seq    int64
	link   link
	head   int64 // sequence number of the last head
}

func (t tip) unsigned() int64 { return t.seq - t.head }

// claim takes over the chain of a name, or begins one. A chain whose end is not as
// it was written is left alone for Verify to name, and a new one is begun.
func (w *writer) claim(ctx context.Context, name string) error {
	tx, err := w.d.begin(ctx, w.db)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if w.d.postgres {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(7305805183105)`); err != nil {
			return err
		}
	}
	t, err := w.load(ctx, tx, name)
	for i := 2; w.o.Yield && err == nil && len(t.claim) > 0; i++ {
		t, err = w.load(ctx, tx, fmt.Sprintf("%s-%d", name, i))
	}
	name = t.writer
	if errors.Is(err, ErrChain) {
		w.o.Logger.Error("the chain cannot be gone on with; run avow ledger verify", "writer", name, "error", err)
		name += "-" + token(4)
		t, err = w.load(ctx, tx, name)
	}
	if errors.Is(err, sql.ErrNoRows) {
		t, err = w.create(ctx, tx, name)
	}
	if err != nil {
		return err
	}
	t.claim = make([]byte, 16)
	_, _ = rand.Read(t.claim) // never fails, see crypto/rand
	if _, err := tx.ExecContext(ctx, w.d.sql(`UPDATE avow_chains SET claim = ?1 WHERE chain = ?2`), t.claim, t.chain); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	w.tip = t
	return nil
}

func (w *writer) create(ctx context.Context, tx *sql.Tx, name string) (tip, error) {
	t := tip{writer: name, link: genesis(name)}
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(max(chain), 0) + 1 FROM avow_chains`).Scan(&t.chain); err != nil {
		return t, err
	}
	_, err := tx.ExecContext(ctx, w.d.sql(`INSERT INTO avow_chains (chain, writer, claim, seq, link, head) VALUES (?1, ?2, ?3, 0, ?4, 0)`),
		t.chain, []byte(name), []byte{}, t.link[:])
	return t, err
}

// load reads the end of a writer's chain and checks it against its last rows.
func (w *writer) load(ctx context.Context, q querier, name string) (tip, error) {
	t := tip{writer: name}
	var end, cut []byte
	err := q.QueryRowContext(ctx, w.d.sql(`SELECT chain, claim, seq, link, head, cut FROM avow_chains WHERE writer = ?1`), []byte(name)).
		Scan(&t.chain, &t.claim, &t.seq, &end, &t.head, &cut)
	if err != nil {
		return t, err
	}
	if len(end) != len(t.link) {
		return t, ErrChain
	}
	t.link = link(end)
	return t, w.checkEnd(ctx, q, t, cut)
}

// checkEnd recomputes the last link of a chain.
func (w *writer) checkEnd(ctx context.Context, q querier, t tip, cutBytes []byte) error {
	before := point{link: genesis(t.writer)}
	if cutBytes != nil {
		c, err := decodeCut(cutBytes)
		if err != nil {
			return fmt.Errorf("%w: its cut: %w", ErrChain, err)
		}
		before = c.point(t.writer)
	}
	rows, err := q.QueryContext(ctx, w.d.sql(`SELECT n, kind, at, body, link FROM avow_records WHERE n > ?1 AND n <= ?2 ORDER BY n DESC LIMIT 2`),
		rowNumber(t.chain, 0), rowNumber(t.chain+1, 0)-1)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var last []row
	for rows.Next() {
		var r row
		var n int64
		var l []byte
		if err := rows.Scan(&n, &r.kind, &r.at, &r.body, &l); err != nil {
			return err
		}
		r.seq = n - rowNumber(t.chain, 0)
		last = append(last, r)
		if len(last) == 1 && (r.seq != t.seq || !bytes.Equal(l, t.link[:])) {
			return fmt.Errorf("%w: row %d is the last, want %d", ErrChain, r.seq, t.seq)
		}
		if len(last) == 2 && len(l) == len(before.link) {
			before = point{seq: r.seq, link: link(l)}
		}
	}
	switch err := rows.Err(); {
	case err != nil:
		return err
	case len(last) == 0 && (before.seq != t.seq || before.link != t.link):
		return fmt.Errorf("%w: its rows are gone", ErrChain)
	case len(last) > 0 && (before.seq != t.seq-1 || before.link.follow(last[0]) != t.link):
		return fmt.Errorf("%w: row %d does not follow the one before it", ErrChain, t.seq)
	}
	return nil
}

// release gives the name up.
func (w *writer) release(ctx context.Context) error {
	_, err := w.db.ExecContext(ctx, w.d.sql(`UPDATE avow_chains SET claim = ?1 WHERE chain = ?2 AND claim = ?3`), []byte{}, w.tip.chain, w.tip.claim)
	return err
}

// resume finds the chain again after the connection was lost.
func (w *writer) resume(ctx context.Context) error {
	t, err := w.load(ctx, w.db, w.tip.writer)
	switch {
	case errors.Is(err, sql.ErrNoRows) || errors.Is(err, ErrChain):
		return w.rename(ctx, errors.Join(ErrChain, err))
	case err != nil:
		return err
	case !bytes.Equal(t.claim, w.tip.claim):
		return w.rename(ctx, errTaken)
	case t.seq < w.tip.seq:
		return w.rename(ctx, fmt.Errorf("%w: %d acknowledged rows are gone", ErrChain, w.tip.seq-t.seq))
	}
	// The write shows that there is room, and that nobody has taken the chain since.
	res, err := w.db.ExecContext(ctx, w.d.sql(`UPDATE avow_chains SET claim = claim WHERE chain = ?1 AND claim = ?2`), t.chain, t.claim)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errTaken, err)
	}
	w.tip = t
	return nil
}

// rename goes on under a name of this process's own.
func (w *writer) rename(ctx context.Context, why error) error {
	name := w.o.Writer[:min(len(w.o.Writer), maxWriter-20)] + "-" + token(8)
	w.o.Logger.Error("the ledger goes on under another writer's name", "was", w.tip.writer, "now", name, "error", why)
	return w.claim(ctx, name)
}

func token(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return hex.EncodeToString(raw)
}
