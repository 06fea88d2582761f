package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver called "sqlite"
)

// Bounds of a connection.
const (
	busyTimeout    = 5 * time.Second  // how long SQLite waits for another process
	connectTimeout = 2 * time.Second  // to PostgreSQL
	commitTimeout  = 10 * time.Second // of one transaction
	readers        = 4                // connections that only read
	writerCache    = 32 << 10         // of pages of an SQLite file, in KiB
	readerCache    = 4 << 10          // for each connection
)

// A dialect is what differs between the databases. Statements are written for
// SQLite, with ?1 for the first argument.
type dialect struct {
	postgres bool
	// open opens a pool. A writer's has one connection.
	open func(readOnly bool) (*sql.DB, error)
}

// sql is a statement as the database wants it.
func (d dialect) sql(s string) string {
	if !d.postgres {
		return s
	}
	return strings.NewReplacer("?", "$", "BLOB", "BYTEA", "INTEGER", "BIGINT").Replace(s)
}

// begin starts a transaction that writes. On SQLite it has the write lock at once.
func (d dialect) begin(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	return db.BeginTx(ctx, nil)
}

// snapshot starts a transaction that sees one state of the database.
func (d dialect) snapshot(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	if d.postgres {
		return db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	}
	return db.BeginTx(ctx, nil) // its first read fixes what it sees
}

// dialectOf says how to reach the ledger that options name.
func dialectOf(o Options) (dialect, error) {
	switch {
	case o.URL != "" && o.File != "":
		return dialect{}, errors.New("ledger: a file and a URL are given, want one of them")
	case strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://"):
		return postgresAt(o.URL)
	case o.URL != "":
		return dialect{}, errors.New("ledger: the URL has to start with postgres://")
	case o.File == "":
		return dialect{}, errors.New("ledger: neither a file nor a URL is given")
	}
	path, err := filepath.Abs(o.File)
	if err != nil {
		return dialect{}, fmt.Errorf("ledger: %w", err)
	}
	if err := present(path, o.ReadOnly); err != nil {
		return dialect{}, err
	}
	return sqliteAt(path), nil
}

// present makes the file with rights for its owner alone, unless it is there. It
// never opens one that is there: closing it again would take SQLite's locks away
// from this process.
func present(path string, readOnly bool) error {
	if readOnly {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return f.Close()
}

func sqliteAt(path string) dialect {
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "/") {
		path = "/" + path // of a drive on Windows
	}
	return dialect{open: func(readOnly bool) (*sql.DB, error) {
		q := url.Values{"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)",
			"synchronous(FULL)", "wal_autocheckpoint(8000)", "trusted_schema(0)",
			"secure_delete(1)", // what is forgotten is overwritten
		}}
		cache := writerCache
		if readOnly {
			cache = readerCache
			q.Add("_pragma", "query_only(1)")
		} else {
			q.Set("_txlock", "immediate")
		}
		q.Add("_pragma", fmt.Sprintf("cache_size(-%d)", cache))
		db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
		if err != nil {
			return nil, err
		}
		return pooled(db, readOnly), nil
	}}
}

func postgresConfig(raw string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(raw)
	if err != nil {
		return nil, errors.New("ledger: the URL cannot be read; write it as postgres://user@host:5432/database") // err may repeat a password
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	return config, nil
}

func postgresAt(raw string) (dialect, error) {
	config, err := postgresConfig(raw)
	if err != nil {
		return dialect{}, err
	}
	durable := func(ctx context.Context, conn *pgx.Conn) error {
		var now string
		if err := conn.QueryRow(ctx, "SHOW synchronous_commit").Scan(&now); err != nil || now != "off" {
			return err
		}
		_, err := conn.Exec(ctx, "SET synchronous_commit TO on") // off acknowledges what is not on disk
		return err
	}
	return dialect{postgres: true, open: func(readOnly bool) (*sql.DB, error) {
		return pooled(stdlib.OpenDB(*config, stdlib.OptionAfterConnect(durable)), readOnly), nil
	}}, nil
}

func pooled(db *sql.DB, readOnly bool) *sql.DB {
	n := 1
	if readOnly {
		n = readers
		db.SetConnMaxLifetime(5 * time.Minute) // handles of a disk that had trouble go
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db
}
