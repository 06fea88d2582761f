package validate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"

	"github.com/avowai/avow/internal/jumbf"
)

// A fault is a failed check, ready to be logged.
type fault struct{ code, url, text string }

func (f *fault) Error() string { return f.code + ": " + f.text }

func faultf(code, url, format string, args ...any) *fault {
	return &fault{code, url, fmt.Sprintf(format, args...)}
}

// A store is a manifest store that was read: its manifests in their order, the
// last one active.
type store struct{ manifests []*manifest }

// A manifest is one manifest of a store. Its claim is read later, by check.
type manifest struct {
	label  string
	update bool       // c2um: new statements about unchanged content
	box    *jumbf.Box // the superbox, decompressed
	hashed []byte     // what a hashed URI to the manifest covers, as stored

	claim      *claim
	assertions *jumbf.Box
	byLabel    map[string]*jumbf.Box // its assertions; nil for a label that occurs twice
	refs       []assertionRef        // what the claim declares, in its order
	declared   map[string]bool       // the same by label; true for created ones
	redacted   map[string]bool       // labels of its assertions that another claim redacted
}

// An assertionRef is a hashed URI of a claim and the label of the assertion of the
// same manifest that it points to, "" if it points elsewhere.
type assertionRef struct {
	hashedURI
	label string
}

// uri is the absolute URI of something in the manifest; "" for itself.
func (m *manifest) uri(path string) string {
	return strings.TrimSuffix("self#jumbf=/c2pa/"+m.label+"/"+path, "/")
}

// readStore reads the boxes of a store. Manifests that it does not know by type
// are left out, as the spec asks ("Processing Rules").
func readStore(data []byte) (*store, error) {
	root, err := jumbf.Parse(data)
	if err != nil {
		return nil, faultf(accessMalformed, "", "%v", err)
	}
	if root.UUID.FourCC() != "c2pa" || root.Label != "c2pa" || !addressable(root) {
		return nil, faultf(accessMalformed, "", "the outer box is no manifest store")
	}
	s, budget := &store{}, int64(maxInflated)
	for i := range root.Children {
		m, err := readManifest(&root.Children[i], &budget)
		if err != nil {
			return nil, err
		}
		if m != nil {
			s.manifests = append(s.manifests, m)
		}
		if len(s.manifests) > maxManifests {
			return nil, faultf(accessMalformed, "", "more than %d manifests", maxManifests)
		}
	}
	if len(s.manifests) == 0 {
		return nil, faultf(claimMissing, "", "the store holds no manifest")
	}
	return s, nil
}

// readManifest reads one manifest superbox; nil for anything else.
func readManifest(box *jumbf.Box, budget *int64) (*manifest, error) {
	if !box.Super() {
		return nil, nil
	}
	m := &manifest{label: box.Label, box: box, hashed: box.Data}
	if !addressable(box) || len(box.Label) > maxLabel {
		return nil, faultf(accessMalformed, "", "a manifest that no URI can point to")
	}
	kind := box.UUID.FourCC()
	if kind == "c2cm" {
		inner, err := inflate(box, budget)
		if err != nil {
			return nil, faultf(compressedInvalid, m.uri(""), "%v", err)
		}
		m.box, kind = inner, inner.UUID.FourCC()
	}
	switch kind {
	case "c2ma", "c2md": // c2md: a deprecated type that readers have to take (2.4, 11.2.2)
	case "c2um":
		m.update = true
	default:
		return nil, nil
	}
	return m, nil
}

// addressable reports whether a box is one that URIs can point to: requestable,
// with a label, and with nothing but a salt beside. No hash covers the
// description of the active manifest's own boxes, so nothing may hide there.
func addressable(b *jumbf.Box) bool {
	return b.Label != "" && b.Toggles&^0x10 == 0x03 && (b.Toggles&0x10 != 0) == (len(b.Salt) > 0)
}

// inflate reads the manifest inside a compressed one. The whole store has one
// budget of bytes, so many small bombs are as harmless as one.
func inflate(box *jumbf.Box, budget *int64) (*jumbf.Box, error) {
	brob := box.Content("brob")
	if brob == nil || len(box.Children) != 1 {
		return nil, errors.New("a compressed manifest holds one brob box")
	}
	limit := min(*budget, int64(len(brob.Data))*maxRatio)
	out, err := io.ReadAll(io.LimitReader(brotli.NewReader(bytes.NewReader(brob.Data)), limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(out)) > limit:
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	*budget -= int64(len(out))
	inner, err := jumbf.Parse(out)
	if err != nil {
		return nil, err
	}
	kind := inner.UUID.FourCC()
	if inner.Label != box.Label || kind != "c2ma" && kind != "c2um" {
		return nil, errors.New("inside is no manifest of that label")
	}
	return inner, nil
}

// byLabel returns the manifest of a label, nil for none or several.
func (s *store) byLabel(label string) *manifest {
	var found *manifest
	for _, m := range s.manifests {
		if m.label == label {
			if found != nil {
				return nil
			}
			found = m
		}
	}
	return found
}

// target is where a JUMBF URI points: a manifest, and labels inside it.
type target struct {
	manifest string // "" for the manifest that holds the URI
	path     []string
}

// parseURI splits a JUMBF URI: self#jumbf=/c2pa/MANIFEST/a/b or self#jumbf=a/b.
func parseURI(uri string) (t target, ok bool) {
	rest, ok := strings.CutPrefix(uri, "self#jumbf=")
	if !ok || rest == "" || len(rest) > maxText || strings.Contains(rest, "..") {
		return t, false
	}
	if abs, is := strings.CutPrefix(rest, "/"); is {
		parts := strings.Split(abs, "/")
		if len(parts) < 2 || parts[0] != "c2pa" || parts[1] == "" {
			return t, false
		}
		return target{parts[1], parts[2:]}, true
	}
	return target{"", strings.Split(rest, "/")}, true
}

// resolve finds the manifest and the box that a URI in manifest from points to.
// A label that occurs twice makes the URI unresolved, as the spec demands.
func (s *store) resolve(from *manifest, uri string) (*manifest, *jumbf.Box) {
	t, ok := parseURI(uri)
	if !ok {
		return nil, nil
	}
	m := from
	if t.manifest != "" && (from == nil || t.manifest != from.label) {
		m = s.byLabel(t.manifest)
	}
	if m == nil {
		return nil, nil
	}
	box := m.box
	for _, label := range t.path {
		if box = m.child(box, label); box == nil {
			return m, nil
		}
	}
	return m, box
}

// child is the one child superbox of a label. Assertions are many, so they have
// an index.
func (m *manifest) child(of *jumbf.Box, label string) *jumbf.Box {
	if of == m.assertions && of != nil {
		return m.byLabel[label]
	}
	return only(of, label)
}

// only returns the one child superbox of a label, nil for none or several.
func only(b *jumbf.Box, label string) *jumbf.Box {
	if b == nil {
		return nil
	}
	var found *jumbf.Box
	for i := range b.Children {
		if c := &b.Children[i]; c.Super() && c.Label == label {
			if found != nil {
				return nil
			}
			found = c
		}
	}
	return found
}

// onlyKind returns the child superboxes of a C2PA type.
func onlyKind(b *jumbf.Box, fourCC string) (all []*jumbf.Box) {
	for i := range b.Children {
		if c := &b.Children[i]; c.Super() && c.UUID.FourCC() == fourCC {
			all = append(all, c)
		}
	}
	return all
}
