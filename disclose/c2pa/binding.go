package c2pa

import (
	"crypto/sha256"
	"fmt"

	"github.com/avowai/avow/disclose/c2pa/container"
)

// dataHash is data-hash-map, the hard binding of everything but ISO BMFF.
type dataHash struct {
	Exclusions []exclusion `cbor:"exclusions,omitempty"`
	Alg        string      `cbor:"alg"`
	Hash       []byte      `cbor:"hash"`
	Name       string      `cbor:"name"`
	Pad        []byte      `cbor:"pad"`
}

type exclusion struct {
	Start  int64 `cbor:"start"`
	Length int64 `cbor:"length"`
}

// bmffHash is bmff-hash-map of c2pa.hash.bmff.v3. It leaves boxes out, not
// bytes, so its length does not depend on where they are.
type bmffHash struct {
	Exclusions []bmffExclusion `cbor:"exclusions"`
	Alg        string          `cbor:"alg"`
	Hash       []byte          `cbor:"hash"`
	Name       string          `cbor:"name"`
}

type bmffExclusion struct {
	XPath string     `cbor:"xpath"`
	Data  []bmffData `cbor:"data,omitempty"`
}

type bmffData struct {
	Offset int64  `cbor:"offset"`
	Value  []byte `cbor:"value"`
}

const (
	// bindingName names a hard binding for people.
	bindingName = "jumbf manifest"

	// dataHashSize is the length of every data hash in CBOR. 64 bytes hold all
	// but exclusions and pad, an exclusion at most 32; the pad then has between
	// 24 and 255 bytes, one class of CBOR heads.
	dataHashSize  = 288
	maxExclusions = 4
)

// encodeDataHash encodes a data hash in exactly dataHashSize bytes.
func encodeDataHash(sum []byte, exclude []container.Range) ([]byte, error) {
	if len(exclude) > maxExclusions {
		return nil, fmt.Errorf("c2pa: %d exclusions, want at most %d", len(exclude), maxExclusions)
	}
	h := dataHash{Alg: hashAlg, Hash: sum, Name: bindingName}
	for _, r := range exclude {
		h.Exclusions = append(h.Exclusions, exclusion{r.Start, r.Length})
	}
	bare, err := encoding.Marshal(h)
	if err != nil {
		return nil, err
	}
	if h.Pad, err = padding(dataHashSize - len(bare) + byteStringSize(0)); err != nil {
		return nil, err
	}
	return encoding.Marshal(h)
}

// placeholder is a binding of the final size, to measure the store with.
func placeholder(format container.Format) (assertion, error) {
	if format == container.BMFF {
		return newBMFFHash(noHash[:])
	}
	content, err := encodeDataHash(noHash[:], nil)
	return boxed(labelDataHash, content), err
}

// bindFile makes the hard binding of a file in which the room for the store is
// reserved.
func bindFile(format container.Format, file []byte, slot container.Slot) (assertion, error) {
	if format == container.BMFF {
		return bindBMFF(file)
	}
	return bindData(file, slot.Exclude)
}

// bindData hashes all but the excluded ranges.
func bindData(file []byte, exclude []container.Range) (assertion, error) {
	h := sha256.New()
	if err := container.HashData(h, file, exclude); err != nil {
		return assertion{}, err
	}
	content, err := encodeDataHash(h.Sum(nil), exclude)
	return boxed(labelDataHash, content), err
}

// bindBMFF hashes boxes, each with its place in the file.
func bindBMFF(file []byte) (assertion, error) {
	h := sha256.New()
	if err := container.HashBMFF(h, file, container.StandardBMFFExclusions(), 3); err != nil {
		return assertion{}, err
	}
	return newBMFFHash(h.Sum(nil))
}

func newBMFFHash(sum []byte) (assertion, error) {
	says := bmffHash{Alg: hashAlg, Hash: sum, Name: bindingName}
	for _, e := range container.StandardBMFFExclusions() {
		x := bmffExclusion{XPath: e.XPath}
		for _, d := range e.Data {
			x.Data = append(x.Data, bmffData(d))
		}
		says.Exclusions = append(says.Exclusions, x)
	}
	return newAssertion(labelBMFFHash, says)
}

var noHash [sha256.Size]byte
