package c2pa

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/avowai/avow/internal/jumbf"
)

// ingredient is ingredient-map-v3.
type ingredient struct {
	Title          string             `cbor:"dc:title,omitempty"`
	Format         string             `cbor:"dc:format,omitempty"`
	InstanceID     string             `cbor:"instanceID,omitempty"`
	Relationship   string             `cbor:"relationship"`
	Results        *ValidationResults `cbor:"validationResults,omitempty"`
	ActiveManifest *hashedURI         `cbor:"activeManifest,omitempty"`
	ClaimSignature *hashedURI         `cbor:"claimSignature,omitempty"`
}

// An ancestry is what a parent's store adds to a new one.
type ancestry struct {
	boxes  []byte // all boxes of its store, byte for byte
	labels []string
	active *jumbf.Box
}

// says is the ingredient assertion about p.
func (p *Parent) says(a *ancestry) ingredient {
	in := ingredient{Title: p.Title, Format: p.Format, InstanceID: p.InstanceID, Relationship: "parentOf"}
	if a == nil {
		return in
	}
	url := "self#jumbf=/c2pa/" + a.active.Label
	in.Results = p.Results
	in.ActiveManifest = &hashedURI{url, digest(a.active)}
	in.ClaimSignature = &hashedURI{url + "/c2pa.signature", digest(a.active.Child("c2pa.signature"))}
	return in
}

// digest is that of a hashed URI to a box.
func digest(b *jumbf.Box) []byte {
	sum := sha256.Sum256(b.Data)
	return sum[:]
}

// manifestTypes are the types of boxes that are manifests: standard, the same
// under its deprecated name, update, compressed.
var manifestTypes = []string{"c2ma", "c2md", "c2um", "c2cm"}

// ancestors reads a parent's store.
func ancestors(store []byte) (*ancestry, error) {
	root, err := jumbf.Parse(store)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParent, err)
	}
	if root.UUID.FourCC() != "c2pa" {
		return nil, fmt.Errorf("%w: its store is no manifest store", ErrParent)
	}
	if len(root.Children) > MaxParents {
		return nil, fmt.Errorf("%w: its store has %d boxes, want at most %d", ErrParent, len(root.Children), MaxParents)
	}
	if n := count(root); n > jumbf.MaxBoxes-spareBoxes {
		return nil, fmt.Errorf("%w: its store has %d boxes in all, and a reader takes no more with another manifest", ErrParent, n)
	}
	a := &ancestry{}
	for i := range root.Children {
		if err := a.add(&root.Children[i]); err != nil {
			return nil, err
		}
	}
	if a.active == nil {
		return nil, fmt.Errorf("%w: its store has no manifest", ErrParent)
	}
	if a.active.Child("c2pa.signature") == nil {
		return nil, fmt.Errorf("%w: the active manifest %s has no signature box, or is compressed", ErrParent, a.active.Label)
	}
	a.boxes, err = children(root)
	return a, err
}

// spareBoxes is room for those of one manifest of this package.
const spareBoxes = 64

func count(b *jumbf.Box) int {
	n := 1
	for i := range b.Children {
		n += count(&b.Children[i])
	}
	return n
}

// add notes one box of the store. Two with one label could not be told apart by
// a URI.
func (a *ancestry) add(b *jumbf.Box) error {
	if b.Label != "" && slices.Contains(a.labels, b.Label) {
		return fmt.Errorf("%w: two boxes are labelled %s", ErrParent, b.Label)
	}
	a.labels = append(a.labels, b.Label)
	if slices.Contains(manifestTypes, b.UUID.FourCC()) {
		a.active = b // the last manifest is the active one
	}
	return nil
}

// children returns the bytes of all boxes behind the description of a superbox.
// The last may leave its length open; another box will follow it, so its length
// is filled in.
func children(root *jumbf.Box) ([]byte, error) {
	head, err := boxLength(root.Data)
	if err != nil {
		return nil, err
	}
	boxes := slices.Clone(root.Data[head:])
	for at := 0; at < len(boxes); {
		n, err := boxLength(boxes[at:])
		if err != nil {
			return nil, err
		}
		if binary.BigEndian.Uint32(boxes[at:]) == 0 {
			binary.BigEndian.PutUint32(boxes[at:], uint32(n))
		}
		at += n
	}
	return boxes, nil
}

// boxLength is the whole length of the box at the start of data.
func boxLength(data []byte) (int, error) {
	if len(data) < 8 {
		return 0, fmt.Errorf("%w: a box of %d bytes", ErrParent, len(data))
	}
	n := uint64(binary.BigEndian.Uint32(data))
	switch {
	case n == 0:
		n = uint64(len(data))
	case n == 1 && len(data) >= 16:
		n = binary.BigEndian.Uint64(data[8:])
	}
	if n < 8 || n > uint64(len(data)) {
		return 0, fmt.Errorf("%w: a box of length %d, %d bytes are there", ErrParent, n, len(data))
	}
	return int(n), nil
}
