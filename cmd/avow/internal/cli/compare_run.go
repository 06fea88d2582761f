package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose"
)

// A pair is a file and what a pipeline made of it.
type pair struct {
	before, after string
	err           error
}

// compare says what a pipeline between two files, URLs or directories did to their
// marks.
func (v *verifier) compare(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return hint(fmt.Errorf("--before compares two inputs, %d given", len(args)), "avow verify --before ORIGINAL DELIVERED")
	}
	pairs, err := v.pairs(args[0], args[1])
	if err != nil {
		return err
	}
	out := &compareSink{verifier: v, list: jsonList{w: v.a.out, indent: "  ", after: ",\n  "}, table: len(pairs) == 1 && !isDir(args[0])}
	if v.json {
		_, err = io.WriteString(v.a.out, "{\n  \"pairs\": ")
	}
	if err != nil {
		return err
	}
	bar := v.a.progress(len(pairs))
	err = ordered(runtime.GOMAXPROCS(0), len(pairs), func(i int) comparison {
		defer bar.step()
		return v.comparePair(ctx, pairs[i])
	}, func(c comparison) error { return bar.aside(func() error { return out.put(c) }) })
	bar.done()
	if err == nil {
		err = out.end()
	}
	if err != nil {
		return err
	}
	return out.total.exit()
}

func (v *verifier) comparePair(ctx context.Context, p pair) comparison {
	c := comparison{Before: p.before, After: p.after, Marks: []change{}, err: p.err}
	if p.err == nil {
		c.Marks, c.err = v.changes(ctx, p)
	}
	if c.err != nil {
		c.Result, c.Error, c.Marks = unreadable, c.err.Error(), []change{}
		return c
	}
	c.Result = resultOf(c.Marks)
	return c
}

func (v *verifier) changes(ctx context.Context, p pair) ([]change, error) {
	first, err := v.one(ctx, p.before)
	if err != nil {
		return nil, err
	}
	if p.after == "" {
		return allLost(first), nil
	}
	second, err := v.one(ctx, p.after)
	if err != nil {
		return nil, err
	}
	return append([]change{}, changes(first, second)...), nil
}

// allLost is what became of the marks of a file that did not arrive.
func allLost(r *disclose.Report) []change {
	out := []change{}
	for _, f := range r.Findings {
		if holds(f.Status) {
			out = append(out, change{f.Carrier, f.Status, disclose.NotChecked, lost, "no file of this name arrived"})
		}
	}
	return out
}

// exit is the run's exit code as an error.
func (t *totals) exit() error {
	switch {
	case t.Unreadable > 0 || t.Marks == 0:
		return errTold
	case t.Lost+t.Broken > 0:
		return errNo
	}
	return nil
}

// A compareSink prints comparisons in the order in which they come.
type compareSink struct {
	*verifier
	list  jsonList
	table bool // one pair, whose names need no repeating
	total totals
}

func (s *compareSink) put(c comparison) error {
	s.total.add(c)
	if c.err != nil {
		_, _ = fmt.Fprintln(s.a.err, "avow: error:", c.err)
		if h := (*hinted)(nil); errors.As(c.err, &h) {
			_, _ = fmt.Fprintln(s.a.err, "hint:", h.hint)
		}
	}
	if s.json {
		return s.list.put(c)
	}
	var b strings.Builder
	margin := ""
	if !s.table {
		fmt.Fprintf(&b, "%s -> %s: %s\n", disclose.Printable(c.Before), disclose.Printable(c.After), c.Result)
		margin = "  "
	}
	for _, m := range c.Marks {
		line := fmt.Sprintf("%s%-12s %-8s %-9s -> %-12s %s", margin, m.Carrier, m.Result, m.Before, m.After, disclose.Printable(m.Why))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(s.a.out, b.String())
	return err
}

func (s *compareSink) end() error {
	if s.total.Marks == 0 && s.total.Unreadable == 0 {
		s.a.say("hint: mark the original first (avow mark), or give the file that was marked")
	}
	if !s.json {
		_, err := fmt.Fprintln(s.a.out, s.total.sentence())
		return err
	}
	if err := s.list.end(); err != nil {
		return err
	}
	text, err := indented(struct {
		Totals  totals `json:"totals"`
		Summary string `json:"summary"`
	}{s.total, s.total.sentence()}, "")
	if err != nil {
		return err
	}
	_, err = io.WriteString(s.a.out, strings.TrimPrefix(text, "{\n  ")+"\n")
	return err
}

// pairs matches what is compared: two inputs, or the files of two directories.
func (v *verifier) pairs(a, b string) ([]pair, error) {
	switch {
	case !isDir(a) && !isDir(b):
		return []pair{{before: a, after: b}}, nil
	case !isDir(a) || !isDir(b):
		return nil, hint(fmt.Errorf("%s and %s: one is a directory, the other is not", a, b), "compare two files, or two directories")
	}
	first, err := filesIn(a, isVerifiable)
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		return nil, hint(fmt.Errorf("%s: nothing in this directory could carry a mark", a), verifiableHint)
	}
	second, err := filesIn(b, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	arrived := map[string][]string{}
	for _, file := range second {
		stem := stemIn(b, file)
		arrived[stem] = append(arrived[stem], file)
	}
	pairs := make([]pair, len(first))
	for i, file := range first {
		pairs[i] = match(a, b, file, arrived[stemIn(a, file)])
	}
	return pairs, nil
}

// stemIn is a file's path below dir, without its extension.
func stemIn(dir, file string) string {
	rel, err := filepath.Rel(dir, file)
	if err != nil {
		rel = file
	}
	return strings.TrimSuffix(rel, filepath.Ext(rel))
}

// match finds what became of a file: the file of the same name, else the only one
// whose name differs in its extension alone.
func match(a, b, file string, candidates []string) pair {
	p := pair{before: file}
	same := filepath.Join(b, stemIn(a, file)+filepath.Ext(file))
	switch {
	case slices.Contains(candidates, same):
		p.after = same
	case len(candidates) == 1:
		p.after = candidates[0]
	case len(candidates) > 1:
		p.err = hint(fmt.Errorf("%s: %d files may be what became of it, such as %s", file, len(candidates), candidates[0]),
			"leave one of them in the directory, or compare file by file")
	}
	return p
}
