package c2pa

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/avowai/avow/internal/jumbf"
)

// validated are results as a validator without anchors has them for a manifest.
func validated(label string, deltas ...IngredientDelta) *ValidationResults {
	at := "self#jumbf=/c2pa/" + label
	return &ValidationResults{
		ActiveManifest: StatusCodes{
			Success: []Status{
				{Code: "claimSignature.validated", URL: at + "/c2pa.signature"},
				{Code: "assertion.hashedURI.match", URL: at + "/c2pa.assertions/c2pa.hash.data"},
				{Code: "assertion.dataHash.match", URL: at + "/c2pa.assertions/c2pa.hash.data"},
			},
			Failure: []Status{{Code: "signingCredential.untrusted", URL: at + "/c2pa.signature"}},
		},
		IngredientDeltas: deltas,
	}
}

// chain signs one picture n times, each time with the last as parent.
func chain(t testing.TB, n int, s *Signer) (out []byte, all []Signed) {
	t.Helper()
	files := []string{"png", "jpeg", "webp/lossless"}
	for i := range n {
		m := fullManifest()
		if i > 0 {
			last := all[i-1]
			p := &Parent{Store: last.Store, Results: validated(last.Label), Title: "before", Format: last.Format.MIME(), InstanceID: last.InstanceID}
			if i > 1 {
				p.Results.IngredientDeltas = []IngredientDelta{{Assertion: "self#jumbf=/c2pa/" + last.Label + "/c2pa.assertions/c2pa.ingredient.v3"}}
			}
			m.Parent = p
		}
		var info Signed
		var err error
		if out, info, err = Sign(t.Context(), samples(t)[files[i%len(files)]].data, m, s); err != nil {
			t.Fatal(err)
		}
		all = append(all, info)
	}
	return out, all
}

func TestParentsAreCarriedOverByteForByte(t *testing.T) {
	_, all := chain(t, 3, testSigner(t, "ES256"))
	last := all[2].Store
	root, err := jumbf.Parse(last)
	if err != nil {
		t.Fatal(err)
	}
	if len(root.Children) != 3 {
		t.Fatalf("%d manifests, want 3", len(root.Children))
	}
	for i, info := range all {
		if got := root.Children[i].Label; got != info.Label {
			t.Fatalf("manifest %d is %s, want %s: the last one is active", i, got, info.Label)
		}
		before, _ := jumbf.Parse(info.Store)
		if !bytes.Equal(before.Child(info.Label).Data, root.Children[i].Data) {
			t.Fatalf("manifest %d changed", i)
		}
		if i > 0 {
			checkIngredient(t, root, info.Label, all[i-1].Label)
		}
	}
}

// checkIngredient wants the manifest label to have opened parent.
func checkIngredient(t *testing.T, root *jumbf.Box, label, parent string) {
	t.Helper()
	m, p := root.Child(label), root.Child(parent)
	var in ingredient
	decodeAssertion(t, m, labelIngredient, &in)
	if in.Relationship != "parentOf" || in.Results == nil || in.Title != "before" || in.Format == "" || in.InstanceID == "" {
		t.Fatalf("ingredient %+v", in)
	}
	if in.ActiveManifest.URL != "self#jumbf=/c2pa/"+parent || !bytes.Equal(in.ActiveManifest.Hash, digest(p)) {
		t.Fatalf("activeManifest %+v", in.ActiveManifest)
	}
	if in.ClaimSignature.URL != "self#jumbf=/c2pa/"+parent+"/c2pa.signature" || !bytes.Equal(in.ClaimSignature.Hash, digest(p.Child("c2pa.signature"))) {
		t.Fatalf("claimSignature %+v", in.ClaimSignature)
	}
	var as actions
	decodeAssertion(t, m, labelActions, &as)
	var kinds []string
	for _, a := range as.Actions {
		kinds = append(kinds, a.Action)
	}
	if got := strings.Join(kinds, " "); got != "c2pa.opened c2pa.edited c2pa.watermarked.bound" {
		t.Fatalf("actions %s", got)
	}
	if opened := as.Actions[0]; opened.SourceType != "" || len(opened.Parameters.Ingredients) != 1 || opened.Parameters.Ingredients[0].URL != "self#jumbf=c2pa.assertions/c2pa.ingredient.v3" {
		t.Fatalf("opened %+v", opened)
	}
}

func TestParentWithoutStore(t *testing.T) {
	m := fullManifest()
	m.SourceType = ""
	m.Parent = &Parent{Title: "photo", Format: "image/png"}
	_, info, err := Sign(t.Context(), samples(t)["png"].data, m, testSigner(t, "ES256"))
	if err != nil {
		t.Fatal(err)
	}
	root, _ := jumbf.Parse(info.Store)
	var in ingredient
	decodeAssertion(t, root.Child(info.Label), labelIngredient, &in)
	if in.Results != nil || in.ActiveManifest != nil || in.ClaimSignature != nil {
		t.Fatalf("an ingredient without a manifest says %+v", in)
	}
	var as actions
	decodeAssertion(t, root.Child(info.Label), labelActions, &as)
	if len(as.Actions) != 2 || as.Actions[1].Action != "c2pa.watermarked.bound" {
		t.Fatalf("actions %+v, want opened and watermarked: no SourceType means only marked", as.Actions)
	}
}

// superboxOf is a store of boxes with these labels and types.
func superboxOf(kinds ...string) []byte {
	root := superbox("c2pa", "c2pa")
	for _, k := range kinds {
		kind, label, _ := strings.Cut(k, " ")
		root.Children = append(root.Children, superbox(kind, label, superbox("c2cs", "c2pa.signature", jumbf.Box{Type: "cbor", Data: []byte{0xF6}})))
	}
	return root.Append(nil)
}

func TestParentsThatCannotBeCarriedOver(t *testing.T) {
	foreign := superbox("c2ma", "x")
	unsigned := superbox("c2pa", "c2pa", superbox("c2ma", "urn:c2pa:a"))
	good := superboxOf("c2ma urn:c2pa:a")
	for name, store := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)-1], "behind": append(bytes.Clone(good), 0),
		"no store": foreign.Append(nil), "no manifest": superboxOf(), "not one": superboxOf("uuid x"),
		"twice": superboxOf("c2ma urn:c2pa:a", "c2ma urn:c2pa:a"), "unsigned": unsigned.Append(nil),
		"many": superboxOf(strings.Split(strings.Repeat("c2ma urn,", MaxParents+1), ",")...),
	} {
		m := fullManifest()
		m.Parent = &Parent{Store: store, Results: validated("urn:c2pa:a")}
		if _, _, err := SignDetached(t.Context(), nil, m, testSigner(t, "Ed25519")); !errors.Is(err, ErrParent) {
			t.Errorf("%s: %v, want %v", name, err, ErrParent)
		}
	}
}

func TestParentKeepsUnknownBoxesAndTheLastManifestIsActive(t *testing.T) {
	store := superboxOf("c2ma urn:c2pa:a", "c2um urn:c2pa:b", "zzzz other")
	m := fullManifest()
	m.Parent = &Parent{Store: store, Results: validated("urn:c2pa:b")}
	out, info, err := SignDetached(t.Context(), []byte("text"), m, testSigner(t, "Ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := jumbf.Parse(out)
	if err != nil || len(root.Children) != 4 || root.Children[2].Label != "other" || root.Children[3].Label != info.Label {
		t.Fatalf("store %+v, %v", root, err)
	}
	var in ingredient
	decodeAssertion(t, root.Child(info.Label), labelIngredient, &in)
	if in.ActiveManifest.URL != "self#jumbf=/c2pa/urn:c2pa:b" {
		t.Fatalf("opened %s, want the last manifest", in.ActiveManifest.URL)
	}
}

func TestParentWithOpenLength(t *testing.T) {
	store := superboxOf("c2ma urn:c2pa:a", "c2ma urn:c2pa:b")
	root, _ := jumbf.Parse(store)
	last := len(store) - len(root.Children[1].Data) - 8
	binary.BigEndian.PutUint32(store[last:], 0) // to the end of the store
	a, err := ancestors(store)
	if err != nil {
		t.Fatal(err)
	}
	if want := superboxOf("c2ma urn:c2pa:a", "c2ma urn:c2pa:b"); !bytes.HasSuffix(want, a.boxes) {
		t.Fatal("the open length was not filled in")
	}
}

func TestOwnLabelMustBeNew(t *testing.T) {
	s := testSigner(t, "Ed25519")
	_, all := chain(t, 1, s)
	m := fullManifest()
	m.Label = all[0].Label
	m.Parent = &Parent{Store: all[0].Store, Results: validated(all[0].Label)}
	if _, _, err := SignDetached(t.Context(), nil, m, s); !errors.Is(err, ErrParent) {
		t.Fatalf("%v, want %v", err, ErrParent)
	}
}

func FuzzParent(f *testing.F) {
	s := testSigner(f, "Ed25519")
	_, all := chain(f, 2, s)
	f.Add(all[0].Store)
	f.Add(all[1].Store)
	f.Add(superboxOf("c2ma urn:c2pa:a", "c2um urn:c2pa:b", "zzzz other"))
	f.Add([]byte("\x00\x00\x00\x00jumb\x00\x00\x00\x1ejumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\x03c2pa\x00"))
	f.Fuzz(func(t *testing.T, store []byte) {
		m := fullManifest()
		m.Label, m.InstanceID = "urn:c2pa:00000000-0000-4000-8000-000000000000", "xmp:iid:1" // drawn ones would confuse the fuzzer
		m.Parent = &Parent{Store: store, Results: validated("urn:c2pa:a")}
		d, err := newDraft(m)
		if err != nil {
			return
		}
		binding, err := placeholder(0)
		if err != nil {
			t.Fatal(err)
		}
		out, err := d.store(binding, []byte{0xF6}, []byte{0xF6})
		if err != nil {
			t.Fatal(err)
		}
		root, err := jumbf.Parse(out)
		if err != nil {
			t.Fatalf("what was carried over cannot be read again: %v", err)
		}
		if last := root.Children[len(root.Children)-1]; last.Label != d.label {
			t.Fatalf("the active manifest is %q", last.Label)
		}
	})
}
