package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/watermark"
)

// ledgerFile is the ledger's name in the data directory.
const ledgerFile = "ledger.db"

// openTimeout bounds opening a ledger.
const openTimeout = 10 * time.Second

// A ledgerUse says what a command does with the ledger.
type ledgerUse int

const (
	ledgerServe ledgerUse = iota // writes it, and makes it on first use
	ledgerWrite                  // writes it where there is one
	ledgerRead                   // reads it where there is one
)

// openLedger opens the ledger of a configuration for a command; nil without an
// error where there is none for this use. The caller closes it. A zero key signs
// no heads.
func (a *app) openLedger(ctx context.Context, c config.Config, ring *keyring.Ring, key watermark.Key, use ledgerUse, command string) (*ledger.Ledger, error) {
	if c.Ledger.URL == "off" {
		return nil, nil
	}
	address, err := c.Ledger.Database()
	if err != nil {
		return nil, hint(err, "write the database's address into the file, and nothing else; chmod 600")
	}
	o := ledger.Options{URL: address, Key: key, Writer: writerName(command), Yield: use == ledgerWrite, Retention: time.Duration(c.Ledger.Retention), ReadOnly: use == ledgerRead}
	for _, e := range ring.Keys {
		o.VerifyKeys = append(o.VerifyKeys, e.Key())
	}
	if o.Logger, err = a.logger(); err != nil {
		return nil, err
	}
	where := "the configured database"
	if o.URL == "" {
		if o.File, err = a.ledgerPath(use); err != nil || o.File == "" {
			return nil, err
		}
		where = o.File
	}
	_, statErr := os.Stat(o.File)
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	l, err := ledger.Open(ctx, o)
	if err != nil {
		return nil, ledgerHint(where, err)
	}
	if o.File != "" && errors.Is(statErr, fs.ErrNotExist) {
		a.say("made a ledger: %s (mode 0600)", o.File)
	}
	return l, nil
}

// ledgerPath is the file in the data directory; "" where it is not there and is
// not to be made.
func (a *app) ledgerPath(use ledgerUse) (string, error) {
	dir, err := a.dataDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, ledgerFile)
	_, err = os.Stat(path)
	switch {
	case err == nil:
		return path, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", ledgerHint(path, err)
	case use == ledgerServe:
		return path, os.MkdirAll(dir, 0o700)
	}
	return "", nil
}

// writerName is the name of the chain that a command writes: one for each machine
// and command, so that two commands do not take the chain from each other.
func writerName(command string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unnamed"
	}
	return host + "/" + command
}

func ledgerHint(where string, err error) error {
	what := "see to it that the database runs and lets this user in; ledger: {url: off} goes without a ledger"
	switch {
	case errors.Is(err, ledger.ErrNewer):
		what = "use the version of avow that wrote it, or a later one"
	case errors.Is(err, os.ErrPermission):
		what = "give this user access to it"
	}
	return hint(fmt.Errorf("%s: %w", where, err), "%s", what)
}

// closeLedger closes a ledger that may be nil, and says what could not be written.
func (a *app) closeLedger(l *ledger.Ledger) {
	if l == nil {
		return
	}
	if err := l.Close(); err != nil {
		a.say("error: %v", err)
	}
}

// recordsOf is a ledger as records; nil for none.
func recordsOf(l *ledger.Ledger) disclose.Records {
	if l == nil {
		return nil
	}
	return l
}

func (a *app) ledger() *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: "ledger", Short: "Check, export and erase what was recorded"}
	cmd.PersistentFlags().StringVar(&file, "config", "", "configuration file: where the ledger is, and its keys")
	var asJSON bool
	var kept []string
	verify := &cobra.Command{
		Use: "verify", Short: "Recompute every link and signature, and name the first row that is wrong", Args: cobra.NoArgs,
		Long: "Exit code 0: nothing is wrong; 1: something is; 2: the ledger could not be read. It can run while a\nproxy writes.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withLedger(cmd.Context(), file, ledgerRead, func(l *ledger.Ledger) error { return a.verifyLedger(cmd.Context(), l, asJSON, kept) })
		},
	}
	verify.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	verify.Flags().StringArrayVar(&kept, "kept", nil, "a link that an earlier run printed: it has to be in a chain still")
	cmd.AddCommand(verify,
		&cobra.Command{
			Use: "forget ID", Short: "Erase fingerprint and manifest of an output, and keep the rest of its row", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.withLedger(cmd.Context(), file, ledgerWrite, func(l *ledger.Ledger) error { return a.forget(cmd.Context(), l, args[0]) })
			},
		},
		&cobra.Command{
			Use: "export", Short: "Print all rows as JSON Lines", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.withLedger(cmd.Context(), file, ledgerRead, func(l *ledger.Ledger) error { return l.Export(cmd.Context(), a.out) })
			},
		})
	return cmd
}

// withLedger opens the ledger, which has to be there, for one command.
func (a *app) withLedger(ctx context.Context, file string, use ledgerUse, do func(*ledger.Ledger) error) error {
	c, err := loadConfig(file)
	if err != nil {
		return err
	}
	ring, err := a.ring(c.Keys.File)
	if err != nil {
		return err
	}
	var key watermark.Key
	if e, err := ring.Active(time.Now()); err == nil {
		key = e.Key()
	}
	l, err := a.openLedger(ctx, c, ring, key, use, "operator")
	if err != nil {
		return err
	}
	if l == nil {
		return hint(errors.New("there is no ledger"), "avow proxy and avow demo make one in the data directory; name another with --data DIR or --config FILE")
	}
	defer a.closeLedger(l)
	return do(l)
}

func (a *app) verifyLedger(ctx context.Context, l *ledger.Ledger, asJSON bool, kept []string) error {
	v, err := l.Verify(ctx, kept...)
	if errors.Is(err, ledger.ErrLink) {
		return hint(err, "give --kept what stands behind \"ends in\" in an earlier run")
	}
	if err != nil {
		return hint(err, "the database itself may be damaged: restore a backup, and compare")
	}
	if asJSON {
		err = writeJSON(a.out, v)
	} else {
		err = a.printVerification(v)
	}
	if err == nil && !v.Intact() {
		return errNo
	}
	return err
}

func (a *app) printVerification(v ledger.Verification) error {
	for _, c := range v.Chains {
		signed := "no signed head"
		if c.Heads > 0 {
			signed = fmt.Sprintf("%d signed heads, the last after row %d at %s", c.Heads, c.Signed, c.SignedAt.Format(time.RFC3339))
		}
		_, _ = fmt.Fprintf(a.out, "%s: rows %d to %d, %s, ends in %s\n", c.Writer, c.First, c.Last, signed, c.Link)
	}
	for _, n := range v.Notes {
		_, _ = fmt.Fprintf(a.out, "note: %s\n", n)
	}
	for _, p := range v.Problems {
		_, _ = fmt.Fprintf(a.out, "WRONG: %s\n", p)
	}
	verdict := "intact: nothing was changed, taken out or put in. They show what was made and left, not that anybody saw it."
	if !v.Intact() {
		verdict = fmt.Sprintf("not intact: %d problems; the first is %s", v.Found, v.Problems[0])
	}
	_, err := fmt.Fprintf(a.out, "%d rows: %s\n", v.Rows, verdict)
	return err
}

func (a *app) forget(ctx context.Context, l *ledger.Ledger, text string) error {
	id, err := watermark.ParsePayload(text)
	if err != nil {
		return hint(err, "for example avow ledger forget 9f3c52d07ab1e644")
	}
	if err := l.Forget(ctx, id); err != nil {
		if errors.Is(err, disclose.ErrNoRecord) {
			return hint(fmt.Errorf("%s: no output of this id is recorded", id), "the id stands in Avow-Id, and in what avow verify says")
		}
		return err
	}
	a.say("%s: fingerprint and manifest are erased; the rest of its row stays", id)
	return nil
}
