package container

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// exercise calls everything on a file and checks what must hold of any file.
func exercise(t *testing.T, file []byte) {
	t.Helper()
	f, err := Find(file)
	if err != nil && !errors.Is(err, ErrContainer) {
		t.Fatalf("Find = %v, want an error that wraps ErrContainer", err)
	}
	if err := HashData(sha256.New(), file, f.Exclude); err != nil {
		t.Fatalf("Exclude of Find cannot be hashed: %v", err)
	}
	if _, err := Boxes(file); err != nil && !errors.Is(err, ErrContainer) {
		t.Fatalf("Boxes = %v, want an error that wraps ErrContainer", err)
	}
	if err := HashBMFF(sha256.New(), file, StandardBMFFExclusions(), 3); err != nil && !errors.Is(err, ErrContainer) {
		t.Fatalf("HashBMFF = %v, want an error that wraps ErrContainer", err)
	}
	if out, err := Remove(file); err == nil {
		if f, _ := Find(out); f.Stores != 0 {
			t.Fatalf("%d stores are left after Remove", f.Stores)
		}
	}
	out, slot, err := Reserve(file, 300)
	if err != nil {
		if !errors.Is(err, ErrContainer) {
			t.Fatalf("Reserve = %v, want an error that wraps ErrContainer", err)
		}
		return
	}
	if err := slot.Put(out, storeOf(300, 9)); err != nil {
		t.Fatal(err)
	}
	checkFound(t, out, storeOf(300, 9), slot.Exclude)
}

// signed are files with a store.
func signed(t testing.TB) map[string][]byte {
	all := map[string][]byte{}
	for name, file := range samples() {
		out, slot, err := Reserve(file, 100)
		if err == nil {
			err = slot.Put(out, storeOf(100, 1))
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = out
	}
	return all
}

// TestPieces: every prefix of a file, and every file with one byte changed to
// the extremes, gives an error or a file.
func TestPieces(t *testing.T) {
	for name, file := range signed(t) {
		t.Run(name, func(t *testing.T) {
			for cut := range file {
				exercise(t, file[:cut])
			}
			for i := range min(len(file), 250) {
				for _, b := range []byte{0, 1, 0x7F, 0xFF} {
					bad := bytes.Clone(file)
					bad[i] = b
					if exercise(t, bad); t.Failed() {
						t.Fatalf("with byte %d = %02x", i, b)
					}
				}
			}
		})
	}
}

// hostile are files made to break readers.
func hostile() map[string][]byte {
	nested, list := []byte{}, []byte{}
	for range 1000 {
		nested = bmffBox("moov", nested)
		list = riffChunk("LIST", append([]byte("INFO"), list...))
	}
	huge := func(head string, size []byte) []byte { return append([]byte(head), size...) }
	manyAPP11 := [][]byte{}
	for i := range 1<<15 + 2 {
		manyAPP11 = append(manyAPP11, jumbfSegments(uint16(i), foreignBox(), 1000)[0])
	}
	return map[string][]byte{
		"nested moov":      append(ftyp(), nested...),
		"riff bomb":        riffFile("WAVE", list),
		"many chunks":      riffFile("WAVE", bytes.Repeat(riffChunk("C2PA", nil), maxParts+1)),
		"many stores":      pngFile(bytes.Repeat(pngChunk("caBX", nil), maxParts+1)),
		"many boxes":       append(ftyp(), bytes.Repeat(bmffBox("free"), maxBoxes+1)...),
		"many instances":   jpegFile(manyAPP11...),
		"wav streamed":     streamedWAV(1<<32-1, 1<<32-1, "sound"),
		"wav of two waves": streamedWAV(0, 0, string(streamedWAV(0, 0, "sound"))),
		"png length":       append(pngFile()[:33], "\xFF\xFF\xFF\xFFcaBX"...),
		"riff length":      huge("RIFF\x0C\x00\x00\x00WEBPC2PA", []byte{0xFF, 0xFF, 0xFF, 0xFF}),
		"riff of nothing":  []byte("RIFF\x00\x00\x00\x00WAVE"),
		"jpeg length":      append(jpegFile()[:20], 0xFF, markAPP11, 0, 1),
		"id3 underflow":    append(id3Of(3, 0, []byte("TXXX\x00\x00\x00\x02\x00\x80ab")), mpegFrame...),
		"long uuid":        append(ftyp(), append(be32(1), append([]byte("uuid"), binary.BigEndian.AppendUint64(nil, 1<<63)...)...)...),
		"long uuid store":  append(ftyp(), append(be32(1), append([]byte("uuid"), append(binary.BigEndian.AppendUint64(nil, 53+70), append([]byte(uuidC2PA+"\x00\x00\x00\x00manifest\x00\x00\x00\x00\x00\x00\x00\x00\x00"), storeOf(70, 1)...)...)...)...)...),
		"gif without end":  []byte(gifHead + "\x21\xFF\x0BC2PA_GIF\x01\x00\x00\xFF"),
		"gif colour table": []byte("GIF89a\x00\x00\x00\x00\xFF\x00\x00"),
		"one byte":         {0},
	}
}

func TestHostile(t *testing.T) {
	for name, file := range hostile() {
		t.Run(name, func(t *testing.T) { exercise(t, file) })
	}
	if f, err := Find(hostile()["nested moov"]); err == nil || f.Format != BMFF {
		t.Errorf("nested moov: Find = %v, %v, want an error", f.Format, err)
	}
	if _, _, err := Reserve(hostile()["many instances"], 100); !errors.Is(err, ErrContainer) {
		t.Errorf("many instances: Reserve = %v, want ErrContainer", err)
	}
	if f, err := Find(hostile()["long uuid store"]); err != nil || f.Stores != 1 || len(f.Store) != 70 {
		t.Errorf("long uuid store: Find = %d stores of %d bytes, %v", f.Stores, len(f.Store), err)
	}
}

// TestErrorsNameThePlace: an error tells in which chunk, segment or box it is.
func TestErrorsNameThePlace(t *testing.T) {
	for want, file := range map[string][]byte{
		`png: chunk "caBX"`:  append(pngFile()[:33], "\x00\x00\xFF\xFFcaBX1234"...),
		`jpeg: segment EB`:   append(jpegFile()[:20], 0xFF, markAPP11, 0xFF, 0xFF),
		`riff: chunk "data"`: []byte("RIFF\x0C\x00\x00\x00WAVEdata\x09\x00\x00\x00"),
		`bmff: box "moov"`:   append(ftyp(), "\x00\x00\x01\x00moov"...),
	} {
		if _, err := Find(file); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error = %v, want one that starts with %s", err, want)
		}
	}
}

func FuzzPNG(f *testing.F)  { fuzz(f, "png") }
func FuzzJPEG(f *testing.F) { fuzz(f, "jpeg") }
func FuzzWebP(f *testing.F) { fuzz(f, "webp") }
func FuzzWAV(f *testing.F)  { fuzz(f, "wav") }
func FuzzAVI(f *testing.F)  { fuzz(f, "avi") }
func FuzzMP3(f *testing.F)  { fuzz(f, "mp3") }
func FuzzFLAC(f *testing.F) { fuzz(f, "flac") }
func FuzzGIF(f *testing.F)  { fuzz(f, "gif") }
func FuzzMP4(f *testing.F)  { fuzz(f, "mp4") }
func FuzzHEIF(f *testing.F) { fuzz(f, "heif") }

// fuzz starts from the samples of a format, with and without a store, and from
// hostile files of it.
func fuzz(f *testing.F, format string) {
	for name, file := range samples() {
		if strings.HasPrefix(name, format) {
			f.Add(file)
			f.Add(signed(f)[name])
		}
	}
	for name, file := range hostile() {
		if strings.HasPrefix(name, format) && len(file) < 10_000 {
			f.Add(file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 1<<16 {
			t.Skip()
		}
		exercise(t, file)
	})
}

// FuzzXPath: a path of an exclusion comes from a claim, and so from anyone.
func FuzzXPath(f *testing.F) {
	for _, path := range []string{"/ftyp", "/moov/trak[1]/mdia", "/moov[", "//", "/uuid[18446744073709551616]"} {
		f.Add(path, int64(0), int64(8))
	}
	file := frontMovie()
	f.Fuzz(func(t *testing.T, path string, from, n int64) {
		x := []BMFFExclusion{{XPath: path, Subset: []Range{{from, n}}}, {XPath: path, Data: []BMFFData{{Offset: from, Value: []byte("ftyp")}}}}
		if err := HashBMFF(sha256.New(), file, x, 2); err != nil && !errors.Is(err, ErrContainer) {
			t.Fatalf("HashBMFF = %v, want an error that wraps ErrContainer", err)
		}
	})
}
