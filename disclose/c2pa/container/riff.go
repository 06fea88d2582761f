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
	// riffUnknown is the least that writers to a pipe put for a length they do
	// not know: sox 2 GiB less some, ffmpeg and speech services 4 GiB less one.
	riffUnknown = 0x7FFF0000
)

// riffEnd is where the first RIFF chunk ends. streamed says that its header gives
// no length, as of a WAV written to a pipe: then it ends with the file.
func riffEnd(data []byte) (end int64, streamed bool, err error) {
	size := int64(binary.LittleEndian.Uint32(data[4:]))
	end = size + 8
	switch {
	case string(data[8:12]) == "WAVE" && (size == 0 || size >= riffUnknown && end > int64(len(data))):
		return int64(len(data)), true, nil
	case end < riffHeader || end > int64(len(data)):
		return 0, false, fmt.Errorf("riff: %w: the header says %d bytes, there are %d", ErrContainer, end, len(data))
	}
	return end, false, nil
}

// A riffList is the chunks of the first RIFF chunk.
type riffList struct {
	chunks   []chunk
	end      int64
	streamed bool // the last chunk has no length either
}

// riffChunks lists the chunks, without going into lists. The last may lack its
// pad byte.
func riffChunks(data []byte) (l riffList, err error) {
	l.end, l.streamed, err = riffEnd(data)
	for pos := int64(riffHeader); err == nil && pos < l.end; {
		if l.end-pos < riffFraming {
			return l, fmt.Errorf("riff: %w: %d bytes are no chunk", ErrContainer, l.end-pos)
		}
		size := int64(binary.LittleEndian.Uint32(data[pos+4:]))
		c := chunk{string(data[pos : pos+4]), Range{pos, size + riffFraming}, Range{pos + riffFraming, size}}
		if l.streamed && c.kind == "data" && (size == 0 || size >= riffUnknown) {
			c.whole.Length, c.body.Length = l.end-pos, l.end-pos-riffFraming
			l.chunks = append(l.chunks, c)
			return l, nil
		}
		switch {
		case c.whole.End() > l.end:
			return l, fmt.Errorf("riff: chunk %q: %w: %d bytes reach behind the file", c.kind, ErrContainer, size)
		case len(l.chunks) >= maxParts:
			return l, fmt.Errorf("riff: %w: more than %d chunks", ErrContainer, maxParts)
		}
		l.chunks = append(l.chunks, c)
		pos = c.whole.End() + size&1
	}
	if err == nil && l.streamed {
		err = fmt.Errorf("riff: %w: no length, and no data chunk without one", ErrContainer)
	}
	return l, err
}

// scanRIFF finds C2PA chunks. The exclusion has no pad byte: it is not part of
// a chunk's size, and the official validator hashes it. A new store goes last.
func scanRIFF(data []byte) (s scan, err error) {
	l, err := riffChunks(data)
	end := l.end
	s.at, s.keep = end, l
	if bytes.HasPrefix(data[end:], []byte("RIFF")) { // OpenDML: its indexes hold places in the file
		s.refuse = fmt.Errorf("riff: %w: a file of several RIFF chunks is only read", ErrContainer)
	}
	for _, c := range l.chunks {
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

// fixRIFF sets the size in the header, and in the data chunk of a streamed file:
// with something behind it, its length must be known.
func fixRIFF(out, _ []byte, s scan, e edit) error {
	size := s.at - 8 + e.growth()
	if size > math.MaxUint32 {
		return fmt.Errorf("riff: %w: over 4 GiB", ErrContainer)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(size))
	if l, _ := s.keep.(riffList); l.streamed {
		last := l.chunks[len(l.chunks)-1]
		binary.LittleEndian.PutUint32(out[e.moved(last.whole.Start)+4:], uint32(last.body.Length))
	}
	return nil
}
