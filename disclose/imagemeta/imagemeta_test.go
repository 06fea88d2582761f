package imagemeta

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func picture() image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	for i := range img.Pix {
		img.Pix[i] = byte(i * 7)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

func pngFile(t testing.TB, extra ...[]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, picture()); err != nil {
		t.Fatal(err)
	}
	return insert(buf.Bytes(), 33, extra...)
}

func jpegFile(t testing.TB, extra ...[]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, picture(), nil); err != nil {
		t.Fatal(err)
	}
	return insert(buf.Bytes(), 2, extra...)
}

// webpFile is a lossless WebP with a header of 40 x 30 pixels; its pixel data
// does not decode, which nothing here asks for.
func webpFile(extra ...[]byte) []byte {
	vp8l := []byte{0x2f, 0, 0, 0, 0, 1, 2, 3}
	binary.LittleEndian.PutUint32(vp8l[1:], 39|29<<14|1<<28)
	body := append([]byte("WEBP"), makeRIFF("VP8L", vp8l)...)
	for _, e := range extra {
		body = append(body, e...)
	}
	out := append([]byte("RIFF"), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(body)))
	return append(out, body...)
}

func insert(file []byte, at int, extra ...[]byte) []byte {
	return splice(file, at, 0, bytes.Join(extra, nil))
}

func formats(t testing.TB) map[string][]byte {
	return map[string][]byte{"png": pngFile(t), "jpeg": jpegFile(t), "webp": webpFile()}
}

var fields = Fields{
	DigitalSourceType: "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
	AISystemUsed:      `a <b> & "c"`, AISystemVersionUsed: "1.4", GUID: "9f3c52d07ab1e644",
	Credit: "Müller & Söhne", CreateDate: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
	CreatorTool: "model-1", Detector: "https://example.org/avow/verify",
}

func TestWriteThenRead(t *testing.T) {
	for name, file := range formats(t) {
		out, err := Write(file, fields)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := Read(out); err != nil || got != fields {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		info, err := Probe(out)
		if err != nil || !info.Complete || !info.HasXMP || info.Width != 40 || info.Height != 30 {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
		second := fields
		second.GUID, second.AISystemUsed = "0000000000000001", "other"
		out2, err := Write(out, second)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := Read(out2); got != second {
			t.Errorf("%s, written twice: %+v", name, got)
		}
		if n := bytes.Count(out2, []byte("<Iptc4xmpExt:DigImageGUID>")); n != 1 {
			t.Errorf("%s: %d GUIDs after writing twice", name, n)
		}
	}
}

func TestPixelsStillDecode(t *testing.T) {
	a, _ := Write(pngFile(t), fields)
	if _, err := png.Decode(bytes.NewReader(a)); err != nil {
		t.Error(err)
	}
	b, _ := Write(jpegFile(t), fields)
	if _, err := jpeg.Decode(bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
}

// TestRestStaysTheSame: taking the XMP carrier out again gives the file back.
func TestRestStaysTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(r, "text")
		trailing := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(r, "trailing")
		file := append(pngFile(t, makeChunk("tEXt", append([]byte("parameters\x00"), text...)), makeChunk("prVt", text)), trailing...)
		out, err := Write(file, fields)
		if err != nil {
			r.Fatal(err)
		}
		c, ok, err := findPNGXMP(out)
		if err != nil || !ok {
			r.Fatal(err)
		}
		if back := splice(out, c.start, c.end-c.start, nil); !bytes.Equal(back, file) {
			r.Fatal("PNG bytes outside the chunk changed")
		}
		file = append(jpegFile(t, makeSegment(markAPP0, []byte("JFIF\x00")), makeSegment(markAPP1, append([]byte("Exif\x00\x00"), text...)), makeSegment(markCOM, text)), trailing...)
		if out, err = Write(file, fields); err != nil {
			r.Fatal(err)
		}
		s, _, ok, err := findJPEGXMP(out)
		if err != nil || !ok {
			r.Fatal(err)
		}
		if back := splice(out, s.start, s.end-s.start, nil); !bytes.Equal(back, file) {
			r.Fatal("JPEG bytes outside the segment changed")
		}
		if !bytes.HasPrefix(out[2:], []byte{0xFF, markAPP0}) {
			r.Fatal("JFIF does not come first any more")
		}
	})
}

const foreignXMP = `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<r:Description r:about="uuid:1" xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 e:DigitalSourceType='http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture' dc:format="image/png" xmp:CreatorTool="Camera 7">
<dc:title><r:Alt><r:li xml:lang="x-default">A &amp; B</r:li></r:Alt></dc:title><e:DigImageGUID>old</e:DigImageGUID>
</r:Description></r:RDF></x:xmpmeta><?xpacket end="w"?>`

func TestForeignXMPIsKept(t *testing.T) {
	for name, file := range map[string][]byte{
		"png":  pngFile(t, makeChunk("iTXt", []byte(xmpKeyword+"\x00\x00\x00\x00\x00"+foreignXMP))),
		"jpeg": jpegFile(t, makeSegment(markAPP1, []byte(xmpHeader+foreignXMP))),
		"webp": webpFile(makeRIFF("XMP ", []byte(foreignXMP))),
	} {
		got, err := Read(file)
		if err != nil || !strings.HasSuffix(got.DigitalSourceType, "/digitalCapture") || got.GUID != "old" || got.CreatorTool != "Camera 7" {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		out, err := Write(file, fields)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err = Read(out)
		if err != nil || got.DigitalSourceType != fields.DigitalSourceType || got.GUID != fields.GUID {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got.CreatorTool != "Camera 7" {
			t.Errorf("%s: somebody else's CreatorTool was replaced by %q", name, got.CreatorTool)
		}
		packet, _ := xmpOf(out)
		for _, keep := range []string{`dc:format="image/png"`, `<r:li xml:lang="x-default">A &amp; B</r:li>`, `r:about="uuid:1"`} {
			if !bytes.Contains(packet, []byte(keep)) {
				t.Errorf("%s: %s is gone from %s", name, keep, packet)
			}
		}
		if bytes.Contains(packet, []byte("digitalCapture")) || bytes.Contains(packet, []byte(">old<")) {
			t.Errorf("%s: an earlier value is still there: %s", name, packet)
		}
	}
}

func TestCompressedXMPIsRead(t *testing.T) {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write([]byte(foreignXMP))
	_ = w.Close()
	file := pngFile(t, makeChunk("iTXt", append([]byte(xmpKeyword+"\x00\x01\x00\x00\x00"), z.Bytes()...)))
	if got, err := Read(file); err != nil || got.GUID != "old" {
		t.Fatalf("%+v, %v", got, err)
	}
	var bomb bytes.Buffer
	w = zlib.NewWriter(&bomb)
	_, _ = w.Write(make([]byte, 8<<20))
	_ = w.Close()
	file = pngFile(t, makeChunk("iTXt", append([]byte(xmpKeyword+"\x00\x01\x00\x00\x00"), bomb.Bytes()...)))
	if _, err := Read(file); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("a bomb: %v", err)
	}
}

func TestBadXMPIsLeftAlone(t *testing.T) {
	for _, packet := range []string{"<x", "hello", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, "<a/>", "<a>&b;</a>"} {
		if _, err := Write(pngFile(t, makeChunk("iTXt", []byte(xmpKeyword+"\x00\x00\x00\x00\x00"+packet))), fields); !errors.Is(err, ErrXMP) {
			t.Errorf("%s: %v, want ErrXMP", packet, err)
		}
	}
}

func TestProbe(t *testing.T) {
	manifest := makeSegment(markAPP11, append([]byte("JP\x00\x01\x00\x00\x00\x01\x00\x00\x00\x40"), "jumb...................."...))
	for name, c := range map[string]struct {
		file []byte
		ok   func(Info) bool
	}{
		"png":             {pngFile(t), func(i Info) bool { return i.Complete && i.Channels == 3 && i.Depth == 8 && i.Trailing == 0 }},
		"png cut":         {pngFile(t)[:100], func(i Info) bool { return !i.Complete }},
		"png trailing":    {append(pngFile(t), "PK\x03\x04"...), func(i Info) bool { return i.Complete && i.Trailing == 4 }},
		"png c2pa":        {pngFile(t, makeChunk("caBX", []byte("x"))), func(i Info) bool { return i.HasC2PA }},
		"png animated":    {pngFile(t, makeChunk("acTL", make([]byte, 8))), func(i Info) bool { return i.Animated }},
		"jpeg":            {jpegFile(t), func(i Info) bool { return i.Complete && i.Lossy && i.Channels == 3 && !i.Progressive }},
		"jpeg cut":        {jpegFile(t)[:400], func(i Info) bool { return !i.Complete }},
		"jpeg one less":   {jpegFile(t)[:len(jpegFile(t))-1], func(i Info) bool { return !i.Complete }},
		"jpeg c2pa":       {jpegFile(t, manifest), func(i Info) bool { return i.HasC2PA }},
		"jpeg fill bytes": {jpegFile(t, []byte{0xFF, 0xFF}, makeSegment(markCOM, []byte("x"))), func(i Info) bool { return i.Complete }},
		"webp":            {webpFile(), func(i Info) bool { return i.Complete && !i.Lossy && i.Width == 40 }},
		"webp cut":        {webpFile()[:20], func(i Info) bool { return !i.Complete }},
		"webp c2pa":       {webpFile(makeRIFF("C2PA", []byte("x"))), func(i Info) bool { return i.HasC2PA }},
	} {
		info, err := Probe(c.file)
		if name == "webp cut" && err != nil {
			continue // no frame header is left to read
		}
		if err != nil || !c.ok(info) {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	for name, file := range map[string][]byte{"empty": nil, "text": []byte("hello"), "gif": []byte("GIF89a"), "png magic": []byte(pngSignature), "jpeg magic": {0xFF, 0xD8, 0xFF}, "riff": []byte("RIFF\x00\x00\x00\x00WEBP")} {
		if _, err := Probe(file); err == nil {
			t.Errorf("%s was taken for an image", name)
		}
	}
}

func TestHugeHeaderIsCheap(t *testing.T) {
	file := pngFile(t)
	copy(file[16:], []byte{0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30})
	var info Info
	allocated := testing.AllocsPerRun(10, func() { info, _ = Probe(file) })
	if info.Pixels() != 900_000_000 || info.DecodeBytes() < info.Pixels()*4 || allocated > 50 {
		t.Fatalf("%+v, %d bytes to decode, %v allocations", info, info.DecodeBytes(), allocated)
	}
}

func TestTransplant(t *testing.T) {
	text := makeChunk("tEXt", []byte("parameters\x00a cat, steps: 20"))
	icc, exif := makeChunk("iCCP", []byte("x\x00\x00zz")), makeChunk("eXIf", []byte("MM\x00*"))
	original := pngFile(t, icc, exif, text, makeChunk("tRNS", make([]byte, 6)))
	grey := image.NewGray(image.Rect(0, 0, 40, 30))
	grey.SetGray(1, 1, color.Gray{200})
	var fresh bytes.Buffer
	if err := png.Encode(&fresh, grey); err != nil {
		t.Fatal(err)
	}
	out, err := Transplant(original, fresh.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]byte{exif, text} {
		if !bytes.Contains(out, c) {
			t.Errorf("chunk %s was lost", c[4:8])
		}
	}
	if bytes.Contains(out, icc) {
		t.Error("a colour profile of RGB was kept for grey pixels")
	}
	if same, err := Transplant(original, pngFile(t)); err != nil || !bytes.Contains(same, icc) {
		t.Errorf("colour profile, same colour type: %v", err)
	}
	if bytes.Contains(out, []byte("tRNS")) {
		t.Error("tRNS of another colour type was kept")
	}
	if img, err := png.Decode(bytes.NewReader(out)); err != nil || img.ColorModel() != color.GrayModel {
		t.Errorf("%v", err)
	}
	exifJ, comment := makeSegment(markAPP1, []byte("Exif\x00\x00MM")), makeSegment(markCOM, []byte("hi"))
	iccJ, adobe := makeSegment(markAPP2, []byte("ICC_PROFILE\x00\x01\x01p")), makeSegment(markAPP14, []byte("Adobe\x00d\x00\x00\x00\x00\x00\x01"))
	out, err = Transplant(jpegFile(t, exifJ, iccJ, adobe, comment), jpegFile(t))
	if err != nil || !bytes.Contains(out, exifJ) || !bytes.Contains(out, iccJ) || !bytes.Contains(out, comment) || bytes.Contains(out, []byte("Adobe")) {
		t.Errorf("JPEG segments: %v", err)
	}
	if _, err := jpeg.Decode(bytes.NewReader(out)); err != nil {
		t.Error(err)
	}
	if _, err := Transplant(pngFile(t, makeChunk("caBX", nil)), pngFile(t)); !errors.Is(err, ErrManifest) {
		t.Errorf("a manifest: %v", err)
	}
	if _, err := Transplant(pngFile(t), jpegFile(t)); !errors.Is(err, ErrFormat) {
		t.Errorf("two formats: %v", err)
	}
}

func TestXMPTooLargeForASegment(t *testing.T) {
	f := fields
	f.AISystemUsed = strings.Repeat("x", 70000)
	if _, err := Write(jpegFile(t), f); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	if _, err := Write(pngFile(t), f); err != nil {
		t.Fatal(err)
	}
}

// checkFile is what every fuzz target asserts.
func checkFile(t *testing.T, data []byte) {
	_, _ = Probe(data)
	_, _ = Read(data)
	HasManifest(data)
	_, _ = Transplant(data, data)
	out, err := Write(data, fields)
	if err != nil {
		return
	}
	got, err := Read(out)
	if err != nil || got.GUID != fields.GUID || got.DigitalSourceType != fields.DigitalSourceType {
		t.Fatalf("written, then read: %+v, %v", got, err)
	}
	before, err := Probe(data)
	after, err2 := Probe(out)
	if err == nil && (err2 != nil || before.Pixels() != after.Pixels() || before.Trailing != after.Trailing) {
		t.Fatalf("%+v, %v before; %+v, %v after", before, err, after, err2)
	}
	again, err := Write(out, fields)
	if err != nil {
		t.Fatal(err)
	}
	if got == fields && !bytes.Equal(again, out) {
		t.Fatal("writing the same fields twice changed the file")
	}
}

func FuzzPNG(f *testing.F) {
	f.Add(pngFile(f))
	f.Add(pngFile(f, makeChunk("iTXt", []byte(xmpKeyword+"\x00\x00\x00\x00\x00"+foreignXMP)), makeChunk("caBX", nil)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if Sniff(data) != PNG {
			data = append([]byte(pngSignature), data...)
		}
		for pos := 8; pos+12 <= len(data) && pos >= 8; { // most random chunks have a wrong CRC
			end := pos + 12 + int(binary.BigEndian.Uint32(data[pos:])&0xFFFF)
			if end > len(data) {
				break
			}
			binary.BigEndian.PutUint32(data[end-4:], crc32.ChecksumIEEE(data[pos+4:end-4]))
			pos = end
		}
		checkFile(t, data)
	})
}

func FuzzJPEG(f *testing.F) {
	f.Add(jpegFile(f))
	f.Add(jpegFile(f, makeSegment(markAPP1, []byte(xmpHeader+foreignXMP))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if Sniff(data) != JPEG {
			data = append([]byte{0xFF, 0xD8, 0xFF}, data...)
		}
		checkFile(t, data)
	})
}

func FuzzWebP(f *testing.F) {
	f.Add(webpFile())
	f.Add(webpFile(makeRIFF("XMP ", []byte(foreignXMP))))
	f.Fuzz(func(t *testing.T, data []byte) { checkFile(t, data) })
}

func FuzzXMP(f *testing.F) {
	f.Add([]byte(foreignXMP))
	f.Add([]byte(packetStart + packetEnd))
	f.Fuzz(func(t *testing.T, packet []byte) {
		merged, err := mergeXMP(packet, fields)
		if err != nil {
			return
		}
		got, err := parseXMP(merged)
		if err != nil || got.GUID != fields.GUID || got.DigitalSourceType != fields.DigitalSourceType {
			t.Fatalf("%q -> %q: %+v, %v", packet, merged, got, err)
		}
	})
}
