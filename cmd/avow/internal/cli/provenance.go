package cli

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/signing"
	"github.com/avowai/avow/disclose"
)

// provenance is what outputs are signed with: the configured certificate, else
// the data directory's development certificate, which first use makes.
func (a *app) provenance(c config.Config) (*disclose.Provenance, error) {
	trust, err := trustOf(c, nil)
	if err != nil {
		return nil, err
	}
	p := &disclose.Provenance{Trust: trust, Training: c.OptOut.Training()}
	if c.Signer.Chain != "" {
		p.Signer, err = signing.Load(c.Signer.Chain, c.Signer.Key)
	} else {
		dir, derr := a.dataDir()
		if derr != nil {
			return nil, derr
		}
		var made bool
		p.Signer, made, err = signing.Development(dir, time.Now())
		if made {
			a.say("made a development certificate to sign with: %s (nobody trusts it unless given %s)",
				dir+string(os.PathSeparator)+signing.ChainFile, signing.RootFile)
		}
	}
	if err != nil {
		return nil, signerHint(err)
	}
	if c.Signer.TSA != "" {
		p.Signer.Stamp = signing.Stamper(c.Signer.TSA)
	}
	if c.PublicPath != "" {
		p.Manifests = &url.URL{Path: strings.TrimSuffix(c.PublicPath, "/") + "/v1/manifests/"}
	}
	return p, nil
}

func signerHint(err error) error {
	if errors.Is(err, signing.ErrPermissions) {
		return hint(err, "take the file's rights away from all but its owner: chmod 600")
	}
	return hint(fmt.Errorf("nothing to sign manifests with: %w", err),
		"name a chain and its key under signer: in the configuration, or switch manifests off with carriers: {manifest: false}")
}

// trustOf are the anchors of the configuration and of --roots.
func trustOf(c config.Config, roots []string) (t disclose.Trust, err error) {
	if t.Roots, err = signing.Certificates(append(roots, c.Trust.Roots...)...); err == nil {
		t.TSARoots, err = signing.Certificates(c.Trust.TSARoots...)
	}
	if err != nil {
		return t, hint(err, "a trust list is a PEM file of certificates")
	}
	return t, nil
}
