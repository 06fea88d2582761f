package textmark

import (
	"crypto/hmac"
	"crypto/sha256"
	"math/bits"

	"github.com/avowai/avow/watermark"
)

// The layout of a frame. Its 83 bits, most significant first, are
//
//	pattern 3 | version 2 | key hint 2 | index 4 | id 40 | tag 32
//
// written as one number in base 14, most significant digit first, digit d as
// U+FE00 + d. U+FE0E and FE0F are left out: they choose between the plain and
// the coloured form of emoji and are common in text.
const (
	// FrameRunes is the length of a frame in code points.
	FrameRunes = 22
	// FrameBytes is its length in UTF-8; as JSON escapes it takes 132 bytes.
	FrameBytes = 3 * FrameRunes

	base     = 14
	pattern  = 0b101
	version  = 1
	tagBytes = 4

	// firstSelector is digit 0.
	firstSelector = '\uFE00'
	// selectorLead starts the UTF-8 of U+FE00–FE3F.
	selectorLead = "\xef\xb8"
)

// A frame is what 22 digits say.
type frame struct {
	head  byte // version 2 | key hint 2
	index byte // 0 to 15
	id    ID
	tag   [tagBytes]byte
}

// A signer makes and checks the tags of one key.
type signer struct {
	key   [32]byte
	keyID string
	head  byte
}

// newSigner derives what a key's frames need. The hint is two public bits that
// tell two keys of one deployment apart without computing a tag.
func newSigner(k watermark.Key) signer {
	hint := k.Subkey("avow text mark 1: hint")[0] >> 6
	return signer{k.Subkey("avow text mark 1: tag"), k.ID(), version<<2 | hint}
}

// signers returns those of all keys that are keys.
func signers(keys []watermark.Key) []signer {
	out := make([]signer, 0, len(keys))
	for _, k := range keys {
		if !k.IsZero() {
			out = append(out, newSigner(k))
		}
	}
	return out
}

// tag is the head of HMAC-SHA256 (RFC 2104) over the 48 bits before it.
func (s *signer) tag(index byte, id ID) [tagBytes]byte {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte{s.head<<4 | index, id[0], id[1], id[2], id[3], id[4]})
	return [tagBytes]byte(mac.Sum(nil))
}

// frame returns number index of a text, counted modulo 16, as text.
func (s *signer) frame(index int, id ID) string {
	i := byte(index & 15)
	return frame{s.head, i, id, s.tag(i, id)}.String()
}

// verifies reports whether f is this key's.
func (s *signer) verifies(f frame) bool {
	if f.head != s.head {
		return false
	}
	want := s.tag(f.index, f.id)
	return hmac.Equal(want[:], f.tag[:])
}

// String writes the 22 selectors.
func (f frame) String() string {
	hi := uint64(pattern)<<16 | uint64(f.head)<<12 | uint64(f.index)<<8 | uint64(f.id[0])
	var lo uint64
	for _, b := range append(f.id[1:], f.tag[:]...) {
		lo = lo<<8 | uint64(b)
	}
	var out [FrameBytes]byte
	for i := FrameRunes - 1; i >= 0; i-- {
		var digit uint64
		hi, digit = hi/base, hi%base
		lo, digit = bits.Div64(digit, lo, base)
		copy(out[3*i:], selectorLead)
		out[3*i+2] = 0x80 + byte(digit)
	}
	return string(out[:])
}

// parseFrame reads 22 digits. It reports false where the fixed pattern or the
// version is another, as in all but 1 of 54 strings of digits.
func parseFrame(digits []byte) (frame, bool) {
	var hi, lo uint64
	for _, d := range digits {
		over, low := bits.Mul64(lo, base)
		low, carry := bits.Add64(low, uint64(d), 0)
		hi, lo = hi*base+over+carry, low
	}
	f := frame{head: byte(hi>>12) & 15, index: byte(hi>>8) & 15}
	f.id[0] = byte(hi)
	for i := range 4 {
		f.id[1+i] = byte(lo >> (56 - 8*i))
		f.tag[i] = byte(lo >> (24 - 8*i))
	}
	return f, hi>>16 == pattern && f.head>>2 == version
}
