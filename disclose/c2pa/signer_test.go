package c2pa

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
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
