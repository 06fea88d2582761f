package ledger

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/avowai/avow/disclose"
)

// Bounds of what waits to be written.
const (
	queueEntries = 4096
	queueBytes   = 64 << 20
	batchEntries = 512
	batchBytes   = 8 << 20
)

// How long a writer waits before it tries again, doubled from first to last.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// stuckAfter is how long a transaction may take before no more records wait for it.
const stuckAfter = time.Second

// A writer is the one goroutine that writes, and what others hand to it. Whatever
// waits when it begins a transaction goes into that transaction.
type writer struct {
	o Options
	d dialect
	// signing is what heads are signed with; see key.
	signing atomic.Pointer[ed25519.PrivateKey]
	queue   chan *entry
	room    *semaphore.Weighted // bytes that may wait
	jobs    chan job
	stop    chan struct{}
	done    chan struct{}

	mu   sync.Mutex
	down error        // why nothing can be written; nil while it can
	busy atomic.Int64 // when the change under way began, in nanoseconds of Unix time; 0 for none

	// What follows belongs to the goroutine.
	db            *sql.DB // nil while down
	tip           tip
	unsignedSince int64 // when the first row after the last head was written
	wait          time.Duration
	retryAt       time.Time

	lockStmt, findStmt, insertStmt, moveStmt *sql.Stmt
}

// A job is a change that the writer makes between two batches.
type job struct {
	do   func(ctx context.Context) error
	done chan error
}

// startWriter connects and claims its chain; start begins to take records.
func startWriter(ctx context.Context, o Options, d dialect) (*writer, error) {
	w := &writer{
		o: o, d: d, queue: make(chan *entry, queueEntries),
		room: semaphore.NewWeighted(queueBytes), jobs: make(chan job),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	w.rekey(o.Key)
	err := w.connect(ctx)
	if err == nil {
		return w, nil
	}
	w.disconnect()
	return nil, err
}

func (w *writer) start() { go w.run() }

// connect opens the database, makes its tables and finds this writer's chain.
func (w *writer) connect(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if w.db, err = w.d.open(false); err != nil {
		return err
	}
	if err := w.d.migrate(ctx, w.db); err != nil {
		return err
	}
	if w.tip.chain == 0 {
		err = w.claim(ctx, w.o.Writer)
	} else if err = w.settle(ctx); err == nil {
		err = w.resume(ctx)
	}
	if err != nil {
		return err
	}
	w.unsignedSince = millis(w.o.Now())
	return w.prepare(ctx)
}

// settle makes sure that what the database shows after an error is on disk. SQLite
// may show a transaction again whose flush has failed; a record found there would be
// acknowledged and yet be lost with the power. So all of the write-ahead log is
// written to the file once more, and flushed.
func (w *writer) settle(ctx context.Context) error {
	if w.d.postgres {
		return nil // PostgreSQL stops itself, and recovers from its log
	}
	var busy, pages, done int
	err := w.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(FULL)`).Scan(&busy, &pages, &done)
	if err == nil && (busy != 0 || pages != done) {
		err = errors.New("the write-ahead log cannot be emptied while others read")
	}
	return err
}

func (w *writer) prepare(ctx context.Context) (err error) {
	lock := `SELECT seq, link FROM avow_chains WHERE chain = ?1 AND claim = ?2`
	if w.d.postgres {
		lock += ` FOR UPDATE`
	}
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&w.lockStmt, lock},
		{&w.findStmt, `SELECT id, body FROM avow_records WHERE id = ?1`},
		{&w.insertStmt, `INSERT INTO avow_records (n, kind, at, id, response, body, link, salt, print) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`},
		{&w.moveStmt, `UPDATE avow_chains SET seq = ?1, link = ?2, head = ?3 WHERE chain = ?4 AND claim = ?5`},
	} {
		if *s.stmt, err = w.db.PrepareContext(ctx, w.d.sql(s.text)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) stmt(tx *sql.Tx, s *sql.Stmt) *sql.Stmt { return tx.Stmt(s) }

// put hands a record to the goroutine and waits for its transaction.
func (w *writer) put(ctx context.Context, r disclose.Record) error {
	if err := w.state(); err != nil {
		return err // at once: those who wait would hold up others
	}
	e := newEntry(ctx, r)
	weight := min(e.weight(), queueBytes)
	if err := w.room.Acquire(ctx, weight); err != nil {
		return fmt.Errorf("%w: %w", ErrDown, err)
	}
	select {
	case <-w.stop:
		w.room.Release(weight)
		return ErrClosed
	case <-ctx.Done():
		w.room.Release(weight)
		return fmt.Errorf("%w: %w", ErrDown, ctx.Err())
	case w.queue <- e:
	}
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrDown, ctx.Err())
	case <-w.done:
	}
	select {
	case err := <-e.done: // written on the way out
		return err
	default:
		return ErrClosed
	}
}

// finish tells whoever waits for an entry.
func (w *writer) finish(e *entry, err error) {
	w.room.Release(min(e.weight(), queueBytes))
	e.done <- err
}

// run takes turns: records, jobs, heads, and new attempts while down.
func (w *writer) run() {
	defer close(w.done)
	head := time.NewTicker(w.o.HeadEvery)
	defer head.Stop()
	retention := time.NewTimer(0)
	defer retention.Stop()
	for {
		var retry <-chan time.Time
		if w.db == nil {
			retry = time.After(time.Until(w.retryAt))
		}
		select {
		case e := <-w.queue:
			w.serve(w.gather(e))
		case j := <-w.jobs:
			j.done <- w.attempt(j.do)
		case <-head.C:
			w.signHead()
		case <-retention.C:
			retention.Reset(w.retain())
		case <-retry:
			_ = w.begin()
		case <-w.stop:
			w.drain()
			return
		}
	}
}

// gather adds to e what waits behind it.
func (w *writer) gather(e *entry) []*entry {
	batch, weight := []*entry{e}, e.weight()
	for len(batch) < batchEntries && weight < batchBytes {
		select {
		case e := <-w.queue:
			batch, weight = append(batch, e), weight+e.weight()
		default:
			return batch
		}
	}
	return batch
}

// serve writes a batch, less what nobody waits for any more.
func (w *writer) serve(batch []*entry) {
	waiting := batch[:0]
	for _, e := range batch {
		if err := e.ctx.Err(); err != nil {
			w.finish(e, fmt.Errorf("%w: %w", ErrDown, err))
			continue
		}
		waiting = append(waiting, e)
	}
	if len(waiting) == 0 {
		return
	}
	err := w.attempt(func(ctx context.Context) error { return w.commit(ctx, waiting) })
	for _, e := range waiting {
		w.finish(e, err)
	}
}

// attempt runs a change, once more under another name where the chain is not this
// process's any more. After any other failure nothing of the connection is
// trusted: it is closed, and opened again before the next change.
func (w *writer) attempt(change func(ctx context.Context) error) error {
	if err := w.begin(); err != nil {
		return err
	}
	w.busy.Store(time.Now().UnixNano())
	defer w.busy.Store(0)
	ctx := context.Background()
	err := change(ctx)
	if errors.Is(err, errTaken) || errors.Is(err, ErrChain) {
		if err = w.rename(ctx, err); err == nil {
			err = change(ctx)
		}
	}
	if err == nil || errors.Is(err, disclose.ErrNoRecord) {
		w.wait = 0
		return err
	}
	return w.fail(err)
}

// begin connects again where that is due.
func (w *writer) begin() error {
	if w.db != nil {
		return nil
	}
	if time.Now().Before(w.retryAt) {
		return w.state()
	}
	if err := w.connect(context.Background()); err != nil {
		return w.fail(err)
	}
	w.setState(nil)
	w.o.Logger.Info("the ledger can be written again")
	return nil
}

// fail closes what cannot be trusted.
func (w *writer) fail(err error) error {
	if !w.isDown() {
		w.o.Logger.Error("the ledger cannot be written", "error", err)
	}
	w.disconnect()
	w.wait = min(max(2*w.wait, firstRetry), lastRetry)
	w.retryAt = time.Now().Add(w.wait)
	err = fmt.Errorf("%w: %w", ErrDown, err)
	w.setState(err)
	return err
}

func (w *writer) disconnect() {
	if w.db != nil {
		_ = w.db.Close()
		w.db = nil
	}
}

// state says why nothing can be written at present.
func (w *writer) state() error {
	if since := w.busy.Load(); since != 0 && time.Since(time.Unix(0, since)) > stuckAfter {
		return fmt.Errorf("%w: the database has not answered for more than %v", ErrDown, stuckAfter)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down
}

func (w *writer) isDown() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down != nil
}

func (w *writer) setState(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = err
}

// headDue reports whether rows have waited long enough for a signed head.
func (w *writer) headDue() bool {
	return w.key() != nil && w.tip.unsigned() > 0 && millis(w.o.Now())-w.unsignedSince >= w.o.HeadEvery.Milliseconds()
}

// signHead signs the chain where it has grown.
func (w *writer) signHead() {
	if w.key() == nil || w.tip.unsigned() == 0 || w.db == nil {
		return
	}
	_ = w.attempt(func(ctx context.Context) error {
		return w.transact(ctx, func(_ context.Context, p *pending) error { p.head(); return nil })
	}) // fail has logged it
}

// do has the goroutine make a change.
func (w *writer) do(ctx context.Context, change func(ctx context.Context) error) error {
	j := job{change, make(chan error, 1)}
	select {
	case w.jobs <- j:
		return <-j.done
	case <-w.stop:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("ledger: %w", ctx.Err())
	}
}

// drain writes what still waits and signs the head.
func (w *writer) drain() {
	for {
		select {
		case e := <-w.queue:
			w.serve(w.gather(e))
			continue
		default:
		}
		break
	}
	w.signHead()
	if w.db != nil {
		_ = w.attempt(w.release) // a claim that stays keeps only those away that yield
	}
	w.disconnect()
}

// close stops the goroutine. It returns why the last rows could not be written,
// where they could not.
func (w *writer) close() error {
	close(w.stop)
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down
}
