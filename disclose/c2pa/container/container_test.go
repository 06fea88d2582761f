package container

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"testing"
)

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
		t.Fatalf("Find = %d stores, %v, want 1, in %.60q", f.Stores, err, file)
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

// TestExclude pins the ranges that the official validator accepted, container by
// container, for a store of 100 bytes.
func TestExclude(t *testing.T) {
	files := samples()
	for _, c := range []struct {
		file string
		want []Range
	}{
		{"png", []Range{{33, 112}}},       // behind IHDR: length, type, data and CRC
		{"jpeg", []Range{{20, 112}}},      // behind APP0: the segment with its marker
		{"webp", []Range{{24, 108}}},      // chunk header and data, no pad byte
		{"wav", []Range{{144, 108}}},      // the same
		{"mp3", []Range{{63, 100}}},       // the store alone, in a frame in a tag
		{"mp3/v2.3", []Range{{63, 100}}},  // the same, in the tag that was there
		{"gif", []Range{{19, 116}}},       // the whole extension, behind the colour table
		{"mp4/front", []Range{{16, 145}}}, // the uuid box, behind ftyp
	} {
		out, slot, err := Reserve(files[c.file], 100)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(slot.Exclude, c.want) {
			t.Errorf("%s: Exclude = %v, want %v", c.file, slot.Exclude, c.want)
		}
		if err := slot.Put(out, storeOf(100, 0)); err != nil {
			t.Error(err)
		}
		checkFound(t, out, storeOf(100, 0), c.want)
	}
}

func TestReserveRefusesSizes(t *testing.T) {
	for _, size := range []int{-1, 0, 7, MaxStore + 1} {
		if _, _, err := Reserve(pngFile(), size); !errors.Is(err, ErrContainer) {
			t.Errorf("Reserve(%d) = %v, want ErrContainer", size, err)
		}
	}
	out, slot, err := Reserve(pngFile(), 50)
	if err != nil {
		t.Fatal(err)
	}
	if err := slot.Put(out, storeOf(51, 0)); !errors.Is(err, ErrContainer) {
		t.Errorf("Put of another size = %v, want ErrContainer", err)
	}
	if err := slot.Put(out[1:], storeOf(50, 0)); !errors.Is(err, ErrContainer) {
		t.Errorf("Put into another file = %v, want ErrContainer", err)
	}
	if err := new(Slot).Put(nil, nil); !errors.Is(err, ErrContainer) {
		t.Errorf("Put of no slot = %v, want ErrContainer", err)
	}
}

// TestTwoStores: several stores are as good as none, and Reserve leaves one.
func TestTwoStores(t *testing.T) {
	one := storeOf(60, 1)
	segment := jpegSegment(markAPP11, append([]byte("JP\x00\x01\x00\x00\x00\x01"), one...))
	geob := id3FrameOf(4, "GEOB", append([]byte(geobHead), one...))
	for name, file := range map[string][]byte{
		"png":  pngFile(pngChunk("caBX", one), pngChunk("caBX", one)),
		"jpeg": jpegFile(segment, segment),
		"webp": riffFile("WEBP", riffChunk("C2PA", one), riffChunk("VP8L", []byte("odd")), riffChunk("C2PA", one)),
		"mp3":  append(id3Of(4, 0, geob, geob), mpegFrame...),
		"gif":  gifFile(gifExtension(one), gifExtension(one)),
		"mp4":  bytes.Join([][]byte{ftyp(), uuidBox(one), uuidBox(one), bmffBox("mdat", nil)}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Find(file)
			if err != nil || f.Stores != 2 || f.Store != nil || f.Exclude != nil {
				t.Fatalf("Find = %d stores, store of %d bytes, %v, want 2 and none", f.Stores, len(f.Store), err)
			}
			checkRoundTrip(t, file, 70)
		})
	}
}

// TestPadding: zeros behind the outer box are padding, anything else is not.
func TestPadding(t *testing.T) {
	store := storeOf(60, 1)
	for _, c := range []struct {
		tail string
		want int
	}{{"", 60}, {"\x00\x00\x00", 60}, {"\x00x", 62}} {
		f, err := Find(pngFile(pngChunk("caBX", append(bytes.Clone(store), c.tail...))))
		if err != nil || len(f.Store) != c.want {
			t.Errorf("padding %q: store of %d bytes, %v, want %d", c.tail, len(f.Store), err, c.want)
		}
	}
}

// TestReserveMakesOneCopy: a file is held once more, not twice.
func TestReserveMakesOneCopy(t *testing.T) {
	const size = 8 << 20
	file := riffFile("WAVE", riffChunk("data", make([]byte, size)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, _, err := Reserve(file, 5000)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > size*5/4 || len(out) < size {
		t.Errorf("Reserve allocated %d bytes for a file of %d", got, len(file))
	}
}
