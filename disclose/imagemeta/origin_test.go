package imagemeta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
)

// TestGenerators: every row of the table has a file that it is found in, and no
// other row is found there.
func TestGenerators(t *testing.T) {
	files := generatorFiles(t)
	for _, g := range Generators() {
		if len(files[g.Name])+len(g.stores) == 0 || len(files[g.Name]) == 0 && len(g.signs) > 0 || g.Source == "" {
			t.Errorf("%s has %d files, and the source %q", g.Name, len(files[g.Name]), g.Source)
		}
		for i, file := range files[g.Name] {
			o, err := ReadOrigin(file)
			if err != nil || o.XMPErr != nil || o.Generator != g.Name || o.Place == "" {
				t.Errorf("%s, file %d: generator %q by %q, %v, %v", g.Name, i, o.Generator, o.Place, err, o.XMPErr)
			}
		}
		delete(files, g.Name)
	}
	for name := range files {
		t.Errorf("%s is not in the table", name)
	}
}

// TestNoGenerator: what cameras, editors and people write names none.
func TestNoGenerator(t *testing.T) {
	be := binary.BigEndian
	exif := func(tags ...tagValue) []byte { return jpegFile(t, jpegEXIF(exifBlock(be, tags...))) }
	for name, file := range map[string][]byte{
		"bare": pngFile(t),
		"camera": exif(tagValue{0x010F, "NIKON CORPORATION"}, tagValue{0x0110, "NIKON Z 8"}, tagValue{0x0131, "Ver.02.00"},
			tagValue{0x010E, "Signature: unknown"}, tagValue{0x013B, "Jane Doe"}, tagValue{tagUserComment, "ASCII\x00\x00\x00" + "Steps: to the lake"}),
		"phone":              exif(tagValue{0x010F, "Google"}, tagValue{0x0110, "Pixel 9 Pro"}, tagValue{0x0131, "HDR+ 1.0.6"}),
		"editor":             pngXMPFile(t, `xmp:CreatorTool="Adobe Photoshop 26.0 (Macintosh)" photoshop:Credit="Imagen: EFE"`),
		"Firefly the moth":   pngXMPFile(t, `xmp:CreatorTool="Firefly Photo Booth"`),
		"caption about it":   pngXMPFile(t, `dc:description="Visitors try Midjourney and ChatGPT" photoshop:Credit="ChatGPT Magazine"`),
		"credit in a phrase": jpegFile(t, iimSegment(110, "Not Made with Google AI")),
		"workflow":           pngFile(t, textChunk("workflow", "scan, crop, print"), textChunk("prompt", "C:\\>"), textChunk("parameters", "f/8 1/250")),
		"print job":          pngFile(t, textChunk("Description", "Job ID: 4711")),
		"a long word":        pngXMPFile(t, `xmp:CreatorTool="ChatGPTomatic"`),
		"artist is a UUID":   exif(tagValue{0x013B, someUUID}),
		"a title":            pngFile(t, textChunk("Title", "How NovelAI generated image metadata"), textChunk("Dream", "a dream of -s")),
		"scanner in COM":     jpegFile(t, makeSegment(markCOM, []byte("CREATOR: gd-jpeg v1.0, quality = 90"))),
	} {
		o, err := ReadOrigin(file)
		if err != nil || o.Generator != "" || o.AIGCPlace != "" || o.Manifest != "" {
			t.Errorf("%s: %q by %q, AIGC by %q, manifest %q, %v", name, o.Generator, o.Place, o.AIGCPlace, o.Manifest, err)
		}
	}
	if _, err := ReadOrigin([]byte("GIF89a")); !errors.Is(err, ErrFormat) {
		t.Errorf("a GIF: %v", err)
	}
}

func TestManifestStoreNames(t *testing.T) {
	body := "\x00\x00\x00\x40jumb....c2pa" + `jhttp://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia softwareAgentdnamegChatGPT`
	split := func(text string) (segs []byte) { // as JPEG has it: each part repeats the box's length and type
		for i := 0; i < len(text); i += 20 {
			part := "JP\x00\x01\x00\x00\x00" + string(rune('1'+i/20)) + "\x00\x00\x00\x40jumb" + text[i:min(i+20, len(text))]
			segs = append(segs, makeSegment(markAPP11, []byte(part))...)
		}
		return segs
	}
	for name, file := range map[string][]byte{
		"png":  pngFile(t, makeChunk("caBX", []byte(body))),
		"webp": webpFile(makeRIFF("C2PA", []byte(body))),
		"jpeg": jpegFile(t, split(body)),
	} {
		if o, err := ReadOrigin(file); err != nil || o.Manifest != "OpenAI (ChatGPT, DALL·E)" || o.Generator != "" {
			t.Errorf("%s: manifest names %q, generator %q, %v", name, o.Manifest, o.Generator, err)
		}
	}
	for _, g := range Generators() {
		for _, name := range g.stores {
			file := pngFile(t, makeChunk("caBX", []byte(strings.Replace(body, "ChatGPT", name, 1))))
			if o, _ := ReadOrigin(file); o.Manifest != g.Name {
				t.Errorf("a store with %s names %q, want %q", name, o.Manifest, g.Name)
			}
		}
	}
	camera := strings.Replace(body, "trainedAlgorithmicMedia", "digitalCapture", 1)
	if o, _ := ReadOrigin(pngFile(t, makeChunk("caBX", []byte(camera)))); o.Manifest != "" {
		t.Errorf("a store without a source type of AI names %q", o.Manifest)
	}
}

func TestAIGC(t *testing.T) {
	label := AIGC{Label: "1", ContentProducer: `Example <GmbH> & "Söhne"`, ProduceID: "9f3c52d07ab1e644"}
	want := `{"Label":"1","ContentProducer":"Example <GmbH> & \"Söhne\"","ProduceID":"9f3c52d07ab1e644","ReservedCode1":"","ContentPropagator":"","PropagateID":"","ReservedCode2":""}`
	if got := label.JSON(); got != want {
		t.Fatalf("JSON = %s, want %s", got, want)
	}
	wrapped := `{"AIGC":` + label.JSON() + `}`
	exif := exifBlock(binary.BigEndian, tagValue{tagUserComment, "ASCII\x00\x00\x00" + wrapped})
	written := func(file []byte) []byte {
		out, err := Write(file, Fields{AIGC: label.JSON()})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, c := range map[string]struct {
		file  []byte
		place Place
	}{
		"png xmp": {written(pngFile(t)), PlaceXMP}, "jpeg xmp": {written(jpegFile(t)), PlaceXMP}, "webp xmp": {written(webpFile()), PlaceXMP},
		"png text": {pngFile(t, textChunk("AIGC", label.JSON())), PlacePNG},
		"comment":  {jpegFile(t, jpegEXIF(exif)), PlaceEXIF}, "webp exif": {webpFile(makeRIFF("EXIF", exif)), PlaceEXIF},
		"undeclared prefix": {pngXMPFile(t, `TC260:AIGC='{"Label":"1"}'`), PlaceXMP},
	} {
		o, err := ReadOrigin(c.file)
		if err != nil || o.AIGCPlace != c.place || o.AIGC.Label != "1" {
			t.Errorf("%s: %+v by %q, %v, %v", name, o.AIGC, o.AIGCPlace, err, o.XMPErr)
		}
	}
}

func TestParseAIGC(t *testing.T) {
	for text, want := range map[string]string{
		`{"Label":"1"}`: "1", `{"Label":2}`: "2", `{"AIGC":{"Label":"3"}}`: "3", `{"AIGC":"{\"Label\":\"1\"}"}`: "1",
		`{"Label":"1","ProduceID":7}`: "1",
		`{"Label":"4"}`:               "", `{"AIGC":7}`: "", `[]`: "", ``: "", `{"Label":"1"`: "", `{"Label":["1"]}`: "",
	} {
		a, ok := ParseAIGC(text)
		if ok != (want != "") || ok && a.Label != want {
			t.Errorf("ParseAIGC(%s) = %+v, %v, want %q", text, a, ok, want)
		}
	}
}

// TestForeignAIGCStays: nobody may replace another's label.
func TestForeignAIGCStays(t *testing.T) {
	first, err := Write(pngFile(t), Fields{AIGC: AIGC{Label: "1", ContentProducer: "first"}.JSON()})
	if err != nil {
		t.Fatal(err)
	}
	second, err := Write(first, Fields{GUID: "1", AIGC: AIGC{Label: "1", ContentProducer: "second"}.JSON()})
	if err != nil {
		t.Fatal(err)
	}
	o, err := ReadOrigin(second)
	if err != nil || o.AIGC.ContentProducer != "first" || o.Fields.GUID != "1" || bytes.Contains(second, []byte("second")) {
		t.Fatalf("%+v, %v", o, err)
	}
}

// TestBombs: texts that unpack to much, or are named many times, cost no more
// than the limits say.
func TestBombs(t *testing.T) {
	bomb := deflated(t, strings.Repeat("\x00", 8<<20))
	var chunks [][]byte
	for range 200 {
		chunks = append(chunks, makeChunk("zTXt", append([]byte("k\x00\x00"), bomb...)))
	}
	var tags []tagValue
	for range 2000 {
		tags = append(tags, tagValue{tagUserComment, utf16Comment(binary.BigEndian, "x")})
	}
	for name, file := range map[string][]byte{
		"zTXt":   pngFile(t, chunks...),
		"many":   pngFile(t, bytes.Repeat(textChunk("k", "v"), 5000)),
		"exif":   jpegFile(t, jpegEXIF(exifBlock(binary.LittleEndian, tags...))),
		"circle": webpFile(makeRIFF("EXIF", []byte("II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00"))),
	} {
		n := readNotes(file)
		size := 0
		for _, text := range n.all {
			size += len(text.value)
		}
		if n.left < 0 || size > maxNoteBytes || len(n.all) > maxNotes {
			t.Errorf("%s: %d texts of %d bytes, %d left", name, len(n.all), size, n.left)
		}
		if name == "zTXt" && (n.left != 0 || len(n.all) > maxNoteBytes/maxNote+1) {
			t.Errorf("%s: %d texts, %d bytes left, want none", name, len(n.all), n.left)
		}
	}
}

func FuzzReadOrigin(f *testing.F) {
	for _, files := range generatorFiles(f) {
		for _, file := range files {
			f.Add(file)
		}
	}
	f.Add(webpFile(makeRIFF("EXIF", []byte("II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00"))))
	f.Add(pngFile(f, textChunk("AIGC", `{"Label":"1"}`)))
	f.Add(jpegFile(f, iimSegment(110, "x")))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := ReadOrigin(data)
		if err != nil && !errors.Is(err, ErrFormat) {
			t.Fatalf("ReadOrigin: %v", err)
		}
		if (o.Generator == "") != (o.Place == "") {
			t.Fatalf("generator %q by %q", o.Generator, o.Place)
		}
	})
}

// TestGeneratorsAreDocumented: the table that people read has every row.
func TestGeneratorsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/metadata.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range Generators() {
		if !strings.Contains(string(doc), "| "+g.Name+" |") {
			t.Errorf("docs/metadata.md does not have %s", g.Name)
		}
	}
}
