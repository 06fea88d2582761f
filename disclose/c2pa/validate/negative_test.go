package validate

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"hash/crc32"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/veraison/go-cose"

	"github.com/avowai/avow/internal/jumbf"
)

// A negative is one change to a good picture, what this package says about it,
// and what the official validator says: its failure codes, or what it threw.
type negative struct {
	name  string
	file  func(t testing.TB) []byte
	state State
	codes []string
}

// forged builds a file with one change to a good manifest.
func forged(change func(f *forge)) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		f := newForge()
		change(f)
		return f.sign(t, testPNG(t, 24, 18))
	}
}

// changed builds a file with one change to the bytes of a good one.
func changed(change func(good []byte) []byte) func(testing.TB) []byte {
	return func(t testing.TB) []byte { return change(newForge().sign(t, testPNG(t, 24, 18))) }
}

// pngChunk frames a chunk.
func pngChunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, kind...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func storeChunk(file []byte) (at, end int) {
	at = bytes.Index(file, []byte("caBX")) - 4
	return at, at + 12 + int(binary.BigEndian.Uint32(file[at:]))
}

// byteNegatives change bytes of a good file.
var byteNegatives = []negative{
	{"flipped IDAT byte", changed(func(g []byte) []byte { g[bytes.Index(g, []byte("IDAT"))+20] ^= 1; return g }),
		Invalid, []string{dataMismatch}},
	{"trailing bytes", changed(func(g []byte) []byte { return append(g, "tail"...) }),
		Invalid, []string{dataMismatch}},
	{"chunk before the manifest", changed(func(g []byte) []byte {
		at, _ := storeChunk(g)
		return slices.Insert(g, at, pngChunk("tEXt", []byte("k\x00v"))...)
	}), Invalid, []string{dataMismatch}},
	{"two manifest stores", changed(func(g []byte) []byte {
		at, end := storeChunk(g)
		return slices.Insert(g, end, bytes.Clone(g[at:end])...)
	}), None, nil},
	{"stripped manifest", changed(func(g []byte) []byte { at, end := storeChunk(g); return slices.Delete(g, at, end) }),
		None, nil},
	{"flipped claim byte", changed(func(g []byte) []byte { g[bytes.Index(g, []byte("dc:title"))+9] ^= 1; return g }),
		Invalid, []string{signatureMismatch}},
	{"flipped assertion byte", changed(func(g []byte) []byte { g[bytes.Index(g, []byte("painter"))] ^= 1; return g }),
		Invalid, []string{assertionMismatch}},
	{"padding of the signature", changed(func(g []byte) []byte { g[bytes.Index(g, []byte("cpadX"))+10] = 'x'; return g }),
		Invalid, []string{dataMismatch}},
}

// claimNegatives are signed as they are.
var claimNegatives = []negative{
	{"missing assertion", forged(func(f *forge) {
		f.manifest = func(m *jumbf.Box) { m.Children[0].Children = m.Children[0].Children[:1] }
	}), Invalid, []string{assertionMissing, claimNoActions}},
	{"undeclared assertion", forged(func(f *forge) {
		f.assertions = append(f.assertions, part{label: "com.example.more", content: map[string]any{"a": 1}, hidden: true})
	}), Invalid, []string{assertionUndeclared}},
	{"wrong assertion hash", forged(func(f *forge) {
		f.reference = func(label string, ref map[string]any) {
			if label == "c2pa.actions.v2" {
				ref["hash"] = make([]byte, 32)
			}
		}
	}), Invalid, []string{assertionMismatch}},
	{"hard binding in gathered", forged(func(f *forge) { f.hash = func(h map[string]any) { h["gathered"] = true } }),
		Invalid, []string{claimNoBinding}},
	{"no hard binding", forged(func(f *forge) { f.hash = func(h map[string]any) { h["drop"] = true } }),
		Invalid, []string{claimNoBinding}},
	{"two hard bindings", forged(func(f *forge) {
		f.assertions = append(f.assertions, part{label: "c2pa.hash.data__1", content: map[string]any{"alg": "sha256", "hash": make([]byte, 32), "pad": []byte{}}})
	}), Invalid, []string{multipleBindings}},
	{"no assertion store", forged(func(f *forge) { f.manifest = func(m *jumbf.Box) { m.Children = m.Children[1:] } }),
		Invalid, []string{assertionMissing, claimNoBinding, claimNoActions}},
	{"no claim", forged(func(f *forge) { f.manifest = func(m *jumbf.Box) { m.Children = slices.Delete(m.Children, 1, 2) } }),
		Invalid, []string{claimMissing}},
	{"two claims", forged(func(f *forge) { f.manifest = func(m *jumbf.Box) { m.Children = append(m.Children, m.Children[1]) } }),
		Invalid, []string{claimMultiple}},
	{"claim of an unknown version", forged(func(f *forge) { f.claimBox = "c2pa.claim.v3" }),
		Invalid, []string{claimMissing}},
	{"no signature", forged(func(f *forge) { f.manifest = func(m *jumbf.Box) { m.Children = m.Children[:2] } }),
		Invalid, []string{signatureMissing}},
	{"signature elsewhere", forged(func(f *forge) {
		f.claim = map[string]any{"signature": "self#jumbf=/c2pa/urn:c2pa:other/c2pa.signature"}
	}),
		Invalid, []string{signatureMissing}},
	{"label that is no URN", forged(func(f *forge) { f.label = "cat"; f.claim = map[string]any{"signature": "self#jumbf=c2pa.signature"} }),
		Invalid, []string{claimMalformed}},
	{"no instanceID", forged(func(f *forge) { f.claim = map[string]any{"instanceID": nil} }),
		Invalid, []string{claimMalformed}},
	{"generator info as a list", forged(func(f *forge) {
		f.claim = map[string]any{"claim_generator_info": []any{map[string]any{"name": "avow"}}}
	}), Invalid, []string{claimMalformed}},
	{"no algorithm", forged(func(f *forge) { f.claim = map[string]any{"alg": nil} }),
		Invalid, []string{algUnsupported}},
	{"unknown algorithm", forged(func(f *forge) { f.claim = map[string]any{"alg": "md5"} }),
		Invalid, []string{algUnsupported}},
	{"self redaction", forged(func(f *forge) {
		f.claim = map[string]any{"redacted_assertions": []string{"self#jumbf=/c2pa/" + testLabel + "/c2pa.assertions/com.example"}}
	}), Invalid, []string{selfRedacted}},
	{"exclusion too long", forged(func(f *forge) { f.hash = stretch(0, 40) }), Invalid, []string{dataMismatch}},
	{"exclusion too short", forged(func(f *forge) { f.hash = stretch(0, -4) }), Invalid, []string{dataMismatch}},
	{"exclusions overlap", forged(func(f *forge) {
		f.hash = func(h map[string]any) {
			if list, ok := h["exclusions"].([]any); ok {
				h["exclusions"] = append(list, list[0])
			}
		}
	}), Invalid, []string{dataMalformed}},
	{"text as the hash", forged(func(f *forge) { f.hash = func(h map[string]any) { h["hash"] = "x" } }),
		Invalid, []string{dataMalformed}},
}

func stretch(start, length int64) func(map[string]any) {
	return func(h map[string]any) {
		list, _ := h["exclusions"].([]any)
		for _, e := range list {
			e.(map[string]any)["start"] = e.(map[string]any)["start"].(int64) + start
			e.(map[string]any)["length"] = e.(map[string]any)["length"].(int64) + length
		}
	}
}

// withActions replaces the actions assertion.
func withActions(list ...any) func(testing.TB) []byte {
	return forged(func(f *forge) { f.assertions = []part{{label: "c2pa.actions.v2", content: actionsOf(list...)}} })
}

var actionNegatives = []negative{
	{"no actions", forged(func(f *forge) { f.assertions = []part{{label: "com.example", content: 1}} }),
		Invalid, []string{claimNoActions}},
	{"empty actions", withActions(), Invalid, []string{actionMalformed}},
	{"created is second", withActions(map[string]any{"action": "c2pa.edited", "digitalSourceType": "x"}, created()),
		Invalid, []string{actionMalformed}},
	{"created twice", withActions(created(), created()), Invalid, []string{actionMalformed}},
	{"created without source type", withActions(map[string]any{"action": "c2pa.created"}),
		Invalid, []string{actionMalformed}},
	{"action without a name", withActions(created(), map[string]any{"digitalSourceType": "x"}),
		Invalid, []string{actionMalformed}},
	{"opened without ingredient", withActions(map[string]any{"action": "c2pa.opened"}),
		Invalid, []string{actionIngredient}},
	{"opened of nothing", withActions(map[string]any{"action": "c2pa.opened", "parameters": map[string]any{
		"ingredients": []any{map[string]any{"url": "self#jumbf=c2pa.assertions/c2pa.ingredient.v3", "hash": make([]byte, 32)}}}}),
		Invalid, []string{actionIngredient, hashedURIMissing}},
	{"bound watermark without soft binding", withActions(created(), map[string]any{"action": "c2pa.watermarked.bound"}),
		Invalid, []string{actionSoftBinding}},
	{"redacted without address", withActions(created(), map[string]any{"action": "c2pa.redacted"}),
		Invalid, []string{actionRedaction}},
	{"translated without languages", withActions(created(), map[string]any{"action": "c2pa.translated"}),
		Invalid, []string{actionMalformed}},
	{"malformed CBOR in an assertion", forged(func(f *forge) {
		f.assertions = append(f.assertions, part{label: "c2pa.soft-binding", content: []byte{0xA1, 0x61}})
	}), Invalid, []string{assertionCBOR}},
}

// certified signs with a certificate of the tests' authority.
func certified(change func(*x509.Certificate)) func(testing.TB) []byte {
	return forged(func(f *forge) {
		ca, key, tmpl := testCA(), newKey(), leafTemplate()
		change(tmpl)
		f.key, f.chain = key, [][]byte{issue(tmpl, ca.root, key.Public(), ca.key).Raw}
	})
}

var credentialNegatives = []negative{
	{"expired", certified(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
	}), Invalid, []string{signatureOutside}},
	{"no key usage for signatures", certified(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }),
		Invalid, []string{credentialInvalid}},
	{"an authority's certificate", certified(func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.SubjectKeyId = true, true, []byte{2}
		c.KeyUsage |= x509.KeyUsageCertSign
	}), Invalid, []string{credentialInvalid}},
	{"another extended key usage", certified(func(c *x509.Certificate) {
		c.ExtKeyUsage, c.UnknownExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, nil
	}), Invalid, []string{credentialInvalid}},
	{"any extended key usage", certified(func(c *x509.Certificate) {
		c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageAny)
	}), Invalid, []string{credentialInvalid}},
	{"time stamps and more", certified(func(c *x509.Certificate) {
		c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageTimeStamping)
	}), Invalid, []string{credentialInvalid}},
	{"no certificate", forged(func(f *forge) {
		f.unsigned = func(m *cose.Sign1Message) { delete(m.Headers.Protected, int64(33)) }
	}), Invalid, []string{credentialInvalid}},
	{"certificates twice", forged(func(f *forge) {
		f.signed = func(m *cose.Sign1Message, _ []byte) { m.Headers.Unprotected[int64(33)] = testCA().leaf }
	}), Invalid, []string{signatureMismatch}},
	{"another claim as payload", forged(func(f *forge) {
		f.signed = func(m *cose.Sign1Message, claim []byte) { m.Payload = append(bytes.Clone(claim), 0) }
	}), Invalid, []string{signatureMismatch}},
	{"signature in DER", forged(func(f *forge) {
		f.signed = func(m *cose.Sign1Message, _ []byte) {
			r, s := new(big.Int).SetBytes(m.Signature[:32]), new(big.Int).SetBytes(m.Signature[32:])
			m.Signature, _ = asn1.Marshal(struct{ R, S *big.Int }{r, s})
			m.Headers.Unprotected["pad"] = make([]byte, 32+72-len(m.Signature))
		}
	}), Invalid, []string{signatureMismatch}},
	{"another key", forged(func(f *forge) { f.key = newKey() }), Invalid, []string{signatureMismatch}},
}

func negatives() []negative {
	return slices.Concat(byteNegatives, claimNegatives, actionNegatives, credentialNegatives)
}

func TestOneChangeIsRefused(t *testing.T) {
	for _, n := range negatives() {
		t.Run(n.name, func(t *testing.T) {
			r := check(t, n.file(t))
			got := slices.Compact(slices.Sorted(slices.Values(failures(r))))
			want := slices.Sorted(slices.Values(n.codes))
			if r.State != n.state || !slices.Equal(got, want) {
				t.Fatalf("state %v with %v, want %v with %v", r.State, got, n.state, want)
			}
		})
	}
}
