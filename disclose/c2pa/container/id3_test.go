package container

import (
	"bytes"
	"errors"
	"testing"
)

func TestID3Frames(t *testing.T) {
	store := storeOf(60, 1)
	utf16 := "\x01application/c2pa\x00\xFF\xFEc\x00\x00\x00\xFF\xFE\x00\x00"
	flagged := func(flags byte, body string) []byte {
		f := id3FrameOf(4, "GEOB", append([]byte(body), store...))
		f[9] = flags
		return f
	}
	for name, c := range map[string]struct {
		file []byte
		want int
	}{
		"UTF-16":             {id3Of(4, 0, id3FrameOf(4, "GEOB", append([]byte(utf16), store...))), 1},
		"older media type":   {id3Of(3, 0, id3FrameOf(3, "GEOB", append([]byte("\x00"+storeMIMEOld+"\x00\x00\x00"), store...))), 1},
		"another media type": {id3Of(3, 0, id3FrameOf(3, "GEOB", append([]byte("\x00text/plain\x00\x00\x00"), store...))), 0},
		"length in front":    {id3Of(4, 0, flagged(1, "\x00\x00\x01\x00"+geobHead)), 1},
		"vain unsync flag":   {id3Of(4, 0x80, flagged(2, geobHead)), 1},
		"compressed":         {id3Of(4, 0, flagged(8, geobHead)), 0},
		"behind the padding": {append(id3Of(4, 0, make([]byte, 20)), id3FrameOf(4, "GEOB", append([]byte(geobHead), store...))...), 0},
		"version 2.2":        {id3Of(2, 0, []byte("GEO\x00\x00\x00")), 0},
		"no description":     {id3Of(4, 0, id3FrameOf(4, "GEOB", []byte("\x00application/c2pa\x00c2pa\x00c2pa"))), 0},
	} {
		f, err := Find(append(c.file, mpegFrame...))
		if err != nil || f.Format != MP3 || f.Stores != c.want {
			t.Errorf("%s: Find = %v, %d stores, %v, want %d", name, f.Format, f.Stores, err, c.want)
		}
		if c.want == 1 && !bytes.Equal(f.Store, store) {
			t.Errorf("%s: a store of %d bytes, want %d", name, len(f.Store), len(store))
		}
	}
}

func TestID3Refusals(t *testing.T) {
	short := func(major, flags byte) []byte {
		f := id3FrameOf(major, "GEOB", []byte{1, 2, 3})
		f[9] = flags
		return f
	}
	for name, file := range map[string][]byte{
		"unsynchronised":       id3Of(3, 0x80, id3FrameOf(3, "TIT2", []byte{0, 0xFF, 0, 0xE0})),
		"version 2.2":          id3Of(2, 0, []byte("TT2\x00\x00\x01\x00")),
		"version 2.5":          id3Of(5, 0, nil),
		"cut":                  []byte("ID3\x04\x00\x00\x00\x00\x01\x00"),
		"size not synchsafe":   []byte("ID3\x04\x00\x00\x80\x00\x00\x00"),
		"checksum 2.3":         id3Of(3, id3Extended, []byte("\x00\x00\x00\x0A\x80\x00\x00\x00\x00\x00\x12\x34\x56\x78")),
		"checksum 2.4":         id3Of(4, id3Extended, []byte("\x00\x00\x00\x0C\x01\x20\x05\x00\x00\x00\x00\x00")),
		"extended header cut":  id3Of(4, id3Extended, []byte("\x00\x00\x00\x06")),
		"extended header size": id3Of(4, id3Extended, []byte("\x00\x00\x00\x05\x01\x00")),
		"extended header huge": id3Of(3, id3Extended, []byte("\xFF\xFF\xFF\xFF\x00\x00")),
		"compressed underflow": id3Of(3, 0, short(3, 0x80)),
		"length underflow":     id3Of(4, 0, short(4, 0x01)),
		"frame behind the tag": id3Of(4, 0, []byte("TIT2\x00\x00\x01\x00\x00\x00ab")),
		"hidden":               id3Of(4, 0, short(4, 0x08)),
	} {
		if _, _, err := Reserve(append(file, mpegFrame...), 100); !errors.Is(err, ErrContainer) {
			t.Errorf("%s: Reserve = %v, want ErrContainer", name, err)
		}
	}
}

// TestUnsyncFlagGoes: a tag that says it is unsynchronised without a byte that
// shows it must stop saying so, since the store would be read wrongly.
func TestUnsyncFlagGoes(t *testing.T) {
	file := append(id3Of(4, 0x80|id3Footer, id3FrameOf(4, "TIT2", []byte("\x00title"))), mpegFrame...)
	out, slot, err := Reserve(file, 100)
	if err != nil {
		t.Fatal(err)
	}
	footer := bytes.Index(out, []byte("3DI"))
	if out[5] != id3Footer || footer < 0 || out[footer+5] != id3Footer || !bytes.Equal(out[footer+6:footer+10], out[6:10]) {
		t.Fatalf("header % x, footer % x", out[:10], out[max(0, footer):])
	}
	if err := slot.Put(out, storeOf(100, 0xFF)); err != nil {
		t.Fatal(err)
	}
	checkFound(t, out, storeOf(100, 0xFF), slot.Exclude)
}

func TestSniff(t *testing.T) {
	for _, c := range []struct {
		data string
		want Format
	}{
		{"", Unknown}, {"text", Unknown}, {"RIFF\x04\x00\x00\x00ACON", Unknown}, {"GIF90a", Unknown},
		{"\xFF\xFB\x90\x00", MP3}, {"\xFF\xF1\x50\x80", Unknown}, {"\xFF\xFB\xF0\x00", Unknown}, {"\xFF\xEB\x90\x00", Unknown},
		{"fLaC", FLAC}, {"ID3\x04\x00\x00\x00\x00\x00\x00fLaC", FLAC}, {"ID3\x04\x00\x00\x00\x00\x00\x00", MP3},
		{"\x00\x00\x00\x10ftypisom", BMFF}, {"\xFF\xD8\xFF", JPEG}, {pngSignature, PNG}, {"GIF87a", GIF},
		{"RIFF\x04\x00\x00\x00WEBP", WebP}, {"RIFF\x04\x00\x00\x00WAVE", WAV}, {"RIFF\x04\x00\x00\x00AVI ", AVI},
	} {
		if got := Sniff([]byte(c.data)); got != c.want {
			t.Errorf("Sniff(%q) = %v, want %v", c.data, got, c.want)
		}
	}
	for f := Unknown; f <= FLAC+1; f++ {
		if f.String() == "" || f.MIME() == "" || (f > Unknown && f <= FLAC) == (f.String() == "unknown") {
			t.Errorf("format %d is called %q, %q", f, f.String(), f.MIME())
		}
	}
}
