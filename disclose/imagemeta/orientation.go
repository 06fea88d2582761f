package imagemeta

import (
	"bytes"
	"encoding/binary"
)

// Upright is the orientation of a picture that is shown as it is stored.
const Upright = 1

const (
	tagOrientation = 0x0112 // 274
	typeShort      = 3
	entrySize      = 12
)

// Orientation returns how a viewer turns the picture of a PNG or JPEG file: Exif
// tag 274, 1 to 8. It is Upright where the file says nothing, or nothing that
// can be read: a viewer does not turn such a picture either.
func Orientation(data []byte) int {
	return tiffOrientation(exifOf(data))
}

// exifOf returns the TIFF structure of the file's first Exif block.
func exifOf(data []byte) []byte {
	switch Sniff(data) {
	case PNG:
		chunks, _ := pngChunks(data)
		for _, c := range chunks {
			if c.kind == "eXIf" && c.whole {
				return c.data(data)
			}
		}
	case JPEG:
		segs, _, _ := jpegSegments(data)
		for _, s := range segs {
			if body, ok := bytes.CutPrefix(s.data(data), []byte("Exif\x00\x00")); ok && isEXIF(s, data) {
				return body
			}
		}
	}
	return nil
}

// tiffOrientation looks the tag up in the first directory of a TIFF structure
// (TIFF 6.0, section 2; Exif 2.32, 4.6.4): byte order, 42, the place of the
// directory; there a count, then entries of tag, type, number and value.
func tiffOrientation(tiff []byte) int {
	order, ok := byteOrder(tiff)
	if !ok {
		return Upright
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return Upright
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < entrySize {
			break
		}
		e := entries[:entrySize]
		entries = entries[entrySize:]
		if order.Uint16(e) != tagOrientation {
			continue
		}
		v := int(order.Uint16(e[8:]))
		if order.Uint16(e[2:]) != typeShort || order.Uint32(e[4:]) != 1 || v < 1 || v > 8 {
			break
		}
		return v
	}
	return Upright
}

func byteOrder(tiff []byte) (binary.ByteOrder, bool) {
	switch {
	case len(tiff) < 8:
	case string(tiff[:4]) == "II*\x00":
		return binary.LittleEndian, true
	case string(tiff[:4]) == "MM\x00*":
		return binary.BigEndian, true
	}
	return nil, false
}
