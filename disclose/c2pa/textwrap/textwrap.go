// Package textwrap writes and finds manifest stores in unstructured text: a
// U+FEFF and a run of variation selectors that spell the store's bytes (C2PA
// 2.5, "Embedding manifests into unstructured text"; A.8 of 2.4).
package textwrap

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

const (
	// MaxStore bounds a manifest store in text, in bytes.
	MaxStore = 1 << 20

	magic      = "C2PATXT\x00"
	version    = 1
	headerSize = len(magic) + 1 + 4
	marker     = "\ufeff"
	// maxFound bounds the wrappers that are looked at in one text.
	maxFound = 64
)

// Size is how many bytes of UTF-8 the wrapper of a store takes, padding
// included. It depends on the store's length alone, so that the exclusion of a
// hard binding is known before the store is.
func Size(store int) int { return len(marker) + 4*(headerSize+store) + 6 }

// Append adds the wrapper of a store to a text.
func Append(text, store []byte) []byte {
	start := len(text)
	text = append(text, marker...)
	head := binary.BigEndian.AppendUint32(append([]byte(magic), version), uint32(len(store)))
	for _, part := range [][]byte{head, store} {
		for _, b := range part {
			text = utf8.AppendRune(text, selector(b))
		}
	}
	return pad(text, Size(len(store))-(len(text)-start))
}

// pad adds exactly gap bytes of selectors of 3 and of 4 bytes; gap is 6 or more.
func pad(text []byte, gap int) []byte {
	long := gap % 3
	for range (gap - 4*long) / 3 {
		text = utf8.AppendRune(text, selector(0x00))
	}
	for range long {
		text = utf8.AppendRune(text, selector(0x10))
	}
	return text
}

// selector is the variation selector that stands for a byte.
func selector(b byte) rune {
	if b < 16 {
		return 0xFE00 + rune(b)
	}
	return 0xE0100 + rune(b) - 16
}

// value is the byte that a selector stands for.
func value(r rune) (b byte, ok bool) {
	switch {
	case r >= 0xFE00 && r <= 0xFE0F:
		return byte(r - 0xFE00), true
	case r >= 0xE0100 && r <= 0xE01EF:
		return byte(r - 0xE0100 + 16), true
	}
	return 0, false
}

// A Found is a wrapper in a text: the store in it, and where it stands, in
// bytes, its U+FEFF and padding included.
type Found struct {
	Store         []byte
	Start, Length int
}

// Find returns the wrapper in a text. Several count as none; what begins like one
// and does not hold is passed over.
func Find(text string) (f Found, ok bool) {
	found := 0
	for at := 0; found < maxFound; {
		i := strings.Index(text[at:], marker)
		if i < 0 {
			break
		}
		at += i
		store, size := read(text[at+len(marker):])
		if store != nil {
			found++
			f = Found{store, at, len(marker) + size}
		}
		at += len(marker) + size
	}
	return f, found == 1
}

// Begins reports whether a wrapper begins in a text, well formed or not.
func Begins(text string) bool { return strings.Contains(text, opening) }

// opening is what every wrapper begins with.
var opening = func() string {
	text := []byte(marker)
	for _, b := range []byte(magic) {
		text = utf8.AppendRune(text, selector(b))
	}
	return string(text)
}()

// read reads the run of selectors at the start of text, size bytes long, and the
// store in it, nil where it holds none.
func read(text string) (store []byte, size int) {
	var head [headerSize]byte
	n, want := 0, 0
	for i, r := range text {
		b, ok := value(r)
		if !ok {
			break
		}
		size = i + utf8.RuneLen(r)
		switch {
		case n < headerSize:
			head[n] = b
			if n == headerSize-1 {
				want = storeLength(head[:], len(text))
			}
		case len(store) < want:
			if store == nil {
				store = make([]byte, 0, want)
			}
			store = append(store, b)
		}
		n++
	}
	if n < headerSize || len(store) != want || want == 0 {
		return nil, size
	}
	return store, size
}

// storeLength is the length that a header gives, 0 where it cannot be: every byte
// takes at least three bytes of text.
func storeLength(head []byte, text int) int {
	n := binary.BigEndian.Uint32(head[len(magic)+1:])
	if string(head[:len(magic)]) != magic || head[len(magic)] != version || n > MaxStore || int(n) > text/3 {
		return 0
	}
	return int(n)
}
