package validate

import (
	"crypto"
	"errors"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/avowai/avow/internal/jumbf"
)

// An ingredientMap is an ingredient assertion of version 1 to 3.
type ingredientMap struct {
	Relationship string     `cbor:"relationship"`
	Title        string     `cbor:"dc:title"`
	Old          *hashedURI `cbor:"c2pa_manifest"`  // version 1 and 2
	Active       *hashedURI `cbor:"activeManifest"` // version 3
	Signature    *hashedURI `cbor:"claimSignature"`
	Thumbnail    *hashedURI `cbor:"thumbnail"`

	box     *jumbf.Box
	results bool // it has validationResults
}

// A validation is what an ingredient assertion records. Its inner lists are left
// encoded until they are needed, one at a time: decoded, a byte of an empty list
// takes fifty.
type validation struct {
	Status  []recordedStatus `cbor:"validationStatus"` // version 1 and 2
	Results *struct {
		Active cbor.RawMessage   `cbor:"activeManifest"`
		Deltas []cbor.RawMessage `cbor:"ingredientDeltas"`
	} `cbor:"validationResults"`
}

type recordedStatus struct {
	Code string `cbor:"code"`
	URL  string `cbor:"url"`
}

type recordedCodes struct {
	Success       []recordedStatus `cbor:"success"`
	Informational []recordedStatus `cbor:"informational"`
	Failure       []recordedStatus `cbor:"failure"`
}

// absolute completes the URL of a recorded status: relative to the ingredient's
// manifest, or, as c2pa-rs writes some, the bare label of a manifest.
func absolute(url, label string) string {
	t, ok := parseURI(url)
	switch {
	case ok && t.manifest == "":
		return "self#jumbf=/c2pa/" + label + "/" + strings.Join(t.path, "/")
	case !ok:
		return "self#jumbf=/c2pa/" + url
	}
	return url
}

// manifest is the reference to the ingredient's manifest, nil for none.
func (i *ingredientMap) manifest() *hashedURI {
	if i.Active != nil {
		return i.Active
	}
	return i.Old
}

// readIngredient reads an ingredient assertion, once.
func (c *checker) readIngredient(b *jumbf.Box) (*ingredientMap, error) {
	if ing, ok := c.parsed[b]; ok && ing != nil {
		return ing, nil
	} else if ok {
		return nil, errIngredient
	}
	ing, err := parseIngredient(b)
	if c.parsed == nil {
		c.parsed = map[*jumbf.Box]*ingredientMap{}
	}
	c.parsed[b] = ing
	return ing, err
}

var errIngredient = errors.New("malformed")

// parseIngredient also checks the relation.
func parseIngredient(b *jumbf.Box) (*ingredientMap, error) {
	data := content(b)
	if data == nil {
		return nil, errors.New("no CBOR")
	}
	ing, has := &ingredientMap{box: b}, struct {
		Results cbor.RawMessage `cbor:"validationResults"`
	}{}
	if err := decode(data, ing); err != nil {
		return nil, err
	}
	if err := decode(data, &has); err != nil {
		return nil, err
	}
	ing.results = len(has.Results) > 0
	if !slices.Contains([]string{"parentOf", "componentOf", "inputTo"}, ing.Relationship) {
		return nil, errors.New("no known relationship")
	}
	return ing, nil
}

// A record is the statuses that an ingredient assertion states about its
// ingredient and what lies behind: whoever signed that assertion knew of them.
type record map[recordKey]bool

type recordKey struct{ code, url string }

// recordOf reads the record of an ingredient assertion in a manifest. It counts
// for what is found by way of that assertion only. c2pa-rs lets all records count
// for all: there a forged ingredient can excuse itself.
func recordOf(ing *ingredientMap) record {
	r, label := record{}, ""
	if ref := ing.manifest(); ref != nil {
		t, _ := parseURI(ref.URL)
		label = t.manifest
	}
	var v validation
	if decode(content(ing.box), &v) != nil {
		return r
	}
	r.add(v.Status, label)
	if v.Results == nil {
		return r
	}
	r.addCodes(v.Results.Active, label)
	for _, raw := range v.Results.Deltas {
		var delta struct {
			Codes cbor.RawMessage `cbor:"validationDeltas"`
		}
		if decode(raw, &delta) == nil {
			r.addCodes(delta.Codes, label)
		}
	}
	return r
}

func (r record) addCodes(raw cbor.RawMessage, label string) {
	var codes recordedCodes
	if len(raw) == 0 || decode(raw, &codes) != nil {
		return
	}
	r.add(codes.Success, label)
	r.add(codes.Informational, label)
	r.add(codes.Failure, label)
}

func (r record) add(all []recordedStatus, label string) {
	for _, s := range all {
		if len(r) < maxStatuses && s.Code != "" {
			r[recordKey{s.Code, absolute(s.URL, label)}] = true
		}
	}
}

// forgetRecorded drops the statuses of ingredients that were recorded, as the
// spec has it ("Performing recursive validation"): a manifest is not invalid
// because it says that its ingredient is.
func (c *checker) forgetRecorded() {
	c.result.Statuses = slices.DeleteFunc(c.result.Statuses, func(s Status) bool {
		return s.recorded
	})
}

// ingredients checks the manifests of all ingredients of m, each manifest once.
func (c *checker) ingredients(m *manifest, depth int) {
	outer := c.ingredient
	defer func() { c.ingredient = outer }()
	for _, b := range m.eachAssertion("c2pa.ingredient") {
		if c.ctx.Err() != nil {
			return
		}
		c.ingredient = m.uri("c2pa.assertions/" + b.Label)
		c.ingredientOf(m, b, depth)
	}
}

func (c *checker) ingredientOf(m *manifest, b *jumbf.Box, depth int) {
	uri := c.ingredient
	ing, err := c.readIngredient(b)
	if err != nil {
		c.fail(ingredientMalformed, uri, err.Error())
		return
	}
	c.records = append(c.records, recordOf(ing))
	defer func() { c.records = c.records[:len(c.records)-1] }()
	if ing.Thumbnail != nil && m.claim.version > 1 { // older ones have hashes of other things
		c.reference(m, *ing.Thumbnail, uri)
	}
	ref := ing.manifest()
	switch {
	case ref == nil && ing.Relationship != "inputTo":
		c.info(ingredientUnknown, uri, "an ingredient without a manifest: "+clip(ing.Title))
	case ref == nil:
	case depth >= maxDepth:
		c.fail(generalError, uri, "ingredients of ingredients without end")
	default:
		if isLabel(b.Label, "c2pa.ingredient.v3") && !ing.results {
			c.fail(ingredientMalformed, uri, "an ingredient with a manifest, but without its validation results")
		}
		c.ingredientManifestOf(m, ing, depth)
	}
}

// ingredientManifestOf checks that the manifest is the one the ingredient
// assertion means, then the manifest itself, but for its hard binding: the
// ingredient's bytes are not here.
func (c *checker) ingredientManifestOf(m *manifest, ing *ingredientMap, depth int) {
	ref := ing.manifest()
	next, box := c.all.resolve(m, ref.URL)
	if next == nil || box != next.box {
		c.fail(ingredientMissing, clip(ref.URL), "the ingredient's manifest is missing")
		return
	}
	h, f := m.claim.algorithm(ref.Alg)
	switch {
	case f != nil:
		c.fail(f.code, c.ingredient, f.text)
	case len(next.redacted) > 0:
		c.bySignature(m, ing, next)
	case c.oldHash(next, h, ref.Hash): // says nothing of the assertions; nested does
	// The spec hashes a compressed manifest as it is stored, c2pa-rs what is in
	// it: either ties it.
	case !c.matches(h, next.hashed, ref.Hash) && !c.matches(h, next.box.Data, ref.Hash):
		c.fail(ingredientMismatch, clip(ref.URL), "the ingredient's manifest is another one")
	default:
		c.ok(ingredientValidated, clip(ref.URL), "")
	}
	c.nested(next, depth)
}

// oldHash reports whether a hash is that of the ingredient's claim alone, as the
// writers of the first claims had it, before there was a hash of boxes.
func (c *checker) oldHash(m *manifest, h crypto.Hash, want []byte) bool {
	return m.claim != nil && m.claim.version == 1 && c.matches(h, m.claim.bytes, want)
}

// bySignature compares the hash of the claim signature, which redactions leave
// as it was ("Claim Signature Hash Validation Method"). Ingredients of version 1
// claims have no such hash: redaction breaks them beyond checking.
func (c *checker) bySignature(m *manifest, ing *ingredientMap, next *manifest) {
	if ing.Signature == nil {
		if next.claim != nil && next.claim.version == 1 {
			c.note("the hash of a redacted manifest with a claim of version 1")
			return
		}
		c.fail(ingredientSigMissing, c.ingredient, "a redacted ingredient without the hash of its signature")
		return
	}
	owner, box := c.all.resolve(m, ing.Signature.URL)
	h, f := m.claim.algorithm(ing.Signature.Alg)
	switch {
	case f != nil:
		c.fail(f.code, c.ingredient, f.text)
	case box == nil || owner != next:
		c.fail(ingredientSigMissing, c.ingredient, "the ingredient's signature is missing")
	case !c.matches(h, box.Data, ing.Signature.Hash):
		c.fail(ingredientSigWrong, c.ingredient, "the ingredient's signature is another one")
	default:
		c.ok(ingredientSigOK, c.ingredient, "")
	}
}

// nested checks a manifest as an ingredient, once, and its own ingredients.
// Statuses keep the URI of the first ingredient assertion that led there. A
// manifest that leads back to itself is met as one already seen.
func (c *checker) nested(m *manifest, depth int) {
	if _, seen := c.states[m.label]; seen {
		return
	}
	c.states[m.label] = Invalid
	from, uri := len(c.result.Statuses), c.ingredient
	if m.claim == nil {
		if err := m.readClaim(); err != nil {
			c.report(err)
			return
		}
	}
	c.manifest(m)
	c.ingredients(m, depth+1)
	c.ingredient = uri
	c.states[m.label] = stateOf(c.result.Statuses[from:], uri, false)
}
