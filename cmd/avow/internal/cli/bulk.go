package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/avowai/avow/cmd/avow/internal/bulk"
)

// resumeDir is the name of the directory of journals in the data directory.
const resumeDir = "resume"

// listed is how many files a run names one by one before it only counts them.
const listed = 100

// bulkFlags are those of commands that go through directories.
type bulkFlags struct {
	summary                 string
	json, progress, verbose bool
}

// register adds the flags; asJSON describes --json, "" leaves it out.
func (b *bulkFlags) register(f *pflag.FlagSet, asJSON string) {
	f.StringVar(&b.summary, "summary", "", "where to write a summary as JSON: numbers by outcome and reason, and the files that failed; - for standard output")
	f.BoolVar(&b.progress, "progress", false, "say every 10 seconds how far it is, also without a terminal")
	f.BoolVar(&b.verbose, "verbose", false, fmt.Sprintf("name every file, not only the first %d", listed))
	if asJSON != "" {
		f.BoolVar(&b.json, "json", false, asJSON)
	}
}

// summaryFile is where the summary goes; "" for nowhere.
func (b *bulkFlags) summaryFile() string {
	if b.summary == "" && b.json {
		return "-"
	}
	return b.summary
}

// writeSummary writes the summary where it was asked for.
func (a *app) writeSummary(where string, s *bulk.Summary, finished bool) error {
	if where == "-" {
		return s.Write(a.out, finished)
	}
	if where == "" {
		return nil
	}
	f, err := os.Create(where)
	if err != nil {
		return err
	}
	err = s.Write(f, finished)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// meter shows how far a run is. total counts what there is while the run is on its
// way; the returned function ends that and takes the bar away.
func (a *app) meter(ctx context.Context, b bulkFlags, total func(ctx context.Context) int64) (*bulk.Meter, func()) {
	m := bulk.NewMeter(a.err, isTerminal(a.err), b.progress, nil)
	ctx, cancel := context.WithCancel(ctx)
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		if n := total(ctx); ctx.Err() == nil {
			m.SetTotal(n)
		}
	}()
	return m, func() {
		cancel()
		<-counted
		m.Done()
	}
}

// interruptible ends with the first SIGINT or SIGTERM; the second ends the program.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// journal opens the journal of a run in the data directory. run is what tells it
// from others: command, directories, options.
func (a *app) journal(run []string, fresh bool) (*bulk.Journal, error) {
	data, err := a.dataDir()
	if err != nil {
		return nil, err
	}
	j, err := bulk.OpenJournal(filepath.Join(data, resumeDir), run[0]+"-"+runKey(run)+".jsonl", run, fresh)
	switch {
	case errors.Is(err, bulk.ErrBusy):
		err = hint(err, "wait for it; or end it, and go on with --resume")
	case errors.Is(err, bulk.ErrForeign):
		err = hint(err, "move the file away")
	}
	return j, err
}

// runKey is 16 hexadecimal digits that tell runs apart.
func runKey(run []string) string {
	h := sha256.New()
	for _, s := range run {
		_, _ = fmt.Fprintf(h, "%q ", s)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// absolute is a path as a journal names it: one that means the same from every
// directory.
func absolute(path string) string {
	if path == "" || path == "-" || isURL(path) {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
}

// hashOf is the SHA-256 of a file, in hexadecimal; "" where it cannot be read.
func hashOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// below is a path relative to a directory.
func below(dir, path string) string {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return path
	}
	return rel
}

// endsRun reports whether an error would be that of every other file as well.
func endsRun(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EDQUOT)
}

// readReason names why a file could not be read, for summaries.
func readReason(err error) string {
	switch {
	case errors.Is(err, errEmpty):
		return "empty"
	case errors.Is(err, fs.ErrNotExist):
		return "not_found"
	}
	return "unreadable"
}

// isOutput reports whether a file is the output of an earlier avow mark.
func isOutput(name string) bool { return strings.Contains(name, ".avow.") }
