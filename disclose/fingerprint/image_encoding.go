package fingerprint

import (
	"encoding/binary"
	"fmt"
)

const (
	imageVersion = 1
	// maxImageBytes bounds an encoded Image.
	maxImageBytes = 1 + 2*4 + GlobalBits/8 + (maxCells+7)/8 + maxCells*cellBits/8
)

// AppendBinary appends the encoding of i: a version byte, width and height in four
// bytes each, the global part, then one bit for each cell that says something, the
// first in the lowest bit, and the bits of these cells. Numbers are big endian. The
// zero Image is nothing but its version. It is at most 833 bytes.
//
// The error is ErrEncoding for an Image that no Imager has made.
func (i Image) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, imageVersion)
	if i.IsZero() {
		return b, nil
	}
	g, ok := newGrid(i.Width, i.Height)
	if !ok || len(i.Local) != g.cells() {
		return nil, fmt.Errorf("%w: %d cells of a picture of %d x %d pixels", ErrEncoding, len(i.Local), i.Width, i.Height)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(i.Width))
	b = binary.BigEndian.AppendUint32(b, uint32(i.Height))
	for _, v := range i.Global {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	flags := len(b)
	b = append(b, make([]byte, (len(i.Local)+7)/8)...)
	for k, v := range i.Local {
		if v != 0 {
			b[flags+k/8] |= 1 << (k % 8)
			b = binary.BigEndian.AppendUint32(b, v)
		}
	}
	return b, nil
}

// ParseImage reads what [Image.AppendBinary] wrote, all of b. Errors: ErrEncoding.
func ParseImage(b []byte) (i Image, err error) {
	switch {
	case len(b) == 0 || b[0] != imageVersion:
		return Image{}, fmt.Errorf("%w: no picture of version %d", ErrEncoding, imageVersion)
	case len(b) == 1:
		return Image{}, nil
	case len(b) < 1+2*4+GlobalBits/8 || len(b) > maxImageBytes:
		return Image{}, fmt.Errorf("%w: a picture in %d bytes", ErrEncoding, len(b))
	}
	w, h := binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:])
	if w > maxSide || h > maxSide {
		return Image{}, fmt.Errorf("%w: a picture of %d x %d pixels", ErrEncoding, w, h)
	}
	i.Width, i.Height = int(w), int(h)
	g, ok := newGrid(i.Width, i.Height)
	if !ok {
		return Image{}, fmt.Errorf("%w: a picture of %d x %d pixels", ErrEncoding, w, h)
	}
	b = b[9:]
	for k := range i.Global {
		i.Global[k] = binary.BigEndian.Uint64(b[8*k:])
	}
	if i.Local, err = parseCells(b[GlobalBits/8:], g.cells()); err != nil {
		return Image{}, err
	}
	return i, nil
}

// parseCells reads the local part.
func parseCells(b []byte, cells int) ([]uint32, error) {
	n := (cells + 7) / 8
	if len(b) < n || cells%8 != 0 && b[n-1]>>(cells%8) != 0 {
		return nil, fmt.Errorf("%w: the list of cells", ErrEncoding)
	}
	flags, b := b[:n], b[n:]
	out := make([]uint32, cells)
	for k := range out {
		if flags[k/8]>>(k%8)&1 == 0 {
			continue
		}
		if len(b) < 4 {
			return nil, fmt.Errorf("%w: cells are missing", ErrEncoding)
		}
		if out[k] = binary.BigEndian.Uint32(b); out[k] == 0 {
			return nil, fmt.Errorf("%w: an empty cell", ErrEncoding)
		}
		b = b[4:]
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrEncoding, len(b))
	}
	return out, nil
}
