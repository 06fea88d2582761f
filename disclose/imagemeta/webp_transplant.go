package imagemeta

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
)

// isPixels reports whether a chunk of a still picture holds its pixels.
func isPixels(kind string) bool { return kind == "VP8L" || kind == "VP8 " || kind == "ALPH" }

// transplantWebP puts the pixels of encoded in the place of those of original,
// and brings VP8X in line with them. All other chunks keep their bytes and order.
func transplantWebP(original, encoded []byte) ([]byte, error) {
	fresh, is, err := webpPixels(encoded)
	if err != nil {
		return nil, err
	}
	chunks, _, err := webpChunks(original)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(original)+len(encoded)), original[:12]...)
	placed := false
	for _, c := range chunks {
		switch {
		case c.kind == "VP8X":
			out = append(out, makeRIFF("VP8X", retuned(c.data(original), is))...)
		case isPixels(c.kind) && placed, c.kind == "C2PA", !c.whole:
		case isPixels(c.kind):
			out = append(out, fresh...)
			placed = true
		default:
			out = append(out, makeRIFF(c.kind, c.data(original))...)
		}
	}
	if !placed {
		return nil, fmt.Errorf("webp: %w: no pixels", ErrMalformed)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	end, _ := riffEnd(original)
	return append(out, original[end:]...), nil
}

// webpPixels returns the VP8X body and the chunks with the pixels of a file that
// an encoder has just written.
func webpPixels(encoded []byte) (fresh, extended []byte, err error) {
	chunks, whole, err := webpChunks(encoded)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range chunks {
		if !isPixels(c.kind) {
			continue
		}
		if extended == nil {
			info, err := probeWebP(encoded)
			if err != nil {
				return nil, nil, err
			}
			extended = extendedHeader(info, c, encoded)
		}
		fresh = append(fresh, makeRIFF(c.kind, c.data(encoded))...)
	}
	if len(fresh) == 0 || !whole {
		return nil, nil, fmt.Errorf("webp: %w: no pixels", ErrMalformed)
	}
	return fresh, extended, nil
}

// retuned is the body of VP8X with the alpha flag and the size of is.
func retuned(body, is []byte) []byte {
	out := bytes.Clone(body)
	if len(out) < 10 { // no reader takes it for one
		out = bytes.Clone(is)
		out[0] &^= webpXMPFlag
	}
	out[0] = out[0]&^webpAlpha | is[0]&webpAlpha
	copy(out[4:10], is[4:])
	return out
}

// transplantToPNG adds the colour profile, Exif and XMP of a WebP file to a PNG
// file, right behind IHDR. The chunks of others mean nothing there.
func transplantToPNG(original, encoded []byte) ([]byte, error) {
	chunks, _, err := webpChunks(original)
	if err != nil {
		return nil, err
	}
	fresh, err := pngChunks(encoded)
	if err != nil {
		return nil, err
	}
	var before []byte
	had := map[string]bool{} // readers take the first, and PNG allows one
	for _, c := range chunks {
		body := c.data(original)
		if had[c.kind] || !c.whole || len(body) == 0 {
			continue
		}
		had[c.kind] = true
		switch c.kind {
		case "ICCP":
			profile, err := pngProfile(body)
			if err != nil {
				return nil, err
			}
			before = append(before, makeChunk("iCCP", profile)...)
		case "EXIF": // some writers put the header of JPEG's segment in front
			before = append(before, makeChunk("eXIf", bytes.TrimPrefix(body, []byte("Exif\x00\x00")))...)
		case "XMP ":
			before = append(before, makeChunk("iTXt", append([]byte(xmpKeyword+"\x00\x00\x00\x00\x00"), body...))...)
		}
	}
	return splice(encoded, fresh[0].end, 0, before), nil
}

// pngProfile is the body of an iCCP chunk (PNG 11.3.2.3): a name, the method of
// compression, the profile.
func pngProfile(profile []byte) ([]byte, error) {
	var body bytes.Buffer
	body.WriteString("ICC profile\x00\x00")
	w := zlib.NewWriter(&body)
	_, err := w.Write(profile)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	return body.Bytes(), err
}
