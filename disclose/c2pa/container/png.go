package container

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	pngSignature = "\x89PNG\r\n\x1a\n"
	pngKind      = "caBX"
	pngFraming   = 12 // length, type, CRC
)

// A chunk is one chunk of a PNG or RIFF file.
type chunk struct {
	kind  string
	whole Range // with framing; in RIFF without the pad byte
	body  Range
}

// pngChunks lists the chunks up to IEND (PNG section 5.3).
func pngChunks(data []byte) (all []chunk, err error) {
	for pos := int64(len(pngSignature)); ; {
		rest := int64(len(data)) - pos
		if rest < pngFraming {
			return all, fmt.Errorf("png: %w: cut short", ErrContainer)
		}
		size := int64(binary.BigEndian.Uint32(data[pos:]))
		kind := string(data[pos+4 : pos+8])
		switch {
		case size > rest-pngFraming:
			return all, fmt.Errorf("png: chunk %q: %w: cut short", kind, ErrContainer)
		case len(all) >= maxParts:
			return all, fmt.Errorf("png: %w: more than %d chunks", ErrContainer, maxParts)
		}
		c := chunk{kind, Range{pos, size + pngFraming}, Range{pos + 8, size}}
		all = append(all, c)
		if kind == "IEND" {
			return all, nil
		}
		pos = c.whole.End()
	}
}

// scanPNG finds caBX chunks. A new one goes right behind IHDR: the store must
// stand before the pixels.
func scanPNG(data []byte) (s scan, err error) {
	chunks, err := pngChunks(data)
	if len(chunks) == 0 || chunks[0].kind != "IHDR" {
		return s, fmt.Errorf("png: %w: no IHDR chunk", ErrContainer)
	}
	s.at = chunks[0].whole.End()
	for _, c := range chunks {
		switch {
		case c.kind == pngKind && c.body.Length <= MaxStore:
			whole := []Range{c.whole}
			s.stores = append(s.stores, store{whole: whole, parts: []Range{c.body}, exclude: whole})
		case c.kind == pngKind:
			return s, fmt.Errorf("png: chunk %s: %w: over %d bytes", pngKind, ErrContainer, MaxStore)
		case c.kind == "iTXt" && s.xmp == nil:
			s.xmp = pngXMP(c.body.of(data))
		}
	}
	return s, err
}

func framePNG(_ []byte, _ scan, size int) (frame, error) {
	b := make([]byte, pngFraming+size)
	binary.BigEndian.PutUint32(b, uint32(size))
	copy(b[4:], pngKind)
	return frame{
		bytes:   b,
		parts:   []Range{{8, int64(size)}},
		exclude: []Range{{0, int64(len(b))}},
	}, nil
}

// sealPNG sets the CRC, which covers type and data.
func sealPNG(out []byte, s Slot) {
	p := s.parts[0]
	binary.BigEndian.PutUint32(out[p.End():], crc32.ChecksumIEEE(out[p.Start-4:p.End()]))
}
