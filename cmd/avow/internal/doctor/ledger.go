package doctor

import (
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/avowai/avow/disclose/ledger"
)

// ledger looks at where records are kept: whether they can be written, and whether
// what is there is as it was written.
func (v *visit) ledger(ctx context.Context) {
	const name = "ledger"
	url := v.o.Config.Ledger.URL
	switch {
	case url == "off":
		v.warn(name, "take ledger: {url: off} out of the configuration: without records a mark on foreign content cannot be told from an output", "switched off")
		return
	case url != "":
		if !v.database(ctx, url) {
			return
		}
	case missing(v.o.LedgerFile):
		v.ok(name, "%s is not there yet: avow proxy and avow demo make it, mode 0600", v.o.LedgerFile)
		return
	default:
		if !v.ledgerFile() {
			return
		}
	}
	o := ledger.Options{URL: url, ReadOnly: true}
	if url == "" {
		o.File = v.o.LedgerFile
	}
	if v.ring != nil {
		for _, e := range v.ring.Keys {
			o.VerifyKeys = append(o.VerifyKeys, e.Key())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, ledgerTimeout)
	defer cancel()
	l, err := ledger.Open(ctx, o)
	switch {
	case errors.Is(err, ledger.ErrNone) && url != "":
		v.ok(name, "the database holds no ledger yet: avow proxy makes it")
		return
	case errors.Is(err, ledger.ErrNewer):
		v.fail(name, "use the version of avow that wrote it, or a later one", "%v", err)
		return
	case err != nil:
		v.fail(name, "the file may be damaged: keep a copy, and restore a backup", "%v", err)
		return
	}
	defer func() { _ = l.Close() }()
	v.chains(ctx, l)
}

// chains recomputes the links and signatures, as far as the time goes.
func (v *visit) chains(ctx context.Context, l *ledger.Ledger) {
	const name = "ledger"
	found, err := l.Verify(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		v.ok(name, "opens; %d rows and more are intact. avow ledger verify checks all of them", found.Rows)
		return
	case err != nil:
		v.fail(name, "the file may be damaged: keep a copy, and restore a backup", "%v", err)
		return
	case !found.Intact():
		v.fail(name, "avow ledger verify names them all; compare with a backup", "%s, %s; the first: %s", number(found.Rows, "row"), number(found.Found, "problem"), found.Problems[0])
		return
	}
	var signed time.Time
	heads := int64(0)
	for _, c := range found.Chains {
		heads += c.Heads
		if c.SignedAt.After(signed) {
			signed = c.SignedAt
		}
	}
	if heads == 0 {
		v.ok(name, "%s in %s, intact; no head is signed yet", number(found.Rows, "row"), number(len(found.Chains), "chain"))
		return
	}
	v.ok(name, "%s in %s, intact; the last head was signed at %s", number(found.Rows, "row"), number(len(found.Chains), "chain"), signed.UTC().Format(time.RFC3339))
}

// ledgerFile looks at the rights on the file.
func (v *visit) ledgerFile() bool {
	const name = "ledger"
	path := v.o.LedgerFile
	info, err := os.Stat(path)
	if err != nil {
		v.fail(name, "give this user access to it", "%v", err)
		return false
	}
	if err := writable(path); err != nil {
		v.fail(name, "give this user the right to write it: strict answers are refused without", "%s cannot be written", path)
		return false
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		v.warn(name, "chmod 600 "+path, "%s is open to others (mode %04o)", path, info.Mode().Perm())
	}
	return true
}

// database looks whether PostgreSQL lets avow in, and lets it write. No message
// repeats the URL, which holds a password.
func (v *visit) database(ctx context.Context, url string) bool {
	const name = "database"
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		v.fail(name, "write ledger.url as postgres://user@host:5432/database", "ledger.url cannot be read")
		return false
	}
	where := config.Host + "/" + config.Database
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		v.fail(name, "see to it that the database runs and lets this user in; ledger: {url: off} goes without a ledger", "%s cannot be reached", where)
		return false
	}
	defer func() { _ = conn.Close(ctx) }()
	var readOnly string
	if err := conn.QueryRow(ctx, "SHOW transaction_read_only").Scan(&readOnly); err != nil {
		v.fail(name, "see the database's log", "%s answers no question: %v", where, err)
		return false
	}
	if readOnly != "off" {
		v.fail(name, "name the primary at ledger.url: this one only reads", "%s is read-only", where)
		return false
	}
	v.ok(name, "%s answers and can be written", where)
	return true
}
