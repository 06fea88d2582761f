package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"

	"github.com/avowai/avow/cmd/avow/internal/bulk"
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
	resume        bool
	bulk          bulkFlags
	basis         []string // what the verdicts rest on beside the inputs
	journal       *bulk.Journal
}

// outcome is what became of one input.
type outcome struct {
	input  string
	report *disclose.Report
	err    error
	before *bulk.Entry // of an earlier run, in place of a report
	entry  *bulk.Entry // for the journal
}

// run reports on every input as soon as those before it are done; no more than
// a few reports are in memory, however many inputs there are.
func (v *verifier) run(ctx context.Context, args []string) (err error) {
	inputs, several, err := expand(args)
	if err != nil {
		return err
	}
	if v.resume {
		if v.journal, err = v.a.journal(v.runOf(args), false); err != nil {
			return err
		}
	}
	where := v.bulk.summaryFile()
	summary := bulk.NewSummary(bulk.Totals{Command: "verify", Inputs: args}, where != "")
	defer func() { _ = summary.Close() }()
	out := v.sink(several)
	total := tally{}
	whole, err := v.all(ctx, inputs, several, func(o outcome) error {
		total.add(o)
		if err := v.summarise(summary, o); err != nil {
			return err
		}
		if v.bulk.summary == "-" || o.before != nil { // the summary takes the reports' place
			return out.failOnly(o)
		}
		return out.put(o)
	})
	if err == nil && v.bulk.summary != "-" {
		err = out.end()
	}
	err = errors.Join(err, v.closeJournal(whole && err == nil))
	if werr := v.a.writeSummary(where, summary, whole && err == nil); err == nil {
		err = werr
	}
	switch {
	case err != nil:
		return err
	case several:
		v.a.say("%s", total)
	case out.failed != nil:
		return out.failed
	}
	if !whole {
		return v.stopped()
	}
	return total.exit()
}

// all looks at all inputs until ctx ends or somebody stops the run; whole is false
// then.
func (v *verifier) all(ctx context.Context, inputs iter.Seq[string], several bool, each func(outcome) error) (whole bool, err error) {
	ctx, release := interruptible(ctx)
	defer release()
	meter, done := v.a.meter(ctx, v.bulk, func(ctx context.Context) (n int64) {
		for range until(ctx, inputs) {
			n++
		}
		if several {
			return n
		}
		return 0
	})
	defer done()
	work := context.WithoutCancel(ctx) // what is begun is finished
	pending := 0
	err = orderedOf(runtime.GOMAXPROCS(0), until(ctx, inputs), func(in string) outcome { return v.look(work, in) }, func(o outcome) error {
		meter.Step()
		if o.entry != nil {
			pending++
			if err := v.journal.Append(pending%batchSize == 0, *o.entry); err != nil {
				return err
			}
		}
		return meter.Aside(func() error { return each(o) })
	})
	return ctx.Err() == nil, err
}

// until ends inputs with ctx.
func until(ctx context.Context, inputs iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for in := range inputs {
			if ctx.Err() != nil || !yield(in) {
				return
			}
		}
	}
}

// A tally counts inputs by what they carry; what could not be read under "".
type tally map[disclose.Status]int

func (t tally) add(o outcome) {
	switch {
	case o.err != nil:
		t[""]++
	case o.before != nil:
		t[disclose.Status(o.before.Outcome)]++
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

// failOnly tells about an input that could not be read, and about no other.
func (s *sink) failOnly(o outcome) error {
	if o.err != nil {
		s.fail(o.err)
	}
	return nil
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
