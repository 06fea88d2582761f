package c2pa

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// algorithmNames are those that tests go through.
var algorithmNames = []string{"ES256", "ES384", "ES512", "Ed25519", "PS256", "PS384", "PS512"}

// testIssuer issues every test's certificates.
var testIssuer = sync.OnceValue(func() *issuer {
	ca, err := newIssuer(time.Now().Add(-time.Hour), "avow tests")
	if err != nil {
		panic(err)
	}
	return ca
})

// testKeys are made once: RSA keys take their time.
var testKeys = sync.OnceValue(func() map[string]crypto.Signer {
	keys := map[string]crypto.Signer{}
	for name, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[name] = key
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	keys["Ed25519"], keys["PS256"], keys["PS384"], keys["PS512"] = ed, rsaKey, rsaKey, rsaKey
	return keys
})

// testLeaf issues a certificate for a key; change may spoil its profile.
func testLeaf(t testing.TB, key crypto.Signer, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := leafTemplate(time.Now().Add(-time.Hour), "avow tests")
	if change != nil {
		change(template)
	}
	der, err := testIssuer().issue(template, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testSigner signs with an algorithm.
func testSigner(t testing.TB, alg string) *Signer {
	t.Helper()
	key := testKeys()[alg]
	s, err := NewSigner(key, []*x509.Certificate{testLeaf(t, key, nil), testIssuer().cert})
	if err != nil {
		t.Fatal(err)
	}
	s.Alg = alg
	return s
}

func TestSignerProfile(t *testing.T) {
	key := testKeys()["ES256"]
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		want   string // "" for a good one
	}{
		"good":         {nil, ""},
		"claimSigning": {func(c *x509.Certificate) { c.ExtKeyUsage = nil }, ""},
		"email":        {func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil }, ""},
		"documents": {func(c *x509.Certificate) {
			c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{oidDocumentSigning}
		}, ""},
		"no EKU":  {func(c *x509.Certificate) { c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, nil }, "no extended key usage"},
		"any EKU": {func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageAny) }, "extended key usage any"},
		"TLS": {func(c *x509.Certificate) {
			c.ExtKeyUsage, c.UnknownExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, nil
		}, "not for signing claims"},
		"stamps as well": {func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) }, "must stand alone"},
		"authority":      {func(c *x509.Certificate) { c.IsCA = true }, "end-entity"},
		"certSign":       {func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign; c.IsCA = true }, "end-entity"},
		"key usage":      {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, "digitalSignature"},
		"no key usage":   {func(c *x509.Certificate) { c.KeyUsage = 0 }, "digitalSignature"},
		"expired":        {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "expired"},
		"not yet":        {func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, "check the clock"},
	} {
		_, err := NewSigner(key, []*x509.Certificate{testLeaf(t, key, c.change), testIssuer().cert})
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrSigner) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestSelfSignedSignerNeedsAKeyIdentifier(t *testing.T) {
	key := testKeys()["ES256"]
	template := leafTemplate(time.Now(), "avow tests")
	template.SerialNumber = testIssuer().cert.SerialNumber
	self := func() []*x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return []*x509.Certificate{c}
	}
	if _, err := NewSigner(key, self()); err == nil || !strings.Contains(err.Error(), "authority key identifier") {
		t.Fatalf("%v, want a word about the key identifier", err)
	}
	id := []byte{1, 2, 3, 4}
	template.SubjectKeyId = id
	template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 35}, Value: append([]byte{0x30, 6, 0x80, 4}, id...)}}
	if _, err := NewSigner(key, self()); err != nil {
		t.Fatalf("a self-signed end-entity certificate with a key identifier: %v", err)
	}
}

func TestSignerChain(t *testing.T) {
	key, ca := testKeys()["ES384"], testIssuer()
	leaf := testLeaf(t, key, nil)
	other, err := newIssuer(time.Now(), "others")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key   crypto.Signer
		chain []*x509.Certificate
		want  string
	}{
		"no key": {nil, []*x509.Certificate{leaf}, "needed"}, "no certificate": {key, nil, "needed"},
		"a gap": {key, []*x509.Certificate{leaf, nil}, "missing"}, "another key": {testKeys()["ES256"], []*x509.Certificate{leaf}, "put the signing certificate first"},
		"order":  {key, []*x509.Certificate{ca.cert, leaf}, "put the signing certificate first"},
		"issuer": {key, []*x509.Certificate{leaf, leaf, ca.cert}, "not issued by the next"},
	} {
		if _, err := NewSigner(c.key, c.chain); !errors.Is(err, ErrSigner) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	s, err := NewSigner(key, []*x509.Certificate{leaf, ca.cert})
	if err != nil || len(s.Chain) != 1 {
		t.Fatalf("%v; the root was not left out", err)
	}
	if _, err := NewSigner(key, []*x509.Certificate{leaf, other.cert}); err != nil {
		t.Fatalf("a foreign root at the end is left out unread: %v", err)
	}
}

func TestChainWithIntermediate(t *testing.T) {
	root := testIssuer()
	mid, err := newIssuer(time.Now().Add(-time.Hour), "middle")
	if err != nil {
		t.Fatal(err)
	}
	// Issue it again, below a root that lets it.
	top := *root.cert
	top.MaxPathLen, top.MaxPathLenZero = 0, false
	der, err := x509.CreateCertificate(rand.Reader, mid.cert, &top, mid.key.Public(), root.key)
	if err != nil {
		t.Fatal(err)
	}
	if mid.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	key := testKeys()["ES256"]
	if der, err = mid.issue(leafTemplate(time.Now().Add(-time.Hour), "avow tests"), key.Public()); err != nil {
		t.Fatal(err)
	}
	s, err := LoadSigner(certPEM(der, mid.cert.Raw, root.cert.Raw), pemKey(t, key))
	if err != nil || len(s.Chain) != 2 {
		t.Fatalf("chain of %d, %v, want leaf and intermediate", len(s.Chain), err)
	}
	protected, err := s.protected(algorithms["ES256"])
	if err != nil || protected[0] != 0xA2 || !strings.Contains(string(protected), "\x18\x21\x82\x59") {
		t.Fatalf("protected header %.20x (%v), want an array of two certificates under label 33", protected, err)
	}
}

func pemKey(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return toPEM("PRIVATE KEY", der)
}

func TestAlgorithmHasToFitTheKey(t *testing.T) {
	for alg, good := range map[string]string{"ES256": "ES256", "ES384": "ES384", "ES512": "ES512", "Ed25519": "Ed25519", "PS256": "PS256 PS384 PS512"} {
		for _, other := range append(algorithmNames, "RS256") {
			s := testSigner(t, alg)
			s.Alg = other
			if err := s.Check(); (err == nil) != strings.Contains(good, other) {
				t.Errorf("%s key, Alg %s: %v", alg, other, err)
			}
		}
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewSigner(p224, []*x509.Certificate{testLeaf(t, p224, nil)}); !errors.Is(err, ErrSigner) {
		t.Errorf("P-224: %v", err)
	}
}

func TestSignerClock(t *testing.T) {
	s := testSigner(t, "Ed25519")
	s.Now = func() time.Time { return time.Now().Add(400 * 24 * time.Hour) }
	if _, _, err := SignDetached(t.Context(), nil, fullManifest(), s); !errors.Is(err, ErrSigner) || !strings.Contains(err.Error(), "expired") {
		t.Fatalf("%v, want the certificate to have expired", err)
	}
}

// lyingKey has a public key that its signatures do not fit.
type lyingKey struct {
	crypto.Signer
	public crypto.PublicKey
}

func (k lyingKey) Public() crypto.PublicKey { return k.public }

func TestSignatureOfAnotherKeyIsNoticed(t *testing.T) {
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := testSigner(t, "Ed25519")
	s.Key = lyingKey{other, s.Key.Public()}
	if _, _, err := SignDetached(t.Context(), nil, fullManifest(), s); !errors.Is(err, ErrSigner) {
		t.Fatalf("%v, want %v", err, ErrSigner)
	}
}

func TestDevelopmentSigner(t *testing.T) {
	now := time.Now()
	root, leaf, key, err := NewDevelopment(now, "Example GmbH")
	if err != nil {
		t.Fatal(err)
	}
	s, err := LoadSigner(append(leaf, root...), key)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Chain[0]
	if !strings.Contains(c.Subject.String(), "development certificate") || c.Subject.Organization[0] != "Example GmbH" || c.NotAfter.Sub(c.NotBefore) > 366*24*time.Hour {
		t.Fatalf("leaf %s, valid for %s", c.Subject, c.NotAfter.Sub(c.NotBefore))
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	if _, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}}); err != nil {
		t.Fatal(err)
	}
	for _, org := range []string{"", strings.Repeat("x", 65)} {
		if _, _, _, err := NewDevelopment(now, org); err == nil {
			t.Errorf("organization of %d bytes was taken", len(org))
		}
	}
}

func TestLoadSignerSaysWhatIsMissing(t *testing.T) {
	key := testKeys()["ES256"]
	chain := certPEM(testLeaf(t, key, nil).Raw)
	sec1, err := x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	parameters := toPEM("EC PARAMETERS", []byte{6, 1, 1})
	if _, err := LoadSigner(chain, append(parameters, toPEM("EC PRIVATE KEY", sec1)...)); err != nil {
		t.Fatalf("a key as SEC 1: %v", err)
	}
	for name, c := range map[string]struct {
		chain, key []byte
		want       string
	}{
		"no key":    {chain, chain, "no private key"},
		"encrypted": {chain, toPEM("ENCRYPTED PRIVATE KEY", nil), "encrypted"},
		"broken":    {chain, toPEM("PRIVATE KEY", []byte("secret")), "cannot be read"},
		"chain":     {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), pemKey(t, key), "certificate 1"},
		"nothing":   {nil, pemKey(t, key), "needed"},
	} {
		_, err := LoadSigner(c.chain, c.key)
		if !errors.Is(err, ErrSigner) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
