package disclose

import (
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/validate"
)

const (
	// ImageMarkAlg names the image mark in a soft binding of a C2PA manifest.
	ImageMarkAlg = "com.github.avowai.image-mark.1"
	// DefaultStampTimeout is how long a time stamp is waited for.
	DefaultStampTimeout = 2 * time.Second

	modulePath = "github.com/avowai/avow"
)

// Provenance has outputs carry signed manifests: Content Credentials as C2PA
// specifies them.
type Provenance struct {
	// Signer signs the manifests.
	Signer *c2pa.Signer
	// Training are entries of cawg.training-mining, such as
	// "cawg.ai_generative_training": "notAllowed"; nil leaves the assertion out.
	Training map[string]string
	// Trust says whose signatures count when a picture arrives signed.
	Trust Trust
	// StampTimeout bounds the wait for a time stamp; 0 means 2 s. Without one
	// the output is signed all the same, and "timestamp" is named as missing.
	StampTimeout time.Duration
	// Manifests is where stored manifests are served, by id as the last part of
	// the path; nil: outputs that cannot hold a manifest have none.
	Manifests *url.URL
	// TextWrapper lets plain texts that are there at once carry their manifest
	// in invisible characters (C2PA, "Embedding manifests into unstructured
	// text"). Off by default: it is four times the manifest's size, and many
	// programs drop or refuse it.
	TextWrapper bool
}

// Trust are the anchors that signers and time stamps are checked against; the
// zero value trusts nobody. Remote manifests are never fetched.
type Trust struct {
	Roots, TSARoots []*x509.Certificate
}

// options are those of a validation.
func (t Trust) options() validate.Options {
	return validate.Options{Anchors: t.Roots, TSAAnchors: t.TSARoots}
}

// check says what is wrong with p, if it is there.
func (p *Provenance) check() error {
	if p == nil {
		return nil
	}
	if p.Signer == nil {
		return errors.New("disclose: manifests need a signer: set Provenance.Signer, or leave Provenance out")
	}
	return p.Signer.Check()
}

// stampTime bounds the wait for a time stamp.
func (p *Provenance) stampTime(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, orDefault(p.StampTimeout, DefaultStampTimeout))
}

// unstamped reports, and logs, that a time stamp which should be there is not.
func (o Options) unstamped(info c2pa.Signed) bool {
	if info.StampErr != nil {
		o.Logger.Warn("signed without a time stamp", "error", info.StampErr)
	}
	return info.StampErr != nil
}

// manifest converts a Label at the border to c2pa.
func (p *Provenance) manifest(l Label) c2pa.Manifest {
	m := c2pa.Manifest{
		Generator: c2pa.Generator{Name: "avow", Version: toolVersion()},
		Software:  c2pa.Generator{Name: l.System, Version: l.Version}, SourceType: string(l.Source), When: l.Time,
		Training: p.Training, AIDisclosure: &c2pa.AIDisclosure{ModelName: firstOf(l.Generator, l.System)},
	}
	if l.Involvement == AIOriginated { // a person reviewed it
		m.AIDisclosure.Oversight = "human_validated"
	}
	return m
}

// toolVersion is avow's own version, of a program built from it or with it.
var toolVersion = func() func() string {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Path == modulePath {
			version = info.Main.Version
		}
		for _, d := range info.Deps {
			if d.Path == modulePath {
				version = d.Version
			}
		}
	}
	return func() string { return version }
}()
