package imagemeta

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// extendedWebP is a file with VP8X in front of the given chunks.
func extendedWebP(flags byte, chunks ...[]byte) []byte {
	body := []byte{flags, 0, 0, 0, 39, 0, 0, 29, 0, 0}
	return riffFile(append([][]byte{makeRIFF("VP8X", body)}, chunks...)...)
}

// vp8lAlpha is vp8l with alpha_is_used.
func vp8lAlpha(w, h int) []byte {
	c := vp8l(w, h)
	c[8+4] |= 0x10
	return c
}

func kindsOf(t *testing.T, file []byte) string {
	t.Helper()
	chunks, whole, err := webpChunks(file)
	if err != nil || !whole {
		t.Fatalf("whole = %v, %v", whole, err)
	}
	var kinds []string
	for _, c := range chunks {
		kinds = append(kinds, strings.TrimSpace(c.kind))
	}
	return strings.Join(kinds, " ")
}

func TestTransplantWebP(t *testing.T) {
	icc, exif, xmp := makeRIFF("ICCP", []byte("profile")), makeRIFF("EXIF", []byte("MM\x00")), makeRIFF("XMP ", []byte(foreignXMP))
	opaque, clear := riffFile(vp8l(40, 30)), riffFile(vp8lAlpha(40, 30))
	for name, c := range map[string]struct {
		original, encoded []byte
		kinds             string
		flags             byte
	}{
		"simple":              {riffFile(vp8l(40, 30)), opaque, "VP8L", 0},
		"simple with a tail":  {append(riffFile(vp8l(40, 30), exif), "tail"...), opaque, "VP8L EXIF", 0},
		"extended":            {extendedWebP(0x2C, icc, vp8l(40, 30), exif, xmp), opaque, "VP8X ICCP VP8L EXIF XMP", 0x2C},
		"alpha comes":         {extendedWebP(0x20, icc, vp8l(40, 30)), clear, "VP8X ICCP VP8L", 0x30},
		"alpha goes":          {extendedWebP(0x10, vp8lAlpha(40, 30)), opaque, "VP8X VP8L", 0},
		"lossy with alpha":    {extendedWebP(0x10, makeRIFF("ALPH", []byte{0}), makeRIFF("VP8 ", make([]byte, 4)), exif), clear, "VP8X VP8L EXIF", 0x10},
		"pixels twice":        {extendedWebP(0, vp8l(40, 30), vp8l(40, 30), makeRIFF("oth ", nil)), opaque, "VP8X VP8L oth", 0},
		"metadata in encoded": {riffFile(vp8l(40, 30)), extendedWebP(0x08, vp8l(40, 30), exif), "VP8L", 0},
	} {
		out, err := Transplant(c.original, c.encoded)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := kindsOf(t, out); got != c.kinds {
			t.Errorf("%s: chunks %q, want %q", name, got, c.kinds)
		}
		if c.kinds[:4] == "VP8X" && out[20] != c.flags {
			t.Errorf("%s: flags %#x, want %#x", name, out[20], c.flags)
		}
		info, err := Probe(out)
		if err != nil || !info.Complete || info.Width != 40 || info.Height != 30 || bytes.HasSuffix(c.original, []byte("tail")) != bytes.HasSuffix(out, []byte("tail")) {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
}

func TestTransplantWebPToPNG(t *testing.T) {
	icc, exif := bytes.Repeat([]byte("profile"), 50), []byte("MM\x00*\x00\x00\x00\x08")
	for name, c := range map[string][]byte{"plain": exif, "header of JPEG": append([]byte("Exif\x00\x00"), exif...)} {
		file := extendedWebP(0x2C, makeRIFF("ICCP", icc), vp8l(40, 30), makeRIFF("EXIF", c), makeRIFF("EXIF", []byte("second")), makeRIFF("XMP ", []byte(foreignXMP)), makeRIFF("oth ", []byte("x")))
		out, err := Transplant(file, pngFile(t))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		chunks, _ := pngChunks(out)
		bodies := map[string][]byte{}
		for _, c := range chunks {
			bodies[c.kind] = append(bodies[c.kind], c.data(out)...)
		}
		r, err := zlib.NewReader(bytes.NewReader(bytes.TrimPrefix(bodies["iCCP"], []byte("ICC profile\x00\x00"))))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, icc) {
			t.Errorf("%s: colour profile %q, %v", name, got, err)
		}
		if !bytes.Equal(bodies["eXIf"], exif) {
			t.Errorf("%s: Exif %q", name, bodies["eXIf"])
		}
		if f, err := Read(out); err != nil || f.CreatorTool != "Camera 7" {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
		if info, err := Probe(out); err != nil || !info.Complete || !info.HasICC || !info.HasEXIF || !info.HasXMP {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
}

func TestTransplantRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		original, encoded []byte
		want              error
	}{
		"manifest":    {webpFile(makeRIFF("C2PA", []byte("x"))), webpFile(), ErrManifest},
		"animation":   {extendedWebP(0x02, vp8l(40, 30)), pngFile(t), ErrFormat},
		"other way":   {pngFile(t), webpFile(), ErrFormat},
		"to JPEG":     {webpFile(), jpegFile(t), ErrFormat},
		"no pixels":   {extendedWebP(0, makeRIFF("EXIF", []byte("MM"))), webpFile(), ErrMalformed},
		"cut encoded": {webpFile(), append(binary.LittleEndian.AppendUint32([]byte("RIFF"), 99), webpFile()[8:]...), ErrMalformed},
	} {
		if _, err := Transplant(c.original, c.encoded); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// FuzzTransplantWebP: whatever the original, an error or a whole file with the
// pixels of the encoder.
func FuzzTransplantWebP(f *testing.F) {
	f.Add(webpFile(makeRIFF("XMP ", []byte(foreignXMP))))
	f.Add(extendedWebP(0x2C, makeRIFF("ICCP", []byte("p")), vp8l(40, 30), makeRIFF("EXIF", []byte("MM"))))
	f.Add(extendedWebP(0x10, makeRIFF("ALPH", []byte{0}), makeRIFF("VP8 ", make([]byte, 10))))
	encoded, picture := riffFile(vp8l(40, 30)), pngFile(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, fresh := range [][]byte{encoded, picture} {
			out, err := Transplant(data, fresh)
			if err != nil || Sniff(data) != WebP {
				continue
			}
			if Sniff(out) != Sniff(fresh) {
				t.Fatalf("%v became %v", Sniff(fresh), Sniff(out))
			}
			info, err := Probe(out)
			if Sniff(out) == PNG && (err != nil || !info.Complete) || err == nil && info.Lossy {
				t.Fatalf("%+v, %v", info, err)
			}
		}
	})
}
