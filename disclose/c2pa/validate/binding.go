package validate

import (
	"crypto/subtle"
	"fmt"
	"hash"
	"slices"

	"golang.org/x/text/unicode/norm"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/internal/jumbf"
)

// binding checks the hard binding of the active manifest against the bytes of
// the asset ("Validate the Asset's Content"). That of an update manifest stands
// in the first standard manifest up the line of parents.
func (c *checker) binding(active *manifest) {
	m := c.boundBy(active)
	if m == nil {
		c.fail(claimNoBinding, active.uri(""), "no manifest with a hard binding up the line")
		return
	}
	all := m.bindings()
	if len(all) != 1 {
		if m != active {
			c.fail(claimNoBinding, m.uri(""), "not exactly one hard binding")
		}
		return // rules says so of the active manifest
	}
	b, uri := all[0], m.uri("c2pa.assertions/"+all[0].Label)
	switch label := b.Label; {
	case isLabel(label, "c2pa.hash.data"):
		c.dataHash(m, b, uri, m != active)
	case isLabel(label, "c2pa.hash.bmff"):
		c.bmffHash(m, b, uri)
	case isLabel(label, "c2pa.hash.boxes"):
		c.boxesHash(m, b, uri)
	default:
		c.unchecked("hard binding " + clip(label))
	}
}

// unchecked says that a hard binding is beyond this package: nothing is valid
// then.
func (c *checker) unchecked(what string) {
	c.note(what)
	c.doubt = true
}

// boundBy is the manifest whose hard binding counts.
func (c *checker) boundBy(m *manifest) *manifest {
	for range maxDepth {
		if m == nil || m.claim == nil && m.readClaim() != nil {
			return nil
		}
		if !m.update {
			return m
		}
		m = c.parent(m)
	}
	return nil
}

func (c *checker) parent(m *manifest) *manifest {
	for _, b := range m.eachAssertion("c2pa.ingredient") {
		if ing, err := c.readIngredient(b); err == nil && ing.Relationship == "parentOf" {
			return c.ingredientManifest(m, b)
		}
	}
	return nil
}

// A dataHash is the content of c2pa.hash.data.
type dataHash struct {
	Exclusions []struct {
		Start  int64 `cbor:"start"`
		Length int64 `cbor:"length"`
	} `cbor:"exclusions"`
	Alg  string `cbor:"alg"`
	Hash []byte `cbor:"hash"`
	Pad  []byte `cbor:"pad"`
	Pad2 []byte `cbor:"pad2"`
	URL  string `cbor:"url"`
}

func (c *checker) dataHash(m *manifest, b *jumbf.Box, uri string, updated bool) {
	var d dataHash
	if err := decode(content(b), &d); err != nil {
		c.fail(dataMalformed, uri, err.Error())
		return
	}
	h, f := m.claim.algorithm(d.Alg)
	if f != nil {
		c.fail(f.code, uri, f.text)
		return
	}
	ranges := make([]container.Range, 0, len(d.Exclusions))
	for _, e := range d.Exclusions {
		if e.Start < 0 || e.Length < 0 || e.Start > 1<<56 || e.Length > 1<<56 {
			c.fail(dataMalformed, uri, "an exclusion out of range")
			return
		}
		ranges = append(ranges, container.Range{Start: e.Start, Length: e.Length})
	}
	if updated {
		ranges = c.regrown(ranges)
	}
	if f := c.exclusions(ranges, uri); f != nil {
		c.fail(f.code, uri, f.text)
		return
	}
	if why := c.frame(false); why != "" {
		c.fail(dataMismatch, uri, why)
		return
	}
	w := h.New()
	if err := c.feed(w, ranges); err != nil {
		c.fail(dataMismatch, uri, err.Error())
		return
	}
	if subtle.ConstantTimeCompare(w.Sum(nil), d.Hash) != 1 {
		c.fail(dataMismatch, uri, "the bytes of the asset are not those that were signed")
		return
	}
	c.ok(dataMatch, uri, "")
}

// regrown stretches the exclusion that begins where the store begins to the
// present store, and moves those behind it: an update manifest made it grow.
func (c *checker) regrown(ranges []container.Range) []container.Range {
	if len(c.asset.exclude) == 0 {
		return ranges
	}
	first, last := c.asset.exclude[0], c.asset.exclude[len(c.asset.exclude)-1]
	whole := container.Range{Start: first.Start, Length: last.End() - first.Start}
	i := slices.IndexFunc(ranges, func(r container.Range) bool { return r.Start == whole.Start })
	if i < 0 {
		return ranges
	}
	grown := whole.Length - ranges[i].Length
	out := slices.Clone(ranges)
	out[i] = whole
	for j := range out {
		if out[j].Start > whole.Start {
			out[j].Start += grown
		}
	}
	return out
}

// exclusions checks that what the hash leaves out is the manifest store, no more
// and no less: anything else there could be changed unseen. Exclusions of their
// own that the signer made elsewhere are only pointed out.
func (c *checker) exclusions(ranges []container.Range, uri string) *fault {
	size := int64(len(c.asset.data))
	var pos int64
	for i, r := range ranges {
		if r.Start < pos && i > 0 {
			return faultf(dataMalformed, uri, "exclusions overlap or are out of order")
		}
		if r.End() > size {
			return faultf(dataMismatch, uri, "an exclusion ends behind the asset")
		}
		pos = r.End()
	}
	store := joined(c.asset.exclude)
	var extra []container.Range
	left := joined(ranges)
	for _, r := range left {
		switch {
		case slices.Contains(store, r):
		case overlaps(store, r):
			return faultf(dataMismatch, uri, "an exclusion of %d bytes at %d is not the manifest store", r.Length, r.Start)
		default:
			extra = append(extra, r)
		}
	}
	if len(left)-len(extra) != len(store) {
		return faultf(dataMismatch, uri, "the manifest store is not excluded")
	}
	if len(extra) == 0 {
		return nil
	}
	if c.asset.found == nil {
		return faultf(dataMismatch, uri, "exclusions in an asset that holds no manifest store")
	}
	c.info(dataExtra, uri, fmt.Sprintf("the signer left out %d more ranges", len(extra)))
	c.note(fmt.Sprintf("%d ranges that the hard binding leaves out", len(extra)))
	return nil
}

// joined drops empty ranges and joins those that touch, as the segments of one
// store in a JPEG do.
func joined(ranges []container.Range) (out []container.Range) {
	for _, r := range ranges {
		switch last := len(out) - 1; {
		case r.Length == 0:
		case last >= 0 && out[last].End() == r.Start:
			out[last].Length += r.Length
		default:
			out = append(out, r)
		}
	}
	return out
}

func overlaps(ranges []container.Range, r container.Range) bool {
	return slices.ContainsFunc(ranges, func(o container.Range) bool { return r.Start < o.End() && o.Start < r.End() })
}

// feed hashes the asset without some ranges; of text what remains in NFC.
func (c *checker) feed(w hash.Hash, ranges []container.Range) error {
	if !c.asset.text {
		return container.HashData(w, c.asset.data, ranges)
	}
	out := norm.NFC.Writer(w)
	var pos int64
	for _, r := range ranges {
		if _, err := out.Write(c.asset.data[pos:r.Start]); err != nil {
			return err
		}
		pos = r.End()
	}
	if _, err := out.Write(c.asset.data[pos:]); err != nil {
		return err
	}
	return out.Close()
}
