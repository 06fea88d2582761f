package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/avowai/avow/disclose"
)

const (
	// sessionLife is how long a session is kept after its last answer: longer than
	// any cadence looks back.
	sessionLife   = 8 * 24 * time.Hour
	sessionsEvery = time.Hour // between two looks for those that are too old
	sessionRows   = 2000      // deleted in one transaction
	sessionConns  = 4
)

// A sessionTable keeps sessions in PostgreSQL, so that the conversation goes on
// with any of several processes. It is no part of the chain, and has connections of
// its own: what is remembered of conversations never waits for records, nor they
// for it.
type sessionTable struct {
	db   *sql.DB
	now  func() time.Time
	log  *slog.Logger
	stop context.CancelFunc
	done chan struct{}
}

// openSessions makes the table where there is none.
func openSessions(ctx context.Context, o Options) (*sessionTable, error) {
	config, err := postgresConfig(o.URL)
	if err != nil {
		return nil, err
	}
	// Commits here do not wait for the disk. What a crash of the database takes away
	// costs a notice too many.
	hasty := func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET synchronous_commit TO off")
		return err
	}
	t := &sessionTable{db: stdlib.OpenDB(*config, stdlib.OptionAfterConnect(hasty)), now: o.Now, log: o.Logger, done: make(chan struct{})}
	t.db.SetMaxOpenConns(sessionConns)
	t.db.SetMaxIdleConns(sessionConns)
	if err := t.make(ctx); err != nil {
		_ = t.db.Close()
		return nil, fmt.Errorf("sessions: %w", err)
	}
	ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	go t.run(ctx)
	return t, nil
}

// make creates the table. Version 1 of the schema has it or not; a program that
// does not know it never looks.
func (t *sessionTable) make(ctx context.Context) error {
	var there bool
	if err := t.db.QueryRowContext(ctx, `SELECT to_regclass('avow_sessions') IS NOT NULL`).Scan(&there); err != nil || there {
		return err
	}
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, s := range []string{
		`SELECT pg_advisory_xact_lock(7305805183106)`, // two that start at one time
		`CREATE TABLE IF NOT EXISTS avow_sessions (id BYTEA PRIMARY KEY, noticed BIGINT NOT NULL, seen BIGINT NOT NULL,
			human BOOLEAN NOT NULL, owed BOOLEAN NOT NULL) WITH (fillfactor = 70)`, // rows change where they are
	} {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Session returns what is known about a session, or disclose.ErrNoSession.
func (l *Ledger) Session(ctx context.Context, id disclose.SessionID) (disclose.Session, error) {
	if l.sessions == nil {
		return l.memory.Session(ctx, id)
	}
	return l.sessions.get(ctx, id)
}

// PutSession keeps s, in PostgreSQL for eight days after the last answer.
func (l *Ledger) PutSession(ctx context.Context, id disclose.SessionID, s disclose.Session) error {
	if l.sessions == nil {
		return l.memory.PutSession(ctx, id, s)
	}
	return l.sessions.put(ctx, id, s)
}

func (t *sessionTable) get(ctx context.Context, id disclose.SessionID) (s disclose.Session, err error) {
	var noticed, seen int64
	err = t.db.QueryRowContext(ctx, `SELECT noticed, seen, human, owed FROM avow_sessions WHERE id = $1 AND seen >= $2`, id[:], t.oldest()).
		Scan(&noticed, &seen, &s.Human, &s.Owed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return disclose.Session{}, disclose.ErrNoSession
	case err != nil:
		return disclose.Session{}, fmt.Errorf("ledger: session: %w", err)
	}
	s.Noticed, s.Seen = moment(noticed), moment(seen)
	return s, nil
}

func (t *sessionTable) put(ctx context.Context, id disclose.SessionID, s disclose.Session) error {
	_, err := t.db.ExecContext(ctx, `INSERT INTO avow_sessions (id, noticed, seen, human, owed) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET noticed = excluded.noticed, seen = excluded.seen, human = excluded.human, owed = excluded.owed`,
		id[:], stamp(s.Noticed), stamp(s.Seen), s.Human, s.Owed)
	if err != nil {
		return fmt.Errorf("ledger: session: %w", err)
	}
	return nil
}

// stamp is a time in milliseconds of Unix time; 0 for none.
func stamp(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return millis(at)
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (t *sessionTable) oldest() int64 { return millis(t.now().Add(-sessionLife)) }

// run forgets old sessions until the table is closed.
func (t *sessionTable) run(ctx context.Context) {
	defer close(t.done)
	every := time.NewTicker(sessionsEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if err := t.forget(ctx); err != nil && ctx.Err() == nil {
				t.log.Warn("old sessions are not forgotten yet", "error", err)
			}
		}
	}
}

// forget deletes the sessions that are too old, some at a time.
func (t *sessionTable) forget(ctx context.Context) error {
	for {
		res, err := t.db.ExecContext(ctx, `DELETE FROM avow_sessions WHERE id IN (SELECT id FROM avow_sessions WHERE seen < $1 LIMIT $2)`, t.oldest(), sessionRows)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n < sessionRows {
			return err
		}
	}
}

func (t *sessionTable) close() error {
	t.stop()
	<-t.done
	return t.db.Close()
}
