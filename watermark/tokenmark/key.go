package tokenmark

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
)

// ErrKey is returned for a text that is not a key. The text is never repeated.
var ErrKey = errors.New("tokenmark: not a key: want a whole number of 64 bits, decimal or with 0x")

// A Key is the secret of a backend's mark: the 64-bit number that vLLM's
// --watermark-config calls key. The zero Key is no key; the number 0 is one.
//
// A Key prints as its public ID, whatever the verb.
type Key struct {
	value uint64
	set   bool
}

// NewKey returns the key of a number. Draw it from 64 random bits: every smaller
// choice can be found by trying, from marked text or from the key's ID.
func NewKey(value uint64) Key { return Key{value, true} }

// ParseKey reads a key as configurations write it, decimal or with 0x.
func ParseKey(text string) (Key, error) {
	value, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		return Key{}, ErrKey
	}
	return NewKey(value), nil
}

// ID is the key's public name: "t-" and the first 4 bytes, in hexadecimal, of
// SHA-256 over a label and the key. It is a name, not a commitment.
func (k Key) ID() string {
	if !k.set {
		return "t-none"
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("avow token mark key"), k.value))
	return "t-" + hex.EncodeToString(sum[:4])
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return !k.set }

// String is the public ID.
func (k Key) String() string { return k.ID() }

// Format prints the public ID for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.ID())) }

// LogValue logs the public ID.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.ID()) }

// MarshalText writes the public ID, so that no encoder writes the secret.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.ID()), nil }

// derive returns one of the two keys of DualGumbel: the first 8 bytes of SHA-256
// over a domain and the key, big-endian both (vllm/config/watermarking.py).
func (k Key) derive(domain string) Key {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(domain), k.value))
	return NewKey(binary.BigEndian.Uint64(sum[:8]))
}
