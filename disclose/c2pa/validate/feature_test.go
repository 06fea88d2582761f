package validate

import (
	"bytes"
	"crypto/sha256"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/veraison/go-cose"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/internal/jumbf"
)

// box hash of a file, each part for itself or all between as one.
func boxHashes(t testing.TB, minimal bool) func(out []byte) part {
	return func(out []byte) part {
		parts, err := container.Boxes(out)
		if err != nil {
			t.Fatal(err)
		}
		var list []any
		for i := 0; i < len(parts); i++ {
			names, end := []string{parts[i].Name}, parts[i].End()
			start := parts[i].Start
			for minimal && parts[i].Name != container.BoxC2PA && i+1 < len(parts) && parts[i+1].Name != container.BoxC2PA {
				i++
				names, end = append(names, parts[i].Name), parts[i].End()
			}
			sum := sha256.Sum256(out[start:end])
			hash := sum[:]
			if names[0] == container.BoxC2PA {
				hash = []byte{0}
			}
			list = append(list, map[string]any{"names": names, "alg": "sha256", "hash": hash, "pad": []byte{}})
		}
		return part{label: "c2pa.hash.boxes", content: map[string]any{"boxes": list}}
	}
}

// hashedBox is a hashed URI to a box.
func hashedBox(uri string, b jumbf.Box) map[string]any {
	sum := sha256.Sum256(b.Append(nil)[8:])
	return map[string]any{"url": uri, "hash": sum[:]}
}

// compressed packs a manifest.
func compressed(b jumbf.Box) jumbf.Box {
	var buf bytes.Buffer
	w := brotli.NewWriter(&buf)
	if _, err := w.Write(b.Append(nil)); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return super("c2cm", b.Label, jumbf.Box{Type: "brob", Data: buf.Bytes()})
}

const parentLabel = "urn:c2pa:7a9a1c52-6d0e-4c7b-9a55-0c1d2e3f4a5b"

// parentBox is the manifest of an ingredient; its asset is elsewhere.
func parentBox(t testing.TB, change func(*forge)) jumbf.Box {
	t.Helper()
	f := newForge()
	f.label = parentLabel
	if change != nil {
		change(f)
	}
	root, err := jumbf.Parse(f.build(make([]byte, 32), nil))
	if err != nil {
		t.Fatal(err)
	}
	return root.Children[0]
}

// withParent makes a manifest with a parent ingredient.
func withParent(parent, stored jumbf.Box) *forge {
	f := newForge()
	sig := parent.Children[2]
	ingredient := map[string]any{
		"relationship": "parentOf", "dc:title": "old", "activeManifest": hashedBox("self#jumbf=/c2pa/"+parentLabel, stored),
		"claimSignature":    hashedBox("self#jumbf=/c2pa/"+parentLabel+"/c2pa.signature", sig),
		"validationResults": map[string]any{"activeManifest": map[string]any{"success": []any{}, "informational": []any{}, "failure": []any{}}},
	}
	ref := hashedBox("self#jumbf=c2pa.assertions/c2pa.ingredient.v3", super("cbor", "c2pa.ingredient.v3", jumbf.Box{Type: "cbor", Data: encode(ingredient)}))
	f.assertions = []part{
		{label: "c2pa.ingredient.v3", content: ingredient},
		{label: "c2pa.actions.v2", content: actionsOf(map[string]any{"action": "c2pa.opened", "parameters": map[string]any{"ingredients": []any{ref}}})},
	}
	f.prior = []jumbf.Box{stored}
	return f
}

// redacted has an assertion of the parent redacted, and taken out if done.
func redacted(t testing.TB, label string, done bool) []byte {
	p := parentBox(t, func(f *forge) {
		f.assertions = append(f.assertions, part{label: "com.example.note", content: map[string]any{"note": "secret"}})
	})
	f := withParent(p, p)
	f.claim = map[string]any{"redacted_assertions": []string{"self#jumbf=/c2pa/" + parentLabel + "/c2pa.assertions/" + label}}
	if done {
		store := p.Children[0]
		store.Children = slices.DeleteFunc(slices.Clone(store.Children), func(b jumbf.Box) bool { return b.Label == label })
		p.Children = slices.Concat([]jumbf.Box{store}, p.Children[1:])
	}
	f.prior = []jumbf.Box{p}
	return f.sign(t, testPNG(t, 24, 18))
}

// A feature is a good file that uses a part of the spec.
type feature struct {
	name, ext string
	file      func(t testing.TB) []byte
	state     State
	official  string // "" for the same
	codes     []string
}

var features = []feature{
	{"boxes one by one", ".png", func(t testing.TB) []byte {
		f := newForge()
		f.bind = boxHashes(t, false)
		return f.sign(t, testPNG(t, 24, 18))
	}, Trusted, "", nil},
	{"boxes together", ".png", func(t testing.TB) []byte {
		f := newForge()
		f.bind = boxHashes(t, true)
		return f.sign(t, testPNG(t, 24, 18))
	}, Trusted, "", nil},
	{"boxes of a JPEG", ".jpg", func(t testing.TB) []byte {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 24, 16)), nil); err != nil {
			t.Fatal(err)
		}
		f := newForge()
		f.bind = boxHashes(t, false)
		return f.sign(t, b.Bytes())
	}, Trusted, "", nil},
	// c2pa-rs does not look behind the last box.
	{"bytes behind the boxes", ".png", func(t testing.TB) []byte {
		f := newForge()
		f.bind = boxHashes(t, false)
		return append(f.sign(t, testPNG(t, 24, 18)), "tail"...)
	}, Invalid, "Trusted", []string{boxesUnknown}},
	{"a box changed", ".png", func(t testing.TB) []byte {
		f := newForge()
		f.bind = boxHashes(t, false)
		out := f.sign(t, testPNG(t, 24, 18))
		out[bytes.LastIndex(out, []byte("IDAT"))+30] ^= 1
		return out
	}, Invalid, "", []string{boxesMismatch}},
	{"a parent", ".png", func(t testing.TB) []byte {
		p := parentBox(t, nil)
		return withParent(p, p).sign(t, testPNG(t, 24, 18))
	}, Trusted, "", nil},
	// Spec, "Compressed boxes": the hash is that of the box as it is stored.
	// c2pa-rs hashes what is in it.
	{"a compressed parent", ".png", func(t testing.TB) []byte {
		p := parentBox(t, nil)
		return withParent(p, compressed(p)).sign(t, testPNG(t, 24, 18))
	}, Trusted, "Invalid", nil},
	{"a compressed parent, hashed unpacked", ".png", func(t testing.TB) []byte {
		p := parentBox(t, nil)
		f := withParent(p, p)
		f.prior = []jumbf.Box{compressed(p)}
		return f.sign(t, testPNG(t, 24, 18))
	}, Trusted, "", nil},
	{"a parent that is not the one", ".png", func(t testing.TB) []byte {
		p := parentBox(t, nil)
		f := withParent(p, p)
		f.prior = []jumbf.Box{parentBox(t, func(f *forge) { f.claim = map[string]any{"dc:title": "dog"} })}
		return f.sign(t, testPNG(t, 24, 18))
	}, Invalid, "", []string{ingredientMismatch}},
	{"a parent that is missing", ".png", func(t testing.TB) []byte {
		p := parentBox(t, nil)
		f := withParent(p, p)
		f.prior = nil
		return f.sign(t, testPNG(t, 24, 18))
	}, Invalid, "", []string{ingredientMissing}},
	{"a parent signed by another key", ".png", func(t testing.TB) []byte {
		p := parentBox(t, func(f *forge) { f.key = newKey() })
		return withParent(p, p).sign(t, testPNG(t, 24, 18))
	}, Invalid, "", []string{signatureMismatch}},
	{"a redacted parent", ".png", func(t testing.TB) []byte { return redacted(t, "com.example.note", true) }, Trusted, "", nil},
	{"a redaction that is not done", ".png", func(t testing.TB) []byte { return redacted(t, "com.example.note", false) },
		Invalid, "", []string{assertionRedacted}},
	{"redacted actions", ".png", func(t testing.TB) []byte { return redacted(t, "c2pa.actions.v2", true) },
		Invalid, "", []string{actionRedacted, assertionMissing, claimNoActions, ingredientMismatch}},
	// c2pa-rs takes the word of the forged ingredient about itself.
	{"a forged parent that excuses itself", ".png", func(t testing.TB) []byte {
		p := parentBox(t, nil)
		f := withParent(p, p)
		f.prior = []jumbf.Box{parentBox(t, func(g *forge) {
			g.claim = map[string]any{"dc:title": "dog"}
			g.assertions = append(g.assertions, part{label: "c2pa.ingredient.v3", content: map[string]any{
				"relationship": "componentOf",
				"validationResults": map[string]any{"activeManifest": map[string]any{"success": []any{}, "informational": []any{}, "failure": []any{
					map[string]any{"code": ingredientMismatch, "url": "self#jumbf=/c2pa/" + parentLabel},
				}}},
			}})
		})}
		return f.sign(t, testPNG(t, 24, 18))
	}, Invalid, "Trusted", []string{ingredientMismatch}},
	// Spec, "X.509 Certificates": readers shall accept the chain in either header;
	// c2pa-rs knows label 33 in the protected one only.
	{"certificates unprotected", ".png", forged(func(f *forge) {
		f.unsigned = func(m *cose.Sign1Message) { delete(m.Headers.Protected, int64(33)) }
		f.signed = func(m *cose.Sign1Message, _ []byte) { m.Headers.Unprotected[int64(33)] = testCA().leaf }
	}), Trusted, "error", nil},
	{"certificates by name", ".png", forged(func(f *forge) {
		f.unsigned = func(m *cose.Sign1Message) {
			delete(m.Headers.Protected, int64(33))
			m.Headers.Protected["x5chain"] = testCA().leaf
		}
	}), Trusted, "", nil},
	{"the claim as payload", ".png", forged(func(f *forge) {
		f.signed = func(m *cose.Sign1Message, claim []byte) { m.Payload = claim }
	}), Trusted, "", nil},
	{"claim of version 1", ".png", forged(func(f *forge) {
		f.claimBox, f.label = "c2pa.claim", "urn:uuid:3f9a1c52-6d0e-4c7b-9a55-0c1d2e3f4a5b"
		f.claim = map[string]any{"claim_generator": "avow/1", "claim_generator_info": []any{map[string]any{"name": "avow"}}, "dc:format": "image/png"}
		f.version1 = true
	}), Trusted, "", nil},
	{"an update", ".png", func(t testing.TB) []byte { return updated(t, nil) }, Trusted, "", nil},
	{"an update of a changed file", ".png", func(t testing.TB) []byte {
		out := updated(t, nil)
		out[bytes.LastIndex(out, []byte("IDAT"))+30] ^= 1
		return out
	}, Invalid, "", []string{dataMismatch}},
	{"an update that edits", ".png", func(t testing.TB) []byte {
		return updated(t, func(f *forge) {
			f.assertions = append(f.assertions, part{label: "c2pa.actions.v2", content: actionsOf(map[string]any{"action": "c2pa.edited"})})
		})
	}, Invalid, "", []string{updateInvalid}},
}

// updated signs a picture, then puts an update manifest behind the first.
func updated(t testing.TB, change func(*forge)) []byte {
	t.Helper()
	first := newForge()
	first.label = parentLabel
	signed := first.sign(t, testPNG(t, 24, 18))
	found, err := container.Find(signed)
	if err != nil {
		t.Fatal(err)
	}
	root, err := jumbf.Parse(found.Store)
	if err != nil {
		t.Fatal(err)
	}
	p := root.Children[0]
	f := withParent(p, p)
	f.kind, f.assertions = "c2um", f.assertions[:1]
	if change != nil {
		change(f)
	}
	return f.sign(t, signed)
}

func TestFeatures(t *testing.T) {
	for _, f := range features {
		t.Run(f.name, func(t *testing.T) {
			r := check(t, f.file(t))
			got := slices.Compact(slices.Sorted(slices.Values(failures(r))))
			if r.State != f.state || !slices.Equal(got, f.codes) {
				t.Fatalf("%v %v, want %v %v: %+v", r.State, got, f.state, f.codes, r.Statuses)
			}
		})
	}
}

func TestOfficialValidatorOnFeatures(t *testing.T) {
	files := map[string][]byte{}
	for _, f := range features {
		files[f.name+f.ext] = f.file(t)
	}
	root := certPEM(testCA().root.Raw)
	all := official(t, root, files)
	for _, f := range features {
		want, o := f.official, all[f.name+f.ext]
		if want == "" {
			want = f.state.String()
		}
		if o.Error != "" {
			o.State = "error"
		}
		if o.State != want {
			t.Errorf("%s: %s %q, want %s", f.name, o.State, o.says(), want)
		}
	}
}
