package vp8l

import (
	"cmp"
	"math/bits"
	"slices"
)

// Alphabets of the five codes of a group (RFC 9649 section 6.2.3).
const (
	lengthSymbols   = 24
	greenSymbols    = 256 + lengthSymbols
	distanceSymbols = 40
	maxBits         = 15 // of a code
	maxLengthBits   = 7  // of a code of code lengths
)

// A prefixCode is a canonical prefix code.
type prefixCode struct {
	bits    []uint16 // as they are written, lowest first
	lengths []uint8  // as they are stated
	written []uint8  // how many bits are written: none where there is one symbol
	only    int      // the only symbol, 0 where there is none at all, or -1
}

// newPrefixCode makes Huffman's code for the counts, no longer than limit.
//
// Where a code would be too long all counts are halved, rounded up, and it is
// made again: they come to be alike in the end, and a code of alike counts has
// the logarithm of their number for its length. This loses a few bits against
// the best code (Larmore and Hirschberg 1990), which only rare symbols pay.
func newPrefixCode(counts []uint32, limit int) prefixCode {
	c := prefixCode{bits: make([]uint16, len(counts)), lengths: make([]uint8, len(counts)), only: onlySymbol(counts)}
	if c.written = c.lengths; c.only >= 0 {
		c.lengths[c.only], c.written = 1, make([]uint8, len(counts))
		return c
	}
	counts = slices.Clone(counts)
	for !huffman(counts, c.lengths, limit) {
		for i, n := range counts {
			counts[i] = n - n/2
		}
	}
	c.canonical()
	return c
}

// onlySymbol is the one symbol that is used, 0 where none is, or -1.
func onlySymbol(counts []uint32) int {
	only := -1
	for s, n := range counts {
		if n > 0 && only >= 0 {
			return -1
		}
		if n > 0 {
			only = s
		}
	}
	return max(only, 0)
}

// A huffmanNode is a symbol, or the node that joins two others.
type huffmanNode struct {
	count    uint64
	symbol   int
	children [2]int
}

// huffman sets the code lengths for the counts and reports whether they keep to
// the limit. There are at least two symbols.
func huffman(counts []uint32, lengths []uint8, limit int) bool {
	nodes := make([]huffmanNode, 0, 2*len(counts))
	for s, n := range counts {
		lengths[s] = 0
		if n > 0 {
			nodes = append(nodes, huffmanNode{count: uint64(n), symbol: s})
		}
	}
	slices.SortStableFunc(nodes, func(a, b huffmanNode) int { return cmp.Compare(a.count, b.count) })
	leaves := len(nodes)
	nodes = join(nodes)
	depth := make([]int, len(nodes))
	for i := len(nodes) - 1; i >= leaves; i-- {
		for _, child := range nodes[i].children {
			depth[child] = depth[i] + 1
		}
	}
	for i, n := range nodes[:leaves] {
		if depth[i] > limit {
			return false
		}
		lengths[n.symbol] = uint8(depth[i])
	}
	return true
}

// join appends the inner nodes. Both the leaves and what joins them come in
// order of their counts, so the two least are at the front of either queue.
func join(nodes []huffmanNode) []huffmanNode {
	leaves := len(nodes)
	leaf, inner := 0, leaves
	next := func() int {
		if leaf < leaves && (inner == len(nodes) || nodes[leaf].count <= nodes[inner].count) {
			leaf++
			return leaf - 1
		}
		inner++
		return inner - 1
	}
	for range leaves - 1 {
		a := next()
		b := next()
		nodes = append(nodes, huffmanNode{count: nodes[a].count + nodes[b].count, children: [2]int{a, b}})
	}
	return nodes
}

// canonical numbers the codes of each length in the order of their symbols
// (RFC 1951 section 3.2.2), bits reversed as they are read from the lowest up.
func (c prefixCode) canonical() {
	var count, next [maxBits + 1]uint16
	for _, n := range c.lengths {
		count[n]++
	}
	count[0] = 0
	for n := 1; n < len(next); n++ {
		next[n] = (next[n-1] + count[n-1]) << 1
	}
	for s, n := range c.lengths {
		if n > 0 {
			c.bits[s] = bits.Reverse16(next[n]) >> (16 - n)
			next[n]++
		}
	}
}
