package middleware

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"image/jpeg"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
)

// A canary is personal data that must not come out again.
type canary struct{ name, serial, file string }

func canaryOf(i int) canary {
	return canary{fmt.Sprintf("Anneliese Canary%02d", i), fmt.Sprintf("SN-77%02d-XQ", i), fmt.Sprintf("holiday-of-canary%02d.bin", i)}
}

// exif is a TIFF block with an artist, a serial number and a place: 48.77 north,
// 9.33 east and so on.
func exif(c canary, i int) []byte {
	texts := []struct {
		tag  uint16
		text string
	}{{0x010E, "At " + c.name + "'s"}, {0x013B, c.name}, {0x8298, "(c) " + c.name}, {0xA431, c.serial}}
	le := binary.LittleEndian
	out := append([]byte("II*\x00"), le.AppendUint32(nil, 8)...)
	out = le.AppendUint16(out, uint16(len(texts)+1))
	data := 8 + 2 + 12*(len(texts)+1) + 4
	var tail []byte
	for _, t := range texts {
		out = le.AppendUint16(out, t.tag)
		out = le.AppendUint16(out, 2)
		out = le.AppendUint32(out, uint32(len(t.text)+1))
		out = le.AppendUint32(out, uint32(data+len(tail)))
		tail = append(tail, t.text+"\x00"...)
	}
	out = le.AppendUint16(out, 0x8825) // GPS
	out = le.AppendUint16(out, 4)
	out = le.AppendUint32(out, 1)
	out = le.AppendUint32(out, uint32(data+len(tail)))
	out = le.AppendUint32(out, 0)
	out = append(out, tail...)
	out = le.AppendUint16(out, 1)
	out = le.AppendUint16(out, 2) // latitude
	out = le.AppendUint16(out, 5)
	out = le.AppendUint32(out, 3)
	out = le.AppendUint32(out, uint32(len(out)+8))
	out = le.AppendUint32(out, 0)
	for _, v := range []uint32{48, 1, 77, 1, uint32(i), 1} {
		out = le.AppendUint32(out, v)
	}
	return out
}

func xmp(c canary) []byte {
	return []byte(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""` +
		` xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"` +
		` xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" e:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"` +
		` exif:GPSLatitude="48,77.5N" aux:SerialNumber="` + c.serial + `" dc:creator="` + c.name + `"/></rdf:RDF></x:xmpmeta>`)
}

func chunk(kind string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func segment(marker byte, data []byte) []byte {
	out := []byte{0xFF, marker}
	return append(binary.BigEndian.AppendUint16(out, uint16(len(data)+2)), data...)
}

// personal makes a file that is full of personal data.
func personal(t *testing.T, c canary, i int) (data []byte, contentType string) {
	t.Helper()
	img := corpus.Made(40, 40, uint64(i))
	switch i % 5 {
	case 0:
		file, err := pixels.EncodePNG(img)
		if err != nil {
			t.Fatal(err)
		}
		extra := append(chunk("eXIf", exif(c, i)), chunk("iTXt", append([]byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"), xmp(c)...))...)
		extra = append(extra, chunk("tEXt", []byte("Author\x00"+c.name))...)
		extra = append(extra, chunk("tEXt", []byte("parameters\x00portrait of "+c.name+"\nSteps: 20, Sampler: Euler, Seed: 1"))...)
		return append(append(bytes.Clone(file[:33]), extra...), file[33:]...), "image/png"
	case 1:
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, nil); err != nil {
			t.Fatal(err)
		}
		extra := append(segment(0xE1, append([]byte("Exif\x00\x00"), exif(c, i)...)), segment(0xE1, append([]byte("http://ns.adobe.com/xap/1.0/\x00"), xmp(c)...))...)
		extra = append(extra, segment(0xFE, []byte("taken by "+c.name+" at 48.77N with "+c.serial))...)
		return append(append(bytes.Clone(b.Bytes()[:2]), extra...), b.Bytes()[2:]...), "image/jpeg"
	case 2:
		return []byte("Dear " + c.name + ", your camera " + c.serial + " was found at 48.77N. " + noticeEN), "text/plain"
	case 3:
		return []byte(`<!doctype html><html><head><meta name="author" content="` + c.name + `"><meta name="generator" content="` + c.serial + `"></head><body>48.77N ` + c.name + `</body></html>`), "text/html"
	}
	return []byte(`{"id":"x","user":"` + c.name + `","choices":[{"index":0,"message":{"role":"assistant","content":"` + c.name + ` was at 48.77N with ` + c.serial + `"}}]}`), "application/json"
}

// TestNothingOfAnUploadComesOut: of fifty files with names, places and serial
// numbers, sent under telling file names, nothing is in answers, in logs, or on
// disk; nor is who asked.
func TestNothingOfAnUploadComesOut(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	const address = "203.0.113.77"
	var log bytes.Buffer
	a := newAsked(t, func(o *VerifyOptions) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Limits = VerifyLimits{PerMinute: 6000, Burst: 1000}
	})
	told := func(text string, c canary) {
		t.Helper()
		for _, secret := range []string{c.name, "Canary", c.serial, c.file, strings.TrimSuffix(c.file, ".bin"), "48.77", "48,77", address} {
			if strings.Contains(text, secret) {
				t.Fatalf("%q is in %s", secret, text)
			}
		}
	}
	for i := range 50 {
		c := canaryOf(i)
		data, kind := personal(t, c, i)
		body, formType := form(t, part{"file", c.file, string(data)})
		raw := a.verify(data, "Content-Type", kind, "From", address)
		a.report(raw)
		upload := a.verify(body, "Content-Type", formType, "From", address, "Authorization", "Bearer "+verifierToken)
		a.report(upload)
		signed := a.verify(body, "Content-Type", formType, "From", address, "Accept", "application/jose")
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(signed.Body.String(), ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		broken := a.verify(data[:len(data)/2], "Content-Type", "multipart/form-data; boundary="+c.serial, "From", address)
		matched := a.do("POST", "/avow/v1/matches/byContent", bytes.NewReader(body), "Content-Type", formType, "From", address)
		for _, text := range []string{raw.Body.String(), upload.Body.String(), string(payload), broken.Body.String(), matched.Body.String(), fmt.Sprint(raw.Header(), broken.Header())} {
			told(text, c)
		}
		sum := sha256.Sum256(data)
		if told(log.String(), c); strings.Contains(log.String(), hex.EncodeToString(sum[:4])) {
			t.Fatal("the log names what was asked about")
		}
	}
	if log.Len() == 0 {
		t.Error("no refused question is in the log")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left on disk: %v %v", left, err)
	}
}
