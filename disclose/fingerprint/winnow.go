package fingerprint

import (
	"encoding/binary"
	"math/bits"
)

// A winnower takes words and keeps the hashes of the chosen shingles.
type winnower struct {
	s        *Shingler
	words    [ShingleWords]uint64 // the numbers of the last ones, in a ring
	shingles [Window]uint64
	nWords   int
	nShingle int
	chosen   int // number of the shingle that was chosen last, from 1
	before   [charContext]rune
	hashes   []uint64
	limit    uint64 // hashes above it are not kept; 0 for no limit
	places   *places
	block    [16]byte // for the cipher, which would let a variable escape
}

// places are told of the chosen shingles instead, and where they stand.
type places struct {
	words    [ShingleWords]Span
	shingles [Window]Span
	picked   func(hash uint64, at Span)
}

// charContext is how many characters before it a character of a script without
// spaces is taken together with, so that a shingle covers
// ShingleWords + charContext of them.
const charContext = 3

// mix is the 128-bit product of two numbers folded to 64 bits.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// word takes the next word.
func (w *winnower) word(text []byte, start, end int) {
	w.before = [charContext]rune{}
	w.number(w.s.number(text), start, end)
}

// number is the keyed number of a word.
func (s *Shingler) number(text []byte) uint64 {
	h := s.words ^ uint64(len(text))
	for ; len(text) >= 8; text = text[8:] {
		h = mix(h^binary.LittleEndian.Uint64(text), s.join)
	}
	var last [8]byte
	copy(last[:], text)
	return mix(h^binary.LittleEndian.Uint64(last[:]), s.join)
}

// char takes the next character of a script without spaces. It counts as a word
// that is made of it and the characters before it.
func (w *winnower) char(r rune, start, end int) {
	h := mix(w.s.words^1<<40^uint64(r), w.s.join)
	for i, b := range w.before {
		h = mix(h^uint64(b)^uint64(i)<<32, w.s.join)
	}
	copy(w.before[:], w.before[1:])
	w.before[charContext-1] = r
	w.number(h, start, end)
}

// number takes the number of the next word.
func (w *winnower) number(n uint64, start, end int) {
	w.words[w.nWords%ShingleWords] = n
	if w.places != nil {
		w.places.words[w.nWords%ShingleWords] = Span{start, end}
	}
	w.nWords++
	if w.nWords < ShingleWords {
		return
	}
	sum, first := w.s.order, w.nWords%ShingleWords
	for i := range ShingleWords {
		if i += first; i >= ShingleWords {
			i -= ShingleWords
		}
		sum = mix(sum^w.words[i], w.s.join)
	}
	w.shingles[w.nShingle%Window] = mix(sum, w.s.order)
	if w.places != nil {
		w.places.shingles[w.nShingle%Window] = Span{w.places.words[first].Start, end}
	}
	w.nShingle++
	if w.nShingle >= Window {
		w.choose(Window)
	}
}

// choose keeps the smallest of the last n shingles, unless it was kept already.
func (w *winnower) choose(n int) {
	best := w.nShingle
	least := w.shingles[(best-1)%Window]
	for i := w.nShingle - 1; i > w.nShingle-n; i-- {
		if other := w.shingles[(i-1)%Window]; other < least {
			best, least = i, other
		}
	}
	if best == w.chosen {
		return
	}
	w.chosen = best
	if h := w.hash(least); w.places != nil {
		w.places.picked(h, w.places.shingles[(best-1)%Window])
	} else {
		w.keep(h)
	}
}

// hash is the keyed hash of a shingle's number.
func (w *winnower) hash(n uint64) uint64 {
	binary.LittleEndian.PutUint64(w.block[:8], n)
	binary.LittleEndian.PutUint64(w.block[8:], 0)
	w.s.block.Encrypt(w.block[:], w.block[:])
	return binary.BigEndian.Uint64(w.block[:8])
}

// keep adds a hash, and thins the hashes where they become too many.
func (w *winnower) keep(h uint64) {
	if w.limit != 0 && h > w.limit {
		return
	}
	w.hashes = append(w.hashes, h)
	if len(w.hashes) == MaxTextHashes+MaxTextHashes/2 {
		w.hashes = thin(w.hashes)
		if len(w.hashes) == MaxTextHashes {
			w.limit = w.hashes[MaxTextHashes-1]
		}
	}
}

// rest chooses a shingle of a text that has fewer than a window.
func (w *winnower) rest() {
	if w.nShingle > 0 && w.nShingle < Window {
		w.choose(w.nShingle)
	}
}
