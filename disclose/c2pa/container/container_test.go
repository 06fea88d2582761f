package container

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

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

// samples are files without a manifest store that can be written.
func samples() map[string][]byte {
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
	}
}

var sizes = []int{46, 47, 1000, jpegPiece, jpegPiece + 1, 2*jpegPiece - 8, 2*jpegPiece - 7, 205_000}

func TestRoundTrip(t *testing.T) {
	for name, file := range samples() {
		t.Run(name, func(t *testing.T) {
			for _, size := range sizes {
				checkRoundTrip(t, file, size)
			}
		})
	}
}

// checkRoundTrip puts a store into a file, finds it, replaces it by another, and
// takes it out again.
func checkRoundTrip(t *testing.T, file []byte, size int) {
	t.Helper()
	out, slot, err := Reserve(file, size)
	if err != nil {
		t.Fatalf("Reserve(%d): %v", size, err)
	}
	before := sum(t, out, slot.Exclude)
	want := storeOf(size, 'x')
	if err := slot.Put(out, want); err != nil {
		t.Fatal(err)
	}
	if sum(t, out, slot.Exclude) != before {
		t.Fatalf("Put(%d) changed bytes outside the exclusion", size)
	}
	checkFound(t, out, want, slot.Exclude)
	again, second, err := Reserve(out, size+1)
	if err != nil {
		t.Fatal(err)
	}
	other := storeOf(size+1, 'y')
	if err := second.Put(again, other); err != nil {
		t.Fatal(err)
	}
	checkFound(t, again, other, second.Exclude)
	back, err := Remove(again)
	if err != nil {
		t.Fatal(err)
	}
	if plain, _ := Remove(file); !bytes.Equal(padless(back), padless(plain)) {
		t.Fatalf("Remove gave %d bytes, want the %d of the file as it was", len(back), len(file))
	}
}

// padless forgives the pad byte and the sizes that follow from it, which a RIFF
// file gains when something is put behind a chunk that lacked one.
func padless(file []byte) []byte {
	if f := Sniff(file); f == WebP || f == WAV {
		return bytes.TrimRight(file[8:], "\x00")
	}
	return file
}

func sum(t *testing.T, file []byte, exclude []Range) [32]byte {
	t.Helper()
	h := sha256.New()
	if err := HashData(h, file, exclude); err != nil {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}

func checkFound(t *testing.T, file, want []byte, exclude []Range) {
	t.Helper()
	f, err := Find(file)
	switch {
	case err != nil || f.Stores != 1:
		t.Fatalf("Find = %d stores, %v, want 1", f.Stores, err)
	case !bytes.Equal(f.Store, want):
		t.Fatalf("Find gave a store of %d bytes, want those put in (%d)", len(f.Store), len(want))
	case !slices.Equal(f.Exclude, exclude):
		t.Fatalf("Exclude = %v when found, %v when reserved", f.Exclude, exclude)
	}
}

func TestHashDataRefusesBadRanges(t *testing.T) {
	for name, bad := range map[string][]Range{
		"negative start":  {{-1, 2}},
		"negative length": {{2, -1}},
		"behind the end":  {{9, 2}},
		"unsorted":        {{5, 1}, {1, 1}},
		"overlapping":     {{1, 3}, {3, 1}},
		"overflow":        {{1, 1<<63 - 1}},
	} {
		if err := HashData(sha256.New(), make([]byte, 10), bad); !errors.Is(err, ErrContainer) {
			t.Errorf("%s: error = %v, want ErrContainer", name, err)
		}
	}
	h := sha256.New()
	if err := HashData(h, []byte("abcdef"), []Range{{1, 2}, {3, 1}, {6, 0}}); err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256([]byte("aef")); !bytes.Equal(h.Sum(nil), want[:]) {
		t.Error("HashData did not leave out what was excluded")
	}
}
