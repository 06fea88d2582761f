package c2pa

import (
	"crypto/sha256"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/avowai/avow/internal/jumbf"
)

// Labels of the assertions that are written.
const (
	labelDataHash     = "c2pa.hash.data"
	labelBMFFHash     = "c2pa.hash.bmff.v3"
	labelActions      = "c2pa.actions.v2"
	labelIngredient   = "c2pa.ingredient.v3"
	labelSoftBinding  = "c2pa.soft-binding"
	labelAIDisclosure = "c2pa.ai-disclosure"
	labelTraining     = "cawg.training-mining"
)

// encoding is core deterministic CBOR (RFC 8949, section 4.2.1), as claims have
// to be written; times are date-time strings with tag 0, the CDDL type tdate.
var encoding = func() cbor.EncMode {
	o := cbor.CoreDetEncOptions()
	o.Time, o.TimeTag = cbor.TimeRFC3339, cbor.EncTagRequired
	o.NilContainers = cbor.NilContainerAsEmpty
	mode, err := o.EncMode()
	if err != nil {
		panic(err) // the options above are constants
	}
	return mode
}()

// A hashedURI points at a box and fixes its content. The algorithm is the
// claim's.
type hashedURI struct {
	URL  string `cbor:"url"`
	Hash []byte `cbor:"hash"`
}

// An assertion is a finished assertion box.
type assertion struct {
	label string
	box   jumbf.Box
}

// newAssertion encodes what an assertion says and boxes it.
func newAssertion(label string, says any) (assertion, error) {
	content, err := encoding.Marshal(says)
	if err != nil {
		return assertion{}, err
	}
	return boxed(label, content), nil
}

func boxed(label string, content []byte) assertion {
	return assertion{label, superbox("cbor", label, jumbf.Box{Type: "cbor", Data: content})}
}

func superbox(fourCC, label string, children ...jumbf.Box) jumbf.Box {
	return jumbf.Box{Type: "jumb", UUID: jumbf.C2PA(fourCC), Label: label, Children: children}
}

// ref is the hashed URI of an assertion: the digest covers the superbox without
// its own header of 8 bytes.
func (a assertion) ref() hashedURI {
	sum := sha256.Sum256(a.box.Append(nil)[8:])
	return hashedURI{"self#jumbf=c2pa.assertions/" + a.label, sum[:]}
}

// agent is a generator-info-map.
type agent struct {
	Name        string `cbor:"name"`
	Version     string `cbor:"version,omitempty"`
	SpecVersion string `cbor:"specVersion,omitempty"`
}

// agent returns g for an action, or nil if it has no name.
func (g Generator) agent() *agent {
	if g.Name == "" {
		return nil
	}
	return &agent{Name: g.Name, Version: g.Version}
}

type actions struct {
	Actions     []action `cbor:"actions"`
	AllIncluded bool     `cbor:"allActionsIncluded"`
}

type action struct {
	Action     string      `cbor:"action"`
	When       time.Time   `cbor:"when"`
	Agent      *agent      `cbor:"softwareAgent,omitempty"`
	SourceType string      `cbor:"digitalSourceType,omitempty"`
	Parameters *parameters `cbor:"parameters,omitempty"`
}

type parameters struct {
	Ingredients []hashedURI `cbor:"ingredients,omitempty"`
	Related     []hashedURI `cbor:"relatedAssertions,omitempty"`
}

// actions lists what happened to the content. The first entry is c2pa.created
// or c2pa.opened and there is only one such, as the specification demands;
// c2pa.opened must not have a source type.
func (m *Manifest) actions(ingredient, soft *hashedURI) actions {
	when := m.When.UTC().Truncate(time.Second)
	made := action{Action: "c2pa.created", When: when, Agent: m.Software.agent(), SourceType: m.SourceType}
	list := []action{made}
	if ingredient != nil {
		list[0] = action{Action: "c2pa.opened", When: when, Agent: m.Generator.agent(), Parameters: &parameters{Ingredients: []hashedURI{*ingredient}}}
		if m.SourceType != "" {
			made.Action = "c2pa.edited"
			list = append(list, made)
		}
	}
	if soft != nil { // bound, because the manifest holds the soft binding
		list = append(list, action{Action: "c2pa.watermarked.bound", When: when, Agent: m.Generator.agent(), Parameters: &parameters{Related: []hashedURI{*soft}}})
	}
	return actions{list, true}
}

type softBinding struct {
	Alg    string      `cbor:"alg"`
	Blocks []softBlock `cbor:"blocks"`
	Pad    []byte      `cbor:"pad"` // required up to 2.2
}

type softBlock struct {
	Scope struct{} `cbor:"scope"` // empty: the whole asset
	Value []byte   `cbor:"value"`
}

func (b *SoftBinding) says() softBinding {
	return softBinding{Alg: b.Alg, Blocks: []softBlock{{Value: b.Value}}}
}

type aiDisclosure struct {
	ModelType       string          `cbor:"modelType"`
	ModelName       string          `cbor:"modelName,omitempty"`
	ModelIdentifier string          `cbor:"modelIdentifier,omitempty"`
	Profile         *contentProfile `cbor:"contentProfile,omitempty"`
}

type contentProfile struct {
	Oversight string `cbor:"humanOversightLevel"`
}

func (d *AIDisclosure) says() aiDisclosure {
	s := aiDisclosure{ModelType: d.ModelType, ModelName: d.ModelName, ModelIdentifier: d.ModelIdentifier}
	if s.ModelType == "" {
		s.ModelType = "c2pa.types.model"
	}
	if d.Oversight != "" {
		s.Profile = &contentProfile{d.Oversight}
	}
	return s
}

type training struct {
	Entries map[string]trainingUse `cbor:"entries"`
}

type trainingUse struct {
	Use string `cbor:"use"`
}

func (m *Manifest) training() training {
	t := training{make(map[string]trainingUse, len(m.Training))}
	for entry, use := range m.Training {
		t.Entries[entry] = trainingUse{use}
	}
	return t
}
