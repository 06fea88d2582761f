package validate

import (
	"encoding/json"
	"strings"

	"github.com/avowai/avow/internal/jumbf"
)

// maxListed bounds each list of a Summary.
const maxListed = 1024

// summarise fills Result.Active. It reads what it can: what is malformed is left
// out here and a failed check elsewhere.
func (c *checker) summarise(m *manifest) {
	info := m.claim.info()
	s := &Summary{
		Label: clip(m.label), Title: clip(m.claim.Title), InstanceID: clip(m.claim.InstanceID),
		Generator: clip(strings.TrimSpace(info.Name + " " + info.Version)),
	}
	if s.Generator == "" {
		s.Generator = clip(m.claim.Generator)
	}
	for _, b := range m.eachAssertion("c2pa.actions") {
		s.addActions(b)
	}
	for _, b := range m.eachAssertion("c2pa.soft-binding") {
		s.addSoftBinding(b, m.claim.AlgSoft)
	}
	for _, b := range m.eachAssertion("c2pa.ai-disclosure") {
		s.addDisclosure(b)
	}
	for _, base := range []string{"cawg.training-mining", "c2pa.training-mining"} {
		for _, b := range m.eachAssertion(base) {
			s.addTraining(b)
		}
	}
	c.result.Active = s
}

func (s *Summary) addActions(b *jumbf.Box) {
	list, err := readActions(b)
	if err != nil {
		return
	}
	for i := range list.Actions {
		a := &list.Actions[i]
		if len(s.Actions) == maxListed {
			return
		}
		agent := a.agent()
		s.Actions = append(s.Actions, Action{
			Name: clip(a.Action), SourceType: clip(a.SourceType), SoftwareAgent: clip(strings.TrimSpace(agent.Name + " " + agent.Version)),
		})
	}
}

// addSoftBinding adds the blocks of a soft binding. A value that is text, not
// bytes, is a spec violation that c2pa-rs lets pass; it is left out here.
func (s *Summary) addSoftBinding(b *jumbf.Box, alg string) {
	var v struct {
		Alg    string `cbor:"alg"`
		Blocks []struct {
			Value []byte `cbor:"value"`
		} `cbor:"blocks"`
	}
	if decode(content(b), &v) != nil {
		return
	}
	if v.Alg != "" {
		alg = v.Alg
	}
	for _, block := range v.Blocks {
		if len(s.SoftBindings) < maxListed && len(block.Value) > 0 {
			s.SoftBindings = append(s.SoftBindings, SoftBinding{Alg: clip(alg), Value: block.Value[:min(len(block.Value), maxText)]})
		}
	}
}

func (s *Summary) addDisclosure(b *jumbf.Box) {
	type profile struct {
		Oversight string `cbor:"humanOversightLevel" json:"humanOversightLevel"`
	}
	var v struct {
		Type       string  `cbor:"modelType" json:"modelType"`
		Name       string  `cbor:"modelName" json:"modelName"`
		Identifier string  `cbor:"modelIdentifier" json:"modelIdentifier"`
		Profile    profile `cbor:"contentProfile" json:"contentProfile"`
	}
	if decodeEither(b, &v) == nil {
		s.Disclosure = &Disclosure{clip(v.Type), clip(v.Name), clip(v.Identifier), clip(v.Profile.Oversight)}
	}
}

func (s *Summary) addTraining(b *jumbf.Box) {
	var v struct {
		Entries map[string]struct {
			Use string `cbor:"use" json:"use"`
		} `cbor:"entries" json:"entries"`
	}
	if decodeEither(b, &v) != nil || len(v.Entries) > maxListed {
		return
	}
	if s.TrainingMining == nil {
		s.TrainingMining = map[string]string{}
	}
	for name, e := range v.Entries {
		s.TrainingMining[clip(name)] = clip(e.Use)
	}
}

// decodeEither reads an assertion that stands in CBOR or, in older files, JSON.
func decodeEither(b *jumbf.Box, v any) error {
	if j := b.Content("json"); j != nil && len(j.Data) <= maxCBOR {
		return json.Unmarshal(j.Data, v)
	}
	return decode(content(b), v)
}

// summariseIngredients adds the ingredients of the active manifest, when their
// states are known.
func (c *checker) summariseIngredients(m *manifest) {
	for _, b := range m.eachAssertion("c2pa.ingredient") {
		ing, err := c.readIngredient(b)
		if err != nil || len(c.result.Active.Ingredients) == maxListed {
			continue
		}
		out := Ingredient{Relation: ing.Relationship, Title: clip(ing.Title)}
		if ref := ing.manifest(); ref != nil {
			if t, ok := parseURI(ref.URL); ok {
				out.Label, out.State = clip(t.manifest), Invalid
				if state, checked := c.states[t.manifest]; checked {
					out.State = state
				}
			}
		}
		c.result.Active.Ingredients = append(c.result.Active.Ingredients, out)
	}
}
