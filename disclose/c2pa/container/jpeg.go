package container

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/avowai/avow/internal/jumbf"
)

// Markers of ITU-T T.81, table B.1.
const (
	markSOI   = 0xD8
	markEOI   = 0xD9
	markSOS   = 0xDA
	markAPP0  = 0xE0
	markAPP1  = 0xE1
	markAPP11 = 0xEB
)

const (
	jpegXMP = "http://ns.adobe.com/xap/1.0/\x00"
	// jpegHead is what precedes a JUMBF piece in its segment: marker, Le, CI
	// ("JP"), En (box instance), Z (packet sequence), ISO 19566-5 annex D.
	jpegHead = 2 + 2 + 2 + 2 + 4
	// jpegPiece is the most bytes of a store in one segment, LBox and TBox
	// included. Le counts itself and ends at 65535.
	jpegPiece = 65535 - (jpegHead - 2)
	// jpegInstance is the box instance number that C2PA writers commonly use.
	jpegInstance = 0x0211
)

// A segment is a marker segment. For SOS the entropy-coded data belongs to it.
type segment struct {
	mark  byte
	whole Range
	body  Range // behind Le
}

// jpegSegments lists the segments from SOI to EOI. Bytes that are no marker are
// passed over between segments, as decoders do.
func jpegSegments(data []byte) (all []segment, err error) {
	for pos := int64(2); ; {
		at, mark, ok := nextMarker(data, pos)
		if !ok {
			return all, fmt.Errorf("jpeg: %w: cut short", ErrContainer)
		}
		s := segment{mark, Range{at, 2}, Range{at + 2, 0}}
		switch {
		case mark == markEOI:
			return append(all, s), nil
		case mark >= 0xD0 && mark <= 0xD7 || mark == 0x01: // restarts and TEM stand alone
			pos = at + 2
			continue
		case mark < 0xC0 || mark == markSOI:
			return all, fmt.Errorf("jpeg: %w: marker %02X there", ErrContainer, mark)
		case len(all) >= maxParts:
			return all, fmt.Errorf("jpeg: %w: more than %d segments", ErrContainer, maxParts)
		}
		rest := data[at+2:]
		if len(rest) < 2 {
			return all, fmt.Errorf("jpeg: %w: cut short", ErrContainer)
		}
		size := int64(binary.BigEndian.Uint16(rest))
		if size < 2 || size > int64(len(rest)) {
			return all, fmt.Errorf("jpeg: segment %02X: %w: length %d", mark, ErrContainer, size)
		}
		s.body = Range{at + 4, size - 2}
		pos = s.body.End()
		if mark == markSOS {
			pos = entropyEnd(data, pos)
		}
		s.whole.Length = pos - at
		all = append(all, s)
	}
}

// nextMarker returns the place and the code of the next marker, behind fill
// bytes (B.1.1.2).
func nextMarker(data []byte, pos int64) (at int64, mark byte, ok bool) {
	n := int64(len(data))
	for {
		i := bytes.IndexByte(data[pos:], 0xFF)
		if i < 0 {
			return 0, 0, false
		}
		for at = pos + int64(i); at+1 < n && data[at+1] == 0xFF; {
			at++
		}
		switch {
		case at+1 >= n:
			return 0, 0, false
		case data[at+1] != 0:
			return at, data[at+1], true
		}
		pos = at + 2
	}
}

// entropyEnd is where entropy-coded data stops: at a marker that is no restart
// (B.1.1.5).
func entropyEnd(data []byte, pos int64) int64 {
	for {
		at, mark, ok := nextMarker(data, pos)
		switch {
		case !ok:
			return int64(len(data))
		case mark < 0xD0 || mark > 0xD7:
			return at
		}
		pos = at + 2
	}
}

// A piece is an APP11 segment that holds part of a JUMBF box.
type piece struct {
	instance uint16
	sequence uint32
	box      Range // LBox, TBox and what follows
}

// pieceOf reads the head of a JUMBF segment.
func pieceOf(s segment, data []byte) (p piece, ok bool) {
	b := s.body.of(data)
	if s.mark != markAPP11 || len(b) < 8+boxHeader || string(b[:2]) != "JP" || string(b[12:16]) != "jumb" {
		return p, false
	}
	return piece{
		binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]),
		Range{s.body.Start + 8, s.body.Length - 8},
	}, true
}

// isStoreHead reports whether a JUMBF box starts like a manifest store: with a
// description box of C2PA's type. Other JUMBF boxes are none of our business.
func isStoreHead(box []byte) bool {
	head := boxHeader
	if len(box) >= 4 && binary.BigEndian.Uint32(box) == 1 {
		head += 8 // XLBox
	}
	if len(box) < head+boxHeader+16 {
		return false
	}
	uuid := jumbf.C2PA("c2pa")
	return string(box[head+4:head+8]) == "jumd" && bytes.Equal(box[head+8:head+24], uuid[:])
}

// A gathering collects the segments of manifest stores.
type gathering struct {
	stores []store
	last   piece
	box    []byte          // LBox and TBox of the store being gathered
	seen   map[uint16]bool // instances of foreign boxes
	taken  int             // segments of stores
}

// take adds a segment to the stores. A continuation has the instance of its
// store, the next number, and repeats the box's header.
func (g *gathering) take(s segment, p piece, data []byte) {
	box := p.box.of(data)
	n := len(g.stores)
	switch {
	case p.sequence == 1 && isStoreHead(box):
		g.stores = append(g.stores, store{whole: []Range{s.whole}, parts: []Range{p.box}})
		g.last, g.box = p, box[:boxHeader]
		g.taken++
	case n > 0 && p.instance == g.last.instance && p.sequence == g.last.sequence+1 && bytes.Equal(box[:boxHeader], g.box):
		head := int64(boxHeader)
		if binary.BigEndian.Uint32(box) == 1 {
			head = min(head+8, p.box.Length)
		}
		st := &g.stores[n-1]
		st.whole = append(st.whole, s.whole)
		st.parts = append(st.parts, Range{p.box.Start + head, p.box.Length - head})
		g.last = p
		g.taken++
	default:
		g.seen[p.instance] = true
	}
}

// scanJPEG finds the APP11 segments of manifest stores. A new one goes behind
// the leading APP0 and APP1, which JFIF and Exif want first, and so before every
// foreign JUMBF box: the official validator takes the first for the store.
func scanJPEG(data []byte) (s scan, err error) {
	segs, err := jpegSegments(data)
	g := gathering{seen: map[uint16]bool{}}
	s.at = 2
	leading := true
	for _, seg := range segs {
		if leading = leading && (seg.mark == markAPP0 || seg.mark == markAPP1); leading {
			s.at = seg.whole.End()
		}
		if p, ok := pieceOf(seg, data); ok {
			g.take(seg, p, data)
		}
		body := seg.body.of(data)
		if seg.mark == markAPP1 && s.xmp == nil && bytes.HasPrefix(body, []byte(jpegXMP)) {
			s.xmp = body[len(jpegXMP):]
		}
	}
	for i := range g.stores {
		g.stores[i].whole = merge(g.stores[i].whole)
		g.stores[i].exclude = g.stores[i].whole
	}
	s.stores, s.keep = g.stores, g.seen
	if len(g.seen) > 1<<15 {
		s.refuse = fmt.Errorf("jpeg: %w: %d JUMBF box instances", ErrContainer, len(g.seen))
	}
	return s, err
}

// frameJPEG makes the segments. Each but the first repeats LBox and TBox, which
// Put fills in.
func frameJPEG(_ []byte, s scan, size int) (f frame, err error) {
	instance := uint16(jpegInstance)
	for seen, _ := s.keep.(map[uint16]bool); seen[instance]; {
		instance++
	}
	per := jpegPiece - boxHeader
	count := max(1, (size-boxHeader+per-1)/per)
	f.bytes = make([]byte, 0, size+count*(jpegHead+boxHeader))
	left := size - boxHeader
	for z := range count {
		n := min(left, per)
		left -= n
		f.bytes = append(f.bytes, 0xFF, markAPP11)
		f.bytes = binary.BigEndian.AppendUint16(f.bytes, uint16(jpegHead-2+boxHeader+n))
		f.bytes = append(f.bytes, "JP"...)
		f.bytes = binary.BigEndian.AppendUint16(f.bytes, instance)
		f.bytes = binary.BigEndian.AppendUint32(f.bytes, uint32(z+1))
		at := int64(len(f.bytes))
		f.bytes = append(f.bytes, make([]byte, boxHeader+n)...)
		if z == 0 {
			f.parts = append(f.parts, Range{at, int64(boxHeader + n)})
			continue
		}
		f.heads = append(f.heads, at)
		f.parts = append(f.parts, Range{at + boxHeader, int64(n)})
	}
	f.exclude = []Range{{0, int64(len(f.bytes))}}
	return f, nil
}
