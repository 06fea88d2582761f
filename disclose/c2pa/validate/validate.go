// Package validate reads C2PA manifest stores and says what they are worth: is
// the manifest well-formed, does the signature hold, do the bytes of the asset
// match the hard binding, and does the signer chain to a trusted anchor. It is
// offline: it fetches no remote manifest, no OCSP response, no time.
//
// Source: C2PA Technical Specification, chapter "Validation" (15 in 2.2, 14 in
// 2.5), "Trust Model" and the chapters on claims and manifests; status codes as
// named there. Where the text leaves room, the official validator (c2pa-rs
// 0.91) decides, except where it is the more trusting of the two: so a time
// stamp on a claim of version 1 needs an anchor here, and what an ingredient says
// of itself excuses nothing.
//
// Reading order: Asset and Detached here, then manifest.go (the checks of one
// manifest, in their order), then one file per check.
package validate

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/avowai/avow/disclose/c2pa/container"
)

// Limits of what is read from foreign bytes.
const (
	// DefaultMaxStore bounds a manifest store, in bytes, unless Options say else.
	DefaultMaxStore = 16 << 20
	// HardMaxStore is the most that Options may allow, in bytes.
	HardMaxStore = 64 << 20

	maxInflated  = 8 << 20 // all decompressed manifests of a store together
	maxRatio     = 100     // decompressed to compressed
	maxManifests = 512
	maxDepth     = 32      // ingredients of ingredients
	maxCBOR      = 1 << 20 // a CBOR box that is decoded, not only checked
	maxSignature = 512 << 10
	maxBMFF      = 256 << 10 // a BMFF hash
	maxChain     = 16        // certificates of one signature
	maxRefs      = 4096      // hashed URIs of one claim
	maxText      = 4096      // bytes of a foreign string that is handed on
	maxLabel     = 1024      // bytes of a manifest's label
	maxStatuses  = 4096
	maxTokens    = 8     // time stamps that others bring for one manifest
	maxRSA       = 16384 // bits of a key that is calculated with
)

// ErrTooLarge says that a manifest store exceeds Options.MaxStore: it was not
// looked into.
var ErrTooLarge = errors.New("c2pa/validate: manifest store too large")

// A State is the verdict on a manifest store, weakest first. Each includes the
// ones before it, from WellFormed on.
type State uint8

// The states of a manifest (Trust Model, "Validation states").
const (
	// None: there is no manifest store. That proves nothing about the content.
	None State = iota
	// Invalid: a check failed. Statuses say which.
	Invalid
	// WellFormed: nothing failed, but something that Valid needs could not be
	// checked here. NotChecked says what.
	WellFormed
	// Valid: signature and hard binding hold. Anyone can sign so: the signer is
	// not known to the anchors given.
	Valid
	// Trusted: Valid, and the signer chains to an anchor given.
	Trusted
)

// String is the state's name as c2pa-rs writes it.
func (s State) String() string {
	names := [...]string{"None", "Invalid", "WellFormed", "Valid", "Trusted"}
	if int(s) >= len(names) {
		return fmt.Sprintf("State(%d)", uint8(s))
	}
	return names[s]
}

// Options are the anchors, the clock and the limits. The zero value trusts
// nobody, takes the present time and the default limits.
type Options struct {
	// Roots are the trust anchors of signers, TSARoots those of time stamping
	// authorities. The two are never mixed. An anchor may be an intermediate.
	// C2PA's own list of signers holds for the usage claimSigning alone: set EKUs
	// with it.
	Roots, TSARoots *x509.CertPool
	// Anchors and TSAAnchors are more of the same, one by one. They are needed
	// where keys are of type id-RSASSA-PSS, which crypto/x509 cannot verify
	// with and which a CertPool does not give out.
	Anchors, TSAAnchors []*x509.Certificate
	// Allowed are end-entity certificates that are trusted as they are, without
	// a chain (the "private credential store"). They cannot issue others.
	Allowed []*x509.Certificate
	// EKUs are the extended key usages of which a signer must have one; nil
	// means claimSigning, emailProtection, documentSigning and Microsoft's
	// C2PA signing.
	EKUs []asn1.ObjectIdentifier
	// At is the time of validation; zero means now.
	At time.Time
	// MaxStore bounds the manifest store in bytes, 0 to HardMaxStore; 0 means
	// DefaultMaxStore.
	MaxStore int64
	// Exclude is where a store that Detached is given stands inside content, as
	// the caller found it (unstructured text, HTML). The hard binding must
	// exclude these ranges and no others. Asset does not look at it.
	Exclude []container.Range
	// Text normalises what remains after the exclusions to NFC before hashing,
	// as the spec demands of unstructured text. Only for Detached.
	Text bool
}

// Asset validates the manifest store embedded in data, the bytes of a file. A
// file without one, or with several, gives State None. An error means that the
// question could not be asked: ctx ended, or ErrTooLarge.
func Asset(ctx context.Context, data []byte, o Options) (*Result, error) {
	found, err := container.Find(data)
	r := &Result{Remote: remote(found.Remote)}
	switch {
	case found.Stores > 1:
		r.NotChecked = []string{fmt.Sprintf("%d manifest stores in one asset count as none", found.Stores)}
		return r, ctx.Err()
	case len(found.Store) == 0:
		if err != nil && found.Format != container.Unknown {
			r.NotChecked = []string{"the file is malformed: " + err.Error()}
		}
		return r, ctx.Err()
	}
	a := asset{data: data, found: &found, exclude: found.Exclude, broken: err}
	return run(ctx, found.Store, a, o, r)
}

// remote drops the address of a store inside the asset: that is not elsewhere.
func remote(uri string) string {
	if strings.HasPrefix(uri, "self#") {
		return ""
	}
	return clip(uri)
}

// Detached validates a manifest store that stands elsewhere than in the asset
// (side-car file, Link header) or that the caller cut out of content himself
// (text, HTML); then Options.Exclude says where. content is the whole asset.
func Detached(ctx context.Context, store, content []byte, o Options) (*Result, error) {
	if len(store) == 0 {
		return &Result{}, ctx.Err()
	}
	return run(ctx, store, asset{data: content, exclude: o.Exclude, text: o.Text}, o, &Result{})
}

// run validates a store against an asset and writes into r.
func run(ctx context.Context, data []byte, a asset, o Options, r *Result) (*Result, error) {
	o.fill()
	if int64(len(data)) > o.MaxStore {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), o.MaxStore)
	}
	c := &checker{ctx: ctx, o: o, asset: a, result: r, states: map[string]State{}}
	c.active(data)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.State = c.verdict()
	return r, nil
}

func (o *Options) fill() {
	if o.At.IsZero() {
		o.At = time.Now()
	}
	if o.MaxStore <= 0 {
		o.MaxStore = DefaultMaxStore
	}
	o.MaxStore = min(o.MaxStore, HardMaxStore)
	if o.EKUs == nil {
		o.EKUs = signerEKUs
	}
}

// An asset is the content that a hard binding covers.
type asset struct {
	data    []byte
	found   *container.Found // nil for a detached store
	exclude []container.Range
	text    bool
	broken  error // the file is malformed behind its store
}
