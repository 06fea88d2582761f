package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"iter"
	"sync/atomic"
)

// ordered calls work(0..n-1), at most jobs at a time, and each with the results in
// their order. No more than twice as many results as jobs wait for one before
// them. After an error of each no further work is begun; it is returned.
func ordered[T any](jobs, n int, work func(i int) T, each func(T) error) error {
	return orderedOf(jobs, func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}, work, each)
}

// orderedOf is ordered for inputs that come one by one.
func orderedOf[S, T any](jobs int, inputs iter.Seq[S], work func(S) T, each func(T) error) error {
	window := make(chan chan T, 2*jobs)
	var stop atomic.Bool
	go func() {
		defer close(window)
		free := make(chan struct{}, jobs)
		for in := range inputs {
			if stop.Load() {
				break
			}
			result := make(chan T, 1)
			window <- result
			free <- struct{}{}
			go func() {
				result <- work(in)
				<-free
			}()
		}
	}()
	var failed error
	for result := range window {
		r := <-result
		if failed == nil {
			if failed = each(r); failed != nil {
				stop.Store(true)
			}
		}
	}
	return failed
}

// writeJSON writes one value, indented, as a line of its own.
func writeJSON(w io.Writer, value any) error {
	text, err := indented(value, "")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text+"\n")
	return err
}

// A jsonList writes a JSON array value by value, or one bare value.
type jsonList struct {
	w      io.Writer
	bare   bool
	indent string // of the array itself, whose opening bracket stands in a line already begun
	after  string // what follows it, "" for the end of the line
	n      int
}

// put writes the next value.
func (l *jsonList) put(value any) error {
	before, indent := ",\n"+l.indent+"  ", l.indent+"  "
	switch {
	case l.bare:
		before, indent = "", ""
	case l.n == 0:
		before = "[\n" + indent
	}
	l.n++
	text, err := indented(value, indent)
	if err != nil {
		return err
	}
	_, err = io.WriteString(l.w, before+text)
	return err
}

// end closes the array. A bare value that never came leaves nothing.
func (l *jsonList) end() error {
	text := "\n" + l.indent + "]"
	switch {
	case l.bare && l.n == 0:
		return nil
	case l.bare:
		text = ""
	case l.n == 0:
		text = "[]"
	}
	_, err := io.WriteString(l.w, text+cmp.Or(l.after, "\n"))
	return err
}

// indented is value as JSON, its first line for one that is begun already.
func indented(value any, indent string) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent(indent, "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(value)
	return string(bytes.TrimRight(buf.Bytes(), "\n")), err
}
