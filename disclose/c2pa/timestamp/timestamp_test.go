package timestamp_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose/c2pa/timestamp"
	"github.com/avowai/avow/disclose/c2pa/timestamp/tsatest"
)

func authority(t testing.TB) *tsatest.Authority {
	t.Helper()
	a, err := tsatest.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func imprint() []byte {
	sum := sha256.Sum256([]byte("signature"))
	return sum[:]
}

func TestRequest(t *testing.T) {
	der, err := timestamp.BuildRequest(imprint())
	if err != nil {
		t.Fatal(err)
	}
	// TimeStampReq: version 1, SHA-256 with NULL, the imprint, certReq TRUE.
	want := append([]byte("\x30\x39\x02\x01\x01\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"), imprint()...)
	want = append(want, 1, 1, 0xFF)
	if !bytes.Equal(der, want) {
		t.Fatalf("request\n got %x\nwant %x", der, want)
	}
	if _, err := timestamp.BuildRequest(imprint()[:20]); err == nil {
		t.Fatal("an imprint of 20 bytes was taken")
	}
}

func TestGoodToken(t *testing.T) {
	a := authority(t)
	now := time.Now().UTC().Truncate(time.Second)
	a.Now = func() time.Time { return now }
	response, err := a.Stamp(imprint())
	if err != nil {
		t.Fatal(err)
	}
	token, err := timestamp.ParseResponse(response, imprint())
	if err != nil {
		t.Fatal(err)
	}
	got, err := timestamp.ParseToken(token)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Time.Equal(now) || got.Hash != crypto.SHA256 || !bytes.Equal(got.Imprint, imprint()) || got.Serial.Int64() != 7 || got.Policy.String() != "1.2.3.4" {
		t.Fatalf("token %+v", got)
	}
	if len(got.Certificates) != 1 || got.Signer == nil || !got.Signer.Equal(a.Cert) {
		t.Fatalf("signer %v", got.Signer)
	}
	roots := x509.NewCertPool()
	if err := got.Trusted(roots); err == nil {
		t.Fatal("trusted without its root")
	}
	roots.AddCert(a.Root)
	if err := got.Trusted(roots); err != nil {
		t.Fatal(err)
	}
	if err := got.Trusted(nil); !errors.Is(err, timestamp.ErrCertificate) {
		t.Fatalf("no roots: %v", err)
	}
}

func TestBadTokens(t *testing.T) {
	other := authority(t)
	for name, c := range map[string]struct {
		change func(*tsatest.Parts)
		want   error
	}{
		"imprint":       {func(p *tsatest.Parts) { p.Imprint = make([]byte, 32) }, timestamp.ErrMismatch},
		"short imprint": {func(p *tsatest.Parts) { p.Imprint = make([]byte, 20) }, timestamp.ErrMalformed},
		"digest":        {func(p *tsatest.Parts) { p.Digest = make([]byte, 32) }, timestamp.ErrSignature},
		"no attributes": {func(p *tsatest.Parts) { p.Attributes = false }, timestamp.ErrSignature},
		"cert hash":     {func(p *tsatest.Parts) { p.CertHash = make([]byte, 32) }, timestamp.ErrSignature},
		"no cert":       {func(p *tsatest.Parts) { p.Certificates = nil }, timestamp.ErrCertificate},
		"other cert":    {func(p *tsatest.Parts) { p.Certificates = [][]byte{other.Root.Raw} }, timestamp.ErrCertificate},
		"other signer": {func(p *tsatest.Parts) { // of the same name and serial number
			sum := sha256.Sum256(other.Cert.Raw)
			p.Certificates, p.CertHash = [][]byte{other.Cert.Raw}, sum[:]
		}, timestamp.ErrSignature},
		"signature":  {func(p *tsatest.Parts) { p.Signature = func(s []byte) []byte { s[len(s)-1] ^= 1; return s } }, timestamp.ErrSignature},
		"before":     {func(p *tsatest.Parts) { p.Time = p.Time.Add(-48 * time.Hour) }, timestamp.ErrCertificate},
		"after":      {func(p *tsatest.Parts) { p.Time = p.Time.Add(9000 * time.Hour) }, timestamp.ErrCertificate},
		"many certs": {func(p *tsatest.Parts) { p.Certificates = slices.Repeat(p.Certificates, 17) }, timestamp.ErrMalformed},
		"refused":    {func(p *tsatest.Parts) { p.Status = 2 }, timestamp.ErrRefused},
		"waiting":    {func(p *tsatest.Parts) { p.Status = 3 }, timestamp.ErrRefused},
		"huge":       {func(p *tsatest.Parts) { p.Filler = timestamp.MaxResponse }, timestamp.ErrMalformed},
		"with mods":  {func(p *tsatest.Parts) { p.Status = 1 }, nil},
		"extension":  {func(p *tsatest.Parts) { p.Filler = 10 }, nil},
	} {
		a := authority(t)
		a.Change = c.change
		response, err := a.Stamp(imprint())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := timestamp.ParseResponse(response, imprint()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	a := authority(t)
	response, err := a.Stamp(imprint())
	if err != nil {
		t.Fatal(err)
	}
	token, err := timestamp.ParseResponse(response, imprint())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.Root)
	var unnoticed []int
	for i := range token {
		bad := bytes.Clone(token)
		bad[i] ^= 0x01
		if timestamp.Check(bad, imprint()) != nil {
			continue
		}
		if tok, err := timestamp.ParseToken(bad); err == nil && tok.Trusted(roots) == nil {
			unnoticed = append(unnoticed, i)
		}
	}
	// What nothing signs: CMS versions, the list of digests, parameters.
	if len(unnoticed) > 24 {
		t.Fatalf("%d of %d bytes can change unnoticed: %v", len(unnoticed), len(token), unnoticed)
	}
	for i := range token {
		if _, err := timestamp.ParseToken(token[:i]); !errors.Is(err, timestamp.ErrMalformed) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func TestGarbage(t *testing.T) {
	for name, der := range map[string][]byte{
		"nothing": nil, "text": []byte("<html>504 Gateway Time-out</html>"), "long": make([]byte, timestamp.MaxResponse+1),
		"granted without a token": []byte("\x30\x05\x30\x03\x02\x01\x00"), "behind": []byte("\x30\x05\x30\x03\x02\x01\x02\x00"),
	} {
		if _, err := timestamp.ParseResponse(der, imprint()); !errors.Is(err, timestamp.ErrMalformed) {
			t.Errorf("%s: %v, want %v", name, err, timestamp.ErrMalformed)
		}
	}
	_, err := timestamp.ParseResponse([]byte("\x30\x09\x30\x07\x02\x01\x02\x03\x02\x05\x20"), imprint())
	if !errors.Is(err, timestamp.ErrRefused) || !strings.Contains(err.Error(), "bad request") {
		t.Errorf("a refusal with a reason: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	a := authority(f)
	response, err := a.Stamp(imprint())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(response)
	f.Add([]byte("\x30\x09\x30\x07\x02\x01\x02\x03\x02\x05\x20"))
	f.Fuzz(func(t *testing.T, der []byte) {
		token, err := timestamp.ParseResponse(der, imprint())
		if err == nil && timestamp.Check(token, imprint()) != nil {
			t.Fatal("a token that was good is not")
		}
		if tok, err := timestamp.ParseToken(der); err == nil {
			_ = tok.Verify()
			_ = tok.Trusted(x509.NewCertPool())
		}
	})
}
