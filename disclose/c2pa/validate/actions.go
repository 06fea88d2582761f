package validate

import (
	"errors"

	"github.com/fxamacker/cbor/v2"

	"github.com/avowai/avow/internal/jumbf"
)

// An actionList is an actions assertion of either version.
type actionList struct {
	Actions   []action        `cbor:"actions"`
	Agents    []generatorInfo `cbor:"softwareAgents"`
	Templates []struct {
		Icon *hashedURI `cbor:"icon"`
	} `cbor:"templates"`
}

type action struct {
	Action     string          `cbor:"action"`
	SourceType string          `cbor:"digitalSourceType"`
	Agent      cbor.RawMessage `cbor:"softwareAgent"` // version 1: text, 2: a map
	Parameters *struct {
		Ingredient  *hashedURI      `cbor:"ingredient"` // version 1
		Ingredients cbor.RawMessage `cbor:"ingredients"`
		Redacted    string          `cbor:"redacted"`
		Source      string          `cbor:"sourceLanguage"`
		Target      string          `cbor:"targetLanguage"`
	} `cbor:"parameters"`
}

func readActions(b *jumbf.Box) (list actionList, err error) {
	data := content(b)
	if data == nil {
		return list, errors.New("no CBOR")
	}
	return list, decode(data, &list)
}

// ingredients are the references of an action to ingredients.
func (a *action) ingredients() []hashedURI {
	switch {
	case a.Parameters == nil:
		return nil
	case a.Parameters.Ingredient != nil:
		return []hashedURI{*a.Parameters.Ingredient}
	}
	var all []hashedURI
	if len(a.Parameters.Ingredients) > 0 && decode(a.Parameters.Ingredients, &all) != nil {
		return nil
	}
	return all
}

// starts reports whether an action says how the asset came to be.
func (a *action) starts() bool { return a.Action == "c2pa.created" || a.Action == "c2pa.opened" }

// actions checks the rules of actions. Claims of version 1 were written before
// most of them: of those only the number of assertions is checked, as c2pa-rs
// does unless told to be strict.
func (c *checker) actions(m *manifest) {
	boxes := m.eachAssertion("c2pa.actions")
	if m.claim.version == 1 {
		if len(boxes) > 1 {
			c.fail(actionMalformed, m.uri(""), "several actions assertions in a claim of version 1")
		}
		return
	}
	if len(boxes) == 0 && !m.update {
		c.fail(claimNoActions, m.uri(""), "no actions assertion")
	}
	for i, b := range boxes {
		uri := m.uri("c2pa.assertions/" + b.Label)
		list, err := readActions(b)
		switch {
		case err != nil:
			c.fail(actionMalformed, uri, err.Error())
			continue
		case len(list.Actions) == 0:
			c.fail(actionMalformed, uri, "no actions")
			continue
		case i == 0 && !m.update && !list.Actions[0].starts():
			c.fail(actionMalformed, uri, "the first action is neither created nor opened")
		}
		c.actionList(m, &list, i == 0, uri)
	}
}

func (c *checker) actionList(m *manifest, list *actionList, first bool, uri string) {
	for _, agent := range list.Agents {
		if agent.Icon != nil {
			c.reference(m, *agent.Icon, uri)
		}
	}
	for _, t := range list.Templates {
		if t.Icon != nil {
			c.reference(m, *t.Icon, uri)
		}
	}
	for i := range list.Actions {
		a := &list.Actions[i]
		if a.starts() && (i > 0 || !first) {
			c.fail(actionMalformed, uri, a.Action+" is not the first action")
		}
		refs := a.ingredients()
		c.action(m, a, refs, uri)
		if agent := a.agent(); agent.Icon != nil {
			c.reference(m, *agent.Icon, uri)
		}
		for _, ref := range refs {
			c.reference(m, ref, uri)
		}
	}
}

// action checks one action by its name ("c2pa.actions validation").
func (c *checker) action(m *manifest, a *action, refs []hashedURI, uri string) {
	switch a.Action {
	case "":
		c.fail(actionMalformed, uri, "an action without a name")
	case "c2pa.created":
		if a.SourceType == "" {
			c.fail(actionMalformed, uri, "c2pa.created without a digital source type")
		}
	case "c2pa.opened":
		if len(refs) != 1 || !c.related(m, refs, "parentOf") {
			c.fail(actionIngredient, uri, "c2pa.opened without its one parent ingredient")
		}
	case "c2pa.placed", "c2pa.removed":
		if len(refs) == 0 || !c.related(m, refs, "componentOf") {
			c.fail(actionIngredient, uri, a.Action+" without a component ingredient")
		}
	case "c2pa.transcoded", "c2pa.repackaged":
		if !c.related(m, refs, "parentOf") {
			c.fail(actionIngredient, uri, a.Action+" of something that is no parent ingredient")
		}
	case "c2pa.redacted":
		c.redactedAction(m, a, uri)
	case "c2pa.translated":
		if a.Parameters == nil || a.Parameters.Source == "" || a.Parameters.Target == "" {
			c.fail(actionMalformed, uri, "c2pa.translated without its languages")
		}
	case "c2pa.watermarked.bound":
		if len(m.eachAssertion("c2pa.soft-binding")) == 0 {
			c.fail(actionSoftBinding, uri, "a bound watermark without a soft binding assertion")
		}
	}
}

// related reports whether all references lead to ingredient assertions of a
// relation; true for none. For c2pa.removed the spec means those of another
// manifest, c2pa-rs those of the same: both pass.
func (c *checker) related(m *manifest, refs []hashedURI, relation string) bool {
	for _, ref := range refs {
		_, box := c.all.resolve(m, ref.URL)
		if box == nil || !isLabel(box.Label, "c2pa.ingredient") {
			return false
		}
		if ing, err := c.readIngredient(box); err != nil || ing.Relationship != relation {
			return false
		}
	}
	return true
}

func (c *checker) redactedAction(m *manifest, a *action, uri string) {
	if a.Parameters == nil {
		c.fail(actionRedaction, uri, "c2pa.redacted without the address")
		return
	}
	t, ok := parseURI(a.Parameters.Redacted)
	if !ok || t.manifest == "" || len(t.path) == 0 {
		c.fail(actionRedaction, uri, "c2pa.redacted without a valid address")
		return
	}
	other := c.all.byLabel(t.manifest)
	if other == nil || other.claim == nil {
		c.fail(actionRedaction, uri, "c2pa.redacted of an unknown manifest")
		return
	}
	label := t.path[len(t.path)-1]
	if _, there := other.declared[label]; !there && !other.redacted[label] {
		c.fail(actionRedaction, uri, "c2pa.redacted of an unknown assertion")
	}
}

// agent is the software agent of an action: a name or a map.
func (a *action) agent() (g generatorInfo) {
	if len(a.Agent) == 0 || decode(a.Agent, &g.Name) == nil {
		return g
	}
	_ = decode(a.Agent, &g) // anything else stays empty
	return g
}
