package cli

import (
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/doctor"
)

func (a *app) doctor() *cobra.Command {
	var file string
	var over config.Config
	var asJSON bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look at keys, certificate, clock, upstream and ledger, and say what to do", Args: cobra.NoArgs,
		Long: "Makes nothing and changes nothing. Exit code 0: all is well, or there are warnings; 1: something\ndoes not work; 2: the configuration could not be read.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			override(cmd, &c, over)
			if err := c.Check(); err != nil {
				return err
			}
			o := doctor.Options{Config: c, Built: buildTime(), OpenFiles: openFileLimit()}
			o.MaxStreams = maxStreams(o.OpenFiles)
			if o.Data, err = a.dataDir(); err != nil {
				return err
			}
			if o.KeyFile, err = a.keyFile(c.Keys.File); err != nil {
				return err
			}
			o.LedgerFile = filepath.Join(o.Data, ledgerFile)
			return a.diagnosis(doctor.Examine(cmd.Context(), o), asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "configuration file")
	f.StringVar(&over.Upstream, "upstream", "", "URL of the AI backend")
	f.StringVar(&over.Listen, "listen", "", `public address (default ":8080")`)
	f.StringVar(&over.Admin, "admin", "", `address of metrics and health (default "127.0.0.1:9090")`)
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) diagnosis(r doctor.Report, asJSON bool) error {
	err := error(nil)
	if asJSON {
		err = writeJSON(a.out, r)
	} else {
		err = r.Write(a.out)
	}
	if err == nil && r.Verdict == doctor.Failed {
		return errNo
	}
	return err
}

// buildTime is when the source of this program was committed; zero where the build
// does not say.
func buildTime() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			t, _ := time.Parse(time.RFC3339, s.Value) // zero where it cannot be read
			return t
		}
	}
	return time.Time{}
}
