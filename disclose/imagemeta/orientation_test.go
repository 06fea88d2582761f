package imagemeta

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// tiffWith is a TIFF structure whose first directory has two other entries
// around an orientation.
func tiffWith(order binary.AppendByteOrder, typ uint16, n uint32, value uint16) []byte {
	out := []byte("MM\x00*")
	if order.AppendUint16(nil, 1)[0] == 1 {
		out = []byte("II*\x00")
	}
	out = order.AppendUint32(out, 10)
	out = append(out, 0xEE, 0xEE) // the directory need not follow at once
	out = order.AppendUint16(out, 3)
	entry := func(tag, typ uint16, n uint32, value uint16) {
		out = order.AppendUint16(order.AppendUint16(out, tag), typ)
		out = order.AppendUint16(order.AppendUint32(out, n), value)
		out = append(out, 0, 0)
	}
	entry(0x0100, 3, 1, 7)
	entry(tagOrientation, typ, n, value)
	entry(0x0131, 3, 1, 5)
	return order.AppendUint32(out, 0)
}

func TestOrientation(t *testing.T) {
	big, little := binary.BigEndian, binary.LittleEndian
	exif := func(tiff []byte) []byte { return makeSegment(markAPP1, append([]byte("Exif\x00\x00"), tiff...)) }
	for name, c := range map[string]struct {
		data []byte
		want int
	}{
		"jpeg, big endian":         {jpegFile(t, exif(tiffWith(big, 3, 1, 6))), 6},
		"jpeg, little endian":      {jpegFile(t, exif(tiffWith(little, 3, 1, 8))), 8},
		"jpeg, the first counts":   {jpegFile(t, exif(tiffWith(big, 3, 1, 3)), exif(tiffWith(big, 3, 1, 6))), 3},
		"png":                      {pngFile(t, makeChunk("eXIf", tiffWith(little, 3, 1, 5))), 5},
		"png without":              {pngFile(t), 1},
		"webp is not turned":       {webpFile(), 1},
		"not an image":             {[]byte("hello"), 1},
		"nine is none":             {jpegFile(t, exif(tiffWith(big, 3, 1, 9))), 1},
		"zero is none":             {jpegFile(t, exif(tiffWith(big, 3, 1, 0))), 1},
		"a long is none":           {jpegFile(t, exif(tiffWith(big, 4, 1, 6))), 1},
		"two are none":             {jpegFile(t, exif(tiffWith(big, 3, 2, 6))), 1},
		"directory behind the end": {jpegFile(t, exif([]byte("MM\x00*\xff\xff\xff\xff"))), 1},
		"directory cut":            {jpegFile(t, exif(tiffWith(big, 3, 1, 6)[:30])), 1},
	} {
		if got := Orientation(c.data); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// Whatever the bytes: an orientation, the input left alone.
func FuzzOrientation(f *testing.F) {
	f.Add(tiffWith(binary.BigEndian, 3, 1, 6))
	f.Add(tiffWith(binary.LittleEndian, 3, 1, 2))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\xff\xff"))
	f.Add([]byte("MM\x00*\xff\xff\xff\xfe"))
	f.Fuzz(func(t *testing.T, tiff []byte) {
		before := bytes.Clone(tiff)
		got := tiffOrientation(tiff)
		if got < 1 || got > 8 || !slices.Equal(before, tiff) {
			t.Fatalf("%d", got)
		}
		// Bytes after a structure do not change what it says.
		if got != Upright && tiffOrientation(append(tiff, 0xff)) != got {
			t.Fatalf("%d changed", got)
		}
	})
}
