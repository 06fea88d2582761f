package c2pa

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
)

// Extended key usages of certificates that sign claims. The official trust list
// counts claimSigning alone; older validators know only the other two.
var (
	oidClaimSigning    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 62558, 2, 1}
	oidDocumentSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}
)

// checkLeaf applies the certificate profile (specification 2.5, section 13.5;
// 2.4, section 14.5) to the certificate that signs.
func checkLeaf(c *x509.Certificate) error {
	bad := func(what, remedy string) error {
		return fmt.Errorf("%w: certificate %s %s; %s", ErrSigner, c.Subject, what, remedy)
	}
	const reissue = "have it issued again with the profile of claim signers"
	switch {
	case c.Version != 3:
		return bad("is not X.509 version 3", reissue)
	case c.IsCA || c.KeyUsage&x509.KeyUsageCertSign != 0:
		return bad("is that of an authority", "sign with an end-entity certificate below it")
	case c.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return bad("lacks the key usage digitalSignature", reissue)
	case len(c.AuthorityKeyId) == 0:
		return bad("has no authority key identifier", "give the issuing authority a subject key identifier and have it issued again")
	case uniqueID(c):
		return bad("has a unique identifier of issuer or subject, which the profile forbids", reissue)
	case len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0:
		return bad("has no extended key usage", "have it issued with claimSigning (1.3.6.1.4.1.62558.2.1) and emailProtection")
	case slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny):
		return bad("has the extended key usage any", "have it issued with claimSigning (1.3.6.1.4.1.62558.2.1) and emailProtection")
	case !claimSigner(c):
		return bad("is not for signing claims", "have it issued with the extended key usages claimSigning (1.3.6.1.4.1.62558.2.1) and emailProtection")
	case slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return bad("is also for time stamps or OCSP, which must stand alone", "have a separate one issued")
	}
	return nil
}

// claimSigner reports whether an extended key usage lets c sign claims.
func claimSigner(c *x509.Certificate) bool {
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageEmailProtection) ||
		slices.ContainsFunc(c.UnknownExtKeyUsage, func(o asn1.ObjectIdentifier) bool {
			return o.Equal(oidClaimSigning) || o.Equal(oidDocumentSigning)
		})
}

// uniqueID reports whether the certificate has an issuerUniqueID or
// subjectUniqueID, the fields with the tags 1 and 2.
func uniqueID(c *x509.Certificate) bool {
	var tbs asn1.RawValue
	if _, err := asn1.Unmarshal(c.RawTBSCertificate, &tbs); err != nil {
		return false
	}
	for rest := tbs.Bytes; len(rest) > 0; {
		var field asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &field); err != nil {
			return false
		}
		if field.Class == asn1.ClassContextSpecific && (field.Tag == 1 || field.Tag == 2) {
			return true
		}
	}
	return false
}

// certificateSignatures are the algorithms that certificates may be signed with.
var certificateSignatures = []x509.SignatureAlgorithm{
	x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
	x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
	x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519,
}

// checkChain wants each certificate issued by the one behind it.
func checkChain(chain []*x509.Certificate) error {
	for i, c := range chain {
		if !slices.Contains(certificateSignatures, c.SignatureAlgorithm) {
			return fmt.Errorf("%w: certificate %s is signed with %s; have it issued again with SHA-256 or better", ErrSigner, c.Subject, c.SignatureAlgorithm)
		}
		if i == 0 {
			continue
		}
		if err := chain[i-1].CheckSignatureFrom(c); err != nil {
			return fmt.Errorf("%w: certificate %s is not issued by the next of the chain, %s (%w); give the signing certificate first, then its issuers in order", ErrSigner, chain[i-1].Subject, c.Subject, err)
		}
	}
	return nil
}

// selfSigned reports whether c is a root.
func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignatureFrom(c) == nil
}
