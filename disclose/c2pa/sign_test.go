package c2pa

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/internal/jumbf"
)

// fullManifest uses every field that needs no parent.
func fullManifest() Manifest {
	return Manifest{
		Title:        "cat",
		Generator:    Generator{"avow", "1.2.0"},
		Software:     Generator{"painter", "3"},
		SourceType:   TrainedAlgorithmicMedia,
		When:         time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		SoftBinding:  &SoftBinding{"com.github.avowai.image-mark.1", []byte{0x9f, 0x3c, 0x52, 0xd0, 0x7a, 0xb1, 0xe6, 0x44}},
		AIDisclosure: &AIDisclosure{ModelName: "painter", ModelIdentifier: "https://example.com/painter", Oversight: "prompt_guided"},
		Training:     map[string]string{"cawg.ai_generative_training": "notAllowed", "cawg.data_mining": "allowed"},
	}
}

// decodeAssertion reads an assertion of a manifest.
func decodeAssertion(t testing.TB, m *jumbf.Box, label string, into any) {
	t.Helper()
	box := m.Child("c2pa.assertions").Child(label)
	if box == nil {
		t.Fatalf("no assertion %s", label)
	}
	if err := cbor.Unmarshal(box.Content("cbor").Data, into); err != nil {
		t.Fatalf("%s: %v", label, err)
	}
}

// activeManifest parses a store and checks what every manifest has: the labels
// and hashes of all assertions in the claim, and the signature.
func activeManifest(t testing.TB, store []byte, s *Signer) *jumbf.Box {
	t.Helper()
	root, err := jumbf.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	m := &root.Children[len(root.Children)-1]
	raw := m.Child("c2pa.claim.v2").Content("cbor").Data
	var c claim
	if err := cbor.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	assertions := m.Child("c2pa.assertions").Children
	if len(c.Created) != len(assertions) {
		t.Fatalf("the claim lists %d assertions, there are %d", len(c.Created), len(assertions))
	}
	for i, a := range assertions {
		if want := (hashedURI{"self#jumbf=c2pa.assertions/" + a.Label, digest(&a)}); c.Created[i].URL != want.URL || !bytes.Equal(c.Created[i].Hash, want.Hash) {
			t.Fatalf("assertion %d: the claim has %+v, want %+v", i, c.Created[i], want)
		}
	}
	checkCOSE(t, m.Child("c2pa.signature").Content("cbor").Data, raw, s)
	return m
}

// checkCOSE verifies a claim's signature.
func checkCOSE(t testing.TB, sig, claim []byte, s *Signer) *cose.Sign1Message {
	t.Helper()
	msg := cose.NewSign1Message()
	if err := msg.UnmarshalCBOR(sig); err != nil {
		t.Fatal(err)
	}
	if msg.Payload != nil {
		t.Fatal("the payload is not detached")
	}
	alg, err := msg.Headers.Protected.Algorithm()
	if err != nil {
		t.Fatal(err)
	}
	v, err := cose.NewVerifier(alg, s.Chain[0].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	msg.Payload = claim
	if err := msg.Verify(nil, v); err != nil {
		t.Fatal(err)
	}
	if chain := msg.Headers.Protected[cose.HeaderLabelX5Chain]; !bytes.Equal(chain.([]byte), s.Chain[0].Raw) {
		t.Fatal("x5chain of one certificate is not that certificate")
	}
	return msg
}

// golden is what fullManifest says, in CBOR diagnostic notation, keys in
// deterministic order.
var golden = map[string]string{
	labelSoftBinding:  `{"alg": "com.github.avowai.image-mark.1", "pad": h'', "blocks": [{"scope": {}, "value": h'9f3c52d07ab1e644'}]}`,
	labelActions:      `{"actions": [{"when": 0("2026-11-23T12:00:00Z"), "action": "c2pa.created", "softwareAgent": {"name": "painter", "version": "3"}, "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"}, {"when": 0("2026-11-23T12:00:00Z"), "action": "c2pa.watermarked.bound", "parameters": {"relatedAssertions": [{"url": "self#jumbf=c2pa.assertions/c2pa.soft-binding", "hash": h'ec130bfcf0563b5174458a07ed4766a5542921ede315b3787ab89e0c3840e64a'}]}, "softwareAgent": {"name": "avow", "version": "1.2.0"}}], "allActionsIncluded": true}`,
	labelAIDisclosure: `{"modelName": "painter", "modelType": "c2pa.types.model", "contentProfile": {"humanOversightLevel": "prompt_guided"}, "modelIdentifier": "https://example.com/painter"}`,
	labelTraining:     `{"entries": {"cawg.data_mining": {"use": "allowed"}, "cawg.ai_generative_training": {"use": "notAllowed"}}}`,
}

func TestWhatIsWritten(t *testing.T) {
	s := testSigner(t, "ES256")
	m := fullManifest()
	m.Label, m.InstanceID = "urn:c2pa:00000000-0000-4000-8000-000000000000", "xmp:iid:1"
	_, info, err := Sign(t.Context(), samples(t)["png"].data, m, s)
	if err != nil {
		t.Fatal(err)
	}
	box := activeManifest(t, info.Store, s)
	for label, want := range golden {
		got, err := cbor.Diagnose(box.Child("c2pa.assertions").Child(label).Content("cbor").Data)
		if err != nil || got != want {
			t.Errorf("%s\n got %s %v\nwant %s", label, got, err, want)
		}
	}
	var c claim
	if err := cbor.Unmarshal(box.Child("c2pa.claim.v2").Content("cbor").Data, &c); err != nil {
		t.Fatal(err)
	}
	c.Created = nil
	want := claim{InstanceID: "xmp:iid:1", Generator: agent{"avow", "1.2.0", "2.4.0"}, Signature: "self#jumbf=/c2pa/" + m.Label + "/c2pa.signature", Title: "cat", Alg: "sha256"}
	if c.InstanceID != want.InstanceID || c.Generator != want.Generator || c.Signature != want.Signature || c.Title != want.Title || c.Alg != want.Alg {
		t.Fatalf("claim %+v, want %+v", c, want)
	}
	if box.Label != m.Label || info.Label != m.Label || box.UUID.FourCC() != "c2ma" {
		t.Fatalf("manifest %s of type %s", box.Label, box.UUID.FourCC())
	}
}

func TestLeastManifest(t *testing.T) {
	s := testSigner(t, "Ed25519")
	store, info, err := SignDetached(t.Context(), []byte("text"), Manifest{Generator: Generator{Name: "avow"}, SourceType: TrainedAlgorithmicMedia}, s)
	if err != nil {
		t.Fatal(err)
	}
	m := activeManifest(t, store, s)
	if !manifestLabel.MatchString(m.Label) || m.Label != info.Label || !strings.HasPrefix(info.InstanceID, "xmp:iid:") {
		t.Fatalf("drew %s and %s", m.Label, info.InstanceID)
	}
	if n := len(m.Child("c2pa.assertions").Children); n != 2 {
		t.Fatalf("%d assertions, want the hard binding and the actions", n)
	}
	var h dataHash
	decodeAssertion(t, m, labelDataHash, &h)
	sum := sha256.Sum256([]byte("text"))
	if len(h.Exclusions) != 0 || !bytes.Equal(h.Hash, sum[:]) || info.Stamped || info.StampErr != nil {
		t.Fatalf("hard binding %+v, %+v", h, info)
	}
}

func TestEveryAlgorithmInEveryContainer(t *testing.T) {
	for name, file := range samples(t) {
		for _, alg := range algorithmNames {
			t.Run(name+"/"+alg, func(t *testing.T) {
				s := testSigner(t, alg)
				in := bytes.Clone(file.data)
				out, info, err := Sign(t.Context(), file.data, fullManifest(), s)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(in, file.data) {
					t.Fatal("the input was changed")
				}
				checkFile(t, out, info, s)
			})
		}
	}
}

// checkFile wants the store where Signed says, and the hard binding to match.
func checkFile(t *testing.T, out []byte, info Signed, s *Signer) {
	t.Helper()
	found, err := container.Find(out)
	if err != nil || !bytes.Equal(found.Store, info.Store) || !slices.Equal(found.Exclude, info.Exclude) || found.Format != info.Format {
		t.Fatalf("found %d bytes at %v (%v), Signed says %d at %v", len(found.Store), found.Exclude, err, len(info.Store), info.Exclude)
	}
	m := activeManifest(t, found.Store, s)
	h := sha256.New()
	if info.Format == container.BMFF {
		var says bmffHash
		decodeAssertion(t, m, labelBMFFHash, &says)
		if err := container.HashBMFF(h, out, container.StandardBMFFExclusions(), 3); err != nil || !bytes.Equal(h.Sum(nil), says.Hash) {
			t.Fatalf("BMFF hash does not match (%v)", err)
		}
		return
	}
	var says dataHash
	decodeAssertion(t, m, labelDataHash, &says)
	var ranges []container.Range
	for _, e := range says.Exclusions {
		ranges = append(ranges, container.Range(e))
	}
	if err := container.HashData(h, out, ranges); err != nil || !bytes.Equal(h.Sum(nil), says.Hash) || !slices.Equal(ranges, found.Exclude) {
		t.Fatalf("data hash does not match (%v), exclusions %v", err, ranges)
	}
}

func TestSigningAgainReplacesTheStore(t *testing.T) {
	s := testSigner(t, "Ed25519")
	m := fullManifest()
	m.Label, m.InstanceID = "urn:c2pa:00000000-0000-4000-8000-000000000000", "xmp:iid:1"
	for name, file := range samples(t) {
		once, _, err := Sign(t.Context(), file.data, m, s)
		if err != nil {
			t.Fatal(err)
		}
		twice, _, err := Sign(t.Context(), once, m, s)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s: signed twice differs from once (%v); Ed25519 and a given label leave nothing to chance", name, err)
		}
	}
}

func TestWhatCannotBeSigned(t *testing.T) {
	s := testSigner(t, "Ed25519")
	long := strings.Repeat("x", MaxText+1)
	for name, change := range map[string]func(*Manifest){
		"no generator": func(m *Manifest) { m.Generator.Name = "" }, "no source": func(m *Manifest) { m.SourceType = "" },
		"bare source": func(m *Manifest) { m.SourceType = "trainedAlgorithmicMedia" },
		"label":       func(m *Manifest) { m.Label = "urn:uuid:00000000-0000-4000-8000-000000000000" },
		"label/slash": func(m *Manifest) { m.Label = newLabel() + ":a/b" },
		"long title":  func(m *Manifest) { m.Title = long }, "title": func(m *Manifest) { m.Title = "\xff" },
		"no alg": func(m *Manifest) { m.SoftBinding.Alg = "" }, "no value": func(m *Manifest) { m.SoftBinding.Value = nil },
		"long value": func(m *Manifest) { m.SoftBinding.Value = make([]byte, MaxSoftBinding+1) },
		"oversight":  func(m *Manifest) { m.AIDisclosure.Oversight = "some" },
		"training":   func(m *Manifest) { m.Training["x"] = "maybe" }, "entry": func(m *Manifest) { m.Training[""] = "allowed" },
		"parent format": func(m *Manifest) { m.Parent = &Parent{Format: "image/png; q=1"} },
		"parent text":   func(m *Manifest) { m.Parent = &Parent{Title: long} },
		"no results":    func(m *Manifest) { m.Parent = &Parent{Store: superboxOf("c2ma urn:c2pa:a")} },
		"only results":  func(m *Manifest) { m.Parent = &Parent{Results: validated("x")} },
		"too large":     func(m *Manifest) { m.Parent = &Parent{Store: make([]byte, MaxStore+1), Results: validated("x")} },
	} {
		m := fullManifest()
		change(&m)
		if _, _, err := Sign(t.Context(), samples(t)["png"].data, m, s); !errors.Is(err, ErrManifest) && !errors.Is(err, ErrParent) {
			t.Errorf("%s: %v, want an error about the manifest", name, err)
		}
	}
	if _, _, err := Sign(t.Context(), []byte("text"), fullManifest(), s); !errors.Is(err, container.ErrContainer) {
		t.Errorf("text: %v, want %v", err, container.ErrContainer)
	}
	if _, _, err := Sign(t.Context(), nil, fullManifest(), nil); !errors.Is(err, ErrSigner) {
		t.Errorf("no signer: %v, want %v", err, ErrSigner)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := SignDetached(gone, nil, fullManifest(), s); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestStoreHasALimit(t *testing.T) {
	parent := superbox("c2pa", "c2pa", superbox("c2ma", "urn:c2pa:a", superbox("c2cs", "c2pa.signature", jumbf.Box{Type: "cbor", Data: make([]byte, MaxStore-1000)})))
	m := fullManifest()
	m.Parent = &Parent{Store: parent.Append(nil), Results: validated("urn:c2pa:a")}
	if _, _, err := Sign(t.Context(), samples(t)["png"].data, m, testSigner(t, "Ed25519")); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("%v, want %v", err, ErrTooLarge)
	}
}

func TestOneSignerForManyGoroutines(t *testing.T) {
	s := testSigner(t, "ES256")
	file := samples(t)["jpeg"].data
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, err := Sign(context.Background(), file, fullManifest(), s); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
