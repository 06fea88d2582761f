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

const (
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
	h := dataHash{Alg: hashAlg, Hash: sum, Name: "jumbf manifest"}
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
	content, err := encodeDataHash(noHash[:], nil)
	return boxed(labelDataHash, content), err
}

// bindFile makes the hard binding of a file in which the room for the store is
// reserved.
func bindFile(format container.Format, file []byte, slot container.Slot) (assertion, error) {
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

var noHash [sha256.Size]byte
