package jsonscan

import (
	"cmp"
	"slices"
)

// An Edit replaces Del bytes at offset At with Ins.
type Edit struct {
	At, Del int
	Ins     []byte
}

// Apply returns src with the edits done, in one allocation. Edits may come in
// any order but must not overlap; of several insertions at one offset the first
// given comes first, and before a deletion there. Without edits it returns src itself.
func Apply(src []byte, edits []Edit) []byte {
	if len(edits) == 0 {
		return src
	}
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Or(a.At-b.At, min(a.Del, 1)-min(b.Del, 1)) })
	size := len(src)
	for _, e := range edits {
		size += len(e.Ins) - e.Del
	}
	out := make([]byte, 0, size)
	pos := 0
	for _, e := range edits {
		out = append(out, src[pos:e.At]...)
		out = append(out, e.Ins...)
		pos = e.At + e.Del
	}
	return append(out, src[pos:]...)
}
