package imagemeta

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Markers of ITU-T T.81, table B.1.
const (
	markSOI   = 0xD8
	markEOI   = 0xD9
	markSOS   = 0xDA
	markAPP0  = 0xE0
	markAPP1  = 0xE1
	markAPP2  = 0xE2
	markAPP11 = 0xEB
	markAPP14 = 0xEE
	markAPP15 = 0xEF
	markCOM   = 0xFE
)

const (
	xmpHeader   = "http://ns.adobe.com/xap/1.0/\x00"
	maxSegment  = 65533 // payload of a segment, in bytes
	maxSegments = 1 << 14
)

// A segment is one marker segment: [start,end) with its marker but without
// fill bytes before it, [from,to) its payload. For SOS the entropy-coded data that follows belongs to it.
type segment struct {
	mark       byte
	start, end int
	from, to   int
}

func (s segment) data(file []byte) []byte { return file[s.from:s.to] }

// jpegSegments lists the segments from SOI to EOI. whole says whether EOI was
// there. It finds the same segments as image/jpeg: were it to skip over a frame
// header that the decoder reads, limits checked here would not bind there.
func jpegSegments(data []byte) (all []segment, whole bool, err error) {
	for pos := 2; ; {
		at, mark, ok := nextMarker(data, pos)
		if !ok {
			return all, false, nil
		}
		s := segment{mark: mark, start: at, from: at + 2, to: at + 2, end: at + 2}
		switch {
		case mark == markEOI:
			return append(all, s), true, nil
		case mark < 0xC0 || mark == markSOI:
			return nil, false, fmt.Errorf("jpeg: marker %02X: %w: unknown there", mark, ErrMalformed)
		case len(all) >= maxSegments:
			return nil, false, fmt.Errorf("jpeg: %w: more than %d segments", ErrTooLarge, maxSegments)
		case mark >= 0xD0 && mark <= 0xD7:
			pos = s.end
			continue
		}
		if len(data)-s.from < 2 {
			return all, false, nil
		}
		size := int(binary.BigEndian.Uint16(data[s.from:]))
		if size < 2 {
			return nil, false, fmt.Errorf("jpeg: segment %02X: %w: length %d", mark, ErrMalformed, size)
		}
		if size > len(data)-s.from {
			return all, false, nil
		}
		s.from, s.to = s.from+2, s.from+size
		s.end = s.to
		if mark == markSOS {
			s.end = entropyEnd(data, s.to)
		}
		pos = s.end
		all = append(all, s)
	}
}

// nextMarker returns the place and the code of the next marker. Like image/jpeg
// it passes over stray bytes and stuffed zeros between segments; fill bytes may
// precede a marker (B.1.1.2), and what follows them is always one.
func nextMarker(data []byte, pos int) (at int, mark byte, ok bool) {
	for {
		i := bytes.IndexByte(data[pos:], 0xFF)
		if i < 0 || pos+i+1 >= len(data) {
			return 0, 0, false
		}
		at = pos + i
		if data[at+1] != 0 {
			break
		}
		pos = at + 2
	}
	for data[at+1] == 0xFF {
		if at++; at+1 >= len(data) {
			return 0, 0, false
		}
	}
	return at, data[at+1], true
}

// entropyEnd returns where entropy-coded data stops: at a marker that is
// neither a stuffed zero nor a restart (B.1.1.5).
func entropyEnd(data []byte, pos int) int {
	for {
		i := bytes.IndexByte(data[pos:], 0xFF)
		if i < 0 || pos+i+1 >= len(data) {
			return len(data)
		}
		pos += i
		switch c := data[pos+1]; {
		case c == 0 || c >= 0xD0 && c <= 0xD7:
			pos += 2
		case c == 0xFF:
			pos++
		default:
			return pos
		}
	}
}

func isFrame(mark byte) bool {
	return mark >= 0xC0 && mark <= 0xCF && mark != 0xC4 && mark != 0xC8 && mark != 0xCC
}

// isManifestSegment takes every JUMBF store for a manifest: whatever it is, it
// is likely to bind the bytes around it.
func isManifestSegment(s segment, data []byte) bool {
	body := s.data(data)
	return s.mark == markAPP11 && len(body) >= 16 && string(body[:2]) == "JP" && string(body[12:16]) == "jumb"
}

func isICC(s segment, data []byte) bool {
	return s.mark == markAPP2 && bytes.HasPrefix(s.data(data), []byte("ICC_PROFILE\x00"))
}

func isEXIF(s segment, data []byte) bool {
	return s.mark == markAPP1 && bytes.HasPrefix(s.data(data), []byte("Exif\x00"))
}

func probeJPEG(data []byte) (Info, error) {
	segs, whole, err := jpegSegments(data)
	if err != nil {
		return Info{}, err
	}
	info := Info{Format: JPEG, Lossy: true, Complete: whole, Depth: 8}
	framed := false
	for _, s := range segs {
		body := s.data(data)
		switch {
		case isFrame(s.mark) && len(body) >= 6 && !framed: // decoders refuse a second one
			framed = true
			info.Depth = int(body[0])
			info.Height = int(binary.BigEndian.Uint16(body[1:]))
			info.Width = int(binary.BigEndian.Uint16(body[3:]))
			info.Channels = int(body[5])
			info.Progressive = s.mark == 0xC2
		case isManifestSegment(s, data):
			info.HasC2PA = true
		case s.mark == markAPP1 && bytes.HasPrefix(body, []byte(xmpHeader)):
			info.HasXMP = true
		case isICC(s, data):
			info.HasICC = true
		case isEXIF(s, data):
			info.HasEXIF = true
		case s.mark == markEOI:
			info.Trailing = len(data) - s.end
		}
	}
	if info.Width == 0 || info.Height == 0 {
		return Info{}, fmt.Errorf("jpeg: %w: no frame header", ErrMalformed)
	}
	return info, nil
}

func findJPEGXMP(data []byte) (segment, []segment, bool, error) {
	segs, _, err := jpegSegments(data)
	if err != nil {
		return segment{}, nil, false, err
	}
	for _, s := range segs {
		if s.mark == markAPP1 && bytes.HasPrefix(s.data(data), []byte(xmpHeader)) {
			return s, segs, true, nil
		}
	}
	return segment{}, segs, false, nil
}

func jpegXMP(data []byte) ([]byte, error) {
	s, _, ok, err := findJPEGXMP(data)
	if err != nil || !ok {
		return nil, err
	}
	return s.data(data)[len(xmpHeader):], nil
}

func makeSegment(mark byte, body []byte) []byte {
	out := make([]byte, 0, 4+len(body))
	out = append(out, 0xFF, mark)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	return append(out, body...)
}

// writeJPEG puts the packet where the old one was, or after the JFIF and Exif
// segments that readers expect first.
func writeJPEG(data, packet []byte) ([]byte, error) {
	body := append([]byte(xmpHeader), packet...)
	if len(body) > maxSegment {
		return nil, fmt.Errorf("jpeg: segment APP1: %w: XMP of %d bytes, a segment holds %d", ErrTooLarge, len(packet), maxSegment-len(xmpHeader))
	}
	s, segs, ok, err := findJPEGXMP(data)
	if err != nil {
		return nil, err
	}
	if ok {
		return splice(data, s.start, s.end-s.start, makeSegment(markAPP1, body)), nil
	}
	at := 2
	for _, s := range segs {
		if s.mark != markAPP0 && !isEXIF(s, data) {
			break
		}
		at = s.end
	}
	return splice(data, at, 0, makeSegment(markAPP1, body)), nil
}

// transplantJPEG puts the application and comment segments of original before
// the tables of encoded. Left out are APP14, as image/jpeg writes grey or YCbCr
// and never needs it, the ICC profile where the number of colours changed, and
// the index of a multi-picture file (CIPA DC-007), whose offsets are stale.
func transplantJPEG(original, encoded []byte, was, is Info) ([]byte, error) {
	segs, whole, err := jpegSegments(original)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(original)+len(encoded)), encoded[:2]...)
	for _, s := range segs {
		app := s.mark >= markAPP0 && s.mark <= markAPP15 || s.mark == markCOM
		index := s.mark == markAPP2 && bytes.HasPrefix(s.data(original), []byte("MPF\x00"))
		if !app || s.mark == markAPP14 || index || isICC(s, original) && was.Channels != is.Channels {
			continue
		}
		out = append(out, original[s.start:s.end]...)
	}
	out = append(out, encoded[2:]...)
	if whole {
		out = append(out, original[segs[len(segs)-1].end:]...)
	}
	return out, nil
}
