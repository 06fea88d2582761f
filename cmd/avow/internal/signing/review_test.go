package signing

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestFirstUseByMany: whoever comes first makes the certificate, all others use it.
func TestFirstUseByMany(t *testing.T) {
	for range 20 {
		dir := filepath.Join(t.TempDir(), "data")
		chains := make([][]byte, 8)
		var wg sync.WaitGroup
		for i := range chains {
			wg.Go(func() {
				s, _, err := Development(dir, time.Now())
				if err != nil {
					t.Error(err)
					return
				}
				chains[i] = s.Chain[0].Raw
			})
		}
		wg.Wait()
		for _, chain := range chains[1:] {
			if !bytes.Equal(chain, chains[0]) {
				t.Fatal("two certificates")
			}
		}
		if roots, err := Certificates(filepath.Join(dir, RootFile)); err != nil || len(roots) != 1 {
			t.Fatalf("%d anchors, %v", len(roots), err)
		}
		if t.Failed() {
			return
		}
	}
}

// TestHalfMade: a certificate whose key was not written, before the power went, is
// made anew. A key without a certificate is somebody's.
func TestHalfMade(t *testing.T) {
	dir := t.TempDir()
	first, _, err := Development(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	chain, key := filepath.Join(dir, ChainFile), filepath.Join(dir, KeyFile)
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	second, made, err := Development(dir, time.Now())
	if err != nil || !made || bytes.Equal(first.Chain[0].Raw, second.Chain[0].Raw) {
		t.Fatalf("without its key: made %v, %v", made, err)
	}
	if err := os.Remove(chain); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Development(dir, time.Now()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key alone: %v", err)
	}
	if _, err := os.Stat(key); err != nil {
		t.Errorf("a key alone: %v", err)
	}
}

// TestOwnCertificateStays: what an operator put into the data directory is never
// written over, though it is about to end.
func TestOwnCertificateStays(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := pkix.Name{Organization: []string{"Example GmbH"}, CommonName: "Example signer"}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: name,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}, AuthorityKeyId: []byte{1}, SubjectKeyId: []byte{1}},
		&x509.Certificate{Subject: pkix.Name{CommonName: "Example authority"}, SubjectKeyId: []byte{2}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{ChainFile: {Type: "CERTIFICATE", Bytes: der}, KeyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, made, err := Development(dir, time.Now())
	if err != nil || made || !bytes.Equal(s.Chain[0].Raw, der) {
		t.Errorf("made %v, %v", made, err)
	}
}

// TestNoSecretInErrors: the address of an authority may hold a token.
func TestNoSecretInErrors(t *testing.T) {
	sum := sha256.Sum256([]byte("x"))
	_, err := Stamper("http://user:hunter2@127.0.0.1:1/tsa?apikey=hunter2")(context.Background(), sum[:])
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

// TestNoHostNameInOutputs: a certificate goes out with every output.
func TestNoHostNameInOutputs(t *testing.T) {
	s, _, err := Development(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if name := s.Chain[0].Subject.String() + s.Chain[0].Issuer.String(); err == nil && strings.Contains(name, host) {
		t.Errorf("%s names %s", name, host)
	}
}
