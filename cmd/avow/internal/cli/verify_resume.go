package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/avowai/avow/cmd/avow/internal/bulk"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/disclose"
)

// runOf is what tells this run from others: with other inputs, keys, roots or
// headers a verdict may be another one.
func (v *verifier) runOf(args []string) []string {
	run := append([]string{"verify"}, v.basis...)
	for _, name := range slices.Sorted(maps.Keys(v.header)) {
		run = append(run, fmt.Sprintf("%s: %q", name, v.header[name]))
	}
	for _, arg := range args {
		run = append(run, absolute(arg))
	}
	return run
}

// basisOf names what verdicts rest on: keys, configuration and roots.
func (a *app) basisOf(file string, roots []string) ([]string, error) {
	c, err := loadConfig(file)
	if err != nil {
		return nil, err
	}
	ring, err := a.ring(c.Keys.File)
	if err != nil {
		return nil, err
	}
	basis := []string{"version " + buildVersion()}
	for _, e := range ring.Keys {
		basis = append(basis, e.ID+" "+fmt.Sprint(e.State == keyring.Revoked))
	}
	for _, path := range append([]string{file}, roots...) {
		if path != "" {
			basis = append(basis, absolute(path)+" "+hashOf(path))
		}
	}
	return basis, nil
}

// look reports on one input, or finds what an earlier run said about it.
func (v *verifier) look(ctx context.Context, input string) outcome {
	o := outcome{input: input}
	var info os.FileInfo
	if v.journal != nil && input != "-" && !isURL(input) {
		if info, _ = os.Stat(input); info != nil {
			e, known := v.journal.Find(absolute(input))
			if known && e.Size == info.Size() && e.ModTime == info.ModTime().UnixNano() {
				o.before = &e
				return o
			}
		}
	}
	o.report, o.err = v.one(ctx, input)
	crashPoint("looked")
	if o.err == nil && info != nil {
		o.entry = &bulk.Entry{
			State: bulk.Done, Path: absolute(input), Size: info.Size(), ModTime: info.ModTime().UnixNano(),
			In: o.report.SHA256, Outcome: string(o.report.Verdict), Reason: string(o.report.Reason),
		}
	}
	return o
}

// summarise counts an input for the summary.
func (v *verifier) summarise(s *bulk.Summary, o outcome) error {
	switch {
	case o.err != nil:
		s.Add("unreadable", "unreadable", 0, 0)
		return s.Fail(bulk.Failure{Path: o.input, Reason: "unreadable", Error: o.err.Error()})
	case o.before != nil:
		s.Add(o.before.Outcome, o.before.Reason, 0, 0)
		return v.missing(s, o.input, disclose.Status(o.before.Outcome), o.before.Reason)
	}
	s.Add(string(o.report.Verdict), string(o.report.Reason), o.report.Size, 0)
	return v.missing(s, o.input, o.report.Verdict, string(o.report.Reason))
}

// missing keeps an input without a mark, or with an invalid one, as failed.
func (v *verifier) missing(s *bulk.Summary, input string, verdict disclose.Status, reason string) error {
	if verdict == disclose.Verified || verdict == disclose.Present {
		return nil
	}
	return s.Fail(bulk.Failure{Path: input, Reason: reason})
}

// closeJournal keeps the journal of a run that broke off, for the next one, and
// removes that of a whole one: a later run looks at everything again.
func (v *verifier) closeJournal(whole bool) error {
	switch {
	case v.journal == nil:
		return nil
	case whole:
		return v.journal.Remove()
	}
	return v.journal.Close()
}

// stopped says how to go on.
func (v *verifier) stopped() error {
	err := errors.New("stopped before the end")
	if v.journal == nil {
		return hint(err, "with --resume a run keeps a journal, from which the same command goes on")
	}
	return hint(err, "the same command goes on; what was reported is counted and not reported again")
}
