package watermark

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// keyPrefix starts the text form of a secret and names its version.
const keyPrefix = "avow-key-1"

// checkLen is the length, in bytes, of the checksum in a secret's text form.
const checkLen = 4

// ErrKey is returned for a text that is not a key. The text is never repeated.
var ErrKey = errors.New("watermark: not a key")

// A Key is the secret that hides payloads and finds them again. It is
// symmetric: whoever has it can write marks. The zero Key is no key.
//
// A Key prints as its public ID, whatever the verb.
type Key struct{ secret [32]byte }

// GenerateKey draws a new key.
func GenerateKey() (Key, error) {
	var k Key
	if _, err := rand.Read(k.secret[:]); err != nil {
		return Key{}, fmt.Errorf("watermark: random key: %w", err)
	}
	return k, nil
}

// ParseKey reads the text form that [Key.Secret] writes.
func ParseKey(text string) (Key, error) {
	body, ok := strings.CutPrefix(text, keyPrefix)
	if !ok {
		return Key{}, fmt.Errorf("%w: it has to start with %q", ErrKey, keyPrefix)
	}
	raw, err := hex.DecodeString(body)
	if err != nil || len(raw) != len(Key{}.secret)+checkLen {
		return Key{}, fmt.Errorf("%w: %d hexadecimal digits have to follow %q", ErrKey, 2*(len(Key{}.secret)+checkLen), keyPrefix)
	}
	k := Key{[32]byte(raw)}
	check := k.check()
	if subtle.ConstantTimeCompare(raw[len(k.secret):], check[:]) != 1 {
		return Key{}, fmt.Errorf("%w: its checksum is wrong, a digit was changed or lost", ErrKey)
	}
	if k.IsZero() {
		return Key{}, fmt.Errorf("%w: all zero", ErrKey)
	}
	return k, nil
}

// Secret returns the text form: "avow-key-1", then 64 hexadecimal digits of
// secret and 8 of checksum. It is for the key file alone.
func (k Key) Secret() string {
	check := k.check()
	return keyPrefix + hex.EncodeToString(k.secret[:]) + hex.EncodeToString(check[:])
}

func (k Key) check() [checkLen]byte {
	sum := sha256.Sum256(append([]byte(keyPrefix), k.secret[:]...))
	return [checkLen]byte(sum[:checkLen])
}

// ID is the key's public name: "k-" and the first 4 bytes of the SHA-256 of
// the secret, in hexadecimal.
func (k Key) ID() string {
	if k.IsZero() {
		return "k-none"
	}
	sum := sha256.Sum256(k.secret[:])
	return "k-" + hex.EncodeToString(sum[:4])
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k == Key{} }

// String is the public ID.
func (k Key) String() string { return k.ID() }

// Format prints the public ID for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.ID())) }

// LogValue logs the public ID.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.ID()) }

// MarshalText writes the public ID, so that no encoder writes the secret.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.ID()), nil }

// subkey derives 32 bytes for one purpose of the image mark.
func (k Key) subkey(label string) [32]byte { return k.Subkey("avow image mark 1: " + label) }

// Subkey derives 32 bytes for the purpose that info names (HKDF-SHA256, RFC
// 5869, without salt). Infos differ between marks and versions, so that what
// one of them gives away says nothing about another.
func (k Key) Subkey(info string) [32]byte {
	out, err := hkdf.Key(sha256.New, k.secret[:], nil, info, 32)
	if err != nil {
		panic("watermark: HKDF of 32 bytes: " + err.Error()) // cannot happen: 32 <= 255*32
	}
	return [32]byte(out)
}
