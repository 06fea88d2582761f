// Package cli is the command line of avow.
package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/avowai/avow/cmd/avow/internal/logline"
	"github.com/avowai/avow/cmd/avow/internal/nearest"
)

// Exit codes.
const (
	exitOK      = 0
	exitNo      = 1 // an input carries no mark, or an invalid one; files of a directory could not be marked
	exitTrouble = 2 // the question could not be asked, or the command failed
)

// errNo makes a command exit with exitNo without a message: the result is on
// stdout already.
var errNo = errors.New("no")

// errTold makes a command exit with exitTrouble without a message: stderr has it
// already.
var errTold = errors.New("told")

// A hinted error says what to do about it.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

func hint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// An app is one run of the command line.
type app struct {
	in        io.Reader
	out, err  io.Writer
	data      string
	logFormat string
	logLevel  string
}

// Main runs the command line and returns its exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, err: errOut}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.Execute()
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitNo
	case errors.Is(err, errTold):
		return exitTrouble
	}
	_, _ = fmt.Fprintln(errOut, "avow: error:", strings.TrimSpace(err.Error()))
	var h *hinted
	if errors.As(err, &h) {
		_, _ = fmt.Fprintln(errOut, "hint:", h.hint)
	}
	return exitTrouble
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "avow",
		Short: "Say that content was made by AI, and prove it again later",
		Long: "avow wraps AI backends: it puts the notice before the first generated word, a watermark into\n" +
			"images, and machine-readable statements into answers. avow verify says which of them a file carries.",
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if err := refuseSecrets(cmd, args); err != nil {
				return err
			}
			return fromEnvironment(cmd)
		},
	}
	root.PersistentFlags().StringVar(&a.data, "data", "", "data directory (default: the user's data directory + /avow)")
	root.PersistentFlags().StringVar(&a.logFormat, "log-format", "text", "text or json")
	root.PersistentFlags().StringVar(&a.logLevel, "log-level", "info", "debug, info, warn or error")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(a.demo(), a.proxy(), a.serve(), a.extproc(), a.markCommand(), a.verify(), a.keygen(), a.keys(), a.ledger(), a.config(), a.report(), a.doctor(), a.health(), a.version())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(err, "%s", flagHint(cmd, err))
	})
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var known []string
		for _, c := range cmd.Commands() {
			known = append(known, c.Name())
		}
		what := "run avow --help for the list of commands"
		if name := nearest.Word(args[0], known); name != "" {
			what = fmt.Sprintf("did you mean avow %s?", name)
		}
		return hint(fmt.Errorf("no command is called %.64q", args[0]), "%s", what)
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return root
}

// flagHint names the flag nearest to an unknown one.
func flagHint(cmd *cobra.Command, err error) string {
	if _, name, ok := strings.Cut(err.Error(), "unknown flag: --"); ok {
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		if best := nearest.Word(name, known); best != "" {
			return fmt.Sprintf("did you mean --%s?", best)
		}
	}
	return fmt.Sprintf("run %s --help for the list of flags", cmd.CommandPath())
}

// fromEnvironment sets flags that were not given from AVOW_* variables:
// --system-version from AVOW_SYSTEM_VERSION and so on.
func fromEnvironment(cmd *cobra.Command) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "AVOW_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if f.Changed || !ok || value == "" || failed != nil {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			failed = hint(fmt.Errorf("environment variable %s: %w", name, err), "unset it, or give it a value that --%s takes", f.Name)
		}
	})
	return failed
}

// logger writes to stderr, never to stdout.
func (a *app) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return nil, hint(fmt.Errorf("--log-level: no level is called %q", a.logLevel), "choose debug, info, warn or error")
	}
	o := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		return slog.New(logline.New(slog.NewTextHandler(a.err, o))), nil
	case "json":
		return slog.New(logline.New(slog.NewJSONHandler(a.err, o))), nil
	}
	return nil, hint(fmt.Errorf("--log-format: no format is called %q", a.logFormat), "choose text or json")
}

func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a.err, "avow: "+format+"\n", args...)
}
