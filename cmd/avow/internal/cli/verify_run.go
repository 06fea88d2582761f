package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/fetch"
)

// A verifier runs one avow verify.
type verifier struct {
	a             *app
	d             *disclose.Detector
	fetch         *fetch.Client
	header        map[string][]string
	json          bool
	http, private bool
}

// outcome is what became of one input.
type outcome struct {
	input  string
	report *disclose.Report
	err    error
}

// run reports on every input as soon as those before it are done; no more than
// a few reports are in memory, however many inputs there are.
func (v *verifier) run(ctx context.Context, args []string) error {
	inputs, several, err := expand(args)
	if err != nil {
		return err
	}
	out := v.sink(several)
	bar := v.a.progress(len(inputs))
	total := tally{}
	err = ordered(runtime.GOMAXPROCS(0), len(inputs), func(i int) outcome {
		defer bar.step()
		report, err := v.one(ctx, inputs[i])
		return outcome{inputs[i], report, err}
	}, func(o outcome) error {
		total.add(o)
		return bar.aside(func() error { return out.put(o) })
	})
	bar.done()
	if err == nil {
		err = out.end()
	}
	switch {
	case err != nil:
		return err
	case several:
		v.a.say("%s", total)
	case out.failed != nil:
		return out.failed
	}
	return total.exit()
}

// A tally counts inputs by what they carry; what could not be read under "".
type tally map[disclose.Status]int

func (t tally) add(o outcome) {
	switch {
	case o.err != nil:
		t[""]++
	default:
		t[o.report.Verdict]++
	}
}

// String is one line for a person. Invalid and not_checked are named where there
// are any.
func (t tally) String() string {
	parts := []string{fmt.Sprintf("%d verified, %d present, %d absent", t[disclose.Verified], t[disclose.Present], t[disclose.Absent])}
	if n := t[disclose.Invalid]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d invalid", n))
	}
	if n := t[disclose.NotChecked]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not checked", n))
	}
	return strings.Join(append(parts, fmt.Sprintf("%d not readable", t[""])), ", ")
}

// exit is the run's exit code as an error; what there is to say has been said.
func (t tally) exit() error {
	switch {
	case t[""] > 0:
		return errTold
	case t[disclose.Absent]+t[disclose.Invalid]+t[disclose.NotChecked] > 0:
		return errNo
	}
	return nil
}

// A sink prints outcomes in the order in which they come.
type sink struct {
	a       *app
	json    *jsonList // nil for text
	several bool
	hinted  map[string]bool
	failed  error // of a single input
}

func (v *verifier) sink(several bool) *sink {
	s := &sink{a: v.a, several: several, hinted: map[string]bool{}}
	if v.json {
		s.json = &jsonList{w: v.a.out, bare: !several}
	}
	return s
}

// unread stands in JSON for a report on an input that could not be read.
type unread struct {
	Input string `json:"input"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

func (s *sink) put(o outcome) error {
	if o.err != nil {
		s.fail(o.err)
	}
	switch {
	case s.json != nil && o.err != nil:
		u := unread{Input: o.input, Error: o.err.Error()}
		if h := (*hinted)(nil); errors.As(o.err, &h) {
			u.Hint = h.hint
		}
		return s.json.put(u)
	case s.json != nil:
		return s.json.put(o.report)
	case o.err == nil:
		return o.report.WriteText(s.a.out)
	}
	return nil
}

// fail says that one of several inputs could not be read, and once for each kind
// of trouble what to do about it.
func (s *sink) fail(err error) {
	if !s.several {
		s.failed = err
		return
	}
	_, _ = fmt.Fprintln(s.a.err, "avow: error:", err)
	if h := (*hinted)(nil); errors.As(err, &h) && !s.hinted[h.hint] {
		s.hinted[h.hint] = true
		_, _ = fmt.Fprintln(s.a.err, "hint:", h.hint)
	}
}

func (s *sink) end() error {
	if s.json == nil {
		return nil
	}
	return s.json.end()
}
