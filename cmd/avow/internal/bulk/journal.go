package bulk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Errors of a journal.
var (
	// ErrBusy is returned where another process has the journal open.
	ErrBusy = errors.New("bulk: another run has this journal")
	// ErrForeign is returned for a file that is no journal of this run.
	ErrForeign = errors.New("bulk: not a journal of this run")
)

// maxLine bounds a line of a journal, in bytes.
const maxLine = 64 << 10

// A State says how far an input has come.
type State string

// The states.
const (
	// Ready: the output is whole in a temporary file, and may be recorded.
	Ready State = "ready"
	// Done: the output is in its place and recorded.
	Done State = "done"
	// Failed: nothing was made of the input, which a later run tries again.
	Failed State = "failed"
)

// An Entry is one line. That of a state Done names only the path where the line of
// state Ready before it has the rest.
type Entry struct {
	State   State  `json:"state"`
	Path    string `json:"path"`
	Size    int64  `json:"size,omitempty"`    // of the input, in bytes
	ModTime int64  `json:"mtime,omitempty"`   // of the input, nanoseconds since 1970
	In      string `json:"in,omitempty"`      // SHA-256 of the input, hexadecimal
	Out     string `json:"out,omitempty"`     // SHA-256 of the output
	OutSize int64  `json:"outSize,omitempty"` // in bytes
	Temp    string `json:"temp,omitempty"`    // name of the temporary file
	Replace bool   `json:"replace,omitempty"` // an output of ours that the input has outdated
	ID      string `json:"id,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// A header is a journal's first line.
type header struct {
	Journal int      `json:"avow_journal"`
	Run     []string `json:"run"`
}

// A Journal is a file of lines, each about one input. A run that is killed leaves
// at most half a line, which the next one cuts off. It is not safe for concurrent
// use, save Find.
type Journal struct {
	f     *os.File
	end   int64
	seed  maphash.Seed
	index map[uint64]int64 // hash of the path -> where its entry begins; 16 bytes a file, not its path
	ready map[string]begun
}

// A begun entry is ready and not yet done.
type begun struct {
	entry Entry
	at    int64
}

// OpenJournal opens the journal of a run, named by what tells it from others, in
// dir, and makes it where there is none. fresh forgets what is in it. It fails
// with ErrBusy while another process has it open.
func OpenJournal(dir, name string, run []string, fresh bool) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{f: f, seed: maphash.MakeSeed(), index: map[uint64]int64{}, ready: map[string]begun{}}
	if err = lock(f); err == nil && fresh {
		err = f.Truncate(0)
	}
	if err == nil {
		err = j.load(run)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return j, nil
}

// load reads what is there, cuts off what no line feed ends, and writes the first
// line of an empty journal.
func (j *Journal) load(run []string) error {
	first := true
	end, err := lines(j.f, func(line []byte, at int64) error {
		if first {
			first = false
			var h header
			if json.Unmarshal(line, &h) != nil || h.Journal != 1 || !slices.Equal(h.Run, run) {
				return ErrForeign
			}
			return nil
		}
		var e Entry
		if json.Unmarshal(line, &e) == nil { // what a disk has damaged says nothing
			j.take(e, at)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := j.f.Truncate(end); err != nil {
		return err
	}
	j.end = end
	if !first {
		return nil
	}
	text, err := json.Marshal(header{1, run})
	if err != nil {
		return err
	}
	return j.write(append(text, '\n'))
}

// lines calls each with every whole line and where it begins, and returns where
// the last one ends. Longer lines than maxLine are passed over.
func lines(r io.Reader, each func(line []byte, at int64) error) (end int64, err error) {
	in := bufio.NewReaderSize(r, maxLine)
	var at int64
	long := false
	for {
		line, err := in.ReadSlice('\n')
		at += int64(len(line))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = true
			continue
		case errors.Is(err, io.EOF):
			return end, nil
		case err != nil:
			return end, err
		}
		if !long {
			if err := each(line, at-int64(len(line))); err != nil {
				return end, err
			}
		}
		long, end = false, at
	}
}

// take takes an entry into the index.
func (j *Journal) take(e Entry, at int64) {
	key := maphash.String(j.seed, e.Path)
	switch e.State {
	case Ready:
		j.ready[e.Path] = begun{e, at}
	case Done:
		if b, ok := j.ready[e.Path]; ok {
			at = b.at
		}
		j.index[key] = at
		delete(j.ready, e.Path)
	case Failed:
		delete(j.index, key)
		delete(j.ready, e.Path)
	}
}

// Find returns what is known about a finished input.
func (j *Journal) Find(path string) (Entry, bool) {
	at, ok := j.index[maphash.String(j.seed, path)]
	if !ok {
		return Entry{}, false
	}
	line, err := bufio.NewReaderSize(io.NewSectionReader(j.f, at, maxLine), 1<<10).ReadBytes('\n')
	var e Entry
	if err != nil || json.Unmarshal(line, &e) != nil || e.Path != path {
		return Entry{}, false
	}
	return e, true
}

// Len is the number of finished inputs.
func (j *Journal) Len() int { return len(j.index) }

// Begun returns the inputs that are ready and not done, in the order of their
// paths.
func (j *Journal) Begun() []Entry {
	var out []Entry
	for _, b := range j.ready {
		out = append(out, b.entry)
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// Append adds lines and, where sync is true, returns once they are on disk. What
// it adds is not found by Find before the next OpenJournal, so that both may be
// called at one time.
func (j *Journal) Append(sync bool, entries ...Entry) error {
	var buf bytes.Buffer
	for _, e := range entries {
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if len(text) < maxLine {
			buf.Write(append(text, '\n'))
		}
	}
	if err := j.write(buf.Bytes()); err != nil || !sync {
		return err
	}
	return j.f.Sync()
}

// write adds bytes at the end. After an error the journal ends where it did.
func (j *Journal) write(data []byte) error {
	n, err := j.f.WriteAt(data, j.end)
	if err != nil {
		if n > 0 {
			_ = j.f.Truncate(j.end)
		}
		return err
	}
	j.end += int64(n)
	return nil
}

// Close puts everything on disk.
func (j *Journal) Close() error {
	err := j.f.Sync()
	if cerr := j.f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Remove closes the journal and deletes it.
func (j *Journal) Remove() error {
	return errors.Join(os.Remove(j.f.Name()), j.f.Close())
}

// Finish makes Find find a begun entry as Done, without a line.
func (j *Journal) Finish(path string) { j.take(Entry{State: Done, Path: path}, 0) }
