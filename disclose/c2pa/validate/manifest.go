package validate

import (
	"context"
	"errors"
	"slices"

	"github.com/avowai/avow/internal/jumbf"
)

// A checker holds one validation.
type checker struct {
	ctx    context.Context
	o      Options
	asset  asset
	result *Result
	all    *store

	ingredient string              // URI of the ingredient assertion that led here
	states     map[string]State    // of manifests that were checked as ingredients
	stamps     map[string][][]byte // time stamp tokens by manifest label
	records    []record            // of the ingredient assertions on the way here
	statuses   [][]byte            // OCSP responses of certificate status assertions
	sums       map[sumKey][]byte   // hashes of boxes
	parsed     map[*jumbf.Box]*ingredientMap
	doubt      bool // something that Valid needs was not checked
}

// report logs an error of a check.
func (c *checker) report(err error) {
	var f *fault
	if errors.As(err, &f) {
		c.fail(f.code, f.url, f.text)
		return
	}
	c.fail(generalError, "", err.Error())
}

// active validates a store, beginning with its last manifest.
func (c *checker) active(data []byte) {
	all, err := readStore(data)
	if err != nil {
		c.report(err)
		return
	}
	c.all = all
	m := all.manifests[len(all.manifests)-1]
	if err := m.readClaim(); err != nil {
		c.report(err)
		return
	}
	c.gather(m)
	c.manifest(m)
	c.summarise(m)
	if c.asset.broken != nil {
		// The hard binding covers the bytes behind the break all the same.
		c.note("the file is malformed: " + c.asset.broken.Error())
	}
	c.ingredients(m, 0)
	c.forgetRecorded()
	c.summariseIngredients(m)
	c.binding(m)
}

// manifest runs the checks of one manifest that need no asset, in the order of
// the spec: signature, assertions, rules of the manifest's type, actions.
func (c *checker) manifest(m *manifest) {
	c.signature(m)
	c.redactions(m)
	c.assertions(m)
	c.rules(m)
	c.actions(m)
	if icon := m.claim.info().Icon; icon != nil {
		c.reference(m, *icon, m.uri(m.claim.box.Label))
	}
	c.special(m)
}

// rules checks what a manifest of its type must hold and must not
// ("Validate the correct assertions for the type of manifest").
func (c *checker) rules(m *manifest) {
	parents, ingredients := 0, 0
	for _, b := range m.eachAssertion("c2pa.ingredient") {
		ingredients++
		if ing, err := c.readIngredient(b); err == nil && ing.Relationship == "parentOf" {
			parents++
		}
	}
	bindings := m.bindings()
	switch {
	case m.update:
		c.updateRules(m, parents, ingredients, len(bindings))
	case parents > 1:
		c.fail(multipleParents, m.uri(""), "more than one ingredient is parentOf")
	}
	switch {
	case m.update || c.ingredient != "": // an ingredient's cannot be checked
	case len(bindings) == 0:
		c.fail(claimNoBinding, m.uri(""), "no hard binding")
	case len(bindings) > 1:
		c.fail(multipleBindings, m.uri(""), "more than one hard binding")
	}
}

// updateActions are the only actions that an update manifest may name.
var updateActions = []string{"c2pa.edited.metadata", "c2pa.opened", "c2pa.published", "c2pa.redacted"}

func (c *checker) updateRules(m *manifest, parents, ingredients, bindings int) {
	if parents != 1 || ingredients != 1 {
		c.fail(updateParents, m.uri(""), "an update manifest has one ingredient, its parent")
	}
	thumbnails := len(m.eachAssertion("c2pa.thumbnail.claim")) + len(m.eachAssertion("c2pa.hash.multi-asset"))
	if bindings > 0 || thumbnails > 0 {
		c.fail(updateInvalid, m.uri(""), "an update manifest has no hard binding and no thumbnail")
	}
	for _, b := range m.eachAssertion("c2pa.actions") {
		list, err := readActions(b)
		if err != nil {
			continue // actions says so
		}
		for _, a := range list.Actions {
			if !slices.Contains(updateActions, a.Action) {
				c.fail(updateInvalid, m.uri(""), "an update manifest with action "+clip(a.Action))
			}
		}
	}
}

// assertionLabel is the label of the assertion of this manifest that a URI
// points to, "" if it points elsewhere.
func (m *manifest) assertionLabel(uri string) string {
	t, ok := parseURI(uri)
	if !ok || t.manifest != "" && t.manifest != m.label || len(t.path) != 2 || t.path[0] != "c2pa.assertions" {
		return ""
	}
	return t.path[1]
}

// content is the CBOR of an assertion, nil for none.
func content(b *jumbf.Box) []byte {
	if c := b.Content("cbor"); c != nil {
		return c.Data
	}
	return nil
}
