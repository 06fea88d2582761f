package validate

import (
	"crypto"
	_ "crypto/sha256" // registers SHA-256
	_ "crypto/sha512" // registers SHA-384 and SHA-512
	"crypto/subtle"
	"errors"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/avowai/avow/internal/jumbf"
)

// cborMode reads foreign CBOR: a key twice is an error, nesting and sizes are
// bounded, names match to the letter. Indefinite lengths pass: c2pa-rs writes
// them, and the spec asks readers for well-formedness only.
var cborMode = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	MaxNestedLevels:   32,
	MaxArrayElements:  16384,
	MaxMapPairs:       16384,
	FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
}.DecMode())

func must(m cbor.DecMode, err error) cbor.DecMode {
	if err != nil {
		panic(err) // the options above are constants
	}
	return m
}

// decode reads one CBOR item that fills data.
func decode(data []byte, v any) error {
	if len(data) > maxCBOR {
		return errors.New("too many bytes of CBOR")
	}
	return cborMode.Unmarshal(data, v)
}

// A hashedURI is a reference with the hash of what it points to.
type hashedURI struct {
	URL  string `cbor:"url"`
	Hash []byte `cbor:"hash"`
	Alg  string `cbor:"alg"`
}

// A claim is the content of a claim box. Version 1 is read only.
type claim struct {
	version int
	box     *jumbf.Box
	bytes   []byte // what the signature covers

	InstanceID string          `cbor:"instanceID"`
	Info       cbor.RawMessage `cbor:"claim_generator_info"`
	Generator  string          `cbor:"claim_generator"`
	Signature  string          `cbor:"signature"`
	Assertions []hashedURI     `cbor:"assertions"`
	Created    []hashedURI     `cbor:"created_assertions"`
	Gathered   []hashedURI     `cbor:"gathered_assertions"`
	Redacted   []string        `cbor:"redacted_assertions"`
	Title      string          `cbor:"dc:title"`
	Alg        string          `cbor:"alg"`
	AlgSoft    string          `cbor:"alg_soft"`
}

// refs are all assertions of the claim, in the order in which they count.
func (cl *claim) refs() []hashedURI {
	all := make([]hashedURI, 0, len(cl.Assertions)+len(cl.Created)+len(cl.Gathered))
	return append(append(append(all, cl.Assertions...), cl.Created...), cl.Gathered...)
}

// readClaim finds and reads the claim of a manifest ("Locating and Validating
// the Claim").
func (m *manifest) readClaim() error {
	boxes := onlyKind(m.box, "c2cl")
	switch {
	case len(boxes) == 0:
		return faultf(claimMissing, m.uri(""), "no claim box")
	case len(boxes) > 1:
		return faultf(claimMultiple, m.uri(""), "%d claim boxes", len(boxes))
	}
	cl := &claim{box: boxes[0]}
	switch cl.box.Label {
	case "c2pa.claim":
		cl.version = 1
	case "c2pa.claim.v2":
		cl.version = 2
	default:
		return faultf(claimMissing, m.uri(""), "claim box %q is of no known version", clip(cl.box.Label))
	}
	uri := m.uri(cl.box.Label)
	if !addressable(cl.box) || len(cl.box.Children) != 1 || cl.box.Children[0].Type != "cbor" {
		return faultf(claimCBOR, uri, "a claim is one CBOR box")
	}
	cl.bytes = cl.box.Children[0].Data
	if err := cborMode.Wellformed(cl.bytes); err != nil {
		return faultf(claimCBOR, uri, "%v", err)
	}
	if err := decode(cl.bytes, cl); err != nil {
		return faultf(claimMalformed, uri, "%v", err)
	}
	if cl.version > 1 && !isURN(m.label) {
		return faultf(claimMalformed, uri, "the manifest's label is no URN of C2PA")
	}
	if lack := cl.lacks(); lack != "" {
		return faultf(claimMalformed, uri, "%s", lack)
	}
	m.claim = cl
	if b := only(m.box, "c2pa.assertions"); b != nil && b.UUID.FourCC() == "c2as" && addressable(b) {
		m.assertions = b
	}
	m.index()
	return nil
}

// isURN checks the label of a manifest as far as c2pa-rs does:
// urn:c2pa:UUID[:generator[:version_reason]], or one of the forms of old that hold
// urn:uuid.
func isURN(label string) bool {
	p := strings.Split(label, ":")
	switch {
	case len(p) < 3 || len(p) > 5 || slices.Contains(p[:3], ""):
		return false
	case p[0] == "urn" && p[1] == "c2pa":
		return len(p) == 3 || len(p[3]) <= 32 && !strings.ContainsAny(p[3], " \t")
	}
	return p[0] == "urn" && p[1] == "uuid" || len(p) == 4 && p[1] == "urn" && p[2] == "uuid"
}

// index prepares the assertions for being looked up by their labels.
func (m *manifest) index() {
	m.byLabel = map[string]*jumbf.Box{}
	if m.assertions != nil {
		for i := range m.assertions.Children {
			b := &m.assertions.Children[i]
			if _, twice := m.byLabel[b.Label]; twice || !b.Super() {
				b = nil
			}
			m.byLabel[m.assertions.Children[i].Label] = b
		}
	}
	m.declared = map[string]bool{}
	for i, r := range m.claim.refs() {
		label := m.assertionLabel(r.URL)
		m.refs = append(m.refs, assertionRef{r, label})
		m.declared[label] = m.declared[label] || i < len(m.claim.Created)
	}
}

// lacks says which mandatory field is missing, "" for none.
func (cl *claim) lacks() string {
	switch {
	case cl.InstanceID == "":
		return "no instanceID"
	case cl.Signature == "":
		return "no signature"
	case len(cl.refs()) > maxRefs:
		return "too many assertions"
	case cl.version == 1:
		if cl.Generator == "" || len(cl.Assertions) == 0 {
			return "no claim_generator or no assertions"
		}
		return ""
	case len(cl.Created) == 0:
		return "no created_assertions"
	case len(cl.Assertions) > 0:
		return "assertions of version 1 in a claim of version 2"
	}
	var info generatorInfo
	if decode(cl.Info, &info) != nil || info.Name == "" {
		return "no claim_generator_info with a name"
	}
	return ""
}

// generatorInfo is a generator-info-map.
type generatorInfo struct {
	Name    string     `cbor:"name"`
	Version string     `cbor:"version"`
	Icon    *hashedURI `cbor:"icon"`
}

// info is the generator of a claim of either version.
func (cl *claim) info() (g generatorInfo) {
	if len(cl.Info) == 0 {
		return g
	}
	if cl.version == 2 {
		_ = decode(cl.Info, &g) // lacks has seen it succeed
		return g
	}
	var list []generatorInfo
	if decode(cl.Info, &list) == nil && len(list) > 0 {
		g = list[0]
	}
	return g
}

// hashOf names the hash algorithms that the spec allows.
func hashOf(alg string) (crypto.Hash, bool) {
	h, ok := map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}[alg]
	return h, ok
}

// algorithm is the hash of a reference in a claim: its own, else the claim's.
func (cl *claim) algorithm(own string) (crypto.Hash, *fault) {
	if own == "" {
		own = cl.Alg
	}
	h, ok := hashOf(own)
	if !ok {
		return 0, faultf(algUnsupported, "", "hash algorithm %q", clip(own))
	}
	return h, nil
}

// A sumKey names a run of bytes of the store and an algorithm.
type sumKey struct {
	at *byte
	n  int
	h  crypto.Hash
}

// matches compares the hash of data with one that a manifest states. It hashes
// the same bytes once only: a store can refer to a large box thousands of times.
func (c *checker) matches(h crypto.Hash, data, want []byte) bool {
	if len(data) == 0 {
		return false // no box is empty
	}
	key := sumKey{&data[0], len(data), h}
	sum, ok := c.sums[key]
	if !ok {
		sum = sumOf(h, data)
		if c.sums == nil {
			c.sums = map[sumKey][]byte{}
		}
		c.sums[key] = sum
	}
	return subtle.ConstantTimeCompare(sum, want) == 1
}

func sumOf(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}
