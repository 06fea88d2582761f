package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/bulk"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/watermark"
)

const (
	batchSize      = 256                    // files of one commit at most
	batchWait      = 100 * time.Millisecond // a commit waits no longer for more
	syncers        = 8                      // files put on disk at one time
	ledgerPatience = 30 * time.Second       // a run waits no longer for a ledger that is down
)

// recordsKey is where a run collects the records of a file, instead of waiting for
// each: a batch of them then shares one flush.
type recordsKey struct{}

// collecting are records whose Put leaves the record to the run, where there is
// one.
type collecting struct{ disclose.Records }

// collected wraps records that may be nil.
func collected(r disclose.Records) disclose.Records {
	if r == nil {
		return nil
	}
	return collecting{r}
}

// Put collects or writes a record.
func (c collecting) Put(ctx context.Context, r disclose.Record) error {
	if all, ok := ctx.Value(recordsKey{}).(*[]disclose.Record); ok {
		*all = append(*all, r)
		return nil
	}
	return c.Records.Put(ctx, r)
}

// commitAll takes the results to journal, ledger and their places, in batches.
func (d *directoryRun) commitAll() {
	var failed error
	for {
		batch, open := d.nextBatch()
		if failed == nil {
			if failed = d.commit(batch); failed != nil {
				d.stop(failed)
			}
		}
		if !open {
			return
		}
	}
}

// nextBatch collects marked files and tells about all others; open is false after
// the last.
func (d *directoryRun) nextBatch() (batch []fileResult, open bool) {
	var timeout <-chan time.Time
	for len(batch) < batchSize {
		select {
		case r, ok := <-d.results:
			if !ok {
				return batch, false
			}
			if r.err == nil && r.temp != "" {
				batch = append(batch, r)
				if timeout == nil {
					timeout = time.After(batchWait)
				}
				continue
			}
			d.tell(r)
		case <-timeout:
			return batch, true
		}
	}
	return batch, true
}

// commit makes a batch durable. The order is what a kill at any point depends on:
// the outputs are whole on disk before the journal names them, the journal names
// them before the ledger does, and the ledger has them before they stand in their
// places. What the journal calls ready and the ledger has not is marked anew; what
// both have is put in its place (recover).
func (d *directoryRun) commit(batch []fileResult) error {
	if len(batch) == 0 {
		return nil
	}
	errs := make([]error, len(batch))
	parallel(syncers, len(batch), func(i int) { errs[i] = syncFile(batch[i].temp) })
	if err := errors.Join(errs...); err != nil {
		return err
	}
	entries := make([]bulk.Entry, len(batch))
	for i, r := range batch {
		entries[i] = r.entry
	}
	if err := d.journal.Append(true, entries...); err != nil {
		return err
	}
	crashPoint("ready")
	if err := d.putRecords(batch); err != nil {
		return err
	}
	crashPoint("recorded")
	for i, r := range batch {
		r.err = publish(r.temp, r.out, r.replace)
		entries[i] = bulk.Entry{State: bulk.Done, Path: r.entry.Path}
		if r.err != nil {
			if endsRun(r.err) {
				return r.err
			}
			r = r.failed("unwritable", r.err)
			entries[i] = bulk.Entry{State: bulk.Failed, Path: r.entry.Path, Reason: r.reason}
		}
		d.tell(r)
		crashPoint("placed")
	}
	return d.journal.Append(false, entries...) // the next batch puts it on disk
}

// putRecords returns once the records of a batch are on disk. They are handed over
// together, so that they share flushes.
func (d *directoryRun) putRecords(batch []fileResult) error {
	if d.ledger == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), ledgerPatience)
	defer cancel()
	errs := make([]error, len(batch))
	var wg sync.WaitGroup
	for i, r := range batch {
		wg.Go(func() {
			for _, record := range r.records {
				errs[i] = errors.Join(errs[i], d.putRecord(ctx, record))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return hint(fmt.Errorf("the outputs cannot be recorded: %w", err), "see to it that the ledger can be written; avow ledger verify looks at it")
		}
	}
	return nil
}

func (d *directoryRun) putRecord(ctx context.Context, r disclose.Record) error {
	for {
		err := d.ledger.Put(ctx, r)
		if !errors.Is(err, ledger.ErrDown) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// tell counts a file and says what became of it.
func (d *directoryRun) tell(r fileResult) {
	d.meter.Step()
	d.summary.Add(r.outcome, r.reason, r.entry.Size, r.entry.OutSize)
	switch {
	case r.err != nil:
		if endsRun(r.err) {
			d.stop(r.err)
		}
		if err := d.summary.Fail(bulk.Failure{Path: r.in, Reason: r.reason, Error: r.err.Error()}); err != nil {
			d.stop(err)
		}
		d.sayListed(&d.saidError, "error: %s: %v", r.in, r.err)
	case r.temp != "":
		d.sayListed(&d.said, "%s: %s, id %s -> %s", r.in, r.entry.Outcome, r.entry.ID, r.out)
	}
}

// sayListed says something about one of the first files; n counts them.
func (d *directoryRun) sayListed(n *atomic.Int64, format string, args ...any) {
	_ = d.meter.Aside(func() error {
		switch i := n.Add(1); {
		case i <= listed || d.bulk.verbose:
			d.a.say(format, args...)
		case i == listed+1:
			d.a.say("further ones are counted; --verbose names all, --summary FILE those that failed")
		}
		return nil
	})
}

// recover looks after what a run that was killed left: outputs that are recorded
// get their places, everything else in the temporary directory goes.
func (d *directoryRun) recover(ctx context.Context) error {
	for _, e := range d.journal.Begun() {
		r := fileResult{in: filepath.Join(d.dir, e.Path), temp: filepath.Join(d.temp, filepath.Base(e.Temp)), entry: e}
		r.out = d.outputIn(r.in)
		switch {
		case hashOf(r.out) == e.Out:
		case hashOf(r.temp) == e.Out && d.recorded(ctx, e):
			if err := publish(r.temp, r.out, e.Replace); err != nil {
				return err
			}
		default:
			continue
		}
		if err := d.journal.Append(false, bulk.Entry{State: bulk.Done, Path: e.Path}); err != nil {
			return err
		}
		d.journal.Finish(e.Path)
	}
	return os.RemoveAll(d.temp)
}

// recorded reports whether the ledger has an output, or there is none to have it.
func (d *directoryRun) recorded(ctx context.Context, e bulk.Entry) bool {
	if d.ledger == nil {
		return true
	}
	id, err := watermark.ParsePayload(e.ID)
	if err != nil {
		return false
	}
	r, err := d.ledger.ByID(ctx, id)
	return err == nil && fmt.Sprintf("%x", r.SHA256) == e.Out
}

// end says how the run went, and how to go on where it broke off.
func (d *directoryRun) end(err error) error {
	t := d.summary.Totals()
	marked := t.Outcomes[string(disclose.OutcomeMarked)] + t.Outcomes[string(disclose.OutcomeDegraded)]
	text := fmt.Sprintf("%d of %d files marked", marked, t.Files)
	if n := t.Outcomes[outcomeBefore]; n > 0 {
		text += fmt.Sprintf(", %d were before", n)
	}
	if n := t.Outcomes[outcomeExists]; n > 0 {
		text += fmt.Sprintf(", %d left alone because their outputs exist", n)
	}
	if n := t.Outcomes[outcomeFailed]; n > 0 {
		text += fmt.Sprintf(", %d failed", n)
	}
	d.a.say("%s", text)
	switch {
	case errors.Is(err, errStopped):
		return hint(err, "the same command with --resume goes on")
	case err != nil && endsRun(err):
		return hint(err, "make room there; then the same command with --resume goes on")
	case err != nil:
		return err
	case t.Reasons[outcomeExists] > 0:
		d.a.say("outputs that exist are overwritten with --force alone; --resume goes on with an earlier run")
	}
	if t.Outcomes[outcomeFailed] > 0 {
		return errNo
	}
	return nil
}

// syncFile puts a file on disk.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// publish moves a whole file into its place. Without replace it never takes the
// place of another file, also of one that came there meanwhile.
func publish(temp, out string, replace bool) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	if replace {
		return os.Rename(temp, out)
	}
	err := os.Link(temp, out)
	switch {
	case err == nil:
		return os.Remove(temp)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s exists already", out)
	}
	if _, serr := os.Lstat(out); serr == nil { // a file system without links
		return fmt.Errorf("%s exists already", out)
	}
	return os.Rename(temp, out)
}
