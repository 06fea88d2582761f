// Package pixels decodes and encodes images by the name of their format. It
// never asks the image package's registry, in which any linked package may have
// put a decoder.
package pixels

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"runtime"

	"github.com/avowai/avow/internal/fastpng"
	"github.com/avowai/avow/internal/vp8l"
)

// A Format is an image file format.
type Format uint8

// The formats.
const (
	PNG Format = iota
	JPEG
	WebP
)

// ErrFormat is returned for a format that cannot be decoded or encoded.
var ErrFormat = errors.New("pixels: format not supported")

// Decode decodes an image of the given format. A decoder's panic becomes an
// error. The caller has checked the header against his limits.
func Decode(data []byte, f Format) (img image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			img, err = nil, fmt.Errorf("pixels: decoder panic: %v", r)
		}
	}()
	r := bytes.NewReader(data)
	switch f {
	case PNG:
		return png.Decode(r)
	case JPEG:
		return jpeg.Decode(r)
	case WebP:
		return decodeWebP(r)
	}
	return nil, ErrFormat
}

// EncodeWebP encodes an image without loss, in eight bits a channel.
func EncodeWebP(img image.Image) ([]byte, error) {
	data, err := vp8l.Encode(img, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, fmt.Errorf("pixels: %w", err)
	}
	return data, nil
}

// EncodePNG encodes an image; depth and greyness are kept.
func EncodePNG(img image.Image) ([]byte, error) {
	data, err := fastpng.Encode(img, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, fmt.Errorf("pixels: %w", err)
	}
	return data, nil
}

// minQuality keeps a second compression from eating the mark that was just
// embedded; maxQuality keeps files from growing without a gain.
const minQuality, maxQuality = 80, 97

// EncodeJPEG encodes an image with about the quality of the original file like.
// Grey stays grey. Go's encoder stores colour at half resolution (4:2:0), so the
// fine colour of a 4:4:4 file is lost, and knows neither progressive nor
// four-colour files: CMYK becomes YCbCr by the decoder's naive conversion.
func EncodeJPEG(img image.Image, like []byte) ([]byte, error) {
	var buf bytes.Buffer
	q := min(max(Quality(like), minQuality), maxQuality)
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: q}); err != nil {
		return nil, fmt.Errorf("pixels: %w", err)
	}
	return buf.Bytes(), nil
}
