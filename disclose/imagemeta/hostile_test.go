package imagemeta

import (
	"bytes"
	"encoding/binary"
	"image/jpeg"
	"math"
	"strings"
	"testing"
	"time"
)

// TestProbeSeesWhatDecodersSee: a limit that is checked on another frame header
// than the decoder's is none.
func TestProbeSeesWhatDecodersSee(t *testing.T) {
	plain := jpegFile(t)
	sof, sos := bytes.Index(plain, []byte{0xFF, 0xC0}), bytes.Index(plain, []byte{0xFF, markSOS})
	hidden := bytes.Clone(plain[2 : sos+12])
	binary.BigEndian.PutUint32(hidden[sof-2+5:], 6000<<16|6000)
	stuffed := append([]byte{0xFF, markSOI, 0xFF, 0x00}, makeSegment(0, hidden)[2:]...)
	for name, c := range map[string]struct {
		file  []byte
		width int
	}{
		"jpeg/frame behind a stuffed zero": {append(stuffed, plain[2:]...), 6000},
		"jpeg/stray bytes":                 {jpegFile(t, makeSegment(markCOM, nil), []byte{0, 1}), 40},
		"webp/canvas after its frame":      {riffFile(vp8l(16383, 16383), makeRIFF("VP8X", make([]byte, 10))), 0},
		"webp/small canvas":                {riffFile(makeRIFF("VP8X", make([]byte, 10)), vp8l(16383, 16383)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			info, err := Probe(c.file)
			if info.Width != c.width || (err != nil) != (c.width == 0) {
				t.Fatalf("width = %d, %v, want %d", info.Width, err, c.width)
			}
			if cfg, err := jpeg.DecodeConfig(bytes.NewReader(c.file)); err == nil && cfg.Width != c.width {
				t.Fatalf("image/jpeg reads a width of %d, Probe %d", cfg.Width, c.width)
			}
		})
	}
}

func vp8l(w, h int) []byte {
	body := []byte{0x2f, 0, 0, 0, 0, 1, 2, 3}
	binary.LittleEndian.PutUint32(body[1:], uint32(w-1|(h-1)<<14))
	return makeRIFF("VP8L", body)
}

func riffFile(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func TestWebPWithoutLastPadding(t *testing.T) {
	for name, tail := range map[string]string{"no padding": "EXIF\x03\x00\x00\x00abc", "half a chunk": "EXIF\x02\x00\x00\x00abEX"} {
		file := append(riffFile(vp8l(40, 30), []byte(tail)), "trailing"...)
		out, err := Write(file, fields)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := Read(out); err != nil || got != fields {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if !bytes.HasSuffix(out, []byte("trailing")) || !bytes.Contains(out, []byte("EXIF")) {
			t.Errorf("%s: bytes were lost", name)
		}
	}
}

// TestTransplantOfPieces: every prefix of either file gives an error or a file.
func TestTransplantOfPieces(t *testing.T) {
	files := formats(t)
	files["png ihdr"] = append([]byte(pngSignature), makeChunk("IHDR", []byte{1, 2})...)
	for name, file := range files {
		for cut := range min(len(file), 700) {
			if _, err := Transplant(file[:cut], file); err == nil && cut < 30 {
				t.Errorf("%s: %d bytes were taken for an image", name, cut)
			}
			_, _ = Transplant(file, file[:cut])
		}
	}
}

func TestTransplantDropsWhatIsStale(t *testing.T) {
	prompt := makeChunk("tEXt", []byte("prompt\x00{}"))
	stale := [][]byte{prompt, makeChunk("tIME", make([]byte, 7)), makeChunk("saFe", nil)}
	for _, kind := range []string{"iDOT", "acTL", "fcTL", "fdAT", "tRNS", "unSF"} {
		stale = append(stale, makeChunk(kind, make([]byte, 28)))
	}
	out, err := Transplant(pngFile(t, stale...), pngFile(t))
	if err != nil {
		t.Fatal(err)
	}
	chunks, _ := pngChunks(out)
	var kinds []string
	for _, c := range chunks {
		kinds = append(kinds, c.kind)
	}
	if got := strings.Join(kinds, " "); got != "IHDR tEXt tIME saFe IDAT IEND" {
		t.Errorf("PNG chunks = %s", got)
	}
	index, exif := makeSegment(markAPP2, []byte("MPF\x00MM")), makeSegment(markAPP1, []byte("Exif\x00\x00MM"))
	out, err = Transplant(jpegFile(t, index, exif), jpegFile(t))
	if err != nil || bytes.Contains(out, index) || !bytes.Contains(out, exif) {
		t.Errorf("JPEG: %v", err)
	}
}

func TestDecodeBytesSaturates(t *testing.T) {
	for name, c := range map[string]struct {
		info Info
		want int64
	}{
		"png largest":          {Info{Format: PNG, Depth: 16, Width: math.MaxInt32, Height: math.MaxInt32}, math.MaxInt64 / 16 * 16},
		"png 16 bit":           {Info{Format: PNG, Depth: 16, Width: 10, Height: 10}, 1600},
		"png interlaced":       {Info{Format: PNG, Depth: 8, Width: 10, Height: 10, Progressive: true}, 1600},
		"webp lossless":        {Info{Format: WebP, Width: 10, Height: 10}, 2200},
		"webp lossy":           {Info{Format: WebP, Width: 10, Height: 10, Lossy: true}, 1900},
		"jpeg progressive":     {Info{Format: JPEG, Channels: 3, Width: 10, Height: 10, Progressive: true}, 2300},
		"jpeg progressive ink": {Info{Format: JPEG, Channels: 4, Width: 10, Height: 10, Progressive: true}, 2800},
	} {
		if got := c.info.DecodeBytes(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

const (
	rdfOpen  = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="` + nsRDF + `">`
	rdfClose = `</rdf:RDF></x:xmpmeta>`
	extNS    = ` xmlns:e="` + nsIPTCExt + `" xmlns:o="urn:other"`
)

// TestMergeRemovesOnlyItsOwn: what is removed is a property of the image in our
// namespace, and only its own bytes.
func TestMergeRemovesOnlyItsOwn(t *testing.T) {
	for name, c := range map[string]struct{ packet, keep, gone string }{
		"same attribute twice":   {rdfOpen + `<rdf:Description` + extNS + ` e:DigitalSourceType="a" e:DigitalSourceType="b"/>` + rdfClose, `<rdf:Description` + extNS + `/>`, `e:DigitalSourceType`},
		"other namespace":        {rdfOpen + `<rdf:Description` + extNS + ` o:DigitalSourceType="mine" e:DigitalSourceType="old"/>` + rdfClose, ` o:DigitalSourceType="mine"/>`, `"old"`},
		"inside a value":         {rdfOpen + `<rdf:Description` + extNS + ` o:n="see e:DigitalSourceType='z'" e:DigitalSourceType="old"/>` + rdfClose, `o:n="see e:DigitalSourceType='z'"/>`, `"old"`},
		"no space between":       {rdfOpen + `<rdf:Description` + extNS + ` e:DigitalSourceType="old"o:a="1"/>` + rdfClose, ` o:a="1"/>`, `"old"`},
		"spaces around equals":   {rdfOpen + "<rdf:Description" + extNS + " e:DigitalSourceType\n=\t'old' o:a = '1'/>" + rdfClose, `"urn:other" o:a = '1'/>`, `'old'`},
		"ingredient":             {rdfOpen + `<rdf:Description` + extNS + `><o:Pantry><rdf:Bag><rdf:li><rdf:Description e:DigImageGUID="kept"><e:DigitalSourceType>also</e:DigitalSourceType></rdf:Description></rdf:li></rdf:Bag></o:Pantry></rdf:Description>` + rdfClose, `e:DigImageGUID="kept"><e:DigitalSourceType>also<`, `nothing`},
		"empty RDF":              {`<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="` + nsRDF + `"/></x:xmpmeta>`, `</r:RDF></x:xmpmeta>`, `"/><`},
		"ends in an empty child": {rdfOpen + `<rdf:Description` + extNS + `/>` + rdfClose, extNS + `/>  <rdf:Description`, `nothing`},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := mergeXMP([]byte(c.packet), fields)
			if err != nil || !strings.Contains(string(out), c.keep) || strings.Contains(string(out), c.gone) {
				t.Fatalf("%v\nwant  %s\nnot   %s\nin    %s", err, c.keep, c.gone, out)
			}
			if got, err := parseXMP(out); err != nil || got != fields {
				t.Fatalf("read back: %+v, %v", got, err)
			}
		})
	}
}

func TestIngredientsAreNotTheImage(t *testing.T) {
	got, err := parseXMP([]byte(rdfOpen + `<rdf:Description` + extNS + `><o:P><rdf:Description e:DigitalSourceType="theirs"/></o:P></rdf:Description>` + rdfClose))
	if err != nil || got != (Fields{}) {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestDatesAndControlCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-23T10:00:00.25+01:00": "2026-11-23T09:00:00.25Z", "2026-11-23T10:00Z": "2026-11-23T10:00:00Z",
		"2026-11-23": "2026-11-23T00:00:00Z", "2026": "2026-01-01T00:00:00Z", "soon": "0001-01-01T00:00:00Z",
	} {
		if got := parseDate(text).UTC().Format(time.RFC3339Nano); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	f := Fields{AISystemUsed: "a\x00b\x1b\u0085c\uffffd"}
	out, err := Write(pngFile(t), f)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Read(out); err != nil || got.AISystemUsed != "abc\ufffdd" {
		t.Errorf("%q, %v", got.AISystemUsed, err)
	}
}
