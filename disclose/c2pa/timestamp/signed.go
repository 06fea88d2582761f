package timestamp

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// maxCertificates bounds those of one token.
const maxCertificates = 16

// parseSignedData opens the CMS envelope of a token.
func parseSignedData(der []byte) (sd signedData, certs []*x509.Certificate, err error) {
	var outer contentInfo
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 || !outer.Type.Equal(oidSignedData) {
		return sd, nil, fmt.Errorf("%w: no SignedData", ErrMalformed)
	}
	if rest, err := asn1.Unmarshal(outer.Content.Bytes, &sd); err != nil || len(rest) > 0 {
		return sd, nil, fmt.Errorf("%w: SignedData", ErrMalformed)
	}
	if !sd.Content.Type.Equal(oidTSTInfo) {
		return sd, nil, fmt.Errorf("%w: signed content is no TSTInfo", ErrMalformed)
	}
	if len(sd.Signers) != 1 { // RFC 3161, section 2.4.2
		return sd, nil, fmt.Errorf("%w: %d signers, want one", ErrMalformed, len(sd.Signers))
	}
	certs, err = certificates(sd.Certificates.Bytes)
	return sd, certs, err
}

// certificates reads the set of certificates. What is no X.509 certificate, or
// one that Go refuses, is left out: if it signed, Verify will miss it.
func certificates(set []byte) (certs []*x509.Certificate, err error) {
	for n := 0; len(set) > 0; n++ {
		var raw asn1.RawValue
		if set, err = asn1.Unmarshal(set, &raw); err != nil || n == maxCertificates {
			return nil, fmt.Errorf("%w: broken or more than %d certificates", ErrMalformed, maxCertificates)
		}
		if c, err := x509.ParseCertificate(raw.FullBytes); err == nil {
			certs = append(certs, c)
		}
	}
	return certs, nil
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

// signer finds the certificate that the signature names.
func (t *Token) signer() *x509.Certificate {
	id := t.info.ID
	if id.Class == asn1.ClassContextSpecific && id.Tag == 0 { // subject key identifier
		return t.certificate(func(c *x509.Certificate) bool { return len(id.Bytes) > 0 && bytes.Equal(c.SubjectKeyId, id.Bytes) })
	}
	var ias issuerAndSerial
	if _, err := asn1.Unmarshal(id.FullBytes, &ias); err != nil {
		return nil
	}
	return t.certificate(func(c *x509.Certificate) bool {
		return bytes.Equal(c.RawIssuer, ias.Issuer.FullBytes) && c.SerialNumber.Cmp(ias.Serial) == 0
	})
}

func (t *Token) certificate(is func(*x509.Certificate) bool) *x509.Certificate {
	for _, c := range t.Certificates {
		if is(c) {
			return c
		}
	}
	return nil
}
