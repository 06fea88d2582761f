package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// SchemaVersion is the version of the tables that this package writes.
const SchemaVersion = 1

// ErrNewer is returned for a ledger that a later version of avow has written.
var ErrNewer = errors.New("ledger: written by a later version of avow")

// chainBits is where a row's number is split: above them the number of its chain,
// below them its sequence number in the chain, from 1.
const chainBits = 40

// rowNumber is the key of a row. Rows of one chain lie together, in order.
func rowNumber(chain, seq int64) int64 { return chain<<chainBits | seq }

// schema is version 1. The columns id and response repeat what body holds, for
// look-ups alone; Verify compares them. salt and print can be erased.
var schema = []string{
	`CREATE TABLE avow_schema (version INTEGER NOT NULL)`,
	`CREATE TABLE avow_chains (
		chain INTEGER PRIMARY KEY, writer BLOB NOT NULL UNIQUE, claim BLOB NOT NULL,
		seq INTEGER NOT NULL, link BLOB NOT NULL, head INTEGER NOT NULL, cut BLOB)`,
	`CREATE TABLE avow_records (
		n INTEGER PRIMARY KEY, kind INTEGER NOT NULL, at INTEGER NOT NULL, id BLOB, response BLOB,
		body BLOB NOT NULL, link BLOB NOT NULL, erased INTEGER NOT NULL DEFAULT 0, salt BLOB, print BLOB)`,
	`CREATE INDEX avow_records_id ON avow_records (id) WHERE id IS NOT NULL`,
	`CREATE INDEX avow_records_response ON avow_records (response) WHERE response IS NOT NULL`,
	`CREATE INDEX avow_records_heads ON avow_records (n) WHERE kind = 1`,
	`CREATE TABLE avow_manifests (n INTEGER PRIMARY KEY, id BLOB NOT NULL, label BLOB, store BLOB NOT NULL)`,
	`CREATE INDEX avow_manifests_id ON avow_manifests (id)`,
	`CREATE INDEX avow_manifests_label ON avow_manifests (label) WHERE label IS NOT NULL`,
}

// version returns the version of the tables that are there, 0 for none.
func (d dialect) version(ctx context.Context, q querier) (int, error) {
	find := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'avow_schema'`
	if d.postgres {
		find = `SELECT count(to_regclass('avow_schema'))`
	}
	var n, version int
	if err := q.QueryRowContext(ctx, find).Scan(&n); err != nil || n == 0 {
		return 0, err
	}
	err := q.QueryRowContext(ctx, `SELECT max(version) FROM avow_schema`).Scan(&version)
	return version, err
}

// migrate makes the tables where there are none, and refuses newer ones.
func (d dialect) migrate(ctx context.Context, db *sql.DB) error {
	v, err := d.version(ctx, db)
	if err != nil || v == SchemaVersion {
		return err
	}
	tx, err := d.begin(ctx, db)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if d.postgres { // two that start at one time
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(7305805183104)`); err != nil {
			return err
		}
	}
	if v, err = d.version(ctx, tx); err != nil {
		return err
	}
	if err := checkVersion(v); err != nil || v == SchemaVersion {
		return err
	}
	for _, s := range append(schema[:len(schema):len(schema)], fmt.Sprintf(`INSERT INTO avow_schema VALUES (%d)`, SchemaVersion)) {
		if _, err := tx.ExecContext(ctx, d.sql(s)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func checkVersion(v int) error {
	if v > SchemaVersion {
		return fmt.Errorf("%w: its tables have version %d, this avow knows up to %d", ErrNewer, v, SchemaVersion)
	}
	return nil
}

// A querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}
