package imagemeta

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	pngSignature = "\x89PNG\r\n\x1a\n"
	xmpKeyword   = "XML:com.adobe.xmp"
	maxChunks    = 1 << 16
)

// A chunk is one PNG or RIFF chunk: [start,end) with framing, [from,to) without.
type chunk struct {
	kind       string
	start, end int
	from, to   int
	whole      bool // all its bytes are there
}

func (c chunk) data(file []byte) []byte { return file[c.from:c.to] }

// pngChunks lists the chunks up to IEND or the end of the data.
func pngChunks(data []byte) ([]chunk, error) {
	var all []chunk
	for pos := len(pngSignature); pos < len(data); {
		if len(all) >= maxChunks {
			return nil, fmt.Errorf("png: %w: more than %d chunks", ErrTooLarge, maxChunks)
		}
		if len(data)-pos < 8 {
			return append(all, chunk{kind: "cut", start: pos, end: len(data), from: len(data), to: len(data)}), nil
		}
		size := int64(binary.BigEndian.Uint32(data[pos:]))
		kind := string(data[pos+4 : pos+8])
		if size > 1<<31-1 {
			return nil, fmt.Errorf("png: chunk %q: %w: length over 2^31-1", kind, ErrMalformed)
		}
		end := int64(pos) + 12 + size
		c := chunk{kind: kind, start: pos, from: pos + 8, whole: end <= int64(len(data))}
		c.end = int(min(end, int64(len(data))))
		c.to = int(min(int64(c.from)+size, int64(len(data))))
		all = append(all, c)
		pos = c.end
		if kind == "IEND" || !c.whole {
			break
		}
	}
	return all, nil
}

func probePNG(data []byte) (Info, error) {
	chunks, err := pngChunks(data)
	if err != nil {
		return Info{}, err
	}
	if len(chunks) == 0 || chunks[0].kind != "IHDR" || chunks[0].to-chunks[0].from != 13 || !chunks[0].whole {
		return Info{}, fmt.Errorf("png: %w: no IHDR chunk", ErrMalformed)
	}
	h := chunks[0].data(data)
	info := Info{Format: PNG, Depth: int(h[8])}
	w, ht := binary.BigEndian.Uint32(h), binary.BigEndian.Uint32(h[4:])
	if w == 0 || ht == 0 || w > 1<<31-1 || ht > 1<<31-1 {
		return Info{}, fmt.Errorf("png: %w: %d x %d pixels", ErrMalformed, w, ht)
	}
	info.Width, info.Height = int(w), int(ht)
	info.Channels = map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[h[9]]
	info.Progressive = h[12] != 0
	if info.Channels == 0 {
		return Info{}, fmt.Errorf("png: chunk IHDR: %w: colour type %d", ErrMalformed, h[9])
	}
	for _, c := range chunks {
		switch c.kind {
		case "acTL":
			info.Animated = true
		case "caBX":
			info.HasC2PA = true
		case "iCCP":
			info.HasICC = true
		case "eXIf":
			info.HasEXIF = true
		case "iTXt":
			info.HasXMP = info.HasXMP || isXMPChunk(c.data(data))
		case "IEND":
			info.Complete = c.whole
			info.Trailing = len(data) - c.end
		}
	}
	return info, nil
}

func isXMPChunk(body []byte) bool { return bytes.HasPrefix(body, []byte(xmpKeyword+"\x00")) }

// findPNGXMP returns the XMP chunk, if there is one.
func findPNGXMP(data []byte) (chunk, bool, error) {
	chunks, err := pngChunks(data)
	if err != nil {
		return chunk{}, false, err
	}
	for _, c := range chunks {
		if c.kind == "iTXt" && c.whole && isXMPChunk(c.data(data)) {
			if crc32.ChecksumIEEE(data[c.start+4:c.to]) != binary.BigEndian.Uint32(data[c.to:]) {
				return chunk{}, false, fmt.Errorf("png: chunk iTXt: %w: wrong CRC", ErrMalformed)
			}
			return c, true, nil
		}
	}
	return chunk{}, false, nil
}

// pngXMP returns the XMP packet: iTXt is a keyword, two compression bytes, a
// language tag, a translated keyword, and the text.
func pngXMP(data []byte) ([]byte, error) {
	c, ok, err := findPNGXMP(data)
	if err != nil || !ok {
		return nil, err
	}
	body := c.data(data)[len(xmpKeyword)+1:]
	if len(body) < 2 {
		return nil, fmt.Errorf("png: chunk iTXt: %w", ErrXMP)
	}
	compressed := body[0] == 1
	rest := body[2:]
	for range 2 {
		i := bytes.IndexByte(rest, 0)
		if i < 0 {
			return nil, fmt.Errorf("png: chunk iTXt: %w", ErrXMP)
		}
		rest = rest[i+1:]
	}
	if !compressed {
		return rest, nil
	}
	return inflate(rest)
}

func inflate(data []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("png: chunk iTXt: %w: %w", ErrXMP, err)
	}
	out, err := io.ReadAll(io.LimitReader(r, MaxXMP+1))
	if err != nil {
		return nil, fmt.Errorf("png: chunk iTXt: %w: %w", ErrXMP, err)
	}
	if len(out) > MaxXMP {
		return nil, fmt.Errorf("png: chunk iTXt: %w", ErrTooLarge)
	}
	return out, nil
}

func makeChunk(kind string, body []byte) []byte {
	out := make([]byte, 0, 12+len(body))
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
	out = append(append(out, kind...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// writePNG puts the packet where the old one was, or right after IHDR.
func writePNG(data, packet []byte) ([]byte, error) {
	body := append([]byte(xmpKeyword+"\x00\x00\x00\x00\x00"), packet...)
	c, ok, err := findPNGXMP(data)
	if err != nil {
		return nil, err
	}
	if ok {
		return splice(data, c.start, c.end-c.start, makeChunk("iTXt", body)), nil
	}
	chunks, err := pngChunks(data)
	if err != nil {
		return nil, err
	}
	if len(chunks) == 0 || chunks[0].kind != "IHDR" || !chunks[0].whole {
		return nil, fmt.Errorf("png: %w: no IHDR chunk", ErrMalformed)
	}
	return splice(data, chunks[0].end, 0, makeChunk("iTXt", body)), nil
}

// staysTrue are the chunks that are marked unsafe to copy but do not depend on
// how the pixels are encoded. Without it the fourth letter of the name decides
// (PNG 5.4): upper case means that a change of critical chunks invalidates it.
var staysTrue = map[string]bool{
	"cHRM": true, "gAMA": true, "iCCP": true, "sRGB": true, "cICP": true, "mDCV": true, "cLLI": true,
	"tIME": true, "pCAL": true, "sCAL": true, "sTER": true,
}

// keepsChunk reports whether an ancillary chunk of a file with the header was
// still holds for one with the header is. tRNS and hIST never do: the encoder
// writes the transparency that its pixels need, and they have changed.
func keepsChunk(kind string, was, is []byte) bool {
	const colourful = 2 // bit of the colour type: not greyscale
	switch kind {
	case "caBX", "tRNS", "hIST":
		return false
	case "bKGD", "sBIT", "sPLT":
		return bytes.Equal(was[8:10], is[8:10]) && was[9] != 3
	case "iCCP": // a profile is for grey or for colour (PNG 11.3.2.3)
		return was[9]&colourful == is[9]&colourful
	}
	ancillary, safe := kind[0]&0x20 != 0, kind[3]&0x20 != 0
	return ancillary && (safe || staysTrue[kind])
}

// transplantPNG keeps the chunks of encoded and adds those of original that
// still hold, before or after the pixels as they were. Both have an IHDR.
func transplantPNG(original, encoded []byte) ([]byte, error) {
	old, err := pngChunks(original)
	if err != nil {
		return nil, err
	}
	fresh, err := pngChunks(encoded)
	if err != nil {
		return nil, err
	}
	was, is := old[0].data(original), fresh[0].data(encoded)
	var before, after []byte
	seenPixels := false
	for _, c := range old {
		seenPixels = seenPixels || c.kind == "IDAT"
		if !c.whole || !keepsChunk(c.kind, was, is) {
			continue
		}
		if seenPixels {
			after = append(after, original[c.start:c.end]...)
		} else {
			before = append(before, original[c.start:c.end]...)
		}
	}
	out := make([]byte, 0, len(encoded)+len(before)+len(after))
	out = append(out, pngSignature...)
	for i, c := range fresh {
		if c.kind == "IEND" {
			out = append(out, after...)
		}
		out = append(out, encoded[c.start:c.end]...)
		if i == 0 {
			out = append(out, before...)
		}
	}
	if last := old[len(old)-1]; last.kind == "IEND" {
		out = append(out, original[last.end:]...)
	}
	return out, nil
}
