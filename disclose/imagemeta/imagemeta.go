// Package imagemeta reads and writes the metadata of PNG, JPEG and WebP files
// without touching their pixels: it moves chunks and segments, and leaves every
// byte it does not own as it was.
//
// Sources: PNG (Third Edition), ITU-T T.81, RFC 9649 (WebP), ISO 16684-1 (XMP),
// IPTC Photo Metadata Standard 2025.1.
package imagemeta

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// A Format is an image file format.
type Format uint8

// The formats.
const (
	Unknown Format = iota
	PNG
	JPEG
	WebP
)

// MIME is the format's media type.
func (f Format) MIME() string {
	return [...]string{"application/octet-stream", "image/png", "image/jpeg", "image/webp"}[f]
}

// String is the format's name.
func (f Format) String() string { return [...]string{"unknown", "PNG", "JPEG", "WebP"}[f] }

// Errors of this package.
var (
	ErrFormat    = errors.New("imagemeta: not a PNG, JPEG or WebP file")
	ErrMalformed = errors.New("imagemeta: malformed file")
	ErrXMP       = errors.New("imagemeta: XMP packet cannot be read")
	ErrTooLarge  = errors.New("imagemeta: metadata too large")
	ErrManifest  = errors.New("imagemeta: file carries a C2PA manifest")
)

// MaxXMP bounds an XMP packet, in bytes.
const MaxXMP = 1 << 20

// Sniff returns the format of a file by its first bytes.
func Sniff(data []byte) Format {
	switch {
	case bytes.HasPrefix(data, []byte(pngSignature)):
		return PNG
	case bytes.HasPrefix(data, []byte{0xFF, 0xD8, 0xFF}):
		return JPEG
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return WebP
	}
	return Unknown
}

// Info is what a file's headers say.
type Info struct {
	Format        Format
	Width, Height int
	// Depth is bits per channel, Channels the number of channels stored.
	Depth, Channels int
	Progressive     bool // progressive JPEG, or interlaced PNG
	Lossy           bool // JPEG, or WebP with a VP8 frame
	Animated        bool
	Complete        bool // ends as its format says it must
	Trailing        int  // bytes after its end
	HasC2PA         bool
	HasXMP          bool
	HasICC, HasEXIF bool
}

// Pixels is the number of pixels.
func (i Info) Pixels() int64 { return int64(i.Width) * int64(i.Height) }

// DecodeBytes estimates, in bytes, what decoding and marking the image takes,
// from measured figures per sub-format. It saturates instead of overflowing.
func (i Info) DecodeBytes() int64 {
	per := int64(4)
	switch {
	case i.Format == JPEG && i.Progressive:
		per = 5 * int64(max(i.Channels, 3)) // a sample, and its coefficient in 32 bits
	case i.Format == JPEG:
		per = int64(min(max(i.Channels, 3), 4))
	case i.Format == PNG && i.Depth == 16:
		per = 8
	case i.Format == WebP && i.Lossy:
		per = 11 // two planes and alpha, which is a lossless image of its own; then RGBA
	case i.Format == WebP:
		per = 14 // its encoder holds the picture twice, and the new file
	}
	if i.Format == PNG && i.Progressive {
		per *= 2 // each pass is a picture first
	}
	per += 8
	return min(i.Pixels(), math.MaxInt64/per) * per
}

// Probe reads a file's headers. It allocates nothing that grows with what they
// claim. A file that stops early gives an Info with Complete false.
func Probe(data []byte) (Info, error) {
	switch Sniff(data) {
	case PNG:
		return probePNG(data)
	case JPEG:
		return probeJPEG(data)
	case WebP:
		return probeWebP(data)
	}
	return Info{}, ErrFormat
}

// HasManifest reports whether a file carries a C2PA manifest store.
func HasManifest(data []byte) bool {
	info, err := Probe(data)
	return err == nil && info.HasC2PA
}

// Read returns what a file's XMP says about its origin. A file without XMP
// gives zero Fields.
func Read(data []byte) (Fields, error) {
	packet, err := xmpOf(data)
	if err != nil || isBlank(packet) {
		return Fields{}, err
	}
	return parseXMP(packet)
}

func xmpOf(data []byte) ([]byte, error) {
	switch Sniff(data) {
	case PNG:
		return pngXMP(data)
	case JPEG:
		return jpegXMP(data)
	case WebP:
		return webpXMP(data)
	}
	return nil, ErrFormat
}

// Write returns the file with f in its XMP. An existing packet keeps all its
// other properties; a packet that cannot be read is left alone and gives
// ErrXMP. All bytes outside the packet's chunk or segment stay the same, and
// all bytes where the packet says f already.
func Write(data []byte, f Fields) ([]byte, error) {
	old, err := xmpOf(data)
	if err != nil {
		return nil, err
	}
	packet, err := mergeXMP(old, f)
	if err != nil {
		return nil, err
	}
	if !isBlank(old) && bytes.Equal(packet, old) {
		return bytes.Clone(data), nil
	}
	if len(packet) > MaxXMP {
		return nil, fmt.Errorf("%w: XMP of %d bytes", ErrTooLarge, len(packet))
	}
	switch Sniff(data) {
	case PNG:
		return writePNG(data, packet)
	case JPEG:
		return writeJPEG(data, packet)
	}
	return writeWebP(data, packet)
}

// Transplant carries the metadata of original over to encoded, the same picture
// freshly encoded: in the same format, or as PNG where original is WebP. What
// described the old encoding of the pixels is dropped. A C2PA manifest is never
// carried over: it would be broken.
func Transplant(original, encoded []byte) ([]byte, error) {
	was, err := Probe(original)
	if err != nil {
		return nil, err
	}
	is, err := Probe(encoded)
	switch {
	case err != nil:
		return nil, err
	case was.HasC2PA:
		return nil, ErrManifest
	case was.Format == WebP && was.Animated:
		return nil, fmt.Errorf("%w: an animation is no single picture", ErrFormat)
	case was.Format == WebP && is.Format == PNG:
		return transplantToPNG(original, encoded)
	case was.Format != is.Format:
		return nil, fmt.Errorf("%w: formats differ", ErrFormat)
	case was.Format == PNG:
		return transplantPNG(original, encoded)
	case was.Format == JPEG:
		return transplantJPEG(original, encoded, was, is)
	}
	return transplantWebP(original, encoded)
}

func splice(data []byte, at, del int, ins []byte) []byte {
	out := make([]byte, 0, len(data)-del+len(ins))
	out = append(out, data[:at]...)
	out = append(out, ins...)
	return append(out, data[at+del:]...)
}
