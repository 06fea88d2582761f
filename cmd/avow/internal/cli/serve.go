package cli

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/fetch"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

// verifyWait is how long a picture waits for its turn before the service says that
// it is busy.
const verifyWait = 5 * time.Second

func (a *app) serve() *cobra.Command {
	var file string
	var over config.Config
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the verification service alone, without a proxy", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return a.runServe(ctx, &source{file: file, over: func(c *config.Config) error {
				override(cmd, c, over)
				if !cmd.Flags().Changed("listen") && c.Listen == config.Default().Listen {
					c.Listen = ":8081"
				}
				if !cmd.Flags().Changed("admin") && c.Admin == config.Default().Admin {
					c.Admin = "" // the proxy of this machine has it already
				}
				return nil
			}})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "configuration file")
	f.StringVar(&over.Listen, "listen", "", `public address (default ":8081")`)
	f.StringVar(&over.Admin, "admin", "", "address of metrics and health (default none)")
	return cmd
}

func (a *app) runServe(ctx context.Context, from *source) error {
	log, err := a.logger()
	if err != nil {
		return err
	}
	c, err := from.read(a)
	if err != nil {
		return err
	}
	ring, err := a.ring(c.Keys.File)
	if err != nil {
		return err
	}
	l, err := a.openLedger(ctx, c, ring, watermark.Key{}, ledgerRead, "serve")
	if err != nil {
		return err
	}
	defer a.closeLedger(l)
	s, err := a.newVerification(c, ring, recordsOf(l), log)
	if err != nil {
		return err
	}
	defer s.close()
	handlers := map[string]http.Handler{c.Listen: s.public}
	if c.Admin != "" {
		if c.Admin == c.Listen {
			return hint(fmt.Errorf("%s is given twice", c.Listen), "metrics need an address of their own: choose another with --admin")
		}
		handlers[c.Admin] = s.admin
	}
	servers, err := listen(handlers)
	if err != nil {
		return err
	}
	a.say("verifying at %s%s", servers.url(c.Listen), strings.TrimSuffix(c.PublicPath, "/")+"/v1/verify")
	defer s.follow(ctx, from)()
	return servers.run(ctx, a.departure(s))
}

// newVerification wires the verification service alone.
func (a *app) newVerification(c config.Config, ring *keyring.Ring, records disclose.Records, log *slog.Logger) (*service, error) {
	s := &service{a: a, log: log}
	s.build = func(c config.Config, ring *keyring.Ring, before *generation) (*generation, error) {
		return s.verification(c, ring, records, before)
	}
	return s, s.begin(c, ring)
}

// verification makes the service alone under a configuration.
func (s *service) verification(c config.Config, ring *keyring.Ring, records disclose.Records, before *generation) (*generation, error) {
	if c.PublicPath == "" {
		return nil, hint(errors.New("public_path is switched off, so there is nothing to serve"), `take public_path: "" out of the configuration`)
	}
	trust, err := trustOf(c, nil)
	if err != nil {
		return nil, err
	}
	g := &generation{c: c, profile: disclose.Standard}
	if g.detector, err = newDetector(c, ring, records, trust, before.before()); err != nil {
		return nil, err
	}
	o := *c.Options().Verify
	o.Detector, o.Records, o.PublicPath, o.Metrics, o.Logger = g.detector, records, c.PublicPath, s.metrics, s.log
	if err := s.a.reporting(c, ring, &o); err != nil {
		return nil, err
	}
	if o.WellKnown, err = wellKnown(c, ring); err != nil {
		return nil, err
	}
	if before != nil {
		o.Previous = before.verify
	}
	if g.verify, err = middleware.NewVerifyService(o); err != nil {
		return nil, err
	}
	g.public = middleware.Pace(g.verify, c.Limits.Pace())
	return g, nil
}

// newDetector looks for the marks of all keys of a ring.
func newDetector(c config.Config, ring *keyring.Ring, records disclose.Records, trust disclose.Trust, before *disclose.Detector) (*disclose.Detector, error) {
	d := disclose.DetectorOptions{
		Trust: trust, Keys: verifyKeys(ring), Records: records, Version: buildVersion(),
		Notices: c.Notice.Text, Principal: c.Notice.Principal, MaxPixels: c.Image.MaxPixels, Jobs: 2,
		MaxMemory: int64(c.Verify.Memory) / 4 * 3, MaxWait: verifyWait, Previous: before,
	}
	var err error
	if d.TokenProfiles, err = c.Backend.Profiles(); err != nil {
		return nil, hint(err, "the file holds the number that the backend's watermark key is, and nothing else")
	}
	return disclose.NewDetector(d)
}

// reporting gives the service the keys that it signs with, and its verifiers.
// Reports signed under keys that only verify now can still be checked; a revoked
// key vouches for nothing.
func (a *app) reporting(c config.Config, ring *keyring.Ring, o *middleware.VerifyOptions) error {
	active, err := ring.Active(time.Now())
	if err == nil {
		o.ReportKey = middleware.ReportKey(active.Key())
	}
	for _, e := range ring.Keys {
		if e.State == keyring.Verify || e.State == keyring.Active {
			o.OldReportKeys = append(o.OldReportKeys, middleware.ReportKey(e.Key()).Public().(ed25519.PublicKey))
		}
	}
	if o.VerifierTokens, err = c.Verify.Tokens(); err != nil {
		return hint(err, "verify.tokens_file holds lines as printf %%s TOKEN | sha256sum prints them")
	}
	if c.Verify.URLInput {
		o.Fetch = fetch.New(fetch.Options{}).Open
	}
	return nil
}

// wellKnown is the document about a deployment whose proxy runs elsewhere.
func wellKnown(c config.Config, ring *keyring.Ring) (*disclose.WellKnown, error) {
	o := c.Options().Disclose
	var err error
	if o.Key, err = watermark.GenerateKey(); err != nil { // marks nothing here
		return nil, err
	}
	m, err := disclose.NewMarker(o)
	if err != nil {
		return nil, err
	}
	doc := m.WellKnown()
	doc.ModelCard, doc.Contact, doc.KeyIDs = c.ModelCard, c.Contact, []string{}
	for _, e := range ring.Keys {
		doc.KeyIDs = append(doc.KeyIDs, e.ID)
	}
	return &doc, nil
}
