package container

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/avowai/avow/internal/jumbf"
)

// storeOf is a manifest store of exactly size bytes, at least 46.
func storeOf(size int, fill byte) []byte {
	b := jumbf.Box{Type: "jumb", UUID: jumbf.C2PA("c2pa"), Label: "c2pa"}
	head := len(b.Append(nil))
	b.Children = []jumbf.Box{{Type: "free", Data: bytes.Repeat([]byte{fill}, size-head-8)}}
	return b.Append(nil)
}

func pngChunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, kind...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func pngFile(chunks ...[]byte) []byte {
	out := append([]byte(pngSignature), pngChunk("IHDR", make([]byte, 13))...)
	out = append(out, bytes.Join(chunks, nil)...)
	out = append(out, pngChunk("IDAT", []byte("pixels"))...)
	return append(out, pngChunk("IEND", nil)...)
}

func jpegSegment(mark byte, body []byte) []byte {
	out := binary.BigEndian.AppendUint16([]byte{0xFF, mark}, uint16(len(body)+2))
	return append(out, body...)
}

func jpegFile(segs ...[]byte) []byte {
	out := append([]byte{0xFF, markSOI}, jpegSegment(markAPP0, []byte("JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"))...)
	out = append(out, bytes.Join(segs, nil)...)
	out = append(out, jpegSegment(0xC0, make([]byte, 15))...)
	out = append(out, jpegSegment(markSOS, make([]byte, 10))...)
	return append(out, 1, 2, 0xFF, 0, 3, 0xFF, 0xD0, 4, 0xFF, markEOI)
}

func riffChunk(kind string, body []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)))
	return append(append(out, body...), make([]byte, len(body)&1)...)
}

func riffFile(form string, chunks ...[]byte) []byte {
	body := append([]byte(form), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

const gifHead = "GIF89a\x01\x00\x01\x00\x80\x00\x00" + "\x00\x00\x00\xFF\xFF\xFF"

func gifFile(blocks ...[]byte) []byte {
	out := append([]byte(gifHead), bytes.Join(blocks, nil)...)
	out = append(out, "\x2C\x00\x00\x00\x00\x01\x00\x01\x00\x00"+"\x02\x02\x44\x01\x00"...)
	return append(out, 0x3B)
}

func gifExtension(store []byte) []byte {
	f, _ := frameGIF(nil, scan{}, len(store))
	for _, p := range f.parts {
		store = store[copy(p.of(f.bytes), store):]
	}
	return f.bytes
}

// mpegFrame starts like MPEG-1 layer III at 128 kbit/s.
var mpegFrame = append([]byte{0xFF, 0xFB, 0x90, 0x00}, make([]byte, 60)...)

func id3FrameOf(major byte, id string, body []byte) []byte {
	out := append([]byte(id), make([]byte, 6)...)
	if major == 4 {
		putSynchsafe(out[4:], int64(len(body)))
	} else {
		binary.BigEndian.PutUint32(out[4:], uint32(len(body)))
	}
	return append(out, body...)
}

func id3Of(major, flags byte, frames ...[]byte) []byte {
	body := bytes.Join(frames, nil)
	out := append([]byte{'I', 'D', '3', major, 0, flags, 0, 0, 0, 0}, body...)
	putSynchsafe(out[6:], int64(len(body)))
	if flags&id3Footer != 0 {
		out = append(append(out, "3DI"...), out[3:id3Header]...)
	}
	return out
}

func bmffBox(kind string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(out, kind...), body...)
}

func ftyp() []byte { return bmffBox("ftyp", []byte("isom\x00\x00\x00\x00")) }

func uuidBox(store []byte) []byte {
	f, _ := frameBMFF(nil, scan{}, len(store))
	copy(f.parts[0].of(f.bytes), store)
	return f.bytes
}

func be32(v ...uint32) (out []byte) {
	for _, n := range v {
		out = binary.BigEndian.AppendUint32(out, n)
	}
	return out
}

// mediaBox is an mdat whose content says at which place of it one is.
func mediaBox() []byte { return bmffBox("mdat", []byte("0123456789abcdef")) }

// movie is a moov whose tables point into the content of an mdat at an offset:
// to its bytes 1, 5 and 9.
func movie(media uint32) []byte {
	at := func(n uint32) []byte { return be32(media + 8 + n) }
	return bmffBox("moov", bmffBox("trak", bmffBox("mdia", bmffBox("minf",
		bmffBox("dinf", bmffBox("dref", be32(0, 1), bmffBox("url ", be32(1)))),
		bmffBox("stbl",
			bmffBox("stco", be32(0, 2), at(1), at(5)),
			bmffBox("co64", be32(0, 1, 0), at(9)),
			bmffBox("saio", be32(0, 1), at(1)),
			bmffBox("saio", be32(0x01000001, 0, 0, 1, 0), at(5)))))))
}

// frontMovie has its moov first, as for streaming; backMovie last.
func frontMovie() []byte {
	size := uint32(len(ftyp()) + len(movie(0)))
	return bytes.Join([][]byte{ftyp(), movie(size), mediaBox()}, nil)
}

func backMovie() []byte {
	return bytes.Join([][]byte{ftyp(), bmffBox("free"), mediaBox(), movie(uint32(len(ftyp()) + 8))}, nil)
}

// still is a HEIF file with three items: by extent, by base, and in idat.
func still() []byte {
	build := func(media uint32) []byte {
		iloc := bmffBox("iloc", be32(0x01000000), []byte{0x44, 0x40, 0, 3},
			[]byte{0, 1, 0, 0, 0, 0}, be32(0), []byte{0, 1}, be32(media+1, 4),
			[]byte{0, 2, 0, 0, 0, 0}, be32(media), []byte{0, 2}, be32(5, 2, 9, 2),
			[]byte{0, 3, 0, 1, 0, 0}, be32(0), []byte{0, 1}, be32(0, 4))
		return bytes.Join([][]byte{ftyp(), bmffBox("meta", be32(0), bmffBox("hdlr", make([]byte, 24)), iloc), mediaBox()}, nil)
	}
	return build(uint32(len(build(0)) - 16))
}

// samples are files without a manifest store that can be written.
func samples() map[string][]byte {
	title := func(major byte) []byte { return id3FrameOf(major, "TIT2", []byte("\x00title")) }
	audio := mpegFrame
	return map[string][]byte{
		"png":           pngFile(),
		"png/trailing":  append(pngFile(), "trailing"...),
		"jpeg":          jpegFile(),
		"jpeg/exif":     jpegFile(jpegSegment(markAPP1, []byte("Exif\x00\x00II")), jpegSegment(0xE2, []byte("ICC"))),
		"jpeg/trailing": append(jpegFile(), "trailing"...),
		"webp":          riffFile("WEBP", riffChunk("VP8L", []byte("odd"))),
		"webp/no pad":   riffFile("WEBP", []byte("VP8L\x03\x00\x00\x00odd")),
		"wav":           riffFile("WAVE", riffChunk("fmt ", make([]byte, 16)), riffChunk("data", make([]byte, 100))),
		"wav/trailing":  append(riffFile("WAVE", riffChunk("data", make([]byte, 4))), "trailing"...),
		"avi":           riffFile("AVI ", riffChunk("LIST", []byte("movi"))),
		"mp3":           audio,
		"mp3/v2.3":      append(id3Of(3, 0, title(3), make([]byte, 20)), audio...),
		"mp3/v2.4":      append(id3Of(4, 0, title(4)), audio...),
		"mp3/footer":    append(id3Of(4, id3Footer, title(4)), audio...),
		"mp3/extended":  append(id3Of(4, id3Extended, []byte("\x00\x00\x00\x06\x01\x00"), title(4)), audio...),
		"mp3/extended3": append(id3Of(3, id3Extended, []byte("\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00"), title(3)), audio...),
		"flac":          []byte("fLaC\x80\x00\x00\x22 and so on"),
		"flac/tag":      append(id3Of(4, 0, title(4)), "fLaC"...),
		"gif":           gifFile(),
		"mp4/front":     frontMovie(),
		"mp4/back":      backMovie(),
		"heif":          still(),
	}
}
