// Package fastpng encodes PNG files in a fraction of the time that image/png
// takes, and about as small: row filters chosen by a sample of each row, and
// Huffman codes alone wherever the filtered bytes look like noise, which is what
// they do in natural pictures. Stripes are compressed side by side; the file is
// the same whatever the number of goroutines.
//
// Format: PNG specification, third edition (W3C, 2025); RFC 1950 and 1951.
package fastpng

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"image"
	"image/png"

	"github.com/klauspost/compress/flate"
	"golang.org/x/sync/errgroup"
)

const (
	// stripeBytes is about how much filtered data one stripe holds.
	stripeBytes = 256 << 10
	// maxSide is the PNG limit on width and height.
	maxSide = 1<<31 - 1
)

// Encode encodes an image: Gray, Gray16, NRGBA and NRGBA64 by this package
// (without alpha where all is opaque), other kinds by image/png at its fastest.
// jobs is how many goroutines it may use. Errors: an empty or too large image.
func Encode(img image.Image, jobs int) ([]byte, error) {
	s, ok := newSource(img)
	if !ok {
		var buf bytes.Buffer
		err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&buf, img)
		return buf.Bytes(), err
	}
	if s.w <= 0 || s.h <= 0 || s.w > maxSide || s.h > maxSide {
		return nil, fmt.Errorf("fastpng: %d x %d pixels: want at least one, and at most 2^31-1 on a side", s.w, s.h)
	}
	stripes, err := s.compress(max(jobs, 1))
	if err != nil {
		return nil, err
	}
	return s.file(stripes), nil
}

// A stripe is the compressed form of some rows.
type stripe struct {
	deflated []byte
	adler    uint32
	length   int // before compression
}

// compress filters and compresses all stripes.
func (s *source) compress(jobs int) ([]stripe, error) {
	rows := max(stripeBytes/(s.rowBytes+1), 1)
	stripes := make([]stripe, (s.h+rows-1)/rows)
	var group errgroup.Group
	group.SetLimit(jobs)
	for i := range stripes {
		group.Go(func() error {
			raw := s.filter(i*rows, min((i+1)*rows, s.h))
			var err error
			stripes[i], err = deflate(raw)
			return err
		})
	}
	return stripes, group.Wait()
}

// The levels of compression: Huffman codes alone for what looks like noise, a
// search for repetitions for what does not.
const (
	noiseLevel  = flate.HuffmanOnly
	repeatLevel = 5
	// repeats is the share of zero bytes after filtering above which a stripe is
	// searched for repetitions.
	repeats = 0.6
)

// deflate compresses one stripe up to a byte boundary, without the final block.
func deflate(raw []byte) (stripe, error) {
	level := noiseLevel
	if float64(bytes.Count(raw, []byte{0})) > repeats*float64(len(raw)) {
		level = repeatLevel
	}
	var buf bytes.Buffer
	buf.Grow(len(raw))
	w, err := flate.NewWriter(&buf, level)
	if err != nil {
		return stripe{}, fmt.Errorf("fastpng: %w", err)
	}
	if _, err := w.Write(raw); err != nil {
		return stripe{}, fmt.Errorf("fastpng: %w", err)
	}
	if err := w.Flush(); err != nil {
		return stripe{}, fmt.Errorf("fastpng: %w", err)
	}
	return stripe{buf.Bytes(), adler32.Checksum(raw), len(raw)}, nil
}

// file puts the chunks together: one IDAT per stripe, then the end of the
// compressed stream.
func (s *source) file(stripes []stripe) []byte {
	size := 64
	for _, p := range stripes {
		size += len(p.deflated) + 12
	}
	out := append(make([]byte, 0, size), "\x89PNG\r\n\x1a\n"...)
	var header [13]byte
	binary.BigEndian.PutUint32(header[0:], uint32(s.w))
	binary.BigEndian.PutUint32(header[4:], uint32(s.h))
	header[8], header[9] = s.depth, s.colour
	out = chunk(out, "IHDR", header[:])
	sum := uint32(1)
	for i, p := range stripes {
		sum = combine(sum, p.adler, p.length)
		if i == 0 {
			out = chunk(out, "IDAT", []byte{0x78, 0x01}, p.deflated)
		} else {
			out = chunk(out, "IDAT", p.deflated)
		}
	}
	end := []byte{1, 0, 0, 0xff, 0xff} // a final stored block of no bytes
	out = chunk(out, "IDAT", binary.BigEndian.AppendUint32(end, sum))
	return chunk(out, "IEND")
}

func chunk(out []byte, name string, parts ...[]byte) []byte {
	start := len(out)
	out = append(out, 0, 0, 0, 0)
	out = append(out, name...)
	for _, p := range parts {
		out = append(out, p...)
	}
	binary.BigEndian.PutUint32(out[start:], uint32(len(out)-start-8))
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start+4:]))
}

// combine is the Adler-32 of two parts in a row, the second of n bytes.
func combine(a, b uint32, n int) uint32 {
	const mod = 65521
	a1, a2 := uint64(a&0xffff), uint64(a>>16)
	b1, b2 := uint64(b&0xffff), uint64(b>>16)
	low := (a1 + b1 + mod - 1) % mod
	high := (a2 + b2 + uint64(n%mod)*(a1+mod-1)) % mod
	return uint32(high<<16 | low)
}
