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

// webpChunks lists the chunks of the RIFF file. whole says whether the data is
// as long as the RIFF header says.
func webpChunks(data []byte) (all []chunk, whole bool, err error) {
	size := int64(binary.LittleEndian.Uint32(data[4:])) + 8
	whole = size <= int64(len(data))
	limit := int(min(size, int64(len(data))))
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
	info := Info{Format: WebP, Complete: whole, Depth: 8, Channels: 4}
	info.Trailing = max(0, len(data)-int(binary.LittleEndian.Uint32(data[4:]))-8)
	for _, c := range chunks {
		body := c.data(data)
		switch {
		case c.kind == "VP8X" && len(body) >= 10:
			info.Animated = body[0]&webpAnimation != 0
			info.Width, info.Height = 1+int(uint24(body[4:])), 1+int(uint24(body[7:]))
		case c.kind == "VP8 " && len(body) >= 10:
			info.Lossy = true
			if info.Width == 0 {
				info.Width = int(binary.LittleEndian.Uint16(body[6:]) & 0x3FFF)
				info.Height = int(binary.LittleEndian.Uint16(body[8:]) & 0x3FFF)
			}
		case c.kind == "VP8L" && len(body) >= 5 && info.Width == 0:
			bits := binary.LittleEndian.Uint32(body[1:])
			info.Width, info.Height = 1+int(bits&0x3FFF), 1+int(bits>>14&0x3FFF)
		case c.kind == "XMP ":
			info.HasXMP = true
		case c.kind == "C2PA":
			info.HasC2PA = true
		}
	}
	if info.Width == 0 || info.Height == 0 {
		return Info{}, fmt.Errorf("webp: %w: no frame header", ErrMalformed)
	}
	return info, nil
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
// puts the packet at the end, where RFC 9649 section 2.7 wants it.
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
	}
	out = append(out, makeRIFF("XMP ", packet)...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return append(out, data[len(data)-info.Trailing:]...), nil
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
