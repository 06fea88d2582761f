// Package container says where a C2PA manifest store stands in a file, and puts
// one there. It knows files, not manifests: a store is a run of bytes to it.
//
// Writing takes two steps, because the hash in a manifest covers the file around
// it: Reserve makes room for a store of a fixed size and says which ranges the
// hash leaves out, Slot.Put writes the finished store into that room. No byte
// outside the room, and the checksum of its frame, changes between the two.
//
// Source: C2PA Technical Specification 2.4 and 2.5, annex A (embedding) and the
// chapters on data hash, BMFF hash and box hash. Where the official validator
// (c2pa-rs 0.91) is stricter than the text, the validator decides: it takes an
// exclusion only if it equals its own idea of where the store stands.
package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

// ErrContainer is wrapped by every error of this package: the file is malformed,
// of no known format, or built such that a store cannot be put there.
var ErrContainer = errors.New("c2pa/container: unusable file")

// Limits of what is read and written.
const (
	// MaxStore bounds a manifest store, in bytes.
	MaxStore = 64 << 20
	// maxParts bounds the chunks, segments, frames or boxes of a file.
	maxParts = 1 << 16
	// boxHeader is a JUMBF box's length and type; no store is shorter.
	boxHeader = 8
)

// A Range is a run of bytes of a file.
type Range struct{ Start, Length int64 }

// End is the offset behind the range.
func (r Range) End() int64 { return r.Start + r.Length }

func (r Range) of(data []byte) []byte { return data[r.Start:r.End()] }

// Found is what Find tells about a file.
type Found struct {
	Format Format
	// Store is the manifest store, nil for none. It may point into the file.
	Store []byte
	// Stores counts the stores of the file. Several are as good as none: Store
	// is nil then.
	Stores int
	// Exclude is what c2pa.hash.data must exclude for this store, no more and no
	// less. For BMFF, which is hashed by boxes, it is the box of the store.
	Exclude []Range
	// Remote is the address of a manifest store elsewhere that the file's XMP
	// names (dcterms:provenance), http or https, at most 4096 bytes. It is
	// foreign input: whoever wrote the file chose it.
	Remote string
}

// A scan is what a driver sees in a file.
type scan struct {
	stores []store
	at     int64  // where a new store goes, from 0
	xmp    []byte // the XMP packet, nil for none
	keep   any    // what the driver wants to know again in fix
	// refuse says why nothing can be written into this file, nil if it can.
	refuse error
}

// A store is one manifest store in a file.
type store struct {
	whole   []Range // with all its framing: what Remove takes out
	parts   []Range // its bytes
	exclude []Range // what the hash leaves out
}

// A frame is the bytes around a store, with room for it.
type frame struct {
	bytes   []byte
	parts   []Range // room for the store
	heads   []int64 // where its first 8 bytes are repeated (JPEG)
	exclude []Range
}

// A driver knows one family of formats.
type driver struct {
	scan func(data []byte) (scan, error)
	// frame builds the frame of a store of a size.
	frame func(data []byte, s scan, size int) (frame, error)
	// fix mends lengths and offsets in out after cut was taken from data and
	// added bytes were put at s.at.
	fix func(out, data []byte, s scan, e edit) error
	// seal mends the checksum of the frame after the store was written.
	seal func(out []byte, s Slot)
}

// Find looks for the manifest store of a file. It reads every structure that
// could hold one, not the content. A broken file gives an error that wraps
// ErrContainer, and Found says what stood before the break.
func Find(data []byte) (Found, error) {
	f := Found{Format: Sniff(data)}
	d, err := driverOf(f.Format)
	if err != nil {
		return f, err
	}
	s, err := d.scan(data)
	f.Stores = len(s.stores)
	if len(s.stores) == 1 {
		f.Store = trim(join(data, s.stores[0].parts))
		f.Exclude = s.stores[0].exclude
	}
	f.Remote = provenance(s.xmp)
	return f, err
}

// join returns the bytes of ranges as one, without a copy where it is one.
func join(data []byte, parts []Range) []byte {
	if len(parts) == 1 {
		return parts[0].of(data)
	}
	var n int64
	for _, p := range parts {
		n += p.Length
	}
	out := make([]byte, 0, n)
	for _, p := range parts {
		out = append(out, p.of(data)...)
	}
	return out
}

// trim takes zero padding off behind the outer box of a store. Anything else
// behind it stays, for the reader of the store to refuse.
func trim(store []byte) []byte {
	if len(store) < boxHeader {
		return store
	}
	size := int64(binary.BigEndian.Uint32(store))
	if size < boxHeader || size > int64(len(store)) {
		return store
	}
	for _, b := range store[size:] {
		if b != 0 {
			return store
		}
	}
	return store[:size]
}

// A Slot is the room for a manifest store in a file that Reserve returned.
type Slot struct {
	// Exclude is what c2pa.hash.data must exclude, as in Found.
	Exclude []Range

	format Format
	total  int // bytes of the file
	size   int // bytes of the store
	parts  []Range
	heads  []int64
}

// Reserve returns a copy of a file without any manifest store it had, with room
// for one of exactly size bytes (8 to MaxStore), zero filled. All lengths and
// offsets are those of the final file; the checksum of a PNG chunk is set by Put.
func Reserve(data []byte, size int) (out []byte, s Slot, err error) {
	format := Sniff(data)
	d, seen, err := open(data, format)
	switch {
	case err != nil:
		return nil, s, err
	case size < boxHeader || size > MaxStore:
		return nil, s, fmt.Errorf("%w: a store of %d bytes", ErrContainer, size)
	}
	fr, err := d.frame(data, seen, size)
	if err != nil {
		return nil, s, err
	}
	e := edit{cut: cuts(seen.stores), at: seen.at, put: fr.bytes}
	if out, err = e.apply(data); err == nil {
		err = d.fix(out, data, seen, e)
	}
	if err != nil {
		return nil, s, err
	}
	base := e.moved(seen.at) - int64(len(fr.bytes))
	s = Slot{format: format, total: len(out), size: size, Exclude: shift(fr.exclude, base), parts: shift(fr.parts, base)}
	for _, h := range fr.heads {
		s.heads = append(s.heads, h+base)
	}
	return out, s, nil
}

// Put writes a store of exactly the reserved size into the file that Reserve
// returned. It may be called again with another store of that size.
func (s Slot) Put(out, store []byte) error {
	if len(out) != s.total || len(store) != s.size || s.size == 0 {
		return fmt.Errorf("%w: a store of %d bytes in a file of %d, reserved were %d in %d",
			ErrContainer, len(store), len(out), s.size, s.total)
	}
	rest := store
	for _, p := range s.parts {
		rest = rest[copy(p.of(out), rest):]
	}
	for _, h := range s.heads {
		copy(out[h:], store[:boxHeader])
	}
	if seal := drivers[s.format].seal; seal != nil {
		seal(out, s)
	}
	return nil
}

// Remove returns a copy of a file without manifest stores.
func Remove(data []byte) ([]byte, error) {
	d, seen, err := open(data, Sniff(data))
	if err != nil {
		return nil, err
	}
	e := edit{cut: cuts(seen.stores), at: seen.at}
	out, err := e.apply(data)
	if err == nil && len(e.cut) > 0 {
		err = d.fix(out, data, seen, e)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// open scans a file that is to be written.
func open(data []byte, format Format) (driver, scan, error) {
	d, err := driverOf(format)
	if err != nil {
		return d, scan{}, err
	}
	seen, err := d.scan(data)
	if err == nil {
		err = seen.refuse
	}
	return d, seen, err
}

// HashData feeds a file to h without the excluded ranges, which must be sorted,
// disjoint and inside the file (c2pa.hash.data).
func HashData(h hash.Hash, data []byte, exclude []Range) error {
	if err := checkRanges(exclude, int64(len(data))); err != nil {
		return err
	}
	var pos int64
	for _, r := range exclude {
		h.Write(data[pos:r.Start])
		pos = r.End()
	}
	h.Write(data[pos:])
	return nil
}

func checkRanges(ranges []Range, size int64) error {
	var pos int64
	for i, r := range ranges {
		if r.Start < pos || r.Length < 0 || r.Start > size || r.Length > size-r.Start {
			return fmt.Errorf("%w: exclusion %d (%d bytes at %d) overlaps or leaves the file of %d bytes",
				ErrContainer, i, r.Length, r.Start, size)
		}
		pos = r.End()
	}
	return nil
}
