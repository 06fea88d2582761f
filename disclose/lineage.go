package disclose

import (
	"slices"

	"github.com/avowai/avow/disclose/c2pa/validate"
)

// A lineage names the manifest that a finding is about, and those that it says
// its content was opened from.
type lineage struct {
	label   string
	parents []string // whose signatures hold
}

// lineageOf reads it from a validation; nil where there is no manifest.
func lineageOf(r *validate.Result) *lineage {
	if r.Active == nil || r.Active.Label == "" {
		return nil
	}
	l := &lineage{label: r.Active.Label}
	for _, in := range r.Active.Ingredients {
		if in.Relation == "parentOf" && in.Label != "" && in.State != validate.Invalid {
			l.parents = append(l.parents, in.Label)
		}
	}
	return l
}

// Replaces reports whether f and before are of two different manifests. It
// compares the manifests' own labels, so that files with the same id in them can
// be told apart.
func (f Finding) Replaces(before Finding) bool {
	return f.lineage != nil && before.lineage != nil && f.lineage.label != before.lineage.label
}

// Succeeds reports whether f is of a manifest that holds and that names the one
// of before as its parent, as a program does that edits a signed file and signs it
// anew. A parent of the parent is not looked for.
func (f Finding) Succeeds(before Finding) bool {
	return (f.Status == Present || f.Status == Verified) && f.Replaces(before) &&
		slices.Contains(f.lineage.parents, before.lineage.label)
}
