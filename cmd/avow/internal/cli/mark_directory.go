package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/avowai/avow/cmd/avow/internal/bulk"
	"github.com/avowai/avow/disclose"
)

// crashPoint is called on the way of every file; tests stop the program there.
var crashPoint = func(string) {}

// errStopped is the end of a run that was asked to stop.
var errStopped = errors.New("stopped before the end; what is marked is whole and recorded")

// Outcomes of the files of a directory, beside those of disclose.
const (
	outcomeBefore = "done_before" // an earlier run of the same directories and options
	outcomeExists = "exists"      // an output that this run did not write is left alone
	outcomeFailed = "failed"
)

// A directoryRun marks the files of a directory. Walking, marking and committing
// each go on while the others do; of every file there is no more in memory than
// what its mark takes, and of those that are done nothing at all.
type directoryRun struct {
	*marking
	dir, root, temp string
	walk            []fs.FileInfo // directories that are left out
	journal         *bulk.Journal
	summary         *bulk.Summary
	meter           *bulk.Meter
	stop            func(error) // ends the run early; the first error counts
	results         chan fileResult
	temps           atomic.Int64
	said, saidError atomic.Int64
}

// A fileResult is one file on its way from the markers to the journal.
type fileResult struct {
	in, out, outcome string
	reason           string // of what failed
	err              error
	entry            bulk.Entry
	temp             string // path of the marked file, "" where there is none
	records          []disclose.Record
	replace          bool // an output that is there
}

// directory marks all files below dir that can be marked.
func (m *marking) directory(ctx context.Context, dir string) error {
	if m.out == "-" {
		return hint(errors.New("a directory cannot go to standard output"), "name a directory with -o")
	}
	d := &directoryRun{marking: m, dir: dir, root: m.out, results: make(chan fileResult, batchSize)}
	if d.root == "" {
		d.root = dir
	}
	if err := d.leaveOutOutput(); err != nil {
		return err
	}
	if err := d.checkInputs(); err != nil {
		return err
	}
	run := []string{"mark", absolute(dir), absolute(m.out), m.marker.PolicyHash(), m.mediaType}
	var err error
	if d.journal, err = m.a.journal(run, m.force && !m.resume); err != nil {
		return err
	}
	d.temp = filepath.Join(d.root, ".avow-mark-"+runKey(run))
	where := m.bulk.summaryFile()
	d.summary = bulk.NewSummary(bulk.Totals{Command: "mark", Inputs: []string{dir}, Output: m.out}, where != "")
	defer func() { _ = d.summary.Close() }()
	err = d.run(ctx)
	if jerr := d.journal.Close(); err == nil {
		err = jerr
	}
	if serr := m.a.writeSummary(where, d.summary, err == nil); err == nil {
		err = serr
	}
	return d.end(err)
}

// leaveOutOutput keeps outputs that go below the directory itself from being
// marked again.
func (d *directoryRun) leaveOutOutput() error {
	if rel := below(absolute(d.dir), absolute(d.root)); rel == "." || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) || filepath.IsAbs(rel) {
		return nil
	}
	if err := os.MkdirAll(d.root, 0o755); err != nil {
		return err
	}
	info, err := os.Stat(d.root)
	d.walk = append(d.walk, info)
	return err
}

// checkInputs says what is wrong with a directory as a whole.
func (d *directoryRun) checkInputs() error {
	n := 0
	for _, err := range bulk.Walk(d.dir, isMarkable, d.walk...) {
		if err != nil {
			return err
		}
		if n++; n > 1 {
			break
		}
	}
	switch {
	case n == 0:
		return hint(fmt.Errorf("%s: nothing in this directory can be marked", d.dir), markableHint)
	case n > 1 && !d.label.ID.IsZero():
		return hint(errors.New("--id gives several files the same id"), "leave --id out: every file then gets its own")
	}
	return nil
}

// run marks; it returns nil where it came to the end of the directory.
func (d *directoryRun) run(ctx context.Context) error {
	if err := d.recover(ctx); err != nil {
		return err
	}
	ctx, release := interruptible(ctx)
	defer release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var once sync.Once
	var failed error
	d.stop = func(err error) {
		once.Do(func() { failed = err })
		cancel()
	}
	var done func()
	d.meter, done = d.a.meter(ctx, d.bulk, d.count)
	defer done()
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		d.commitAll()
	}()
	d.markAll(ctx)
	close(d.results)
	<-committed
	switch {
	case failed != nil:
		return failed
	case ctx.Err() != nil:
		_ = os.Remove(d.temp) // nothing is left in it
		return errStopped
	}
	return os.RemoveAll(d.temp)
}

// count is the number of files to mark.
func (d *directoryRun) count(ctx context.Context) (n int64) {
	for _, err := range bulk.Walk(d.dir, isMarkable, d.walk...) {
		if err != nil || ctx.Err() != nil {
			break
		}
		n++
	}
	return n
}

// markAll walks the directory and has its files marked, until ctx ends. What is
// begun by then is finished.
func (d *directoryRun) markAll(ctx context.Context) {
	inputs := make(chan string)
	var wg sync.WaitGroup
	for range max(1, d.jobs) {
		wg.Go(func() {
			for in := range inputs {
				d.results <- d.one(context.WithoutCancel(ctx), in)
			}
		})
	}
	for in, err := range bulk.Walk(d.dir, isMarkable, d.walk...) {
		if err != nil {
			d.stop(err)
		}
		if ctx.Err() != nil {
			break
		}
		inputs <- in
	}
	close(inputs)
	wg.Wait()
}

// one marks one file into a temporary file, or says why not.
func (d *directoryRun) one(ctx context.Context, in string) fileResult {
	r := fileResult{in: in, out: d.outputIn(in)}
	info, err := os.Stat(in)
	if err != nil {
		return r.failed(readReason(err), err)
	}
	switch r.outcome, r.replace = d.before(in, r.out, info); {
	case r.outcome == outcomeExists && !d.resume:
		return r.failed(outcomeExists, fmt.Errorf("%s exists already", r.out))
	case r.outcome != "":
		return r
	}
	data, err := d.read(in)
	if err != nil {
		return r.failed(readReason(err), err)
	}
	var buf bytes.Buffer
	res, err := d.mark(context.WithValue(ctx, recordsKey{}, &r.records), &buf, in, data)
	if err != nil {
		return r.failed(markReason(err), err)
	}
	r.outcome, r.reason = string(res.Outcome), degradedBy(res)
	r.entry = bulk.Entry{
		State: bulk.Ready, Path: below(d.dir, in), Size: info.Size(), ModTime: info.ModTime().UnixNano(),
		In: fmt.Sprintf("%x", sha256.Sum256(data)), Out: fmt.Sprintf("%x", sha256.Sum256(buf.Bytes())), OutSize: int64(buf.Len()),
		Temp: fmt.Sprintf("%d", d.temps.Add(1)), ID: res.Label.ID.String(), Outcome: disclose.OutcomeValue(res),
		Replace: r.replace,
	}
	r.temp = filepath.Join(d.temp, r.entry.Temp)
	if err := d.writeTemp(r.temp, buf.Bytes()); err != nil {
		return r.failed("unwritable", err)
	}
	crashPoint("marked")
	return r
}

// writeTemp writes a file that nobody takes for an output.
func (d *directoryRun) writeTemp(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(d.temp, 0o755); err == nil {
			f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data[:len(data)/2])
	crashPoint("half")
	if err == nil {
		_, err = f.Write(data[len(data)/2:])
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// failed is the result of a file that could not be marked.
func (r fileResult) failed(reason string, err error) fileResult {
	r.outcome, r.reason, r.err = outcomeFailed, reason, err
	return r
}

// degradedBy names why a mark is missing in an output that has others.
func degradedBy(res disclose.Result) string {
	for _, mark := range res.Marks {
		if mark.Err != nil && mark.Reason != "" {
			return string(mark.Reason)
		}
	}
	return ""
}

// markReason names why a file could not be marked, for summaries.
func markReason(err error) string {
	var held *disclose.Withheld
	var why *reasoned
	var unmarked *unmarkedError
	switch {
	case errors.As(err, &why):
		return string(why.reason)
	case errors.As(err, &held):
		return string(held.Reason)
	case errors.As(err, &unmarked) && unmarked.res.Reason != "":
		return string(unmarked.res.Reason)
	}
	return string(disclose.ReasonMarkerError)
}

// before says what is to be done about what an earlier run, or somebody else, left
// in the output's place: an outcome where nothing is, else whether to replace it.
func (d *directoryRun) before(in, out string, info fs.FileInfo) (outcome string, replace bool) {
	there, err := os.Stat(out)
	if err != nil {
		return "", false
	}
	e, known := bulk.Entry{}, false
	if d.resume {
		e, known = d.journal.Find(below(d.dir, in))
	}
	switch {
	case known && there.Size() == e.OutSize && d.unchanged(e, in, out, info):
		return outcomeBefore, false
	case known && there.Size() == e.OutSize && hashOf(out) == e.Out, d.force && !there.IsDir():
		return "", true
	}
	return outcomeExists, false
}

// unchanged reports whether an input is what it was when it was marked. Like
// programs that build or copy, it believes size and time.
func (d *directoryRun) unchanged(e bulk.Entry, in, out string, info fs.FileInfo) bool {
	if info.Size() == e.Size && info.ModTime().UnixNano() == e.ModTime {
		return true
	}
	sum := hashOf(in)
	return sum == e.In || sum == e.Out && below(d.dir, in) == below(d.root, out) // marked in its place
}

// outputIn is where the output of a file goes.
func (d *directoryRun) outputIn(in string) string {
	if d.out == "" {
		return beside(in)
	}
	return filepath.Join(d.out, below(d.dir, in))
}

// isMarkable reports whether files of this name are marked in a directory: those
// that verify looks at, without saved API answers, which have no place for a mark
// once they are saved, and without outputs of earlier runs.
func isMarkable(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json", ".jsonl", ".ndjson", ".sse":
		return false
	}
	return isVerifiable(name) && !isOutput(name)
}

const markableHint = "pictures (.png .jpg .webp), sound and video (.wav .mp3 .mp4 .m4a) and texts (.txt .md .html) are marked; name other files one by one"
