package timestamp

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	_ "crypto/sha256" // the hashes of hashOf
	_ "crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue
}

// Verify checks the signature, the signed attributes that RFC 3161 demands, and
// that the signer's certificate was valid at Time and is for time stamps only.
// Trust in it is another question; see Trusted.
func (t *Token) Verify() error {
	if t.Signer == nil {
		return fmt.Errorf("%w: the signer's is not in the token", ErrCertificate)
	}
	if err := t.checkSigner(); err != nil {
		return err
	}
	if err := t.checkAttributes(); err != nil {
		return err
	}
	alg := signatureAlgorithm(t.info.Algorithm, t.info.Digest)
	if alg == x509.UnknownSignatureAlgorithm {
		return fmt.Errorf("%w: algorithm %s with digest %s", ErrSignature, t.info.Algorithm.Algorithm, t.info.Digest.Algorithm)
	}
	// What is signed is the attributes as a SET, not with the tag that they have
	// in the token (RFC 5652, section 5.4).
	signed := bytes.Clone(t.info.Attributes.FullBytes)
	signed[0] = asn1.TagSet | 0x20
	if err := t.Signer.CheckSignature(alg, signed, t.info.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// Trusted reports whether the signer's certificate chains to one of roots, with
// the certificates of the token in between, at Time. Call it after Verify.
func (t *Token) Trusted(roots *x509.CertPool) error {
	if t.Signer == nil || roots == nil {
		return fmt.Errorf("%w: none, or no roots", ErrCertificate)
	}
	pool := x509.NewCertPool()
	for _, c := range t.Certificates {
		pool.AddCert(c)
	}
	_, err := t.Signer.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: pool, CurrentTime: t.Time,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	return err
}

// checkSigner applies RFC 3161, section 2.3: one extended key usage, critical.
func (t *Token) checkSigner() error {
	c := t.Signer
	if len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(c.UnknownExtKeyUsage) > 0 || !criticalUsage(c) {
		return fmt.Errorf("%w: %s is not for time stamps alone", ErrCertificate, c.Subject)
	}
	if t.Time.Before(c.NotBefore) || t.Time.After(c.NotAfter) {
		return fmt.Errorf("%w: %s was not valid at %s", ErrCertificate, c.Subject, t.Time)
	}
	return nil
}

func criticalUsage(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 37}) {
			return e.Critical
		}
	}
	return false
}

// checkAttributes wants the content's type and digest and the signer's
// certificate among the signed attributes.
func (t *Token) checkAttributes() error {
	values, err := t.attributes()
	if err != nil {
		return err
	}
	var kind asn1.ObjectIdentifier
	if err := values.get(oidContentType, &kind); err != nil || !kind.Equal(oidTSTInfo) {
		return fmt.Errorf("%w: the attribute contentType is missing or another", ErrSignature)
	}
	var digest []byte
	h := hashOf(t.info.Digest.Algorithm)
	if err := values.get(oidDigest, &digest); err != nil || h == 0 || subtle.ConstantTimeCompare(digest, sum(h, t.content)) != 1 {
		return fmt.Errorf("%w: the attribute messageDigest is missing or does not match", ErrSignature)
	}
	if !t.names(values) {
		return fmt.Errorf("%w: the signed attributes do not name the signer's certificate", ErrSignature)
	}
	return nil
}

func sum(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}

type attributes []attribute

// attributes reads the signed ones.
func (t *Token) attributes() (all attributes, err error) {
	for rest := t.info.Attributes.Bytes; len(rest) > 0; {
		var a attribute
		if rest, err = asn1.Unmarshal(rest, &a); err != nil {
			return nil, fmt.Errorf("%w: signed attributes", ErrMalformed)
		}
		all = append(all, a)
	}
	return all, nil
}

// get reads the only value of the only attribute of a type.
func (all attributes) get(oid asn1.ObjectIdentifier, into any) error {
	var found *attribute
	for i := range all {
		if all[i].Type.Equal(oid) {
			if found != nil {
				return ErrMalformed
			}
			found = &all[i]
		}
	}
	if found == nil {
		return ErrMalformed
	}
	rest, err := asn1.Unmarshal(found.Values.Bytes, into)
	if err == nil && len(rest) > 0 {
		err = ErrMalformed
	}
	return err
}

// signingCertificate is SigningCertificate and SigningCertificateV2 (RFC 5035);
// only the first certificate counts.
type signingCertificate struct {
	Certs []asn1.RawValue
}

// names reports whether the attributes hold the digest of the signer's
// certificate. SHA-1 here, in the older attribute, only selects among the
// certificates that the signature already fits.
func (t *Token) names(values attributes) bool {
	var v2, v1 signingCertificate
	if values.get(oidCertV2, &v2) == nil && len(v2.Certs) > 0 {
		h, digest := certID(v2.Certs[0].Bytes)
		return h != 0 && bytes.Equal(digest, sum(h, t.Signer.Raw))
	}
	if values.get(oidCertV1, &v1) == nil && len(v1.Certs) > 0 {
		var digest []byte
		_, err := asn1.Unmarshal(v1.Certs[0].Bytes, &digest)
		want := sha1.Sum(t.Signer.Raw)
		return err == nil && bytes.Equal(digest, want[:])
	}
	return false
}

// certID reads the content of an ESSCertIDv2, whose algorithm may be left out
// and is SHA-256 then.
func certID(content []byte) (h crypto.Hash, digest []byte) {
	h = crypto.SHA256
	var first asn1.RawValue
	rest, err := asn1.Unmarshal(content, &first)
	if err != nil {
		return 0, nil
	}
	if first.Tag == asn1.TagSequence {
		var alg pkix.AlgorithmIdentifier
		if _, err := asn1.Unmarshal(first.FullBytes, &alg); err != nil {
			return 0, nil
		}
		h, content = hashOf(alg.Algorithm), rest
	}
	if _, err := asn1.Unmarshal(content, &digest); err != nil {
		return 0, nil
	}
	return h, digest
}

var (
	oidRSA     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidRSAPSS  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidEC      = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidEd25519 = asn1.ObjectIdentifier{1, 3, 101, 112}
)

// signatureOIDs are the algorithms that name their digest themselves.
var signatureOIDs = []struct {
	oid asn1.ObjectIdentifier
	alg x509.SignatureAlgorithm
}{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, x509.SHA256WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, x509.SHA384WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, x509.SHA512WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, x509.ECDSAWithSHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, x509.ECDSAWithSHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, x509.ECDSAWithSHA512},
	{oidEd25519, x509.PureEd25519},
}

// byDigest are those that take it from the field beside them.
var byDigest = map[string]map[crypto.Hash]x509.SignatureAlgorithm{
	oidRSA.String():    {crypto.SHA256: x509.SHA256WithRSA, crypto.SHA384: x509.SHA384WithRSA, crypto.SHA512: x509.SHA512WithRSA},
	oidRSAPSS.String(): {crypto.SHA256: x509.SHA256WithRSAPSS, crypto.SHA384: x509.SHA384WithRSAPSS, crypto.SHA512: x509.SHA512WithRSAPSS},
	oidEC.String():     {crypto.SHA256: x509.ECDSAWithSHA256, crypto.SHA384: x509.ECDSAWithSHA384, crypto.SHA512: x509.ECDSAWithSHA512},
}

func signatureAlgorithm(alg, digest pkix.AlgorithmIdentifier) x509.SignatureAlgorithm {
	for _, s := range signatureOIDs {
		if s.oid.Equal(alg.Algorithm) {
			return s.alg
		}
	}
	return byDigest[alg.Algorithm.String()][hashOf(digest.Algorithm)]
}
