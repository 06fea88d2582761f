package container

import (
	"encoding/binary"
	"fmt"
	"strings"
)

const (
	maxBoxDepth = 32
	maxBoxes    = 1 << 17
	// maxC2PABoxes keeps mending offsets cheap: each looks at every cut.
	maxC2PABoxes = 64
)

// UUIDs of user boxes.
const (
	uuidC2PA = "\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81"
	uuidXMP  = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"
)

// A box is one box of an ISO base media file (ISO/IEC 14496-12 section 4.2).
type box struct {
	kind     string
	whole    Range
	head     int64 // bytes of length, type and long length
	full     bool  // version and flags follow the head
	children []*box
}

func (b *box) body() Range { return Range{b.whole.Start + b.head, b.whole.Length - b.head} }

// fields are what follows version and flags, and the version.
func (b *box) fields(data []byte) (version byte, flags uint32, rest []byte, err error) {
	body := b.body().of(data)
	if len(body) < 4 {
		return 0, 0, nil, fmt.Errorf("bmff: box %q: %w: cut short", b.kind, ErrContainer)
	}
	return body[0], binary.BigEndian.Uint32(body) & 0xFFFFFF, body[4:], nil
}

// isContainer are the boxes whose content is boxes, as far as the official
// validator goes into them: paths of exclusions end elsewhere.
var isContainer = kinds("moov trak mdia minf stbl moof traf edts udta dinf tref treg mvex mfra meta schi")

// isFull are the boxes with version and flags that exclusions can ask for.
var isFull = kinds("pdin mvhd tkhd mdhd hdlr nmhd elng stsd stdp stts ctts cslg stss stsh elst dref stsz stz2 stsc stco " +
	"co64 padb subs saiz saio mehd trex mfhd tfhd trun tfra mfro tfdt leva trep assp sbgp sgpd csgp cprt tsel kind meta " +
	"xml_ bxml iloc pitm ipro infe iinf iref ipma schm fiin fpar fecr gitn fire stri stsg stvi csch sidx ssix prft srpp vmhd " +
	"smhd srat chnl dmix txtC mime uri_ uriI hmhd sthd vvhd medc")

func kinds(list string) map[string]bool {
	m := map[string]bool{}
	for _, k := range strings.Fields(list) {
		m[strings.ReplaceAll(k, "_", " ")] = true
	}
	return m
}

// A boxParser counts the boxes of one file.
type boxParser struct {
	data  []byte
	count int
}

// parseBMFF reads the boxes of a file. An mdat that claims more than there is
// ends with the file: cut says so.
func parseBMFF(data []byte) (top []*box, cut bool, err error) {
	p := &boxParser{data: data}
	top, err = p.boxes(Range{0, int64(len(data))}, 0)
	if n := len(top); n > 0 && top[n-1].whole.End() > int64(len(data)) {
		top[n-1].whole.Length = int64(len(data)) - top[n-1].whole.Start
		cut = true
	}
	return top, cut, err
}

// boxes reads the boxes inside a range. Up to 7 bytes that are left over are
// passed over; so is what follows a length of zero inside another box, where
// QuickTime ends a list so.
func (p *boxParser) boxes(in Range, depth int) (all []*box, err error) {
	if depth > maxBoxDepth {
		return nil, fmt.Errorf("bmff: %w: boxes nested deeper than %d", ErrContainer, maxBoxDepth)
	}
	for pos := in.Start; in.End()-pos >= 8; {
		b, err := p.header(Range{pos, in.End() - pos}, depth)
		if err != nil {
			return all, err
		}
		if b == nil {
			return all, nil
		}
		if p.count++; p.count > maxBoxes {
			return all, fmt.Errorf("bmff: %w: more than %d boxes", ErrContainer, maxBoxes)
		}
		all = append(all, b)
		if isContainer[b.kind] {
			if b.children, err = p.boxes(p.inner(b), depth+1); err != nil {
				return all, err
			}
		}
		pos = b.whole.End()
	}
	return all, nil
}

// header reads one box's length and type; nil ends a list.
func (p *boxParser) header(in Range, depth int) (*box, error) {
	h := in.of(p.data)
	b := &box{kind: string(h[4:8]), head: 8}
	size := uint64(binary.BigEndian.Uint32(h))
	switch {
	case size == 1 && len(h) < 16:
		return nil, fmt.Errorf("bmff: box %q: %w: cut short", b.kind, ErrContainer)
	case size == 1:
		size, b.head = binary.BigEndian.Uint64(h[8:]), 16
	case size == 0 && depth > 0:
		return nil, nil
	case size == 0:
		size = uint64(in.Length)
	}
	if size < uint64(b.head) || size > uint64(in.Length) && (b.kind != "mdat" || depth > 0 || size > 1<<62) {
		return nil, fmt.Errorf("bmff: box %q: %w: length %d, %d are left", b.kind, ErrContainer, size, in.Length)
	}
	b.whole = Range{in.Start, int64(size)}
	b.full = isFull[b.kind] && b.kind != "meta" || b.kind == "meta" && !p.plainMeta(b)
	return b, nil
}

// plainMeta reports whether a meta box lacks version and flags, as QuickTime
// writes it: then its first child, hdlr, follows at once.
func (p *boxParser) plainMeta(b *box) bool {
	body := b.body()
	return body.Length >= 8 && string(p.data[body.Start+4:body.Start+8]) == "hdlr"
}

// inner is where the children of a box stand.
func (p *boxParser) inner(b *box) Range {
	body := b.body()
	if b.full {
		n := min(4, body.Length)
		body = Range{body.Start + n, body.Length - n}
	}
	return body
}

// scanBMFF finds the store's uuid box. A new one goes right behind ftyp, before
// mdat and moov, where every version of the specification wants it.
func scanBMFF(data []byte) (s scan, err error) {
	top, cut, err := parseBMFF(data)
	if len(top) == 0 || top[0].kind != "ftyp" {
		return s, fmt.Errorf("bmff: %w: no ftyp box", ErrContainer)
	}
	s.at, s.keep = top[0].whole.End(), top
	if err == nil && cut {
		err = fmt.Errorf("bmff: box mdat: %w: cut short", ErrContainer)
	}
	var merkle []Range
	ours := 0
	for _, b := range top {
		body := b.body().of(data)
		switch {
		case b.kind == "uuid" && strings.HasPrefix(string(body[:min(16, len(body))]), uuidXMP) && s.xmp == nil:
			s.xmp = body[16:]
		case b.kind == "uuid" && strings.HasPrefix(string(body[:min(16, len(body))]), uuidC2PA):
			if ours++; ours > maxC2PABoxes {
				return s, fmt.Errorf("bmff: %w: more than %d boxes of C2PA", ErrContainer, maxC2PABoxes)
			}
			extra, bad := s.takeUUID(b, data)
			merkle = append(merkle, extra...)
			if bad != nil {
				return s, bad
			}
		}
	}
	if len(s.stores) > 0 { // the leaves of its hash trees go with a store
		s.stores[0].whole = append(s.stores[0].whole, merkle...)
	}
	s.refuse = refuseBMFF(top, data)
	if binary.BigEndian.Uint32(data) == 0 {
		s.refuse = fmt.Errorf("bmff: box ftyp: %w: it takes all of the file", ErrContainer)
	}
	return s, err
}

// takeUUID reads a C2PA box: version and flags, a purpose, an offset, the store
// (annex A.5).
func (s *scan) takeUUID(b *box, data []byte) (merkle []Range, err error) {
	const fixed = 16 + 4
	body := b.body()
	if body.Length < fixed {
		return nil, fmt.Errorf("bmff: box uuid: %w: cut short", ErrContainer)
	}
	rest := body.of(data)[fixed:]
	purpose, _, ok := strings.Cut(string(rest[:min(16, len(rest))]), "\x00")
	at := body.Start + fixed + int64(len(purpose)) + 1 + 8
	switch {
	case !ok:
		return nil, fmt.Errorf("bmff: box uuid: %w: no purpose", ErrContainer)
	case purpose == "merkle":
		return []Range{b.whole}, nil
	case purpose == "original" || purpose == "update":
		return nil, fmt.Errorf("bmff: box uuid: %w: a store split for updates", ErrContainer)
	case purpose != "manifest":
		return nil, nil
	case at > b.whole.End() || b.whole.End()-at > MaxStore:
		return nil, fmt.Errorf("bmff: box uuid: %w: a store of %d bytes", ErrContainer, b.whole.End()-at)
	}
	s.stores = append(s.stores, store{
		whole:   []Range{b.whole},
		parts:   []Range{{at, b.whole.End() - at}},
		exclude: []Range{b.whole},
	})
	return nil, nil
}

// frameBMFF makes the uuid box.
func frameBMFF(_ []byte, _ scan, size int) (f frame, err error) {
	const head = "uuid" + uuidC2PA + "\x00\x00\x00\x00" + "manifest\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00"
	n := 4 + len(head) + size
	f.bytes = binary.BigEndian.AppendUint32(make([]byte, 0, n), uint32(n))
	f.bytes = append(f.bytes, head...)
	f.parts = []Range{{int64(len(f.bytes)), int64(size)}}
	f.bytes = append(f.bytes, make([]byte, size)...)
	f.exclude = []Range{{0, int64(n)}}
	return f, nil
}
