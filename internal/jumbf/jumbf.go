// Package jumbf reads and writes the boxes of JUMBF (ISO/IEC 19566-5) as far as
// C2PA uses them: superboxes with a type, a label and content boxes. It knows no
// claims and no CBOR.
package jumbf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of what is read.
const (
	// MaxDepth bounds the nesting of superboxes.
	MaxDepth = 16
	// MaxBoxes bounds the boxes of one tree.
	MaxBoxes = 10_000

	headerSize = 8
	toggles    = 0x03 // requestable, with a label
)

// Errors of Parse.
var (
	ErrBox   = errors.New("jumbf: malformed box")
	ErrDepth = errors.New("jumbf: nested too deeply")
	ErrMany  = errors.New("jumbf: too many boxes")
)

// A UUID is the type of a superbox.
type UUID [16]byte

// C2PA returns the type that C2PA forms from four characters, such as "c2ma":
// they, and the ISO suffix.
func C2PA(fourCC string) UUID {
	u := UUID{4: 0x00, 5: 0x11, 6: 0x00, 7: 0x10, 8: 0x80, 9: 0x00, 10: 0x00, 11: 0xAA, 12: 0x00, 13: 0x38, 14: 0x9B, 15: 0x71}
	copy(u[:4], fourCC)
	return u
}

// FourCC is the four characters of a type that C2PA formed, or "".
func (u UUID) FourCC() string {
	if u != C2PA(string(u[:4])) {
		return ""
	}
	return string(u[:4])
}

// A Box is a content box, or a superbox with children.
type Box struct {
	// Type is the box type, such as "cbor"; "jumb" for a superbox.
	Type string
	// Data is the content of a content box. Of a superbox that was read it is
	// everything behind its own header, the bytes that a hashed URI covers.
	Data []byte

	UUID     UUID
	Label    string
	Toggles  byte
	Salt     []byte // of a private field c2sh
	Children []Box
}

// Super reports whether b is a superbox.
func (b *Box) Super() bool { return b.Type == "jumb" }

// Child returns the first child superbox with a label, or nil.
func (b *Box) Child(label string) *Box {
	for i := range b.Children {
		if c := &b.Children[i]; c.Super() && c.Label == label {
			return c
		}
	}
	return nil
}

// Content returns the first content box of a type, or nil.
func (b *Box) Content(kind string) *Box {
	for i := range b.Children {
		if b.Children[i].Type == kind {
			return &b.Children[i]
		}
	}
	return nil
}

// A parser counts the boxes of one tree.
type parser struct{ boxes int }

// Parse reads one superbox, which must fill data, and all inside it. The boxes
// point into data.
func Parse(data []byte) (*Box, error) {
	p := &parser{}
	b, rest, err := p.box(data, 0)
	switch {
	case err != nil:
		return nil, err
	case !b.Super():
		return nil, fmt.Errorf("%w: no superbox", ErrBox)
	case len(rest) > 0:
		return nil, fmt.Errorf("%w: %d bytes behind the outer box", ErrBox, len(rest))
	}
	return &b, nil
}

// box reads the box at the start of data.
func (p *parser) box(data []byte, depth int) (b Box, rest []byte, err error) {
	if p.boxes++; p.boxes > MaxBoxes {
		return b, nil, ErrMany
	}
	kind, body, rest, err := cut(data)
	if err != nil {
		return b, nil, err
	}
	b.Type, b.Data = kind, body
	if !b.Super() {
		return b, rest, nil
	}
	if depth >= MaxDepth {
		return b, nil, ErrDepth
	}
	return b, rest, p.super(&b, depth)
}

// cut cuts the first box off data.
func cut(data []byte) (kind string, body, rest []byte, err error) {
	if len(data) < headerSize {
		return "", nil, nil, fmt.Errorf("%w: %d bytes are no header", ErrBox, len(data))
	}
	size, kind := uint64(binary.BigEndian.Uint32(data)), string(data[4:8])
	head := uint64(headerSize)
	if size == 1 { // a length of 64 bits follows
		if len(data) < 16 {
			return "", nil, nil, fmt.Errorf("%w: no long length", ErrBox)
		}
		size, head = binary.BigEndian.Uint64(data[8:]), 16
	}
	if size == 0 { // to the end
		size = uint64(len(data))
	}
	if size < head || size > uint64(len(data)) {
		return "", nil, nil, fmt.Errorf("%w: %q has length %d, %d bytes are there", ErrBox, kind, size, len(data))
	}
	return kind, data[head:size], data[size:], nil
}

// super reads the description and the children of a superbox.
func (p *parser) super(b *Box, depth int) error {
	kind, desc, rest, err := cut(b.Data)
	if err != nil || kind != "jumd" {
		return fmt.Errorf("%w: a superbox without a description", ErrBox)
	}
	if err := b.describe(desc); err != nil {
		return err
	}
	for len(rest) > 0 {
		var child Box
		if child, rest, err = p.box(rest, depth+1); err != nil {
			return err
		}
		b.Children = append(b.Children, child)
	}
	return nil
}

// describe reads a description box: type, toggles, label, and private fields.
func (b *Box) describe(desc []byte) error {
	if len(desc) < 17 {
		return fmt.Errorf("%w: a description of %d bytes", ErrBox, len(desc))
	}
	copy(b.UUID[:], desc)
	b.Toggles = desc[16]
	rest := desc[17:]
	if b.Toggles&0x02 != 0 {
		label, after, ok := strings.Cut(string(rest), "\x00")
		if !ok || !validLabel(label) {
			return fmt.Errorf("%w: a label that does not end or holds forbidden characters", ErrBox)
		}
		b.Label, rest = label, rest[len(rest)-len(after):]
	}
	if b.Toggles&0x04 != 0 { // an ID
		rest = rest[min(4, len(rest)):]
	}
	if b.Toggles&0x08 != 0 { // a SHA-256
		rest = rest[min(32, len(rest)):]
	}
	if b.Toggles&0x10 != 0 {
		if kind, salt, _, err := cut(rest); err == nil && kind == "c2sh" {
			b.Salt = salt
		}
	}
	return nil
}

// validLabel refuses what C2PA forbids in labels: control characters and those
// that mean something in a JUMBF URI.
func validLabel(label string) bool {
	if !utf8.ValidString(label) {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool {
		return r < 0x20 || r >= 0x7F && r < 0xA0 || r == '\uFEFF' || strings.ContainsRune("/;?#", r)
	})
}

// Append writes a box. Of a superbox UUID, Label and Children count; Data does
// not.
func (b *Box) Append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, b.Type...)
	if !b.Super() {
		dst = append(dst, b.Data...)
	} else {
		dst = b.appendDescription(dst)
		for i := range b.Children {
			dst = b.Children[i].Append(dst)
		}
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst
}

func (b *Box) appendDescription(dst []byte) []byte {
	size := headerSize + 16 + 1 + len(b.Label) + 1
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	dst = append(append(dst, "jumd"...), b.UUID[:]...)
	dst = append(append(dst, toggles), b.Label...)
	return append(dst, 0)
}
