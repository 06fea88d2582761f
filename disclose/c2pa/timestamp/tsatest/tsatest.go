// Package tsatest is a time stamp authority for tests. It issues good tokens
// and, on request, bad ones.
package tsatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"
)

// An Authority issues tokens with a certificate of its own root.
type Authority struct {
	// Root is the authority's anchor, Cert the certificate that it signs with.
	Root, Cert *x509.Certificate
	// Now is the clock.
	Now func() time.Time
	// Change, if set, alters each part before it is signed, to make bad tokens.
	Change func(*Parts)

	key *ecdsa.PrivateKey
}

// Parts are what a token is made from.
type Parts struct {
	Time         time.Time
	Imprint      []byte
	Certificates [][]byte
	// Digest is the attribute messageDigest, CertHash that of the signer's
	// certificate.
	Digest, CertHash []byte
	// Attributes, if false, leaves the signed attributes out.
	Attributes bool
	Signature  func(signature []byte) []byte
	Status     int
	Filler     int // bytes of an additional extension, to make tokens larger
}

var (
	oidUsage  = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidStamp  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	oidFiller = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 62558, 99}
)

// New makes an authority whose certificates are valid for a year from a day
// before now.
func New(now time.Time) (*Authority, error) {
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "avow test time stamp root"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &Authority{Now: time.Now}
	if a.Root, err = create(root, root, rootKey, rootKey); err != nil {
		return nil, err
	}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{oidStamp})
	if err != nil {
		return nil, err
	}
	a.Cert, err = create(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{Organization: []string{"avow"}, CommonName: "avow test time stamp authority"},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: oidUsage, Critical: true, Value: usage}},
	}, a.Root, a.key, rootKey)
	return a, err
}

func create(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Stamp returns a response to a token request over a SHA-256 imprint.
func (a *Authority) Stamp(imprint []byte) (response []byte, err error) {
	hash := sha256.Sum256(a.Cert.Raw)
	p := &Parts{Time: a.Now().UTC().Truncate(time.Second), Imprint: imprint, CertHash: hash[:], Attributes: true, Certificates: [][]byte{a.Cert.Raw}}
	if a.Change != nil {
		a.Change(p)
	}
	token, err := a.token(p)
	if err != nil {
		return nil, err
	}
	if p.Status > 1 {
		return asn1.Marshal(struct{ Status struct{ Status int } }{struct{ Status int }{p.Status}})
	}
	return asn1.Marshal(struct {
		Status struct{ Status int }
		Token  asn1.RawValue
	}{struct{ Status int }{p.Status}, asn1.RawValue{FullBytes: token}})
}
