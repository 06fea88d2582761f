package container

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/avowai/avow/internal/jumbf"
)

// jumbfSegments splits a box over APP11 segments as ISO 19566-5 has it.
func jumbfSegments(instance uint16, box []byte, per int) (all [][]byte) {
	head, rest := box[:boxHeader], box[boxHeader:]
	for z := uint32(1); z == 1 || len(rest) > 0; z++ {
		n := min(per, len(rest))
		body := append([]byte{'J', 'P', byte(instance >> 8), byte(instance)}, be32(z)...)
		all = append(all, jpegSegment(markAPP11, slices.Concat(body, head, rest[:n])))
		rest = rest[n:]
	}
	return all
}

// foreignBox is a JUMBF box that is no manifest store.
func foreignBox() []byte {
	b := jumbf.Box{Type: "jumb", UUID: jumbf.UUID{1, 2, 3}, Label: "other", Children: []jumbf.Box{{Type: "json", Data: []byte("{}")}}}
	return b.Append(nil)
}

func TestJPEGSegments(t *testing.T) {
	store := storeOf(3000, 1)
	parts := jumbfSegments(jpegInstance, store, 1000)
	foreign := jumbfSegments(jpegInstance, foreignBox(), 1000)[0]
	other := jumbfSegments(7, foreignBox(), 1000)[0]
	if len(parts) != 3 {
		t.Fatalf("%d segments, want 3", len(parts))
	}
	cut := len(parts[0]) + len(parts[1]) + len(parts[2])
	for name, c := range map[string]struct {
		segs    [][]byte
		store   []byte
		exclude []Range
	}{
		"in a row":        {parts, store, []Range{{20, int64(cut)}}},
		"foreign before":  {slices.Concat([][]byte{other}, parts), store, []Range{{int64(20 + len(other)), int64(cut)}}},
		"foreign between": {slices.Insert(slices.Clone(parts), 1, other), store, []Range{{20, int64(len(parts[0]))}, {int64(20 + len(parts[0]) + len(other)), int64(cut - len(parts[0]))}}},
		"same instance":   {append(slices.Clone(parts), foreign), store, []Range{{20, int64(cut)}}},
		"only foreign":    {[][]byte{other, foreign}, nil, nil},
		"no first":        {parts[1:], nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			file := jpegFile(c.segs...)
			f, err := Find(file)
			if err != nil || !bytes.Equal(f.Store, c.store) || !slices.Equal(f.Exclude, c.exclude) {
				t.Fatalf("Find: %d bytes, %v, %v, want %d, %v", len(f.Store), f.Exclude, err, len(c.store), c.exclude)
			}
			checkRoundTrip(t, file, 70_000)
		})
	}
}

// TestForeignSegmentsStay: boxes that are no store keep their bytes, and ours
// goes before them under an instance of its own.
func TestForeignSegmentsStay(t *testing.T) {
	foreign := jumbfSegments(jpegInstance, foreignBox(), 1000)[0]
	out, slot, err := Reserve(jpegFile(foreign), 70_000)
	if err != nil {
		t.Fatal(err)
	}
	if err := slot.Put(out, storeOf(70_000, 1)); err != nil {
		t.Fatal(err)
	}
	if i := bytes.Index(out, foreign); int64(i) != slot.Exclude[0].End() {
		t.Fatalf("the foreign segment stands at %d, the store ends at %d", i, slot.Exclude[0].End())
	}
	if got := out[20+6 : 20+8]; got[0] != 0x02 || got[1] != 0x12 {
		t.Fatalf("instance = % x, want 02 12: 02 11 is taken", got)
	}
}

func TestBoxes(t *testing.T) {
	names := func(t *testing.T, file []byte) string {
		t.Helper()
		all, err := Boxes(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, b := range all {
			list = append(list, b.Name)
		}
		return strings.Join(list, " ")
	}
	store := storeOf(3000, 1)
	jpeg := jpegFile(slices.Concat(jumbfSegments(1, store, 1000), jumbfSegments(7, foreignBox(), 1000))...)
	gif := gifFile([]byte("\x21\xFE\x02hi\x00"), gifExtension(store), []byte("\x21\xFF\x0BNETSCAPE2.0\x03\x01\x00\x00\x00"), []byte("\x21\xF9\x04\x00\x00\x00\x00\x00"))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"png":       {pngFile(pngChunk("caBX", store), pngChunk("tEXt", nil)), "PNGh IHDR C2PA tEXt IDAT IEND"},
		"jpeg":      {jpeg, "SOI APP0 C2PA APP11 SOF0 SOS RST0 EOI"},
		"two jpegs": {append(jpegFile(), jpegFile()...), "SOI APP0 SOF0 SOS RST0 EOI SOI APP0 SOF0 SOS RST0 EOI"},
		"gif":       {gif, "GIF89a LSD 21FE C2PA 21FF 21F9 2C TBID 3B"},
	} {
		if got := names(t, c.file); got != c.want {
			t.Errorf("%s: boxes = %s, want %s", name, got, c.want)
		}
		all, _ := Boxes(c.file)
		var pos int64
		for _, b := range all {
			if b.Start > pos || b.End() < pos && !strings.HasPrefix(b.Name, "RST") {
				t.Errorf("%s: box %s at %d leaves a gap behind %d", name, b.Name, b.Start, pos)
			}
			pos = max(pos, b.End())
		}
		if pos != int64(len(c.file)) {
			t.Errorf("%s: boxes end at %d of %d", name, pos, len(c.file))
		}
	}
	if _, err := Boxes(backMovie()); err == nil {
		t.Error("Boxes took a BMFF file")
	}
	for mark, want := range map[byte]string{0xC2: "SOF2", 0xC4: "DHT", 0xC8: "JPG", 0xCC: "DAC", 0xDB: "DQT", 0xDD: "DRI", 0xEE: "APP14", 0xF7: "JPG7", 0xFE: "COM", 0x02: "02"} {
		if got := markName(mark); got != want {
			t.Errorf("marker %02X is %s, want %s", mark, got, want)
		}
	}
}
