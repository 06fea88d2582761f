package fingerprint

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// What becomes of a text before its words are compared: it is brought into NFKC
// and case folded (Unicode Standard, section 3.13; folding may undo NFKC, so
// that it is applied again). Letters, digits and their marks are kept. White
// space, slashes, vertical bars, angle and square brackets, en and em dashes part
// words. All else, punctuation, symbols and what does not show, is dropped, so
// that "don't", "don’t" and "**dont**" are one word, and text marks leave no
// trace.
//
// In scripts that are written without spaces each character counts as a word of
// its own, taken together with the three before it: a shingle covers eight.

// What a byte of ASCII is to a word. Letters and digits are their own code, in
// lower case.
const (
	partNone = iota // dropped
	partGap         // parts words
	partWide        // not ASCII
)

// gaps are the characters of ASCII that part words.
const gaps = " \t\n\v\f\r/|<>[]"

var asciiWord = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = partWide
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'z':
			t[c] = byte(c)
		case 'A' <= c && c <= 'Z':
			t[c] = byte(c) + 'a' - 'A'
		}
	}
	for _, c := range []byte(gaps) {
		t[c] = partGap
	}
	return t
}()

// A class says what a character is to a word.
type class uint8

const (
	classDrop   class = iota
	classGap          // parts words
	classLetter       // of a word
	classChar         // a word of its own
)

// spaceless are scripts that are written without spaces between words.
var spaceless = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Yi, unicode.Thai, unicode.Lao, unicode.Khmer,
	unicode.Myanmar, unicode.Tibetan, unicode.Javanese, unicode.Balinese, unicode.Tai_Le, unicode.New_Tai_Lue, unicode.Tai_Tham,
}

// firstSpaceless is the lowest code point of these scripts.
const firstSpaceless = 0x0e00

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		switch asciiWord[r] {
		case partNone:
			return classDrop
		case partGap:
			return classGap
		}
		return classLetter
	case unicode.IsSpace(r), 0x2013 <= r && r <= 0x2015, r == 0x2044: // dashes, fraction slash
		return classGap
	case unicode.In(r, unicode.Cf, unicode.Me, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point),
		!unicode.In(r, unicode.L, unicode.M, unicode.N):
		return classDrop
	case r == 'ー': // of both kana, so of no script
		return classChar
	case r >= firstSpaceless && unicode.In(r, spaceless...):
		return classChar
	}
	return classLetter
}

// wideToken takes the words of a token that is not all ASCII.
func (w *winnower) wideToken(token []byte, start, end int) {
	if !allSimple(token) {
		token = normalise(token)
	}
	var room [2 * maxToken]byte
	word := room[:0]
	for len(token) > 0 {
		r, size := utf8.DecodeRune(token)
		token = token[size:]
		r, c, ok := simple(r)
		if !ok {
			c = classOf(r)
		}
		switch {
		case c == classDrop:
			continue
		case c == classLetter:
			word = utf8.AppendRune(word, r)
			continue
		case len(word) > 0:
			w.word(word, start, end)
			word = word[:0]
		}
		if c == classChar {
			w.char(r, start, end)
		}
	}
	if len(word) > 0 {
		w.word(word, start, end)
	}
}

var folding = cases.Fold() // has no state

// normalise is NFKC, case folding, and NFKC again.
func normalise(text []byte) []byte {
	return norm.NFKC.Bytes(folding.Bytes(norm.NFKC.Bytes(text)))
}
