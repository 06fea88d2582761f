package container

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// A BMFFExclusion is an entry of the exclusions of c2pa.hash.bmff (specification
// 2.2 section 18.6): which boxes the hash leaves out, or which of their bytes.
// All conditions that are set must hold.
type BMFFExclusion struct {
	// XPath is the path of the boxes: /box/box[2]/box, counting from 1.
	XPath string
	// Length is the box's length with its header; nil for any.
	Length *int64
	// Data is what the box must hold.
	Data []BMFFData
	// Subset are the bytes left out, from the box's first byte; a length of 0
	// reaches to its end. What lies behind the box counts for nothing. Empty
	// means the whole box.
	Subset []Range
	// Version is the version of the box, which must have one; nil for any.
	Version *int
	// Flags are three bytes that the box's flags must equal, or contain if Exact
	// is false; nil for any. A nil Exact means true.
	Flags []byte
	Exact *bool
}

// BMFFData is bytes at an offset from a box's first byte.
type BMFFData struct {
	Offset int64
	Value  []byte
}

// Limits of exclusions.
const (
	maxExclusions = 1 << 10
	maxMatches    = 1 << 17
)

// StandardBMFFExclusions are those that every writer of C2PA uses for a file
// that is hashed whole: the box of the store, ftyp, and mfra.
func StandardBMFFExclusions() []BMFFExclusion {
	return []BMFFExclusion{
		{XPath: "/uuid", Data: []BMFFData{{Offset: 8, Value: []byte(uuidC2PA)}}},
		{XPath: "/ftyp"},
		{XPath: "/mfra"},
	}
}

// HashBMFF feeds a file to h as c2pa.hash.bmff has it, for files that are hashed
// whole (no merkle field). version is that of the assertion: 1 hashes the bytes
// that are left, 2 and 3 put the offset in the file, 8 bytes big-endian, before
// every box of the root that is not left out entirely.
//
// The flags of an exclusion are compared as the specification says; c2pa-rs 0.91
// compares them wrongly, and no known writer uses them.
func HashBMFF(h hash.Hash, data []byte, exclusions []BMFFExclusion, version int) error {
	if version < 1 || version > 3 || len(exclusions) > maxExclusions {
		return fmt.Errorf("bmff: %w: version %d, %d exclusions", ErrContainer, version, len(exclusions))
	}
	top, _, err := parseBMFF(data)
	if err != nil {
		return err
	}
	x := excluder{data: data, root: &box{children: top, whole: Range{0, int64(len(data))}}, gone: map[*box]bool{}}
	for _, e := range exclusions {
		if err := x.exclude(e); err != nil {
			return err
		}
	}
	x.hash(h, top, version > 1)
	return nil
}

// An excluder gathers what a file's hash leaves out.
type excluder struct {
	data   []byte
	root   *box
	ranges []Range
	gone   map[*box]bool // left out whole
}

func (x *excluder) exclude(e BMFFExclusion) error {
	if e.Flags != nil && len(e.Flags) != 3 {
		return fmt.Errorf("bmff: exclusion %q: %w: flags of %d bytes", e.XPath, ErrContainer, len(e.Flags))
	}
	matches, err := find(x.root, e.XPath)
	if err != nil {
		return err
	}
	for _, b := range matches {
		if !e.matches(b, x.data) {
			continue
		}
		if len(x.ranges)+max(1, len(e.Subset)) > maxMatches {
			return fmt.Errorf("bmff: exclusion %q: %w: over %d places", e.XPath, ErrContainer, maxMatches)
		}
		if len(e.Subset) == 0 {
			x.ranges = append(x.ranges, b.whole)
			x.gone[b] = true
			continue
		}
		for _, s := range e.Subset {
			if s.Start < 0 || s.Length < 0 {
				return fmt.Errorf("bmff: exclusion %q: %w: a negative subset", e.XPath, ErrContainer)
			}
			x.subset(b.whole, s)
		}
	}
	return nil
}

// subset leaves out a part of a box.
func (x *excluder) subset(whole, s Range) {
	if s.Start >= whole.Length {
		return
	}
	n := whole.Length - s.Start
	if s.Length != 0 {
		n = min(n, s.Length)
	}
	x.ranges = append(x.ranges, Range{whole.Start + s.Start, n})
}

// find returns the boxes at a path below root.
func find(root *box, path string) ([]*box, error) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok || strings.Count(rest, "/") > maxBoxDepth {
		return nil, fmt.Errorf("bmff: exclusion %q: %w: no path", path, ErrContainer)
	}
	at := []*box{root}
	for _, step := range strings.Split(rest, "/") {
		kind, index, err := parseStep(step)
		if err != nil {
			return nil, fmt.Errorf("bmff: exclusion %q: %w", path, err)
		}
		var next []*box
		for _, b := range at {
			next = append(next, named(b.children, kind, index)...)
		}
		at = next
	}
	return at, nil
}

// parseStep reads box4cc or box4cc[integer]; index 0 means any.
func parseStep(step string) (kind string, index int, err error) {
	if len(step) < 4 {
		return "", 0, fmt.Errorf("%w: no box type %q", ErrContainer, step)
	}
	kind, rest := step[:4], step[4:]
	if rest == "" {
		return kind, 0, nil
	}
	digits, ok := strings.CutSuffix(rest, "]")
	digits, open := strings.CutPrefix(digits, "[")
	index, err = strconv.Atoi(digits)
	if !ok || !open || err != nil || index < 1 || strconv.Itoa(index) != digits {
		return "", 0, fmt.Errorf("%w: no index %q", ErrContainer, rest)
	}
	return kind, index, nil
}

func named(all []*box, kind string, index int) (out []*box) {
	n := 0
	for _, b := range all {
		if b.kind != kind {
			continue
		}
		if n++; index == 0 || n == index {
			out = append(out, b)
		}
	}
	return out
}

// matches reports whether a box at the path meets the other conditions.
func (e BMFFExclusion) matches(b *box, data []byte) bool {
	if e.Length != nil && *e.Length != b.whole.Length {
		return false
	}
	if (e.Version != nil || e.Flags != nil) && !e.matchesHead(b, data) {
		return false
	}
	whole := b.whole.of(data)
	for _, d := range e.Data {
		if d.Offset < 0 || d.Offset > int64(len(whole)) || !bytes.HasPrefix(whole[d.Offset:], d.Value) {
			return false
		}
	}
	return true
}

// matchesHead compares version and flags. The store's own box has them behind
// its UUID.
func (e BMFFExclusion) matchesHead(b *box, data []byte) bool {
	at := b.body()
	if b.kind == "uuid" && bytes.HasPrefix(at.of(data), []byte(uuidC2PA)) {
		at = Range{at.Start + 16, at.Length - 16}
	} else if !b.full {
		return false
	}
	head := at.of(data)
	if len(head) < 4 || e.Version != nil && *e.Version != int(head[0]) {
		return false
	}
	if e.Flags == nil {
		return true
	}
	exact := e.Exact == nil || *e.Exact
	for i, f := range e.Flags {
		if exact && head[1+i] != f || head[1+i]&f != f {
			return false
		}
	}
	return true
}

// hash feeds the boxes to h, and what may stand behind the last of them.
func (x *excluder) hash(h hash.Hash, top []*box, offsets bool) {
	slices.SortFunc(x.ranges, func(a, b Range) int { return int(a.Start - b.Start) })
	var pos int64
	skip := x.ranges
	feed := func(end int64) {
		for pos < end {
			for len(skip) > 0 && skip[0].End() <= pos {
				skip = skip[1:]
			}
			stop := end
			if len(skip) > 0 && skip[0].Start < end {
				stop = max(pos, skip[0].Start)
			}
			h.Write(x.data[pos:stop])
			if pos = stop; pos < end {
				pos = min(end, skip[0].End())
			}
		}
	}
	for _, b := range top {
		if offsets && !x.gone[b] {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(b.whole.Start)))
		}
		feed(b.whole.End())
	}
	feed(int64(len(x.data)))
}
