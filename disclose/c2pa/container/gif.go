package container

import (
	"bytes"
	"fmt"
	"strings"
)

// The application extension that holds a store (annex A, GIF), and the one that
// holds XMP (XMP specification part 3).
const (
	gifStore = "\x21\xFF\x0BC2PA_GIF\x01\x00\x00"
	gifXMP   = "\x21\xFF\x0BXMP DataXMP"
)

// gifBlocks lists the blocks of a GIF file (GIF89a) with the names of box
// hashes; a colour table belongs to the descriptor before it.
func gifBlocks(data []byte) (all []NamedBox, err error) {
	short := fmt.Errorf("gif: %w: cut short", ErrContainer)
	if len(data) < 13 {
		return nil, short
	}
	pos := int64(6)
	all = append(all, NamedBox{"GIF89a", Range{0, pos}})
	add := func(name string, n int64) bool {
		if n < 0 || n > int64(len(data))-pos {
			return false
		}
		all = append(all, NamedBox{name, Range{pos, n}})
		pos += n
		return true
	}
	if !add("LSD", 7+colourTable(data[10])) {
		return all, short
	}
	for pos < int64(len(data)) {
		rest := data[pos:]
		ok := false
		switch {
		case len(all) >= maxParts:
			return all, fmt.Errorf("gif: %w: more than %d blocks", ErrContainer, maxParts)
		case rest[0] == 0x3B:
			add("3B", 1)
			return all, nil
		case rest[0] == 0x2C && len(rest) >= 10:
			ok = add("2C", 10+colourTable(rest[9])) && add("TBID", subBlocks(data, pos, 1))
		case rest[0] == 0x21 && len(rest) >= 2:
			ok = add(extensionName(rest), subBlocks(data, pos, 2))
		}
		if !ok {
			return all, fmt.Errorf("gif: %w: no block at %d", ErrContainer, pos)
		}
	}
	return all, short
}

// colourTable is the size of the table that a packed field announces.
func colourTable(packed byte) int64 {
	if packed&0x80 == 0 {
		return 0
	}
	return 3 << (packed&7 + 1)
}

// subBlocks is the length of a block with head bytes before its sub-blocks, the
// last of which is empty; -1 if the file ends first.
func subBlocks(data []byte, start, head int64) int64 {
	for at := start + head; at < int64(len(data)); {
		n := int64(data[at])
		at += 1 + n
		if n == 0 {
			return at - start
		}
	}
	return -1
}

func extensionName(block []byte) string {
	if bytes.HasPrefix(block, []byte(gifStore)) {
		return BoxC2PA
	}
	return fmt.Sprintf("21%02X", block[1])
}

// scanGIF finds the application extensions of stores. The store is in
// sub-blocks of at most 255 bytes. A new one goes behind the global colour
// table.
func scanGIF(data []byte) (s scan, err error) {
	blocks, err := gifBlocks(data)
	if len(blocks) < 2 {
		return s, err
	}
	s.at = blocks[1].End()
	for _, b := range blocks {
		switch {
		case b.Name == BoxC2PA:
			whole := []Range{b.Range}
			parts := subRanges(data, Range{b.Start + int64(len(gifStore)), b.Length - int64(len(gifStore))})
			s.stores = append(s.stores, store{whole: whole, parts: parts, exclude: whole})
		case s.xmp == nil && strings.HasPrefix(string(b.of(data)), gifXMP):
			s.xmp = xmpOfGIF(b.of(data)[len(gifXMP):])
		}
	}
	return s, err
}

// subRanges are the bytes in sub-blocks.
func subRanges(data []byte, in Range) (out []Range) {
	for pos := in.Start; pos < in.End() && data[pos] != 0; {
		n := int64(data[pos])
		out = append(out, Range{pos + 1, n})
		pos += 1 + n
	}
	return out
}

// xmpOfGIF cuts the 257 bytes off that make XMP, which is no list of
// sub-blocks, look like one: 1, FF to 00, and the terminator.
func xmpOfGIF(body []byte) []byte {
	const trailer = 258
	if len(body) < trailer {
		return nil
	}
	return body[:len(body)-trailer]
}

// frameGIF makes the application extension.
func frameGIF(_ []byte, _ scan, size int) (f frame, err error) {
	const most = 255
	f.bytes = append(make([]byte, 0, len(gifStore)+size+size/most+2), gifStore...)
	for left := size; left > 0; left -= most {
		n := min(left, most)
		f.bytes = append(f.bytes, byte(n))
		f.parts = append(f.parts, Range{int64(len(f.bytes)), int64(n)})
		f.bytes = append(f.bytes, make([]byte, n)...)
	}
	f.bytes = append(f.bytes, 0)
	f.exclude = []Range{{0, int64(len(f.bytes))}}
	return f, nil
}

// fixGIF makes the file a GIF89a, which has extensions.
func fixGIF(out, _ []byte, _ scan, _ edit) error {
	copy(out, "GIF89a")
	return nil
}
