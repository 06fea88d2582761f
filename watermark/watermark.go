// Package watermark hides 64 bits in an image and finds them again. It knows
// pixels, keys and payloads: no file format, no label, no HTTP.
//
// The mark has two parts. The template is public: anyone with this package can
// see that a mark is there. The payload is keyed: reading it, and writing one
// from nothing, needs the [Key]. docs/spec/image-mark.md describes both, what
// the mark survives, and how the false positive rates are bounded.
package watermark

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

// TemplateVersion is the version of the public template. Marks of different
// versions do not see each other.
const TemplateVersion = 1

// Errors of this package.
var (
	// ErrTooSmall is returned for an image below MinSide pixels on a side.
	ErrTooSmall = errors.New("watermark: picture too small")
	// ErrTooLarge is returned for an image above MaxPixels.
	ErrTooLarge = errors.New("watermark: picture too large")
	// ErrPayload is returned for a text that is not a payload.
	ErrPayload = errors.New("watermark: not a payload")
)

// A Payload is the 64 bits a mark carries: an opaque identifier.
type Payload [8]byte

// NewPayload draws a random payload.
func NewPayload() (Payload, error) {
	var p Payload
	if _, err := rand.Read(p[:]); err != nil {
		return Payload{}, fmt.Errorf("watermark: random payload: %w", err)
	}
	return p, nil
}

// ParsePayload reads 16 hexadecimal digits.
func ParsePayload(text string) (Payload, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(Payload{}) {
		return Payload{}, fmt.Errorf("%w: want 16 hexadecimal digits", ErrPayload)
	}
	return Payload(raw), nil
}

// String is the payload as 16 lower-case hexadecimal digits.
func (p Payload) String() string { return hex.EncodeToString(p[:]) }

// IsZero reports whether all bits are zero, which stands for "none".
func (p Payload) IsZero() bool { return p == Payload{} }
