package imagemeta

import (
	"encoding/binary"
	"fmt"
)

// Flags of the VP8X chunk (RFC 9649 section 2.7.1).
const (
	webpXMPFlag   = 0x04
	webpAnimation = 0x02
	webpAlpha     = 0x10
)

// riffEnd is where the RIFF chunk ends, at most at the end of the data. whole
// says whether the data reaches as far as its header says.
func riffEnd(data []byte) (end int, whole bool) {
	size := int64(binary.LittleEndian.Uint32(data[4:])) + 8
	return int(min(size, int64(len(data)))), size <= int64(len(data))
}

// webpChunks lists the chunks of the RIFF file. whole says whether all bytes
// that its headers announce are there.
func webpChunks(data []byte) (all []chunk, whole bool, err error) {
	limit, whole := riffEnd(data)
	for pos := 12; pos+8 <= limit; {
		if len(all) >= maxChunks {
			return nil, false, fmt.Errorf("webp: %w: more than %d chunks", ErrTooLarge, maxChunks)
		}
		n := int64(binary.LittleEndian.Uint32(data[pos+4:]))
		end := int64(pos) + 8 + n + n&1
		c := chunk{kind: string(data[pos : pos+4]), start: pos, from: pos + 8, whole: int64(pos)+8+n <= int64(limit)}
		c.end = int(min(end, int64(limit)))
		c.to = int(min(int64(c.from)+n, int64(limit)))
		all = append(all, c)
		whole = whole && c.whole
		pos = c.end
	}
	if len(all) == 0 {
		return nil, false, fmt.Errorf("webp: %w: no chunk", ErrMalformed)
	}
	return all, whole, nil
}

func probeWebP(data []byte) (Info, error) {
	chunks, whole, err := webpChunks(data)
	if err != nil {
		return Info{}, err
	}
	end, _ := riffEnd(data)
	info := Info{Format: WebP, Complete: whole, Depth: 8, Channels: 4, Trailing: len(data) - end}
	for _, c := range chunks {
		body := c.data(data)
		w, h := webpSize(c.kind, body)
		switch {
		case w == 0:
		case info.Width == 0: // the first size is the one that decoders go by
			info.Width, info.Height = w, h
		case (w != info.Width || h != info.Height) && !info.Animated:
			return Info{}, fmt.Errorf("webp: chunk %q: %w: %d x %d pixels on a canvas of %d x %d", c.kind, ErrMalformed, w, h, info.Width, info.Height)
		}
		switch c.kind {
		case "VP8X":
			info.Animated = info.Animated || len(body) > 0 && body[0]&webpAnimation != 0
		case "VP8 ":
			info.Lossy = true
		case "XMP ":
			info.HasXMP = true
		case "ICCP":
			info.HasICC = true
		case "EXIF":
			info.HasEXIF = true
		case "C2PA":
			info.HasC2PA = true
		}
	}
	if info.Width == 0 || info.Height == 0 {
		return Info{}, fmt.Errorf("webp: %w: no frame header", ErrMalformed)
	}
	return info, nil
}

// webpSize is the size in pixels that a chunk states, or 0 where it states none.
func webpSize(kind string, body []byte) (width, height int) {
	switch {
	case kind == "VP8X" && len(body) >= 10:
		return 1 + int(uint24(body[4:])), 1 + int(uint24(body[7:]))
	case kind == "VP8 " && len(body) >= 10:
		return int(binary.LittleEndian.Uint16(body[6:]) & 0x3FFF), int(binary.LittleEndian.Uint16(body[8:]) & 0x3FFF)
	case kind == "VP8L" && len(body) >= 5:
		bits := binary.LittleEndian.Uint32(body[1:])
		return 1 + int(bits&0x3FFF), 1 + int(bits>>14&0x3FFF)
	}
	return 0, 0
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

func webpXMP(data []byte) ([]byte, error) {
	chunks, _, err := webpChunks(data)
	if err != nil {
		return nil, err
	}
	for _, c := range chunks {
		if c.kind != "XMP " || !c.whole {
			continue
		}
		if c.to-c.from > MaxXMP {
			return nil, fmt.Errorf("webp: chunk XMP: %w", ErrTooLarge)
		}
		return c.data(data), nil
	}
	return nil, nil
}

func makeRIFF(kind string, body []byte) []byte {
	out := append(make([]byte, 0, 9+len(body)), kind...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

// writeWebP sets the XMP flag of VP8X, adding that chunk to a simple file, and
// puts the packet at the end, where RFC 9649 section 2.7 wants it. All other
// chunks keep their bytes and their order.
func writeWebP(data, packet []byte) ([]byte, error) {
	info, err := probeWebP(data)
	if err != nil {
		return nil, err
	}
	if !info.Complete {
		return nil, fmt.Errorf("webp: %w: file is cut off", ErrMalformed)
	}
	chunks, _, err := webpChunks(data)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(data)+len(packet)+64), data[:12]...)
	if chunks[0].kind != "VP8X" {
		out = append(out, makeRIFF("VP8X", extendedHeader(info, chunks[0], data))...)
	}
	for _, c := range chunks {
		if c.kind == "XMP " {
			continue
		}
		start := len(out)
		out = append(out, data[c.start:c.end]...)
		if c.kind == "VP8X" && c.to > c.from {
			out[start+8] |= webpXMPFlag
		}
		if len(out)%2 == 1 { // some writers leave out the last padding byte
			out = append(out, 0)
		}
	}
	out = append(out, makeRIFF("XMP ", packet)...)
	end, _ := riffEnd(data)
	out = append(out, data[chunks[len(chunks)-1].end:end]...) // too short to be a chunk
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return append(out, data[end:]...), nil
}

func extendedHeader(info Info, first chunk, data []byte) []byte {
	body := make([]byte, 10)
	body[0] = webpXMPFlag
	if first.kind == "VP8L" && first.to-first.from >= 5 && data[first.from+4]&0x10 != 0 {
		body[0] |= webpAlpha // alpha_is_used, bit 28 of the VP8L header
	}
	w, h := uint32(info.Width-1), uint32(info.Height-1)
	body[4], body[5], body[6] = byte(w), byte(w>>8), byte(w>>16)
	body[7], body[8], body[9] = byte(h), byte(h>>8), byte(h>>16)
	return body
}
