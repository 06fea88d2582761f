package container

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

const (
	riffHeader  = 12 // "RIFF", size, form type
	riffFraming = 8
	riffKind    = "C2PA"
)

// riffEnd is where the first RIFF chunk ends.
func riffEnd(data []byte) (int64, error) {
	end := int64(binary.LittleEndian.Uint32(data[4:])) + 8
	if end < riffHeader || end > int64(len(data)) {
		return 0, fmt.Errorf("riff: %w: the header says %d bytes, there are %d", ErrContainer, end, len(data))
	}
	return end, nil
}

// riffChunks lists the chunks of the first RIFF chunk, without going into lists.
// The last may lack its pad byte.
func riffChunks(data []byte) (all []chunk, end int64, err error) {
	end, err = riffEnd(data)
	if err != nil {
		return nil, 0, err
	}
	for pos := int64(riffHeader); pos < end; {
		if end-pos < riffFraming {
			return all, end, fmt.Errorf("riff: %w: %d bytes are no chunk", ErrContainer, end-pos)
		}
		size := int64(binary.LittleEndian.Uint32(data[pos+4:]))
		c := chunk{string(data[pos : pos+4]), Range{pos, size + riffFraming}, Range{pos + riffFraming, size}}
		switch {
		case c.whole.End() > end:
			return all, end, fmt.Errorf("riff: chunk %q: %w: %d bytes reach behind the file", c.kind, ErrContainer, size)
		case len(all) >= maxParts:
			return all, end, fmt.Errorf("riff: %w: more than %d chunks", ErrContainer, maxParts)
		}
		all = append(all, c)
		pos = c.whole.End() + size&1
	}
	return all, end, nil
}

// scanRIFF finds C2PA chunks. The exclusion has no pad byte: it is not part of
// a chunk's size, and the official validator hashes it. A new store goes last.
func scanRIFF(data []byte) (s scan, err error) {
	chunks, end, err := riffChunks(data)
	s.at = end
	if bytes.HasPrefix(data[end:], []byte("RIFF")) { // OpenDML: its indexes hold places in the file
		s.refuse = fmt.Errorf("riff: %w: a file of several RIFF chunks is only read", ErrContainer)
	}
	for _, c := range chunks {
		switch {
		case c.kind == riffKind && c.body.Length <= MaxStore:
			padded := Range{c.whole.Start, min(c.whole.Length+c.body.Length&1, end-c.whole.Start)}
			s.stores = append(s.stores, store{whole: []Range{padded}, parts: []Range{c.body}, exclude: []Range{c.whole}})
		case c.kind == riffKind:
			return s, fmt.Errorf("riff: chunk %s: %w: over %d bytes", riffKind, ErrContainer, MaxStore)
		case (c.kind == "XMP " || c.kind == "_PMX") && s.xmp == nil:
			s.xmp = c.body.of(data)
		}
	}
	return s, err
}

// frameRIFF makes the chunk, with the pad byte that the chunk before it may lack
// in front and its own behind.
func frameRIFF(data []byte, s scan, size int) (frame, error) {
	head := 0
	if s.lacksPad() {
		head = 1
	}
	b := make([]byte, head+riffFraming+size+size&1)
	copy(b[head:], riffKind)
	binary.LittleEndian.PutUint32(b[head+4:], uint32(size))
	whole := Range{int64(head), int64(riffFraming + size)}
	return frame{bytes: b, parts: []Range{{whole.Start + riffFraming, int64(size)}}, exclude: []Range{whole}}, nil
}

// lacksPad reports whether what is left in front of a new chunk ends at an odd
// offset: all chunks start at even ones.
func (s scan) lacksPad() bool {
	n := s.at
	for _, c := range cuts(s.stores) {
		n -= c.Length
	}
	return n&1 == 1
}

// fixRIFF sets the size in the header.
func fixRIFF(out, _ []byte, s scan, e edit) error {
	size := s.at - 8 + e.growth()
	if size > math.MaxUint32 {
		return fmt.Errorf("riff: %w: over 4 GiB", ErrContainer)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(size))
	return nil
}
