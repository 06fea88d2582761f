package validate

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/jpeg"
	"slices"
	"testing"
	"time"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/timestamp"
	"github.com/avowai/avow/disclose/c2pa/timestamp/tsatest"
)

// sources are small unsigned files, by container.
func sources(t testing.TB) map[string][]byte {
	t.Helper()
	webp, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, image.NewGray(image.Rect(0, 0, 24, 16)), nil); err != nil {
		t.Fatal(err)
	}
	frame := append([]byte{0xFF, 0xFB, 0x90, 0x64}, make([]byte, 413)...)
	return map[string][]byte{
		"png": testPNG(t, 24, 18), "jpeg": jpg.Bytes(), "webp": webp, "wav": wavFile(201),
		"mp3": bytes.Repeat(frame, 4), "mp4": mp4File(),
	}
}

func wavFile(n int) []byte {
	data := append(bytes.Repeat([]byte{0x7F}, n), make([]byte, n%2)...)
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(36+len(data)))
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data"...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(n)), data...)
}

func bmffBox(kind string, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
}

func mp4File() []byte {
	ftyp := bmffBox("ftyp", []byte("isom\x00\x00\x00\x00isommp42"))
	moov := func(chunk int) []byte {
		stco := bmffBox("stco", []byte{0, 0, 0, 0, 0, 0, 0, 1}, binary.BigEndian.AppendUint32(nil, uint32(chunk)))
		return bmffBox("moov", bmffBox("mvhd", make([]byte, 100)), bmffBox("trak", bmffBox("mdia", bmffBox("minf", bmffBox("stbl", stco)))))
	}
	return slices.Concat(ftyp, moov(len(ftyp)+len(moov(0))+8), bmffBox("mdat", bytes.Repeat([]byte("sample"), 50)))
}

// A studio signs with the signer of package c2pa.
type studio struct {
	signer *c2pa.Signer
	tsa    *tsatest.Authority
	o      Options
}

func newStudio(t testing.TB, stamped bool) *studio {
	t.Helper()
	ca := testCA()
	leaf, err := x509.ParseCertificate(ca.leaf)
	if err != nil {
		t.Fatal(err)
	}
	s := &studio{signer: &c2pa.Signer{Key: ca.sign, Chain: []*x509.Certificate{leaf}}, o: Options{Roots: pool()}}
	if !stamped {
		return s
	}
	if s.tsa, err = tsatest.New(time.Now()); err != nil {
		t.Fatal(err)
	}
	s.o.TSARoots = x509.NewCertPool()
	s.o.TSARoots.AddCert(s.tsa.Root)
	s.signer.Stamp = func(_ context.Context, imprint []byte) ([]byte, error) {
		response, err := s.tsa.Stamp(imprint)
		if err != nil {
			return nil, err
		}
		return timestamp.ParseResponse(response, imprint)
	}
	return s
}

func testManifest() c2pa.Manifest {
	return c2pa.Manifest{
		Title: "cat", Generator: c2pa.Generator{Name: "avow", Version: "1"}, Software: c2pa.Generator{Name: "painter", Version: "3"},
		SourceType:   c2pa.TrainedAlgorithmicMedia,
		SoftBinding:  &c2pa.SoftBinding{Alg: "com.example.mark.1", Value: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		AIDisclosure: &c2pa.AIDisclosure{ModelName: "painter", ModelIdentifier: "https://example.com/painter", Oversight: "prompt_guided"},
		Training:     map[string]string{"cawg.ai_inference": "notAllowed"},
	}
}

func (s *studio) sign(t testing.TB, file []byte, m c2pa.Manifest) []byte {
	t.Helper()
	out, info, err := c2pa.Sign(t.Context(), file, m, s.signer)
	if err != nil || info.StampErr != nil {
		t.Fatal(err, info.StampErr)
	}
	return out
}

func (s *studio) check(t testing.TB, file []byte) *Result {
	t.Helper()
	r, err := Asset(t.Context(), file, s.o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
