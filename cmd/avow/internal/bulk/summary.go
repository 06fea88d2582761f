package bulk

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// A Summary counts what became of very many files. Those that failed are kept in a
// temporary file, not in memory. It is safe for concurrent use.
type Summary struct {
	mu       sync.Mutex
	totals   Totals
	start    time.Time
	failures *os.File // nil where nobody asks for them, or none failed
	keep     bool
}

// Totals are the numbers of a Summary, and its JSON without the failed files.
type Totals struct {
	Command  string           `json:"command"` // mark or verify
	Inputs   []string         `json:"inputs"`
	Output   string           `json:"output,omitempty"`
	Finished bool             `json:"finished"` // false where the run broke off
	Files    int64            `json:"files"`    // that were looked at
	Outcomes map[string]int64 `json:"outcomes"`
	Reasons  map[string]int64 `json:"reasons"`
	BytesIn  int64            `json:"bytes_in"`
	BytesOut int64            `json:"bytes_out"`
	Seconds  float64          `json:"seconds"`
}

// A Failure is a file that could not be done.
type Failure struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
	Error  string `json:"error,omitempty"`
}

// NewSummary begins a summary. keep keeps the failures for Write.
func NewSummary(t Totals, keep bool) *Summary {
	t.Outcomes, t.Reasons = map[string]int64{}, map[string]int64{}
	return &Summary{totals: t, start: time.Now(), keep: keep}
}

// Add counts a file. in and out are bytes read and written for it.
func (s *Summary) Add(outcome, reason string, in, out int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.totals.Files++
	s.totals.Outcomes[outcome]++
	if reason != "" {
		s.totals.Reasons[reason]++
	}
	s.totals.BytesIn += in
	s.totals.BytesOut += out
}

// Fail keeps a failure, which Add has to count besides.
func (s *Summary) Fail(f Failure) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.keep {
		return nil
	}
	if s.failures == nil {
		file, err := os.CreateTemp("", "avow-failures-")
		if err != nil {
			return err
		}
		s.failures = file
	}
	text, err := json.Marshal(f)
	if err == nil {
		_, err = s.failures.Write(append(text, '\n'))
	}
	return err
}

// Totals returns the numbers so far.
func (s *Summary) Totals() Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.totals
	t.Seconds = time.Since(s.start).Seconds()
	return t
}

// Write writes the summary as one JSON object, with the failed files in the order
// in which they failed.
func (s *Summary) Write(w io.Writer, finished bool) error {
	t := s.Totals()
	t.Finished = finished
	s.mu.Lock()
	defer s.mu.Unlock()
	head, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	_, _ = out.Write(head[:len(head)-len("\n}")])
	_, _ = out.WriteString(",\n  \"failed\": [")
	if err := s.writeFailures(out); err != nil {
		return err
	}
	_, _ = out.WriteString("]\n}\n")
	return out.Flush()
}

func (s *Summary) writeFailures(out *bufio.Writer) error {
	if s.failures == nil {
		return nil
	}
	n := 0
	_, err := lines(io.NewSectionReader(s.failures, 0, 1<<62), func(line []byte, _ int64) error {
		if n++; n > 1 {
			_ = out.WriteByte(',')
		}
		_, _ = out.WriteString("\n    ")
		_, err := out.Write(line[:len(line)-1])
		return err
	})
	_, _ = out.WriteString("\n  ")
	return err
}

// Close removes what was kept.
func (s *Summary) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == nil {
		return nil
	}
	err := errors.Join(os.Remove(s.failures.Name()), s.failures.Close())
	s.failures = nil
	return err
}
