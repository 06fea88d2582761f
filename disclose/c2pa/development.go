package c2pa

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// Lifetimes of what NewDevelopment makes. The leaf's is that of the conformance
// programme's profile for level 1.
const (
	developmentRoot = 10 * 365 * 24 * time.Hour
	developmentLeaf = 366*24*time.Hour - time.Second
)

// NewDevelopment makes an authority of its own and a certificate that it issues,
// to sign claims with until a proper one is there: P-256, with the profile of
// claim signers. All three results are PEM; the authority's key is forgotten.
// The names say that these are for development, and org, in O, who made them.
// Nobody trusts such a signer unless root is given to him as an anchor.
func NewDevelopment(now time.Time, org string) (root, leaf, key []byte, err error) {
	if org == "" || len(org) > 64 { // upper bound ub-organization-name
		return nil, nil, nil, fmt.Errorf("c2pa: the organization's name has %d bytes, want 1 to 64", len(org))
	}
	now = now.UTC().Truncate(time.Second).Add(-time.Hour) // clocks differ
	ca, err := newIssuer(now, org)
	if err != nil {
		return nil, nil, nil, err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	der, err := ca.issue(leafTemplate(now, org), private.Public())
	if err != nil {
		return nil, nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, nil, err
	}
	return toPEM("CERTIFICATE", ca.cert.Raw), toPEM("CERTIFICATE", der), toPEM("PRIVATE KEY", pkcs8), nil
}

func toPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// developmentAuthority names the issuers of what NewDevelopment makes.
const developmentAuthority = "avow development authority"

// IsDevelopment reports whether a certificate calls itself one that NewDevelopment
// made.
func IsDevelopment(c *x509.Certificate) bool { return c.Issuer.CommonName == developmentAuthority }

// An issuer is a certificate authority of one's own.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// newIssuer makes a self-signed authority on P-256.
func newIssuer(now time.Time, org string) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := &issuer{key: key, cert: &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{org}, CommonName: developmentAuthority},
		NotBefore: now, NotAfter: now.Add(developmentRoot),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}}
	der, err := ca.issue(ca.cert, key.Public())
	if err != nil {
		return nil, err
	}
	ca.cert, err = x509.ParseCertificate(der)
	return ca, err
}

// issue signs a certificate; Go adds the key identifiers.
func (ca *issuer) issue(template *x509.Certificate, key crypto.PublicKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	return x509.CreateCertificate(rand.Reader, template, ca.cert, key, ca.key)
}

// leafTemplate is the profile of a claim signer: specification 2.5, section
// 13.5, and both extended key usages because validators differ in which they
// know.
func leafTemplate(now time.Time, org string) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{org}, CommonName: "avow development certificate"},
		NotBefore: now, NotAfter: now.Add(developmentLeaf),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		UnknownExtKeyUsage:    []asn1.ObjectIdentifier{oidClaimSigning},
	}
}
