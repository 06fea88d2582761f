package cli

import (
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/keyring"
)

func (a *app) keygen() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen",
		Short: "Make a new key that marks from now on; older keys go on verifying",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var made keyring.Entry
			path, err := a.update(func(r *keyring.Ring) (err error) {
				made, err = r.Generate(time.Now())
				return err
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.out, made.ID)
			a.say("%s is active; the key ring is %s", made.ID, path)
			return err
		},
	}
}

func (a *app) update(change func(*keyring.Ring) error) (path string, err error) {
	path, err = a.keyFile("")
	if err != nil {
		return path, err
	}
	return path, keyHint(path, keyring.Update(path, change))
}

func (a *app) keys() *cobra.Command {
	keys := &cobra.Command{Use: "keys", Short: "List, retire or revoke keys", Args: cobra.NoArgs, RunE: a.listKeys}
	keys.AddCommand(
		&cobra.Command{Use: "list", Short: "List the keys; secrets are not shown", Args: cobra.NoArgs, RunE: a.listKeys},
		a.setState("retire", "Stop marking with a key; its marks stay valid", keyring.Verify),
		a.setState("revoke", "Do not rely on a key's marks any more, because it leaked", keyring.Revoked),
	)
	return keys
}

func (a *app) setState(verb, short string, to keyring.State) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := a.update(func(r *keyring.Ring) error { return r.SetState(args[0], to, time.Now()) })
			if err != nil {
				return hint(err, "avow keys list shows the ids")
			}
			a.say("%s is now: %s", args[0], to)
			return nil
		},
	}
}

func (a *app) listKeys(*cobra.Command, []string) error {
	ring, err := a.ring("")
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	revoked := slices.ContainsFunc(ring.Keys, func(e keyring.Entry) bool { return e.RevokedAt != nil })
	_, _ = fmt.Fprint(w, "ID\tSTATE\tCREATED\tNOT AFTER")
	if revoked {
		_, _ = fmt.Fprint(w, "\tREVOKED")
	}
	_, _ = fmt.Fprintln(w)
	for _, e := range ring.Keys {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s", e.ID, e.State, e.Created.Format(time.RFC3339), listedTime(e.NotAfter))
		if revoked {
			_, _ = fmt.Fprintf(w, "\t%s", listedTime(e.RevokedAt))
		}
		_, _ = fmt.Fprintln(w)
	}
	return w.Flush()
}

// listedTime is a time in a table, "-" for none.
func listedTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.RFC3339)
}
