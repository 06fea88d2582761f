package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/cmd/avow/internal/report"
	"github.com/avowai/avow/cmd/avow/internal/signing"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/c2pa"
)

func (a *app) report() *cobra.Command {
	var file, format string
	cmd := &cobra.Command{
		Use: "report", Short: "Say what a configuration does about each duty, and what is left to you", Args: cobra.NoArgs,
		Long: "Sets the configuration beside what law, guidelines and the Code of Practice on marking AI output ask\n" +
			"for: what is done about it, where to see that, and what is left to people. It makes and changes nothing.\n" +
			"It is no legal advice.",
		RunE: func(*cobra.Command, []string) error {
			if !slices.Contains(report.Formats, format) {
				return hint(fmt.Errorf("--format: no format is called %.16q", format), "choose %s", strings.Join(report.Formats, ", "))
			}
			in, err := a.reportInput(file)
			if err != nil {
				return err
			}
			r, err := report.New(in)
			if err != nil {
				return err
			}
			return r.Write(a.out, format)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (default: the defaults)")
	cmd.Flags().StringVar(&format, "format", "md", "md, html or json")
	return cmd
}

// reportInput gathers what a report is about, and makes nothing that is missing.
func (a *app) reportInput(file string) (in report.Input, err error) {
	in = report.Input{Date: time.Now(), Version: buildVersion(), File: file}
	if in.Config, err = loadConfig(file); err != nil {
		return in, err
	}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return in, err
		}
		sum := sha256.Sum256(data)
		in.SHA256 = hex.EncodeToString(sum[:])
	}
	if in.Keys, err = a.reportKeys(in.Config.Keys.File); err != nil {
		return in, err
	}
	in.Signer, err = a.reportSigner(in.Config)
	return in, err
}

func (a *app) reportKeys(configured string) ([]report.Key, error) {
	path, err := a.keyFile(configured)
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, keyHint(path, err)
	}
	var keys []report.Key
	for _, e := range ring.Keys {
		keys = append(keys, report.Key{ID: e.ID, State: string(e.State), NotAfter: e.NotAfter})
	}
	return keys, nil
}

// reportSigner reads the certificate that manifests are signed with; the key is
// not looked at.
func (a *app) reportSigner(c config.Config) (report.Signer, error) {
	none := report.Signer{Kind: "none"}
	chain := c.Signer.Chain
	if carriers := c.Options().Disclose.Carriers; !carriers.Has(disclose.CarrierManifest) {
		return none, nil
	}
	if chain == "" {
		dir, err := a.dataDir()
		if err != nil {
			return none, err
		}
		chain = filepath.Join(dir, signing.ChainFile)
	}
	certs, err := signing.Certificates(chain)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Signer.Chain == "":
		return none, nil
	case err != nil:
		return none, signerHint(err)
	}
	end := certs[0].NotAfter
	if c2pa.IsDevelopment(certs[0]) {
		return report.Signer{Kind: "development", NotAfter: &end}, nil
	}
	name := certs[0].Subject.CommonName
	if o := certs[0].Subject.Organization; len(o) > 0 {
		name = o[0]
	}
	return report.Signer{Kind: "own", Name: name, NotAfter: &end}, nil
}
