package validate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"image"
	"image/color"
	"image/png"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/internal/jumbf"
)

// A forge writes manifests as good or as bad as a test wants them, which the
// signer of package c2pa refuses to do. The zero value with newForge's fields
// writes a good one.
type forge struct {
	label      string
	assertions []part
	claim      map[string]any // fields over the default ones; nil deletes
	chain      [][]byte
	key        crypto.Signer
	alg        cose.Algorithm

	// The hooks change what was built; all may be nil.
	hash      func(map[string]any)                   // the data hash
	signed    func(*cose.Sign1Message, []byte)       // after signing
	unsigned  func(*cose.Sign1Message)               // before signing
	manifest  func(*jumbf.Box)                       // the manifest box
	stores    func([]jumbf.Box) []jumbf.Box          // the manifests of the store
	reference func(label string, ref map[string]any) // hashed URIs in the claim
	prior     []jumbf.Box                            // manifests before this one
	claimBox  string
	kind      string
	version1  bool
	// bind makes another hard binding than a data hash.
	bind  func(out []byte) part
	bound *part // what it made last
}

// A part is one assertion.
type part struct {
	label    string
	content  any
	gathered bool
	hidden   bool // not declared
}

const testLabel = "urn:c2pa:3f9a1c52-6d0e-4c7b-9a55-0c1d2e3f4a5b"

// testCA is an authority and what it issued, once for all tests.
var testCA = sync.OnceValue(func() (ca struct {
	root *x509.Certificate
	key  *ecdsa.PrivateKey
	leaf []byte
	sign *ecdsa.PrivateKey
}) {
	ca.key, ca.sign = newKey(), newKey()
	ca.root = issue(&x509.Certificate{
		Subject: pkix.Name{Organization: []string{"avow tests"}, CommonName: "root"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: []byte{1},
	}, nil, ca.key.Public(), ca.key)
	ca.leaf = issue(leafTemplate(), ca.root, ca.sign.Public(), ca.key).Raw
	return ca
})

func newKey() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

func leafTemplate() *x509.Certificate {
	return &x509.Certificate{
		Subject:  pkix.Name{Organization: []string{"avow tests"}, CommonName: "leaf"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{signerEKUs[0]},
	}
}

func issue(tmpl, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	tmpl.SerialNumber = big.NewInt(time.Now().UnixNano())
	if tmpl.NotAfter.IsZero() {
		tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	if parent == nil {
		parent = tmpl
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
}

func newForge() *forge {
	ca := testCA()
	return &forge{
		label: testLabel, claimBox: "c2pa.claim.v2", kind: "c2ma",
		chain: [][]byte{ca.leaf}, key: ca.sign, alg: cose.AlgorithmES256,
		assertions: []part{{label: "c2pa.actions.v2", content: actionsOf(created())}},
	}
}

func created() map[string]any {
	return map[string]any{
		"action": "c2pa.created", "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
		"softwareAgent": map[string]any{"name": "painter", "version": "3"},
	}
}

func actionsOf(list ...any) map[string]any {
	return map[string]any{"actions": list, "allActionsIncluded": true}
}

func encode(v any) []byte {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	out, err := mode.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}

func super(fourCC, label string, children ...jumbf.Box) jumbf.Box {
	return jumbf.Box{Type: "jumb", UUID: jumbf.C2PA(fourCC), Label: label, Children: children}
}

// build writes the manifest store for a data hash.
func (f *forge) build(hash []byte, exclude []container.Range) []byte {
	dh := map[string]any{"alg": "sha256", "hash": hash, "pad": []byte{}, "name": "jumbf manifest"}
	var ranges []any
	for _, r := range exclude {
		ranges = append(ranges, map[string]any{"start": r.Start, "length": r.Length})
	}
	if ranges != nil {
		dh["exclusions"] = ranges
	}
	if f.hash != nil {
		f.hash(dh)
	}
	parts := f.assertions
	if f.bound != nil {
		parts = append([]part{*f.bound}, parts...)
	} else if f.kind == "c2ma" && dh["drop"] == nil {
		parts = append([]part{{label: "c2pa.hash.data", content: dh, gathered: dh["gathered"] != nil}}, parts...)
		delete(dh, "gathered")
	}
	var boxes []jumbf.Box
	var made, gathered []any
	for _, p := range parts {
		box := super("cbor", p.label, jumbf.Box{Type: "cbor", Data: raw(p.content)})
		boxes = append(boxes, box)
		sum := sha256.Sum256(box.Append(nil)[8:])
		ref := map[string]any{"url": "self#jumbf=c2pa.assertions/" + p.label, "hash": sum[:]}
		if f.reference != nil {
			f.reference(p.label, ref)
		}
		switch {
		case p.hidden:
		case p.gathered:
			gathered = append(gathered, ref)
		default:
			made = append(made, ref)
		}
	}
	claim := encode(f.fields(made, gathered))
	m := super(f.kind, f.label, super("c2as", "c2pa.assertions", boxes...),
		super("c2cl", f.claimBox, jumbf.Box{Type: "cbor", Data: claim}),
		super("c2cs", "c2pa.signature", jumbf.Box{Type: "cbor", Data: f.cose(claim)}))
	if f.manifest != nil {
		f.manifest(&m)
	}
	all := append(bytes2boxes(f.prior), m)
	if f.stores != nil {
		all = f.stores(all)
	}
	root := super("c2pa", "c2pa", all...)
	return root.Append(nil)
}

func bytes2boxes(b []jumbf.Box) []jumbf.Box { return append([]jumbf.Box(nil), b...) }

func raw(v any) []byte {
	if b, ok := v.([]byte); ok {
		return b
	}
	return encode(v)
}

func (f *forge) fields(made, gathered []any) map[string]any {
	c := map[string]any{
		"instanceID": "xmp:iid:1", "claim_generator_info": map[string]any{"name": "avow", "version": "1", "specVersion": "2.4.0"},
		"signature": "self#jumbf=/c2pa/" + f.label + "/c2pa.signature", "created_assertions": made, "alg": "sha256", "dc:title": "cat",
	}
	if gathered != nil {
		c["gathered_assertions"] = gathered
	}
	if f.version1 {
		delete(c, "created_assertions")
		c["assertions"] = made
	}
	for k, v := range f.claim {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func (f *forge) cose(claim []byte) []byte {
	msg := cose.NewSign1Message()
	msg.Headers.Protected.SetAlgorithm(f.alg)
	if len(f.chain) == 1 {
		msg.Headers.Protected[int64(33)] = f.chain[0]
	} else {
		msg.Headers.Protected[int64(33)] = f.chain
	}
	msg.Headers.Unprotected["pad"] = make([]byte, 32)
	msg.Payload = claim
	if f.unsigned != nil {
		f.unsigned(msg)
	}
	signer, err := cose.NewSigner(f.alg, f.key)
	if err != nil {
		panic(err)
	}
	if err := msg.Sign(rand.Reader, nil, signer); err != nil {
		panic(err)
	}
	msg.Payload = nil
	if f.signed != nil {
		f.signed(msg, claim)
	}
	out, err := msg.MarshalCBOR()
	if err != nil {
		panic(err)
	}
	return out
}

// sign puts the manifest store into a file.
func (f *forge) sign(t testing.TB, file []byte) []byte {
	t.Helper()
	hash, size := make([]byte, 32), 0
	var exclude []container.Range
	for range 8 {
		store := f.build(hash, exclude)
		out, slot, err := container.Reserve(file, len(store))
		if err != nil {
			t.Fatal(err)
		}
		if err := slot.Put(out, store); err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		if err := container.HashData(h, out, slot.Exclude); err != nil {
			t.Fatal(err)
		}
		same := bytes.Equal(h.Sum(nil), hash)
		if f.bind != nil {
			next := f.bind(out)
			same = f.bound != nil && bytes.Equal(raw(next.content), raw(f.bound.content))
			f.bound = &next
		}
		if len(store) == size && same {
			return out
		}
		hash, size, exclude = h.Sum(nil), len(store), slot.Exclude
	}
	t.Fatal("the store has no stable size")
	return nil
}

// testPNG is a small picture of noise.
func testPNG(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	x := uint32(1)
	for i := range w * h {
		x = x*1664525 + 1013904223
		m.SetNRGBA(i%w, i/w, color.NRGBA{uint8(x >> 24), uint8(x >> 16), uint8(x >> 8), 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pool trusts the tests' authority.
func pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(testCA().root)
	return p
}

// check validates a file with the tests' anchor.
func check(t testing.TB, file []byte) *Result {
	t.Helper()
	r, err := Asset(t.Context(), file, Options{Roots: pool()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// failures are the codes of the failed checks.
func failures(r *Result) (codes []string) {
	for _, s := range r.Statuses {
		if s.Kind == Failure {
			codes = append(codes, s.Code)
		}
	}
	return codes
}
