// Package ledger keeps records of marked outputs so that they outlast the
// process: in an SQLite file, or in PostgreSQL where several machines share it.
// A Ledger implements disclose.Records.
//
// A record that was acknowledged is on disk. Rows are chained by hashes, a chain
// for each writer, and once a minute the end of the chain is signed, so that a
// row that was changed, taken out or put in shows ([Ledger.Verify]). What may have
// to be erased one day, fingerprints and manifests, is in the chain by a salted
// digest alone ([Ledger.Forget]).
//
// The ledger shows that an output was made and left, not that anybody saw it.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// Defaults of Options.
const (
	DefaultRetention  = 17520 * time.Hour // two years
	DefaultHeadEvery  = time.Minute
	DefaultIndexBytes = 512 << 20
)

// Errors of this package, beside those of disclose.Records.
var (
	// ErrDown is returned while the database cannot be written. The ledger goes on
	// trying by itself.
	ErrDown = errors.New("ledger: cannot be written")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("ledger: closed")
	// ErrReadOnly is returned for a change to a ledger that was opened to be read.
	ErrReadOnly = errors.New("ledger: open for reading only")
	// ErrNone is returned where a database to be read holds no ledger.
	ErrNone = errors.New("ledger: there is no ledger in this database")
	// ErrChain is returned for a chain whose end is not what was written there.
	ErrChain = errors.New("ledger: the end of the chain is not as it was written")
)

// Options say where a ledger is and how it is kept. Either File or URL is
// needed; the zero value of the rest is the recommended setting.
type Options struct {
	// File is an SQLite file, made on first use with rights for its owner alone.
	File string
	// URL is a PostgreSQL database, postgres://…
	URL string
	// Key signs the heads of the chain, by a key derived from it; the zero Key
	// signs none.
	Key watermark.Key
	// VerifyKeys are older keys whose heads are accepted beside Key's.
	VerifyKeys []watermark.Key
	// Writer names the chain that is written, at most 128 bytes; empty means the
	// machine's host name. A process that opens a ledger under a name goes on with
	// that name's chain; one that still writes under it is told, and goes on under
	// a name of its own, so that neither loses a record.
	Writer string
	// Yield leaves a name to the process that writes under it: this one then takes
	// the next of Writer-2, Writer-3 and so on that is free. It is for programs of
	// which many run at one time, and none for long.
	Yield bool
	// Retention is how long rows are kept; 0 means DefaultRetention, less than 0
	// for ever.
	Retention time.Duration
	// HeadEvery is how often the head is signed; 0 means DefaultHeadEvery.
	HeadEvery time.Duration
	// IndexBytes bounds the memory of the index over texts; 0 means
	// DefaultIndexBytes. Beyond it a smaller share of each text's hashes is kept.
	IndexBytes int64
	// ReadOnly opens a ledger that exists, and never writes.
	ReadOnly bool
	// Logger receives what goes wrong; nil discards it.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// maxWriter bounds the name of a writer, in bytes.
const maxWriter = 128

func (o Options) filled() Options {
	if o.Writer == "" {
		o.Writer, _ = os.Hostname()
	}
	if o.Writer == "" {
		o.Writer = "unnamed"
	}
	o.Writer = o.Writer[:min(len(o.Writer), maxWriter)]
	if o.Retention == 0 {
		o.Retention = DefaultRetention
	}
	if o.HeadEvery <= 0 {
		o.HeadEvery = DefaultHeadEvery
	}
	if o.IndexBytes <= 0 {
		o.IndexBytes = DefaultIndexBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// A Ledger keeps records. It is safe for concurrent use, and several processes
// may have the same one open. Sessions are kept in PostgreSQL, where several
// processes share them, and in memory beside SQLite.
type Ledger struct {
	memory   disclose.MemorySessions
	sessions *sessionTable // nil where memory keeps them

	o     Options
	d     dialect
	read  *sql.DB
	w     *writer // nil where it is open for reading only
	index index

	closing sync.Once
	closed  error
}

var (
	_ disclose.Records  = (*Ledger)(nil)
	_ disclose.Sessions = (*Ledger)(nil)
)

// Open opens a ledger, and makes it where there is none. It fails with an error
// that wraps fs.ErrNotExist where a ledger to be read only is not there, and with
// ErrNewer where a later version has written it.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	o = o.filled()
	d, err := dialectOf(o)
	if err != nil {
		return nil, err
	}
	l := &Ledger{o: o, d: d}
	l.index.init(o.IndexBytes)
	if !o.ReadOnly {
		if l.w, err = startWriter(ctx, o, d); err != nil {
			return nil, fmt.Errorf("ledger: open: %w", err)
		}
	}
	if l.read, err = d.open(true); err == nil {
		err = l.checkReadable(ctx)
	}
	if err == nil && d.postgres && !o.ReadOnly {
		l.sessions, err = openSessions(ctx, o)
	}
	if l.w != nil && err == nil {
		l.w.start()
	}
	if err != nil {
		l.abandon()
		return nil, fmt.Errorf("ledger: open: %w", err)
	}
	return l, nil
}

// abandon closes what a failed Open has opened.
func (l *Ledger) abandon() {
	if l.w != nil {
		l.w.disconnect()
	}
	if l.read != nil {
		_ = l.read.Close()
	}
}

func (l *Ledger) checkReadable(ctx context.Context) error {
	v, err := l.d.version(ctx, l.read)
	switch {
	case err != nil:
		return err
	case v == 0:
		return ErrNone
	}
	return checkVersion(v)
}

// Put keeps a record. It returns nil once the record is on disk. Where ctx ends
// before, the record may still be written later; handing the same one over again
// does no harm.
func (l *Ledger) Put(ctx context.Context, r disclose.Record) error {
	if l.w == nil {
		return ErrReadOnly
	}
	return l.w.put(ctx, r)
}

// Writable says why nothing can be written at present, or returns nil.
func (l *Ledger) Writable() error {
	if l.w == nil {
		return ErrReadOnly
	}
	select {
	case <-l.w.stop:
		return ErrClosed
	default:
		return l.w.state()
	}
}

// Close writes what waits, signs the head and closes the database. Later calls
// return what the first did.
func (l *Ledger) Close() error {
	l.closing.Do(func() {
		var errs []error
		if l.w != nil {
			errs = append(errs, l.w.close())
		}
		if l.read != nil {
			errs = append(errs, l.read.Close())
		}
		if l.sessions != nil {
			errs = append(errs, l.sessions.close())
		}
		l.closed = errors.Join(errs...)
	})
	return l.closed
}
