// Package doctor looks at a deployment from outside and says what is wrong with it
// and what to do. It creates nothing and changes nothing: what first use would make
// is named instead.
package doctor

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/disclose/c2pa"
)

// A Status says how a check went.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, and something should be done
	Failed  Status = "failed"  // it does not work
)

// A Check is one thing that was looked at. Hint says what to do; it is empty where
// there is nothing to do.
type Check struct {
	Name   string `json:"check"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// A Report is all checks, in the order in which they were made. Verdict is the worst
// of their statuses.
type Report struct {
	Verdict Status  `json:"verdict"`
	Checks  []Check `json:"checks"`
}

// Options say what to look at.
type Options struct {
	Config config.Config
	// Data is the data directory, and KeyFile the key ring.
	Data, KeyFile string
	// LedgerFile is where the ledger is unless the configuration names a database.
	LedgerFile string
	// Built is when this program was built, or its source was committed; zero where
	// that is not known.
	Built time.Time
	// OpenFiles is the limit of open files, 0 for none that is known; MaxStreams what
	// it allows.
	OpenFiles  uint64
	MaxStreams int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// A visit is one run.
type visit struct {
	o      Options
	now    time.Time
	checks []Check
	ring   *keyring.Ring // nil where there is none
	key    *keyring.Entry
	signer *c2pa.Signer // nil where there is none
}

// Limits of the questions asked over the network.
const (
	askTimeout    = 5 * time.Second
	ledgerTimeout = 10 * time.Second
	maxAnswer     = 1 << 20
)

// Examine looks at everything. Its checks end after some twenty seconds at the most.
func Examine(ctx context.Context, o Options) Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &visit{o: o, now: o.Now()}
	for _, look := range []func(context.Context){
		v.data, v.keys, v.certificate, v.clock, v.upstream, v.ledger, v.roundTrip, v.stamps, v.addresses, v.files,
	} {
		look(ctx)
	}
	r := Report{Verdict: OK, Checks: v.checks}
	for _, s := range []Status{Warning, Failed} {
		if slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Status == s }) {
			r.Verdict = s
		}
	}
	return r
}

func (v *visit) add(name string, s Status, hint, detail string, args ...any) {
	v.checks = append(v.checks, Check{Name: name, Status: s, Detail: fmt.Sprintf(detail, args...), Hint: hint})
}

func (v *visit) ok(name, detail string, args ...any) { v.add(name, OK, "", detail, args...) }

func (v *visit) warn(name, hint, detail string, args ...any) {
	v.add(name, Warning, hint, detail, args...)
}

func (v *visit) fail(name, hint, detail string, args ...any) {
	v.add(name, Failed, hint, detail, args...)
}

// Write prints one line for each check, and below it what to do.
func (r Report) Write(w io.Writer) error {
	var b strings.Builder
	count := map[Status]int{}
	for _, c := range r.Checks {
		count[c.Status]++
		fmt.Fprintf(&b, "%-8s %-12s %s\n", c.Status, c.Name, c.Detail)
		if c.Hint != "" {
			fmt.Fprintf(&b, "%-21s do: %s\n", "", c.Hint)
		}
	}
	fmt.Fprintf(&b, "%d ok, %s, %d failed\n", count[OK], number(count[Warning], "warning"), count[Failed])
	_, err := io.WriteString(w, b.String())
	return err
}

// number is a count of things.
func number[T int | int64](n T, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
