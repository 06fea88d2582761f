package container

import (
	"bytes"
	"fmt"
)

// A Format is a file format that can hold a manifest store.
type Format uint8

// The formats, all of which are read and written.
const (
	Unknown Format = iota
	PNG
	JPEG
	WebP
	WAV
	MP3
	BMFF // MP4, M4A, MOV, HEIF, AVIF
	GIF
	AVI
	FLAC
)

var formats = [...]struct{ name, mime string }{
	Unknown: {"unknown", "application/octet-stream"},
	PNG:     {"PNG", "image/png"},
	JPEG:    {"JPEG", "image/jpeg"},
	WebP:    {"WebP", "image/webp"},
	WAV:     {"WAV", "audio/wav"},
	MP3:     {"MP3", "audio/mpeg"},
	BMFF:    {"BMFF", "video/mp4"},
	GIF:     {"GIF", "image/gif"},
	AVI:     {"AVI", "video/avi"},
	FLAC:    {"FLAC", "audio/flac"},
}

// String is the format's name.
func (f Format) String() string {
	if int(f) >= len(formats) {
		f = Unknown
	}
	return formats[f].name
}

// MIME is the format's media type. For BMFF, a family of formats, it is
// video/mp4.
func (f Format) MIME() string {
	if int(f) >= len(formats) {
		f = Unknown
	}
	return formats[f].mime
}

// drivers has one entry per format; filled in init because a driver's functions
// refer to it.
var drivers map[Format]driver

func init() {
	riff := driver{scan: scanRIFF, frame: frameRIFF, fix: fixRIFF}
	id3 := driver{scan: scanID3, frame: frameID3, fix: fixID3}
	drivers = map[Format]driver{
		PNG:  {scan: scanPNG, frame: framePNG, fix: fixNothing, seal: sealPNG},
		JPEG: {scan: scanJPEG, frame: frameJPEG, fix: fixNothing},
		WebP: riff,
		WAV:  riff,
		AVI:  riff,
		GIF:  {scan: scanGIF, frame: frameGIF, fix: fixGIF},
		MP3:  id3,
		FLAC: id3,
		BMFF: {scan: scanBMFF, frame: frameBMFF, fix: fixBMFF},
	}
}

func fixNothing(_, _ []byte, _ scan, _ edit) error { return nil }

func driverOf(f Format) (driver, error) {
	d, ok := drivers[f]
	if !ok {
		return d, fmt.Errorf("%w: no format that holds a manifest store", ErrContainer)
	}
	return d, nil
}

// Sniff returns the format of a file by its first bytes.
func Sniff(data []byte) Format {
	switch {
	case bytes.HasPrefix(data, []byte(pngSignature)):
		return PNG
	case bytes.HasPrefix(data, []byte{0xFF, markSOI, 0xFF}):
		return JPEG
	case len(data) >= riffHeader && string(data[:4]) == "RIFF":
		return map[string]Format{"WEBP": WebP, "WAVE": WAV, "AVI ": AVI}[string(data[8:12])]
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return GIF
	case len(data) >= 12 && string(data[4:8]) == "ftyp":
		return BMFF
	}
	return sniffAudio(data)
}
