package validate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"time"
)

// Object identifiers of the certificate profile.
var (
	oidPSS            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidAuthorityKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidKeyUsage       = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidAnyEKU         = asn1.ObjectIdentifier{2, 5, 29, 37, 0}
	oidStampingEKU    = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	oidOCSPEKU        = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 9}

	signerEKUs = []asn1.ObjectIdentifier{
		{1, 3, 6, 1, 4, 1, 62558, 2, 1},       // c2pa-kp-claimSigning
		{1, 3, 6, 1, 5, 5, 7, 3, 4},           // emailProtection
		{1, 3, 6, 1, 5, 5, 7, 3, 36},          // documentSigning
		{1, 3, 6, 1, 4, 1, 311, 76, 59, 1, 9}, // Microsoft C2PA signing
	}
	certAlgorithms = []x509.SignatureAlgorithm{
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512,
		x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS, x509.PureEd25519,
	}
)

// profile says why a certificate may not sign claims, "" if it may ("Certificate
// Profiles"). One from the private credential store needs a good key only.
func (c *checker) profile(cert *x509.Certificate, allowed bool) string {
	switch {
	case !slices.Contains(certAlgorithms, cert.SignatureAlgorithm):
		return "the certificate's signature algorithm is not allowed"
	case !goodKey(publicKey(cert)):
		return "the certificate's key is not allowed"
	case allowed:
		return ""
	case cert.Version != 3:
		return "no X.509 version 3 certificate"
	case hasUniqueID(cert):
		return "the certificate has unique IDs"
	case cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign != 0:
		return "the certificate is one of an authority"
	case !hasExtension(cert, oidKeyUsage) || cert.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return "the certificate's key usage lacks digitalSignature"
	case !hasExtension(cert, oidAuthorityKeyID) && !bytes.Equal(cert.RawIssuer, cert.RawSubject):
		return "the certificate has no authority key identifier"
	case len(cert.UnhandledCriticalExtensions) > 0:
		return "the certificate has an unknown critical extension"
	}
	return c.usage(ekus(cert))
}

// usage checks the extended key usages of a signer.
func (c *checker) usage(have []asn1.ObjectIdentifier) string {
	has := func(oid asn1.ObjectIdentifier) bool { return slices.ContainsFunc(have, oid.Equal) }
	switch {
	case has(oidAnyEKU):
		return "the certificate may do anything"
	case (has(oidStampingEKU) || has(oidOCSPEKU)) && len(have) > 1:
		return "the certificate signs time stamps or OCSP responses and more"
	case !slices.ContainsFunc(c.o.EKUs, has):
		return "the certificate lacks an extended key usage for signing claims"
	}
	return ""
}

// ekus are the extended key usages of a certificate as it states them.
func ekus(cert *x509.Certificate) (all []asn1.ObjectIdentifier) {
	for _, e := range cert.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 37}) {
			_, _ = asn1.Unmarshal(e.Value, &all) // x509 has parsed it
		}
	}
	return all
}

func hasExtension(cert *x509.Certificate, oid asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oid) })
}

func goodKey(key crypto.PublicKey) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= 2048 && k.N.BitLen() <= maxRSA
	case *ecdsa.PublicKey:
		return slices.Contains([]elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}, k.Curve)
	case ed25519.PublicKey:
		return true
	}
	return false
}

// goodKeys keeps keys away that would take minutes to calculate with.
func goodKeys(certs []*x509.Certificate) bool {
	return !slices.ContainsFunc(certs, func(c *x509.Certificate) bool {
		k, is := publicKey(c).(*rsa.PublicKey)
		return is && k.N.BitLen() > maxRSA
	})
}

// hasUniqueID looks for issuerUniqueID [1] and subjectUniqueID [2], which
// crypto/x509 skips.
func hasUniqueID(cert *x509.Certificate) bool {
	var tbs asn1.RawValue
	if _, err := asn1.Unmarshal(cert.RawTBSCertificate, &tbs); err != nil {
		return true
	}
	for rest := tbs.Bytes; len(rest) > 0; {
		var v asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &v); err != nil {
			return true
		}
		if v.Class == asn1.ClassContextSpecific && (v.Tag == 1 || v.Tag == 2) {
			return true
		}
	}
	return false
}

// pssKey reads the RSA key of a SubjectPublicKeyInfo of type id-RSASSA-PSS.
func pssKey(spki []byte) *rsa.PublicKey {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if rest, err := asn1.Unmarshal(spki, &info); err != nil || len(rest) > 0 || !info.Algorithm.Algorithm.Equal(oidPSS) {
		return nil
	}
	k, err := x509.ParsePKCS1PublicKey(info.Key.RightAlign())
	if err != nil {
		return nil
	}
	return k
}

// allowed reports whether a certificate is in the private credential store.
func (c *checker) allowed(cert *x509.Certificate) bool {
	return slices.ContainsFunc(c.o.Allowed, cert.Equal)
}

// trust reports whether a chain leads to an anchor of signers, and whether all
// of it was valid at a time. An expired certificate may still be a known one: the
// spec has a code for each.
func (c *checker) trust(chain []*x509.Certificate, at time.Time) (trusted, inside bool) {
	known := func(t time.Time) bool { return chainsTo(chain, c.o.Roots, c.o.Anchors, t, x509.ExtKeyUsageAny) }
	if known(at) {
		return true, true
	}
	if !slices.ContainsFunc(chain, func(cert *x509.Certificate) bool { return !covers(cert, at) }) {
		return false, true
	}
	return known(chain[0].NotBefore), false
}

func covers(cert *x509.Certificate, t time.Time) bool {
	return !t.Before(cert.NotBefore) && !t.After(cert.NotAfter)
}

// signer fills Result.Signer.
func (c *checker) signer(cert *x509.Certificate) {
	c.result.Signer = Signer{
		Name: subjectName(cert), Issuer: nameOf(cert.Issuer),
		Development: isDevelopment(cert.Subject) || isDevelopment(cert.Issuer),
		NotBefore:   cert.NotBefore, NotAfter: cert.NotAfter,
	}
}

func subjectName(cert *x509.Certificate) string { return nameOf(cert.Subject) }

// nameOf is organisation and common name.
func nameOf(n pkix.Name) string {
	parts := slices.Clone(n.Organization)
	if n.CommonName != "" && !slices.Contains(parts, n.CommonName) {
		parts = append(parts, n.CommonName)
	}
	return clip(strings.Join(parts, ", "))
}

// isDevelopment reports whether a name says that it is not for production.
func isDevelopment(n pkix.Name) bool {
	all := strings.ToLower(strings.Join(append(append(slices.Clone(n.Organization), n.OrganizationalUnit...), n.CommonName), "\n"))
	return strings.Contains(all, "development") || strings.Contains(all, "testing")
}
