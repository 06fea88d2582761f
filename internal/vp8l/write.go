package vp8l

import "encoding/binary"

// A bitWriter packs values from the lowest bit of each byte up.
type bitWriter struct {
	out  []byte
	hold uint64 // the n bits that fill no four bytes yet
	n    int
}

// write appends the n lowest bits of v, which has no others; n is at most 32.
func (w *bitWriter) write(v uint32, n int) {
	w.hold |= uint64(v) << w.n
	w.n += n
	if w.n >= 32 {
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(w.hold))
		w.hold >>= 32
		w.n -= 32
	}
}

// close returns all bytes, the last one filled up.
func (w *bitWriter) close() []byte {
	for ; w.n > 0; w.n -= 8 {
		w.out = append(w.out, byte(w.hold))
		w.hold >>= 8
	}
	w.n = 0
	return w.out
}

// writeImage writes an image that serves another one, with one group of codes.
func (w *bitWriter) writeImage(p *plane) {
	w.write(0, 1) // no colour cache
	w.writePixels(p, nil, 1)
}

// writeGroups writes the image itself. blocks says by its green which group of
// codes a block takes.
func (w *bitWriter) writeGroups(p, blocks *plane, groups int) {
	w.write(0, 1)
	w.write(bit(groups > 1), 1)
	if groups > 1 {
		w.write(blockBits-2, 3)
		w.writeImage(blocks)
	}
	w.writePixels(p, blocks, groups)
}

// A codeGroup is the five codes of RFC 9649 section 5.2.1: green with lengths,
// red, blue, alpha, distances.
type codeGroup [5]prefixCode

// counts are how often each symbol of a group is used.
type counts [5][greenSymbols]uint32

// alphabets are the numbers of symbols of the five codes.
var alphabets = [5]int{greenSymbols, 256, 256, 256, distanceSymbols}

func (w *bitWriter) writePixels(p, blocks *plane, groups int) {
	copies := p.matches()
	of := func(i int) int {
		if groups == 1 {
			return 0
		}
		return int(blocks.argb[i/p.width>>blockBits*blocks.width+i%p.width>>blockBits] >> 8 & 0xFF)
	}
	used := make([]counts, groups)
	p.walk(copies, func(i int) { used[of(i)].pixel(p.argb[i]) }, func(c copied) { used[of(int(c.at))].copied(p, c) })
	codes := make([]codeGroup, groups)
	for g := range codes {
		for k, size := range alphabets {
			codes[g][k] = newPrefixCode(used[g][k][:size], maxBits)
			w.writeCode(codes[g][k])
		}
	}
	p.walk(copies, func(i int) { w.pixel(&codes[of(i)], p.argb[i]) }, func(c copied) { w.copied(&codes[of(int(c.at))], p, c) })
}

func (u *counts) pixel(c uint32) {
	u[0][c>>8&0xFF]++
	u[1][c>>16&0xFF]++
	u[2][c&0xFF]++
	u[3][c>>24]++
}

func (u *counts) copied(p *plane, c copied) {
	length, _, _ := prefix(int(c.length))
	distance, _, _ := prefix(p.distanceCode(int(c.distance)))
	u[0][256+length]++
	u[4][distance]++
}

func (w *bitWriter) pixel(g *codeGroup, c uint32) {
	w.symbol(&g[0], int(c>>8&0xFF))
	w.symbol(&g[1], int(c>>16&0xFF))
	w.symbol(&g[2], int(c&0xFF))
	w.symbol(&g[3], int(c>>24))
}

func (w *bitWriter) copied(g *codeGroup, p *plane, c copied) {
	symbol, extra, rest := prefix(int(c.length))
	w.symbol(&g[0], 256+symbol)
	w.write(rest, extra)
	symbol, extra, rest = prefix(p.distanceCode(int(c.distance)))
	w.symbol(&g[4], symbol)
	w.write(rest, extra)
}

func (w *bitWriter) symbol(c *prefixCode, s int) { w.write(uint32(c.bits[s]), int(c.written[s])) }

// writeCode writes a code itself (RFC 9649 section 6.2.1).
func (w *bitWriter) writeCode(c prefixCode) {
	if c.only >= 0 && c.only < 256 { // the simple form; no bits are written for its symbol
		w.write(1, 1)
		w.write(0, 1) // one symbol
		w.write(1, 1) // of eight bits
		w.write(uint32(c.only), 8)
		return
	}
	w.write(0, 1)
	lengths := shorten(c.lengths)
	var used [len(lengthOrder)]uint32
	for _, l := range lengths {
		used[l.symbol]++
	}
	code := newPrefixCode(used[:], maxLengthBits)
	last := len(lengthOrder)
	for last > 4 && code.lengths[lengthOrder[last-1]] == 0 {
		last--
	}
	w.write(uint32(last-4), 4)
	for _, s := range lengthOrder[:last] {
		w.write(uint32(code.lengths[s]), 3)
	}
	w.write(0, 1) // all lengths follow
	for _, l := range lengths {
		w.symbol(&code, int(l.symbol))
		w.write(uint32(l.rest), int(l.extra))
	}
}

// lengthOrder is the order in which the lengths of the code of lengths come.
var lengthOrder = [19]uint8{17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// A codeLength is a symbol of the code of lengths, and the bits behind it.
type codeLength struct{ symbol, extra, rest uint8 }

// shorten writes runs of zeros as one symbol: 17 for 3 to 10, 18 for 11 to 138.
func shorten(lengths []uint8) (out []codeLength) {
	for i := 0; i < len(lengths); {
		run := 0
		for run < 138 && i+run < len(lengths) && lengths[i+run] == 0 {
			run++
		}
		switch {
		case run >= 11:
			out = append(out, codeLength{18, 7, uint8(run - 11)})
		case run >= 3:
			out = append(out, codeLength{17, 3, uint8(run - 3)})
		default:
			out = append(out, codeLength{symbol: lengths[i]})
			run = 1
		}
		i += run
	}
	return out
}
