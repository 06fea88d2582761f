package disclose

import (
	"testing"

	"github.com/avowai/avow/disclose/c2pa/validate"
)

func TestLineage(t *testing.T) {
	of := func(state validate.State, label string, in ...validate.Ingredient) Finding {
		return manifestFinding(&validate.Result{State: state, Active: &validate.Summary{Label: label, Ingredients: in}}, nil)
	}
	parent := func(label string, state validate.State) validate.Ingredient {
		return validate.Ingredient{Relation: "parentOf", Label: label, State: state}
	}
	before := of(validate.Valid, "urn:c2pa:a")
	for _, c := range []struct {
		name               string
		after              Finding
		replaces, succeeds bool
	}{
		{"the same", of(validate.Valid, "urn:c2pa:a"), false, false},
		{"another", of(validate.Valid, "urn:c2pa:b"), true, false},
		{"its child", of(validate.Valid, "urn:c2pa:b", parent("urn:c2pa:a", validate.Valid)), true, true},
		{"its child by a trusted signer", of(validate.Trusted, "urn:c2pa:b", parent("urn:c2pa:a", validate.Valid)), true, true},
		{"a child that does not hold", of(validate.Invalid, "urn:c2pa:b", parent("urn:c2pa:a", validate.Valid)), true, false},
		{"a child of a damaged one", of(validate.Valid, "urn:c2pa:b", parent("urn:c2pa:a", validate.Invalid)), true, false},
		{"another's child", of(validate.Valid, "urn:c2pa:b", parent("urn:c2pa:c", validate.Valid)), true, false},
		{"a collage of it", of(validate.Valid, "urn:c2pa:b", validate.Ingredient{Relation: "componentOf", Label: "urn:c2pa:a", State: validate.Valid}), true, false},
		{"none", Finding{Status: Absent}, false, false},
		{"no label", of(validate.Valid, ""), false, false},
	} {
		if r, s := c.after.Replaces(before), c.after.Succeeds(before); r != c.replaces || s != c.succeeds {
			t.Errorf("%s: replaces %v, succeeds %v; want %v, %v", c.name, r, s, c.replaces, c.succeeds)
		}
	}
	if before.Replaces(Finding{}) || before.Succeeds(Finding{}) {
		t.Error("a manifest where there was none replaces nothing")
	}
}
