package validate

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/avowai/avow/internal/jumbf"
)

// isLabel reports whether a label is base, a version of it (base.v2), an instance
// (base__1) or a kind of it (c2pa.thumbnail.claim.jpeg).
func isLabel(label, base string) bool {
	rest, ok := strings.CutPrefix(label, base)
	return ok && (rest == "" || rest[0] == '.' || strings.HasPrefix(rest, "__"))
}

// eachAssertion returns the assertions of a base label that the claim declares
// and that nobody redacted, in the claim's order.
func (m *manifest) eachAssertion(base string) (all []*jumbf.Box) {
	seen := map[string]bool{}
	for _, r := range m.refs {
		if !isLabel(r.label, base) || seen[r.label] || m.redacted[r.label] {
			continue
		}
		seen[r.label] = true
		if b := m.byLabel[r.label]; b != nil {
			all = append(all, b)
		}
	}
	return all
}

// hardBindings are the assertions that tie a manifest to bytes.
var hardBindings = []string{"c2pa.hash.data", "c2pa.hash.bmff", "c2pa.hash.boxes", "c2pa.hash.collection.data"}

// isBinding leaves out the parts of multi-asset hashes, which cover no whole.
func isBinding(label string) bool {
	name, _, _ := strings.Cut(label, "__")
	return !strings.HasSuffix(name, ".part") &&
		slices.ContainsFunc(hardBindings, func(base string) bool { return isLabel(label, base) })
}

// bindings are the hard bindings of a manifest. Gathered assertions are not the
// signer's word, so in claims of version 2 only created ones count.
func (m *manifest) bindings() (all []*jumbf.Box) {
	for _, base := range hardBindings {
		for _, b := range m.eachAssertion(base) {
			if isBinding(b.Label) && (m.claim.version == 1 || m.declared[b.Label]) {
				all = append(all, b)
			}
		}
	}
	return all
}

// redactions checks which assertions of others a claim took away ("Preparing the
// list of redacted assertions").
func (c *checker) redactions(m *manifest) {
	for _, uri := range m.claim.Redacted {
		t, ok := parseURI(uri)
		if !ok || len(t.path) == 0 {
			c.fail(claimMalformed, m.uri(m.claim.box.Label), "a redaction of nothing: "+clip(uri))
			continue
		}
		label := t.path[len(t.path)-1]
		switch {
		case t.manifest == "" || t.manifest == m.label:
			c.fail(selfRedacted, clip(uri), "a claim redacts its own assertion")
		case isLabel(label, "c2pa.actions"):
			c.fail(actionRedacted, clip(uri), "an actions assertion is redacted")
		case isBinding(label):
			c.fail(hashRedacted, clip(uri), "a hard binding is redacted")
		}
	}
}

// assertions checks the hash of each assertion that the claim declares, and that
// it declares all that are there ("Assertion Validation").
func (c *checker) assertions(m *manifest) {
	for _, ref := range m.refs {
		c.assertion(m, ref)
	}
	if m.assertions == nil {
		return
	}
	for i := range m.assertions.Children {
		b := &m.assertions.Children[i]
		if _, declared := m.declared[b.Label]; !b.Super() || b.Label == "" || !declared {
			c.fail(assertionUndeclared, m.uri("c2pa.assertions/"+b.Label), "an assertion that the claim does not declare")
		}
	}
}

func (c *checker) assertion(m *manifest, ref assertionRef) {
	label := ref.label
	uri := m.uri("c2pa.assertions/" + label)
	if label == "" {
		c.fail(assertionOutside, clip(ref.URL), "an assertion that is not in the manifest's assertion store")
		return
	}
	box := m.byLabel[label]
	switch {
	case m.redacted[label]:
		if box != nil && !blank(box) {
			c.fail(assertionRedacted, uri, "a redacted assertion is still there")
		}
		return
	case box == nil:
		c.fail(assertionMissing, uri, "the assertion is missing, or its label occurs twice")
		return
	}
	h, f := m.claim.algorithm(ref.Alg)
	switch {
	case f != nil:
		c.fail(f.code, uri, f.text)
	case c.matches(h, box.Data, ref.Hash):
		c.ok(assertionMatch, uri, "")
	default:
		c.fail(assertionMismatch, uri, "the assertion is not what the claim declares")
	}
	c.wellFormed(box, uri)
}

// blank reports whether the content boxes of a redacted assertion hold zeros.
func blank(b *jumbf.Box) bool {
	for i := range b.Children {
		if !zeros(b.Children[i].Data) {
			return false
		}
	}
	return true
}

// wellFormed checks CBOR and JSON of assertions that standards define; what is
// inside of others is their makers' business.
func (c *checker) wellFormed(b *jumbf.Box, uri string) {
	if !isLabel(b.Label, "c2pa") && !isLabel(b.Label, "cawg") && !isLabel(b.Label, "stds") {
		return
	}
	for i := range b.Children {
		switch data := b.Children[i].Data; b.Children[i].Type {
		case "cbor":
			if err := cborMode.Wellformed(data); err != nil {
				c.fail(assertionCBOR, uri, err.Error())
			}
		case "json":
			if !json.Valid(data) {
				c.fail(assertionJSON, uri, "malformed JSON")
			}
		}
	}
}

// reference checks a hashed URI inside a standard assertion ("Validation of
// References"). at is the URI of who refers.
func (c *checker) reference(m *manifest, ref hashedURI, at string) {
	if strings.HasPrefix(ref.URL, "http://") || strings.HasPrefix(ref.URL, "https://") {
		c.note("content at an external address")
		return
	}
	owner, box := c.all.resolve(m, ref.URL)
	if box == nil {
		if t, ok := parseURI(ref.URL); ok && owner != nil && len(t.path) > 0 && owner.redacted[t.path[len(t.path)-1]] {
			return
		}
		c.fail(hashedURIMissing, at, "nothing is at "+clip(ref.URL))
		return
	}
	h, f := m.claim.algorithm(ref.Alg)
	switch {
	case f != nil:
		c.fail(f.code, at, f.text)
	case !c.matches(h, box.Data, ref.Hash) && !owner.redacted[box.Label]:
		c.fail(hashedURIWrong, at, "the hash of "+clip(ref.URL)+" differs")
	}
}

// special checks the assertions that have rules of their own and names those
// that this package cannot judge.
func (c *checker) special(m *manifest) {
	for _, b := range m.eachAssertion("c2pa.cloud-data") {
		c.cloud(m, b)
	}
	for _, base := range notJudged {
		if len(m.eachAssertion(base)) > 0 {
			c.note("assertion " + base)
		}
	}
}

// notJudged are assertions whose content has rules that this package does not
// apply. Their hashes are checked like all others, and none ties to bytes.
var notJudged = []string{"cawg.identity", "c2pa.hash.multi-asset", "c2pa.metadata", "c2pa.repository-receipt"}

// cloud checks an assertion that stands elsewhere. It is not fetched.
func (c *checker) cloud(m *manifest, b *jumbf.Box) {
	var v struct {
		Label    string          `cbor:"label"`
		Size     uint64          `cbor:"size"`
		Location cbor.RawMessage `cbor:"location"`
		Type     string          `cbor:"content_type"`
	}
	uri := m.uri("c2pa.assertions/" + b.Label)
	c.note("assertion c2pa.cloud-data")
	switch err := decode(content(b), &v); {
	case err != nil || v.Label == "" || v.Type == "" || len(v.Location) == 0:
		c.fail(cloudMalformed, uri, "a field of the cloud data assertion is missing")
	case isBinding(v.Label):
		c.fail(cloudBinding, uri, "a hard binding as cloud data")
	case m.update && isLabel(v.Label, "c2pa.actions"):
		c.fail(cloudActions, uri, "actions of an update manifest as cloud data")
	}
}
