package container

import (
	"encoding/binary"
	"fmt"
	"math"
)

// walkBoxes calls fn for boxes and all inside them.
func walkBoxes(all []*box, fn func(*box) error) error {
	for _, b := range all {
		if err := fn(b); err != nil {
			return err
		}
		if err := walkBoxes(b.children, fn); err != nil {
			return err
		}
	}
	return nil
}

// fragmented are the boxes of files whose offsets this package does not mend.
var fragmented = map[string]bool{"moof": true, "mvex": true, "sidx": true, "mfra": true, "styp": true, "cmov": true}

// refuseBMFF says why nothing can be inserted into a file, nil if it can.
func refuseBMFF(top []*box, data []byte) error {
	return walkBoxes(top, func(b *box) error {
		switch {
		case fragmented[b.kind]:
			return fmt.Errorf("bmff: box %q: %w: fragmented files are only read", b.kind, ErrContainer)
		case b.kind == "dref":
			return externalData(b, data)
		}
		return nil
	})
}

// externalData refuses media in other files: chunk offsets point there, and
// nothing tells which to mend.
func externalData(b *box, data []byte) error {
	_, _, rest, err := b.fields(data)
	if err != nil || len(rest) < 4 {
		return fmt.Errorf("bmff: box dref: %w: cut short", ErrContainer)
	}
	for rest = rest[4:]; len(rest) >= 12; {
		size := uint64(binary.BigEndian.Uint32(rest))
		if rest[11]&1 == 0 || size < 12 || size > uint64(len(rest)) {
			return fmt.Errorf("bmff: box dref: %w: media outside the file", ErrContainer)
		}
		rest = rest[size:]
	}
	return nil
}

// fixBMFF mends what points to places in the file: chunk offsets, places of
// items, places of auxiliary information.
func fixBMFF(out, data []byte, s scan, e edit) error {
	top, _ := s.keep.([]*box)
	return walkBoxes(top, func(b *box) error {
		m := mender{out: out, data: data, e: e, b: b}
		switch b.kind {
		case "stco":
			return m.table(4, 4)
		case "co64":
			return m.table(4, 8)
		case "saio":
			return m.saio()
		case "iloc":
			return m.iloc()
		}
		return nil
	})
}

// A mender rewrites the offsets in one box: it reads the old file and writes the
// new one.
type mender struct {
	out, data []byte
	e         edit
	b         *box
	pos       int64 // read so far, in the old file
}

func (m *mender) bad() error {
	return fmt.Errorf("bmff: box %q: %w: malformed", m.b.kind, ErrContainer)
}

// read returns an unsigned number of n bytes (0 gives 0) and moves on.
func (m *mender) read(n int64) (v uint64, err error) {
	if m.b.whole.End()-m.pos < n {
		return 0, m.bad()
	}
	for _, c := range m.data[m.pos : m.pos+n] {
		v = v<<8 | uint64(c)
	}
	m.pos += n
	return v, nil
}

// write puts a number of n bytes where the old file has it at an offset.
func (m *mender) write(at, n int64, v uint64) error {
	if n < 8 && v>>(8*n) != 0 {
		return fmt.Errorf("bmff: box %q: %w: an offset outgrows its %d bytes", m.b.kind, ErrContainer, n)
	}
	to := m.e.moved(at)
	for i := n - 1; i >= 0; i-- {
		m.out[to+i] = byte(v)
		v >>= 8
	}
	return nil
}

// moved is where what an offset points to stands in the new file.
func (m *mender) moved(v uint64) (uint64, error) {
	if v > math.MaxInt64/2 {
		return 0, m.bad()
	}
	return uint64(m.e.moved(int64(v))), nil
}

// table mends a list of offsets of n bytes each, behind skip bytes and a count.
func (m *mender) table(skip, n int64) error {
	m.pos = m.b.body().Start + skip
	count, err := m.read(4)
	if err != nil || int64(count) > (m.b.whole.End()-m.pos)/n {
		return m.bad()
	}
	for range count {
		at := m.pos
		v, err := m.read(n)
		if err != nil {
			return err
		}
		if v, err = m.moved(v); err != nil {
			return err
		}
		if err = m.write(at, n, v); err != nil {
			return err
		}
	}
	return nil
}

func (m *mender) saio() error {
	version, flags, _, err := m.b.fields(m.data)
	if err != nil {
		return err
	}
	skip, n := int64(4), int64(4)
	if flags&1 != 0 {
		skip += 8
	}
	if version != 0 {
		n = 8
	}
	return m.table(skip, n)
}

// An ilocLayout is the widths of the fields of an iloc box (ISO/IEC 14496-12
// section 8.11.3).
type ilocLayout struct {
	version                     byte
	offset, length, base, index int64
	id                          int64
}

func (m *mender) iloc() error {
	version, _, _, err := m.b.fields(m.data)
	if err != nil {
		return err
	}
	m.pos = m.b.body().Start + 4
	sizes, err := m.read(2)
	if err != nil || version > 2 {
		return m.bad()
	}
	l := ilocLayout{version: version, id: 2,
		offset: int64(sizes >> 12), length: int64(sizes >> 8 & 15), base: int64(sizes >> 4 & 15)}
	if version > 0 {
		l.index = int64(sizes & 15)
	}
	if version == 2 {
		l.id = 4
	}
	if l.offset > 8 || l.length > 8 || l.base > 8 || l.index > 8 {
		return m.bad()
	}
	count, err := m.read(l.id)
	for i := uint64(0); i < count && err == nil; i++ {
		err = m.item(l)
	}
	return err
}

// item mends one item: its base where it has one, else its extents.
func (m *mender) item(l ilocLayout) error {
	if _, err := m.read(l.id); err != nil {
		return err
	}
	method := uint64(0)
	var err error
	if l.version > 0 {
		if method, err = m.read(2); err != nil {
			return err
		}
	}
	reference, err := m.read(2)
	if err != nil {
		return err
	}
	baseAt := m.pos
	base, err := m.read(l.base)
	if err != nil {
		return err
	}
	extents, err := m.read(2)
	if err != nil {
		return err
	}
	inFile := method&15 == 0 && reference == 0
	var by int64
	for i := range extents {
		shift, err := m.extent(l, base, inFile)
		switch {
		case err != nil:
			return err
		case i > 0 && base != 0 && shift != by:
			return fmt.Errorf("bmff: box iloc: %w: an item around the place of the store", ErrContainer)
		}
		by = shift
	}
	if base == 0 || !inFile {
		return nil
	}
	return m.write(baseAt, l.base, base+uint64(by))
}

// extent reads an extent and returns how far what it names moves. Without a base
// it mends the extent itself.
func (m *mender) extent(l ilocLayout, base uint64, inFile bool) (by int64, err error) {
	if _, err = m.read(l.index); err != nil {
		return 0, err
	}
	at := m.pos
	offset, err := m.read(l.offset)
	if err != nil {
		return 0, err
	}
	length, err := m.read(l.length)
	if err != nil || !inFile {
		return 0, err
	}
	to, err := m.moved(base + offset)
	if err != nil {
		return 0, err
	}
	by = int64(to - (base + offset))
	switch {
	case base != 0:
		return by, nil
	case l.offset == 0 && (length == 0 || by != 0):
		return 0, fmt.Errorf("bmff: box iloc: %w: an item that starts with the file", ErrContainer)
	}
	return by, m.write(at, l.offset, to)
}
