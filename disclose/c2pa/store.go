package c2pa

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/avowai/avow/internal/jumbf"
)

// specVersion is the newest version that validators and the conformance
// programme know.
const specVersion = "2.4.0"

// hashAlg is the algorithm of every digest in a claim.
const hashAlg = "sha256"

// claim is claim-map-v2.
type claim struct {
	InstanceID string      `cbor:"instanceID"`
	Generator  agent       `cbor:"claim_generator_info"`
	Signature  string      `cbor:"signature"`
	Created    []hashedURI `cbor:"created_assertions"`
	Title      string      `cbor:"dc:title,omitempty"`
	Alg        string      `cbor:"alg"`
}

// A draft is a manifest store that only lacks its hard binding and signature.
type draft struct {
	claim      claim
	label      string
	parents    []byte // boxes of the parent's store
	assertions []assertion
}

// newDraft builds all that does not depend on the content's bytes.
func newDraft(m Manifest) (*draft, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	m.fill()
	d := &draft{label: m.Label}
	d.claim = claim{
		InstanceID: m.InstanceID,
		Generator:  agent{m.Generator.Name, m.Generator.Version, specVersion},
		Signature:  "self#jumbf=/c2pa/" + m.Label + "/c2pa.signature",
		Title:      m.Title,
		Alg:        hashAlg,
	}
	return d, d.assert(&m)
}

// fill draws and reads what the caller left to this package.
func (m *Manifest) fill() {
	if m.Label == "" {
		m.Label = newLabel()
	}
	if m.InstanceID == "" {
		m.InstanceID = "xmp:iid:" + newUUID()
	}
	if m.When.IsZero() {
		m.When = time.Now()
	}
}

// assert builds the assertions. Those that the actions refer to come first.
func (d *draft) assert(m *Manifest) error {
	ingredient, err := d.open(m.Parent)
	if err != nil {
		return err
	}
	var soft *hashedURI
	if b := m.SoftBinding; b != nil {
		if soft, err = d.add(labelSoftBinding, b.says()); err != nil {
			return err
		}
	}
	if _, err = d.add(labelActions, m.actions(ingredient, soft)); err != nil {
		return err
	}
	if m.AIDisclosure != nil {
		if _, err = d.add(labelAIDisclosure, m.AIDisclosure.says()); err != nil {
			return err
		}
	}
	if len(m.Training) > 0 {
		_, err = d.add(labelTraining, m.training())
	}
	return err
}

// open takes over a parent's manifests and adds the ingredient.
func (d *draft) open(p *Parent) (*hashedURI, error) {
	if p == nil {
		return nil, nil
	}
	var a *ancestry
	if p.Store != nil {
		var err error
		if a, err = ancestors(p.Store); err != nil {
			return nil, err
		}
		if slices.Contains(a.labels, d.label) {
			return nil, fmt.Errorf("%w: its store already has a manifest labelled %s", ErrParent, d.label)
		}
		d.parents = a.boxes
	}
	return d.add(labelIngredient, p.says(a))
}

// add encodes one assertion and returns its hashed URI.
func (d *draft) add(label string, says any) (*hashedURI, error) {
	a, err := newAssertion(label, says)
	if err != nil {
		return nil, err
	}
	d.assertions = append(d.assertions, a)
	ref := a.ref()
	return &ref, nil
}

// claimFor encodes the claim over a hard binding.
func (d *draft) claimFor(binding assertion) ([]byte, error) {
	c := d.claim
	c.Created = []hashedURI{binding.ref()}
	for _, a := range d.assertions {
		c.Created = append(c.Created, a.ref())
	}
	return encoding.Marshal(c)
}

// store writes the whole store: the parents, then this manifest, which as the
// last is the active one.
func (d *draft) store(binding assertion, claim, signature []byte) ([]byte, error) {
	assertions := []jumbf.Box{binding.box}
	for _, a := range d.assertions {
		assertions = append(assertions, a.box)
	}
	manifest := superbox("c2ma", d.label,
		superbox("c2as", "c2pa.assertions", assertions...),
		superbox("c2cl", "c2pa.claim.v2", jumbf.Box{Type: "cbor", Data: claim}),
		superbox("c2cs", "c2pa.signature", jumbf.Box{Type: "cbor", Data: signature}))
	root := superbox("c2pa", "c2pa")
	store := append(root.Append(nil), d.parents...)
	store = manifest.Append(store)
	if len(store) > MaxStore {
		return nil, fmt.Errorf("%w: %d bytes, want at most %d", ErrTooLarge, len(store), MaxStore)
	}
	binary.BigEndian.PutUint32(store, uint32(len(store)))
	return store, nil
}
