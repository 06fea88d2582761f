package c2pa

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"unicode/utf8"
)

// manifestLabel is the URN of a manifest (specification 2.4, section 8.1): a
// UUID of version 4, then optionally the generator and version_reason.
var manifestLabel = regexp.MustCompile(`^urn:c2pa:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}(:[\w.-]{0,32}(:\d+_\d+)?)?$`)

// newLabel draws the URN of a manifest.
func newLabel() string { return "urn:c2pa:" + newUUID() }

// newUUID draws a UUID of version 4 (RFC 9562, section 5.4).
func newUUID() string {
	var u [16]byte
	rand.Read(u[:]) // cannot fail
	u[6], u[8] = u[6]&0x0F|0x40, u[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// check refuses what the specification forbids or a reader could not read.
func (m *Manifest) check() error {
	switch {
	case m.Generator.Name == "":
		return fmt.Errorf("%w: Generator has no Name", ErrManifest)
	case m.Label != "" && !manifestLabel.MatchString(m.Label):
		return fmt.Errorf("%w: Label %q is not urn:c2pa: and a UUID of version 4", ErrManifest, m.Label)
	case m.SourceType == "" && m.Parent == nil:
		return fmt.Errorf("%w: no SourceType, which the action c2pa.created needs", ErrManifest)
	case m.SourceType != "" && !absolute(m.SourceType):
		return fmt.Errorf("%w: SourceType %q is no URI", ErrManifest, m.SourceType)
	}
	for _, text := range m.texts() {
		if len(text) > MaxText || !utf8.ValidString(text) {
			return fmt.Errorf("%w: a text of %d bytes is longer than %d or not UTF-8", ErrManifest, len(text), MaxText)
		}
	}
	for _, check := range []func() error{m.SoftBinding.check, m.AIDisclosure.check, m.checkTraining, m.Parent.check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func absolute(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.IsAbs() && u.Host != ""
}

// texts are the fields that go out as text strings.
func (m *Manifest) texts() []string {
	all := []string{m.Title, m.InstanceID, m.Generator.Name, m.Generator.Version, m.Software.Name, m.Software.Version, m.SourceType}
	if p := m.Parent; p != nil {
		all = append(all, p.Title, p.Format, p.InstanceID)
	}
	if d := m.AIDisclosure; d != nil {
		all = append(all, d.ModelType, d.ModelName, d.ModelIdentifier)
	}
	if b := m.SoftBinding; b != nil {
		all = append(all, b.Alg)
	}
	return all
}

func (b *SoftBinding) check() error {
	switch {
	case b == nil:
		return nil
	case b.Alg == "":
		return fmt.Errorf("%w: SoftBinding has no Alg", ErrManifest)
	case len(b.Value) == 0 || len(b.Value) > MaxSoftBinding:
		return fmt.Errorf("%w: SoftBinding has a Value of %d bytes, want 1 to %d", ErrManifest, len(b.Value), MaxSoftBinding)
	}
	return nil
}

func (d *AIDisclosure) check() error {
	if d == nil || slices.Contains([]string{"", "fully_autonomous", "prompt_guided", "human_validated"}, d.Oversight) {
		return nil
	}
	return fmt.Errorf("%w: Oversight %q is not fully_autonomous, prompt_guided or human_validated", ErrManifest, d.Oversight)
}

func (m *Manifest) checkTraining() error {
	for entry, use := range m.Training {
		if entry == "" || len(entry) > MaxText || !utf8.ValidString(entry) {
			return fmt.Errorf("%w: Training has an entry without a name, or with one that is too long or not UTF-8", ErrManifest)
		}
		if !slices.Contains([]string{"allowed", "notAllowed", "constrained"}, use) {
			return fmt.Errorf("%w: Training %q is %q, not allowed, notAllowed or constrained", ErrManifest, entry, use)
		}
	}
	return nil
}

// mediaType is the specification's format-string.
var mediaType = regexp.MustCompile(`^\w+/[-+.\w]+$`)

func (p *Parent) check() error {
	switch {
	case p == nil:
		return nil
	case p.Format != "" && !mediaType.MatchString(p.Format):
		return fmt.Errorf("%w: Format %q is no media type without parameters", ErrParent, p.Format)
	case p.Store == nil && p.Results != nil:
		return fmt.Errorf("%w: Results without a Store", ErrParent)
	case p.Store != nil && p.Results == nil:
		return fmt.Errorf("%w: a Store without Results; validate the parent and pass what was found", ErrParent)
	case len(p.Store) > MaxStore:
		return fmt.Errorf("%w: its store has %d bytes: %w", ErrParent, len(p.Store), ErrTooLarge)
	}
	return nil
}
