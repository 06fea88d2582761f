package container

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The frame that holds a store (specification annex A, ID3): GEOB, and in it a
// media type, a file name and a description. The older media type is still read.
const (
	storeMIME    = "application/c2pa"
	storeMIMEOld = "application/x-c2pa-manifest-store"
	geobHead     = "\x00" + storeMIME + "\x00c2pa\x00c2pa manifest store\x00" // ISO 8859-1

	id3Header  = 10
	id3MaxSize = 1<<28 - 1 // of a synchsafe integer
)

// Flags of the tag header (ID3v2.4 section 3.1).
const (
	id3Unsync   = 0x80
	id3Extended = 0x40
	id3Footer   = 0x10
)

// An id3Tag is the ID3v2 tag at the start of a file.
type id3Tag struct {
	major   byte
	flags   byte
	frames  int64 // where the first frame stands
	end     int64 // behind the padding
	footer  bool
	count   int  // frames
	gone    bool // it holds nothing but stores, and goes with them
	missing bool
}

// after is where the audio starts.
func (t id3Tag) after() int64 {
	switch {
	case t.missing:
		return 0
	case t.footer:
		return t.end + id3Header
	}
	return t.end
}

// none reports whether a new tag must be made.
func (t id3Tag) none() bool { return t.missing || t.gone }

// synchsafe reads 28 bits from four bytes (ID3v2.4 section 6.2).
func synchsafe(b []byte) (n int64, ok bool) {
	for _, c := range b[:4] {
		if c >= 0x80 {
			return 0, false
		}
		n = n<<7 | int64(c)
	}
	return n, true
}

func putSynchsafe(b []byte, n int64) {
	for i := 3; i >= 0; i-- {
		b[i] = byte(n & 0x7F)
		n >>= 7
	}
}

// readID3 reads the tag's header. refuse says why the tag cannot be written,
// when it can be read.
func readID3(data []byte) (t id3Tag, refuse, err error) {
	if len(data) < id3Header || string(data[:3]) != "ID3" {
		return id3Tag{major: 4, missing: true}, nil, nil
	}
	size, ok := synchsafe(data[6:])
	t = id3Tag{major: data[3], flags: data[5], frames: id3Header, end: id3Header + size}
	t.footer = t.major == 4 && t.flags&id3Footer != 0
	switch {
	case !ok || t.major < 2 || t.major > 4:
		return t, nil, fmt.Errorf("id3: %w: no tag of version 2.2 to 2.4", ErrContainer)
	case t.after() > int64(len(data)):
		return t, nil, fmt.Errorf("id3: %w: the tag is cut short", ErrContainer)
	case t.major == 2:
		return t, fmt.Errorf("id3: %w: version 2.2 is only passed over", ErrContainer), nil
	}
	if t.flags&id3Unsync != 0 && bytes.Contains(data[id3Header:t.end], []byte{0xFF, 0}) {
		refuse = fmt.Errorf("id3: %w: an unsynchronised tag", ErrContainer)
	}
	if t.flags&id3Extended != 0 {
		checked, err := t.skipExtended(data)
		if err != nil {
			return t, nil, err
		}
		if checked && refuse == nil {
			refuse = fmt.Errorf("id3: %w: a tag with a checksum", ErrContainer)
		}
	}
	return t, refuse, nil
}

// skipExtended passes over the extended header, and says whether it holds a CRC.
func (t *id3Tag) skipExtended(data []byte) (checked bool, err error) {
	rest := data[t.frames:t.end]
	if len(rest) < 6 {
		return false, fmt.Errorf("id3: %w: the extended header is cut short", ErrContainer)
	}
	var size int64
	if t.major == 3 { // the size does not count itself
		size = 4 + int64(binary.BigEndian.Uint32(rest))
		checked = rest[4]&0x80 != 0
	} else {
		var ok bool
		if size, ok = synchsafe(rest); !ok {
			size = -1
		}
		checked = rest[5]&0x20 != 0
	}
	if size < 6 || size > int64(len(rest)) {
		return false, fmt.Errorf("id3: %w: an extended header of %d bytes", ErrContainer, size)
	}
	t.frames += size
	return checked, nil
}

// An id3Frame is one frame.
type id3Frame struct {
	id    string
	whole Range
	body  Range
	// plain says that body is what the frame means: neither compressed,
	// encrypted nor unsynchronised.
	plain bool
	// broken says that the frame is shorter than its flags need.
	broken bool
}

// frame reads the frame at pos. It gives false at the padding and where no frame
// can be: some writers get sizes wrong, and the audio plays none the less.
func (t id3Tag) frame(data []byte, pos int64) (f id3Frame, ok bool) {
	if t.end-pos < id3Header || data[pos] == 0 {
		return f, false
	}
	head := data[pos : pos+id3Header]
	size, ok := int64(binary.BigEndian.Uint32(head[4:])), true
	if t.major == 4 {
		size, ok = synchsafe(head[4:])
	}
	if !ok || size > t.end-pos-id3Header {
		return f, false
	}
	f = id3Frame{id: string(head[:4]), whole: Range{pos, id3Header + size}, body: Range{pos + id3Header, size}}
	t.unwrap(&f, head[9], data)
	return f, true
}

// unwrap goes by a frame's format flags (ID3v2.3 section 3.3.1, v2.4 section
// 4.1.2). What it cannot undo makes the frame not plain.
func (t id3Tag) unwrap(f *id3Frame, flags byte, data []byte) {
	const compressed3, unsync, length4 = 0x80, 0x02, 0x01
	if t.major == 3 {
		f.plain = flags == 0
		f.broken = flags&compressed3 != 0 && f.body.Length < 4
		return
	}
	f.plain = flags&^(unsync|length4) == 0
	if flags&length4 != 0 {
		if f.body.Length < 4 {
			f.plain, f.broken = false, true
			return
		}
		f.body = Range{f.body.Start + 4, f.body.Length - 4}
	}
	if flags&unsync != 0 && bytes.Contains(f.body.of(data), []byte{0xFF, 0}) {
		f.plain = false
	}
}

// geobStore returns where the store stands in a GEOB frame's body.
func geobStore(f id3Frame, data []byte) (Range, bool) {
	body := f.body.of(data)
	if f.id != "GEOB" || !f.plain || len(body) == 0 {
		return Range{}, false
	}
	mime, rest, ok := bytes.Cut(body[1:], []byte{0})
	if !ok || string(mime) != storeMIME && string(mime) != storeMIMEOld {
		return Range{}, false
	}
	for range 2 { // file name, description
		if rest, ok = skipText(rest, body[0]); !ok {
			return Range{}, false
		}
	}
	return Range{f.body.End() - int64(len(rest)), int64(len(rest))}, true
}

// skipText passes over a terminated text; encodings 1 and 2 are UTF-16.
func skipText(b []byte, encoding byte) (rest []byte, ok bool) {
	if encoding != 1 && encoding != 2 {
		_, rest, ok = bytes.Cut(b, []byte{0})
		return rest, ok
	}
	for ; len(b) >= 2; b = b[2:] {
		if b[0] == 0 && b[1] == 0 {
			return b[2:], true
		}
	}
	return nil, false
}

// scanID3 finds the store's frame. The exclusion is the store alone, without its
// frame: so the official validator has it. A new frame goes first, which needs
// no trust in the sizes of the others.
func scanID3(data []byte) (s scan, err error) {
	t, refuse, err := readID3(data)
	if err != nil {
		return s, err
	}
	s.refuse = refuse
	if t.missing || t.major == 2 {
		s.keep = t
		return s, nil
	}
	for pos := t.frames; ; {
		f, ok := t.frame(data, pos)
		if (!ok && pos < t.end && data[pos] != 0 || f.broken) && s.refuse == nil {
			s.refuse = fmt.Errorf("id3: %w: a frame that readers cannot make out", ErrContainer)
		}
		if !ok {
			break
		}
		if t.count++; t.count > maxParts {
			return s, fmt.Errorf("id3: %w: more than %d frames", ErrContainer, maxParts)
		}
		pos = f.whole.End()
		if err := s.takeFrame(f, data); err != nil {
			return s, err
		}
	}
	s.at = t.frames
	if n := len(s.stores); n > 0 && n == t.count { // a tag without frames is not allowed
		for i := range s.stores {
			s.stores[i].whole = nil
		}
		s.stores[0].whole = []Range{{0, t.after()}}
		t.gone, s.at = true, 0
	}
	s.keep = t
	return s, nil
}

// takeFrame looks at one frame for a store or XMP.
func (s *scan) takeFrame(f id3Frame, data []byte) error {
	body := f.body.of(data)
	r, ok := geobStore(f, data)
	switch {
	case ok && r.Length <= MaxStore:
		part := []Range{r}
		s.stores = append(s.stores, store{whole: []Range{f.whole}, parts: part, exclude: part})
	case ok:
		return fmt.Errorf("id3: %w: a store of over %d bytes", ErrContainer, MaxStore)
	case f.id == "GEOB" && !f.plain && s.refuse == nil:
		s.refuse = fmt.Errorf("id3: %w: a GEOB frame that may hide a store", ErrContainer)
	case f.id == "PRIV" && s.xmp == nil && f.plain:
		if xmp, ok := bytes.CutPrefix(body, []byte("XMP\x00")); ok {
			s.xmp = xmp
		}
	}
	return nil
}

// frameID3 makes the frame, in a tag of its own where there is none.
func frameID3(_ []byte, s scan, size int) (f frame, err error) {
	t, _ := s.keep.(id3Tag)
	n := int64(len(geobHead) + size)
	if n > id3MaxSize-id3Header {
		return f, fmt.Errorf("id3: %w: a store of %d bytes", ErrContainer, size)
	}
	f.bytes = make([]byte, 0, 2*id3Header+n)
	major := t.major
	if t.none() {
		major = 4
		f.bytes = append(f.bytes, "ID3\x04\x00\x00\x00\x00\x00\x00"...)
		putSynchsafe(f.bytes[6:], id3Header+n)
	}
	at := len(f.bytes)
	f.bytes = append(f.bytes, "GEOB\x00\x00\x00\x00\x00\x00"+geobHead...)
	if major == 4 {
		putSynchsafe(f.bytes[at+4:], n)
	} else {
		binary.BigEndian.PutUint32(f.bytes[at+4:], uint32(n))
	}
	f.parts = []Range{{int64(len(f.bytes)), int64(size)}}
	f.bytes = append(f.bytes, make([]byte, size)...)
	f.exclude = f.parts
	return f, nil
}

// fixID3 sets the size in the header and the footer. The flag for
// unsynchronisation goes: nothing in the tag needed it, and the store would.
func fixID3(out, _ []byte, s scan, e edit) error {
	t, _ := s.keep.(id3Tag)
	if t.none() {
		return nil
	}
	size := t.end - id3Header + e.growth()
	if size > id3MaxSize {
		return fmt.Errorf("id3: %w: a tag of %d bytes", ErrContainer, size)
	}
	heads := []int64{0}
	if t.footer {
		heads = append(heads, id3Header+size)
	}
	for _, at := range heads {
		putSynchsafe(out[at+6:], size)
		out[at+5] &^= id3Unsync
	}
	return nil
}

// sniffAudio tells MP3 and FLAC, with or without an ID3v2 tag in front.
func sniffAudio(data []byte) Format {
	t, _, err := readID3(data)
	if err != nil {
		return MP3 // a tag it has; the rest is for Find to say
	}
	rest := data[t.after():]
	switch {
	case bytes.HasPrefix(rest, []byte("fLaC")):
		return FLAC
	case !t.missing || isMPEGFrame(rest):
		return MP3
	}
	return Unknown
}

// isMPEGFrame reports whether data starts with the header of an MPEG audio frame
// (ISO/IEC 11172-3 section 2.4.1.3) that uses no reserved value.
func isMPEGFrame(data []byte) bool {
	return len(data) >= 4 && data[0] == 0xFF && data[1]&0xE0 == 0xE0 &&
		data[1]&0x18 != 0x08 && data[1]&0x06 != 0 && data[2]&0xF0 != 0xF0 && data[2]&0x0C != 0x0C
}
