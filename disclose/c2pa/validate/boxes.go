package validate

import (
	"crypto"
	"crypto/subtle"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/internal/jumbf"
)

// A bmffHash is the content of c2pa.hash.bmff, version 1 to 3.
type bmffHash struct {
	Exclusions []struct {
		XPath  string `cbor:"xpath"`
		Length *int64 `cbor:"length"`
		Data   []struct {
			Offset int64  `cbor:"offset"`
			Value  []byte `cbor:"value"`
		} `cbor:"data"`
		Subset []struct {
			Offset int64 `cbor:"offset"`
			Length int64 `cbor:"length"`
		} `cbor:"subset"`
		Version *int   `cbor:"version"`
		Flags   []byte `cbor:"flags"`
		Exact   *bool  `cbor:"exact"`
	} `cbor:"exclusions"`
	Alg    string          `cbor:"alg"`
	Hash   []byte          `cbor:"hash"`
	Merkle cbor.RawMessage `cbor:"merkle"`
}

// ranges are the exclusions as container takes them, nil if one is malformed.
func (b *bmffHash) ranges() (out []container.BMFFExclusion) {
	for _, e := range b.Exclusions {
		x := container.BMFFExclusion{XPath: e.XPath, Length: e.Length, Version: e.Version, Flags: e.Flags, Exact: e.Exact}
		for _, d := range e.Data {
			x.Data = append(x.Data, container.BMFFData{Offset: d.Offset, Value: d.Value})
		}
		var pos int64
		for _, s := range e.Subset {
			if s.Offset < pos || s.Length < 0 || s.Length > 1<<56 || s.Offset > 1<<56 {
				return nil
			}
			x.Subset = append(x.Subset, container.Range{Start: s.Offset, Length: s.Length})
			pos = s.Offset + s.Length
		}
		out = append(out, x)
	}
	return out
}

// hollow reports whether whole boxes that make up the content are left out.
func (b *bmffHash) hollow() bool {
	for _, e := range b.Exclusions {
		root, _, _ := strings.Cut(strings.TrimPrefix(e.XPath, "/"), "[")
		if slices.Contains([]string{"mdat", "moov", "meta", "idat"}, root) && len(e.Data) == 0 {
			return true
		}
	}
	return false
}

// bmffHash checks the hash over the boxes of a file ("Validating a BMFF-hash").
// Merkle trees, of fragmented files and of large ones, are not supported.
func (c *checker) bmffHash(m *manifest, b *jumbf.Box, uri string) {
	var v bmffHash
	if data := content(b); len(data) > maxBMFF {
		c.unchecked("a large " + b.Label)
		return
	} else if err := decode(data, &v); err != nil {
		c.fail(bmffMalformed, uri, err.Error())
		return
	}
	exclusions := v.ranges()
	if len(exclusions) == 0 {
		c.fail(bmffMalformed, uri, "no exclusions, or one out of order")
		return
	}
	h, f := m.claim.algorithm(v.Alg)
	switch {
	case f != nil:
		c.fail(f.code, uri, f.text)
		return
	case len(v.Merkle) > 0:
		c.unchecked("Merkle trees of " + b.Label)
		if len(v.Hash) == 0 {
			return
		}
	case v.hollow():
		c.unchecked("boxes of the content that " + b.Label + " leaves out")
	}
	if why := c.frame(len(v.Merkle) > 0); why != "" {
		c.fail(bmffMismatch, uri, why)
		return
	}
	w := h.New()
	if err := container.HashBMFF(w, c.asset.data, exclusions, bmffVersion(b.Label)); err != nil {
		c.fail(bmffMismatch, uri, err.Error())
		return
	}
	if subtle.ConstantTimeCompare(w.Sum(nil), v.Hash) != 1 {
		c.fail(bmffMismatch, uri, "the boxes of the asset are not those that were signed")
		return
	}
	if len(v.Merkle) == 0 {
		c.ok(bmffMatch, uri, "")
	}
}

func bmffVersion(label string) int {
	switch {
	case isLabel(label, "c2pa.hash.bmff.v3"):
		return 3
	case isLabel(label, "c2pa.hash.bmff.v2"):
		return 2
	}
	return 1
}

// A boxesHash is the content of c2pa.hash.boxes.
type boxesHash struct {
	Boxes []boxHash `cbor:"boxes"`
	Alg   string    `cbor:"alg"`
}

type boxHash struct {
	Names    []string `cbor:"names"`
	Alg      string   `cbor:"alg"`
	Hash     []byte   `cbor:"hash"`
	Excluded bool     `cbor:"excluded"`
}

// after names what follows the last box of a file.
const after = "c2pa.after"

// boxesHash checks the hashes of the parts of a file ("Validating a general box
// hash"). Stricter than c2pa-rs: every byte of the file must be in a part.
func (c *checker) boxesHash(m *manifest, b *jumbf.Box, uri string) {
	var v boxesHash
	if err := decode(content(b), &v); err != nil || len(v.Boxes) == 0 {
		c.fail(boxesMalformed, uri, "no list of boxes")
		return
	}
	parts, err := container.Boxes(c.asset.data)
	if err != nil && len(parts) == 0 {
		c.unchecked("box hash: " + err.Error())
		return
	}
	if why := c.frame(false); why != "" {
		c.fail(boxesMismatch, uri, why)
		return
	}
	var pos int64
	for _, want := range v.Boxes {
		span, n, f := spanOf(want, parts, pos, int64(len(c.asset.data)))
		if f == nil {
			f = c.boxHash(m, &v, want, span)
		}
		if f != nil {
			c.fail(f.code, uri, f.text)
			return
		}
		parts, pos = parts[n:], span.End()
	}
	if len(parts) > 0 || pos != int64(len(c.asset.data)) {
		c.fail(boxesUnknown, uri, "the asset goes on behind the boxes listed")
		return
	}
	c.ok(boxesMatch, uri, "")
}

// spanOf finds the parts of a file that an entry names, from pos on, and counts
// them.
func spanOf(want boxHash, parts []container.NamedBox, pos, size int64) (span container.Range, n int, f *fault) {
	if len(want.Names) == 0 {
		return span, 0, faultf(boxesMalformed, "", "an entry without names")
	}
	if want.Names[0] == after && len(want.Names) == 1 && len(parts) == 0 {
		return container.Range{Start: pos, Length: size - pos}, 0, nil
	}
	if len(want.Names) > len(parts) {
		return span, 0, faultf(boxesMismatch, "", "boxes are missing")
	}
	for i, name := range want.Names {
		switch {
		case parts[i].Name != name:
			return span, 0, faultf(boxesUnknown, "", "box %s where %s should be", clip(parts[i].Name), clip(name))
		case name == container.BoxC2PA && len(want.Names) > 1:
			return span, 0, faultf(boxesMalformed, "", "the manifest store is hashed with others")
		}
	}
	n = len(want.Names)
	span = container.Range{Start: parts[0].Start, Length: parts[n-1].End() - parts[0].Start}
	if span.Start != pos {
		return span, 0, faultf(boxesUnknown, "", "bytes between boxes at %d", pos)
	}
	return span, n, nil
}

func (c *checker) boxHash(m *manifest, all *boxesHash, want boxHash, span container.Range) *fault {
	switch {
	case want.Names[0] == container.BoxC2PA:
		if c.asset.found == nil || !slices.Equal(joined([]container.Range{span}), joined(c.asset.exclude)) {
			return faultf(boxesMismatch, "", "a box that is not the manifest store is called so")
		}
		return nil
	case want.Excluded:
		c.note("boxes that the hard binding leaves out")
		return nil
	}
	alg := want.Alg
	if alg == "" {
		alg = all.Alg
	}
	var h crypto.Hash
	h, f := m.claim.algorithm(alg)
	if f != nil {
		return f
	}
	if subtle.ConstantTimeCompare(sumOf(h, c.asset.data[span.Start:span.End()]), want.Hash) != 1 {
		return faultf(boxesMismatch, "", "box %s is not the one that was signed", clip(want.Names[0]))
	}
	return nil
}
