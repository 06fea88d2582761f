package c2pa

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"
)

// A sample is a small file of one format.
type sample struct {
	ext  string // of a file name
	data []byte
}

// samples are files that a store can be put into, by container.
func samples(t testing.TB) map[string]sample {
	t.Helper()
	decode := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return map[string]sample{
		"png":           {".png", pngFile(t, 48, 31)},
		"jpeg":          {".jpg", jpegFile(t)},
		"webp/lossless": {".webp", decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")},
		"webp/lossy":    {".webp", decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")},
		"wav":           {".wav", wavFile(200)},
		"wav/odd":       {".wav", wavFile(201)},
		"mp3":           {".mp3", mp3Frames(4)},
		"mp3/id3":       {".mp3", append(id3Tag("TIT2", "\x00song"), mp3Frames(4)...)},
		"mp4":           {".mp4", mp4File("isom", true)},
		"mp4/mdat":      {".mp4", mp4File("isom", false)},
		"m4a":           {".m4a", mp4File("M4A ", true)},
		"avif":          {".avif", heifFile("avif")},
		"gif":           {".gif", gifFile(t)},
		"avi":           {".avi", aviFile()},
	}
}

// picture is noise enough not to be compressed away.
func picture(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	x := uint32(1)
	for i := range w * h {
		x = x*1664525 + 1013904223
		m.SetNRGBA(i%w, i/w, color.NRGBA{uint8(x >> 24), uint8(x >> 16), uint8(x >> 8), 255})
	}
	return m
}

func pngFile(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, picture(w, h)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegFile(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(40, 24), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wavFile is 8-bit mono with n samples.
func wavFile(n int) []byte {
	data := bytes.Repeat([]byte{0x7F}, n)
	if n%2 == 1 {
		data = append(data, 0)
	}
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, uint32(36+len(data)))
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	b = binary.LittleEndian.AppendUint32(b, 8000)
	b = binary.LittleEndian.AppendUint32(b, 8000)
	b = append(b, "\x01\x00\x08\x00data"...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(n)), data...)
}

// mp3Frames are silent frames of MPEG 1 layer III, 128 kbit/s, 44.1 kHz.
func mp3Frames(n int) []byte {
	frame := append([]byte{0xFF, 0xFB, 0x90, 0x64}, make([]byte, 413)...)
	return bytes.Repeat(frame, n)
}

// id3Tag is an ID3v2.4 tag of one frame.
func id3Tag(frame, body string) []byte {
	n := byte(10 + len(body))
	return slices.Concat([]byte("ID3\x04\x00\x00\x00\x00\x00"), []byte{n}, []byte(frame), []byte{0, 0, 0, byte(len(body)), 0, 0}, []byte(body))
}

func bmffBox(kind string, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
}

// mp4File has one track whose only chunk is the content of mdat, which stands
// behind or before moov.
func mp4File(brand string, moovFirst bool) []byte {
	ftyp := bmffBox("ftyp", []byte(brand), make([]byte, 4), []byte(brand), []byte("mp42"))
	mdat := bmffBox("mdat", bytes.Repeat([]byte("sample"), 50))
	moov := func(chunk int) []byte {
		stco := bmffBox("stco", []byte{0, 0, 0, 0, 0, 0, 0, 1}, binary.BigEndian.AppendUint32(nil, uint32(chunk)))
		return bmffBox("moov", bmffBox("mvhd", make([]byte, 100)), bmffBox("trak", bmffBox("mdia", bmffBox("minf", bmffBox("stbl", stco)))))
	}
	if !moovFirst {
		return slices.Concat(ftyp, mdat, moov(len(ftyp)+8))
	}
	size := len(moov(0))
	return slices.Concat(ftyp, moov(len(ftyp)+size+8), mdat)
}

// heifFile has one item, whose extent in iloc is the content of mdat.
func heifFile(brand string) []byte {
	ftyp := bmffBox("ftyp", []byte(brand), make([]byte, 4), []byte(brand), []byte("mif1"))
	meta := func(extent int) []byte {
		iloc := bmffBox("iloc", []byte{0, 0, 0, 0, 0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1}, binary.BigEndian.AppendUint32(nil, uint32(extent)), []byte{0, 0, 0, 6})
		return bmffBox("meta", make([]byte, 4), bmffBox("pitm", []byte{0, 0, 0, 0, 0, 1}), iloc)
	}
	return slices.Concat(ftyp, meta(len(ftyp)+len(meta(0))+8), bmffBox("mdat", []byte("sample")))
}

func gifFile(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, picture(40, 24), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// aviFile has the lists of an AVI file and one chunk of its stream.
func aviFile() []byte {
	chunk := func(kind string, parts ...[]byte) []byte {
		body := slices.Concat(parts...)
		return append(append([]byte(kind), binary.LittleEndian.AppendUint32(nil, uint32(len(body)))...), body...)
	}
	hdrl := chunk("LIST", []byte("hdrl"), chunk("avih", make([]byte, 56)))
	movi := chunk("LIST", []byte("movi"), chunk("00dc", []byte("frames")))
	return chunk("RIFF", []byte("AVI "), hdrl, movi)
}
