package imagemeta

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"io"
	"strings"
)

// A Place is where in a file a text was found.
type Place string

// The places.
const (
	PlacePNG     Place = "PNG text"     // tEXt, zTXt, iTXt
	PlaceEXIF    Place = "EXIF"         // in any of the three formats
	PlaceXMP     Place = "XMP"          // ditto
	PlaceIPTC    Place = "IPTC"         // IIM, in JPEG and as a raw profile in PNG
	PlaceComment Place = "JPEG comment" // COM
)

// Limits on the texts of one file. What is beyond them is not read: generators
// write their name first, and a text that is cut is still recognised.
const (
	maxNotes     = 512
	maxNote      = 256 << 10 // bytes of one text
	maxNoteBytes = 4 << 20   // bytes of all, unpacked ones included
	noteCost     = 64        // bytes that a text counts beside its own
	unpackCost   = 1 << 10   // and one that is to be unpacked
)

// A note is one text of a file: an EXIF tag, the value of a PNG keyword.
type note struct {
	place      Place
	key, value string
}

// notes are the texts of one file, within the limits.
type notes struct {
	all  []note
	left int // bytes that may still be taken
}

// take cuts a text to what the limits leave and counts it, used or not: no
// number of texts, and no text named many times, costs more than the limit.
func (n *notes) take(text []byte) []byte {
	text = text[:min(len(text), maxNote, n.left)]
	n.left = max(0, n.left-len(text)-noteCost)
	return text
}

// add notes a text that was taken.
func (n *notes) add(place Place, key string, value []byte) {
	if len(value) > 0 && len(n.all) < maxNotes {
		n.all = append(n.all, note{place, key, string(value)})
	}
}

// readNotes collects the texts of a file. Nothing malformed stops it: what can
// be read counts.
func readNotes(data []byte) *notes {
	n := &notes{left: maxNoteBytes}
	switch Sniff(data) {
	case PNG:
		n.png(data)
	case JPEG:
		n.jpeg(data)
	case WebP:
		n.webp(data)
	}
	return n
}

func (n *notes) png(data []byte) {
	chunks, _ := pngChunks(data)
	for _, c := range chunks {
		if !c.whole {
			continue
		}
		switch c.kind {
		case "tEXt", "zTXt", "iTXt":
			n.pngText(c.kind, c.data(data))
		case "eXIf":
			n.exif(c.data(data))
		}
	}
}

// pngText reads a text chunk (PNG 11.3.3): keyword, zero byte, then in zTXt the
// method, in iTXt flag, method, language and translated keyword.
func (n *notes) pngText(kind string, body []byte) {
	keyword, rest, ok := bytes.Cut(body, []byte{0})
	if !ok || len(keyword) == 0 || len(keyword) > 79 {
		return
	}
	packed := kind == "zTXt"
	switch kind {
	case "zTXt":
		rest = rest[min(1, len(rest)):]
	case "iTXt":
		if len(rest) < 2 {
			return
		}
		packed = rest[0] == 1
		_, rest, _ = bytes.Cut(rest[2:], []byte{0})
		_, rest, _ = bytes.Cut(rest, []byte{0})
	}
	if packed {
		rest = n.unpack(rest)
	} else {
		rest = n.take(rest)
	}
	key := string(keyword)
	if profile, ok := strings.CutPrefix(key, "Raw profile type "); ok {
		n.rawProfile(profile, rest)
		return
	}
	n.add(PlacePNG, key, rest)
}

// unpack inflates as much as one text may hold. Many bombs cost no more than
// one: all that is unpacked counts as taken.
func (n *notes) unpack(data []byte) []byte {
	n.left = max(0, n.left-unpackCost)
	if n.left == 0 {
		return nil
	}
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(r, int64(min(maxNote, n.left)))) // a damaged end leaves its beginning
	return n.take(out)
}

// rawProfile reads what ImageMagick wrote before PNG had eXIf: a line feed, the
// profile's name, its length in bytes, and its bytes in hexadecimal.
func (n *notes) rawProfile(name string, text []byte) {
	lines := bytes.SplitN(bytes.TrimLeft(text, "\n"), []byte("\n"), 3)
	if len(lines) < 3 {
		return
	}
	digits := bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' {
			return -1
		}
		return r
	}, lines[2])
	body := make([]byte, len(digits)/2)
	size, _ := hex.Decode(body, digits[:len(body)*2]) // up to the first digit that is none
	body = body[:size]
	switch name {
	case "exif", "APP1":
		n.exif(bytes.TrimPrefix(body, []byte("Exif\x00\x00")))
	case "iptc", "8bim":
		n.photoshop(body)
	}
}

func (n *notes) jpeg(data []byte) {
	segs, _, _ := jpegSegments(data)
	for _, s := range segs {
		body := s.data(data)
		switch {
		case isEXIF(s, data) && len(body) > 6:
			n.exif(body[6:])
		case s.mark == markCOM:
			n.add(PlaceComment, "", n.take(body))
		case s.mark == markAPP13:
			if rest, ok := bytes.CutPrefix(body, []byte("Photoshop 3.0\x00")); ok {
				n.photoshop(rest)
			}
		}
	}
}

func (n *notes) webp(data []byte) {
	chunks, _, _ := webpChunks(data)
	for _, c := range chunks {
		if c.kind == "EXIF" && c.whole { // some writers keep the prefix of JPEG
			n.exif(bytes.TrimPrefix(c.data(data), []byte("Exif\x00\x00")))
		}
	}
}
