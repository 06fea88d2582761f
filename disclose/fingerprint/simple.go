package fingerprint

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Most text needs no Unicode tables to be normalised: a character is simple where
// it becomes one character, whatever stands around it, as long as that is simple
// too. What each one becomes is worked out once.

// simpleBlocks are the blocks whose simple characters are listed: Latin, Greek
// and Cyrillic, punctuation, kana, variation selectors, full-width forms.
var simpleBlocks = [...][2]rune{{0x80, 0x52f}, {0x2000, 0x206f}, {0x3000, 0x30ff}, {0xfe00, 0xfe0f}, {0xff00, 0xffef}}

type simpleRune struct {
	fold  uint16
	class class
	is    bool
}

var simpleTable = sync.OnceValue(func() *[len(simpleBlocks)][]simpleRune {
	var t [len(simpleBlocks)][]simpleRune
	for i, b := range simpleBlocks {
		t[i] = make([]simpleRune, b[1]-b[0]+1)
		for r := b[0]; r <= b[1]; r++ {
			t[i][r-b[0]] = workOut(r)
		}
	}
	return &t
})

// workOut normalises one character.
func workOut(r rune) simpleRune {
	text := []byte(string(r))
	p := norm.NFKC.Properties(text)
	if !p.BoundaryBefore() || p.CCC() != 0 {
		return simpleRune{}
	}
	all := []rune(string(normalise(text)))
	s := simpleRune{class: classOf(all[0]), is: true}
	for _, r := range all[1:] {
		if s.class != classDrop || classOf(r) != classDrop {
			return simpleRune{}
		}
	}
	if q := norm.NFKC.PropertiesString(string(all[0])); all[0] > 0xffff || !q.BoundaryBefore() || q.CCC() != 0 {
		return simpleRune{}
	}
	s.fold = uint16(all[0])
	return s
}

// simple returns what a simple character becomes and its class; any other one is
// returned as it is.
func simple(r rune) (rune, class, bool) {
	switch {
	case r < utf8.RuneSelf:
		switch c := asciiWord[r]; c {
		case partNone:
			return r, classDrop, true
		case partGap:
			return r, classGap, true
		default:
			return rune(c), classLetter, true
		}
	case 0x4e00 <= r && r <= 0x9fff: // CJK Unified Ideographs
		return r, classChar, true
	case 0xac00 <= r && r <= 0xd7a3: // Hangul Syllables
		return r, classLetter, true
	}
	for i, b := range simpleBlocks {
		if r < b[0] {
			break
		}
		if r <= b[1] {
			s := simpleTable()[i][r-b[0]]
			if !s.is {
				return r, 0, false
			}
			return rune(s.fold), s.class, true
		}
	}
	return r, 0, false
}

// allSimple reports whether text is made of simple characters.
func allSimple(text []byte) bool {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if _, _, ok := simple(r); !ok {
			return false
		}
		text = text[size:]
	}
	return true
}
