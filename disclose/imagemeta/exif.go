package imagemeta

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// Tags of EXIF 2.32 that programs write their name or their settings into. GPS,
// serial numbers, owners and the like are not read at all. The artist is read
// because xAI keeps an id there; no value is ever shown.
var exifTags = map[uint16]string{
	0x000B: "ProcessingSoftware", 0x010D: "DocumentName", 0x010E: "ImageDescription", 0x010F: "Make",
	0x0110: "Model", 0x0131: "Software", 0x013B: "Artist", 0x927C: "MakerNote", tagUserComment: "UserComment",
}

const (
	tagExifIFD     = 0x8769
	tagUserComment = 0x9286
	maxEntries     = 512 // entries of one directory that are looked at
)

// exif reads the texts of a TIFF structure: of its first directory, and of the
// EXIF directory that this one points to. Nothing else is followed, so a
// structure that points in circles is no danger.
func (n *notes) exif(tiff []byte) {
	order, ok := byteOrder(tiff)
	if !ok {
		return
	}
	if sub := n.directory(tiff, order, order.Uint32(tiff[4:])); sub != 0 {
		n.directory(tiff, order, sub)
	}
}

// directory reads one directory and returns the place of the EXIF directory, or
// 0 where it names none.
func (n *notes) directory(tiff []byte, order binary.ByteOrder, at uint32) (sub uint32) {
	if int64(at)+2 > int64(len(tiff)) {
		return 0
	}
	entries := tiff[at+2:]
	for range min(order.Uint16(tiff[at:]), maxEntries) {
		if len(entries) < entrySize {
			break
		}
		e := entries[:entrySize]
		entries = entries[entrySize:]
		tag := order.Uint16(e)
		if tag == tagExifIFD {
			sub = order.Uint32(e[8:])
			continue
		}
		if name := exifTags[tag]; name != "" {
			n.add(PlaceEXIF, name, exifText(tag, n.take(exifValue(tiff, order, e)), order))
		}
	}
	return sub
}

// exifValue returns the bytes of an entry of type BYTE, ASCII or UNDEFINED: in
// the entry itself where they are four at most (TIFF 6.0, section 2).
func exifValue(tiff []byte, order binary.ByteOrder, entry []byte) []byte {
	switch order.Uint16(entry[2:]) {
	case 1, 2, 7:
	default:
		return nil
	}
	size := int64(order.Uint32(entry[4:]))
	if size <= 4 {
		return entry[8 : 8+size]
	}
	at := int64(order.Uint32(entry[8:]))
	if at+size > int64(len(tiff)) {
		return nil
	}
	return tiff[at : at+size]
}

// exifText is a value as text. UserComment begins with eight bytes that name its
// characters (EXIF 2.32, 4.6.5).
func exifText(tag uint16, value []byte, order binary.ByteOrder) []byte {
	if tag == tagUserComment && len(value) >= 8 {
		code, text := string(value[:8]), value[8:]
		if code == "UNICODE\x00" {
			return utf16Text(text, order)
		}
		if strings.HasPrefix(code, "ASCII") || strings.HasPrefix(code, "JIS") || code == strings.Repeat("\x00", 8) {
			value = text
		}
	}
	return bytes.TrimRight(value, "\x00 ")
}

// utf16Text reads UTF-16. The byte order is that of the structure by the
// standard and big-endian by widely used libraries; where the first character is
// of ASCII its zero byte tells. Some writers put UTF-8 there.
func utf16Text(text []byte, order binary.ByteOrder) []byte {
	if len(text) < 2 {
		return nil
	}
	switch {
	case text[0] == 0 || text[0] == 0xFE && text[1] == 0xFF:
		order = binary.BigEndian
	case text[1] == 0 || text[0] == 0xFF && text[1] == 0xFE:
		order = binary.LittleEndian
	case text[0] == '{' || isASCII(text[:min(len(text), 16)]):
		return bytes.TrimRight(text, "\x00 ")
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16(text[2*i:])
	}
	out := strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")
	return []byte(strings.TrimRight(out, "\x00 "))
}

func isASCII(text []byte) bool {
	return bytes.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r > '~' }) < 0
}
