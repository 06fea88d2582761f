package timestamp

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

// A Token is an RFC 3161 time stamp token: a CMS SignedData around a TSTInfo.
type Token struct {
	// Time is the time that the authority states.
	Time time.Time
	// Hash is the algorithm of Imprint, the digest that was stamped.
	Hash    crypto.Hash
	Imprint []byte
	// Policy and Serial are the authority's.
	Policy asn1.ObjectIdentifier
	Serial *big.Int
	// Certificates are those in the token, Signer the one that signed, nil if
	// it is not there.
	Certificates []*x509.Certificate
	Signer       *x509.Certificate

	content []byte // TSTInfo
	info    signerInfo
}

var (
	oidSignedData  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidCertV1      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidCertV2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0"`
}

// signedData is SignedData (RFC 5652, section 5.1).
type signedData struct {
	Version      int
	Digests      asn1.RawValue
	Content      encapsulated
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	CRLs         asn1.RawValue `asn1:"optional,tag:1"`
	Signers      []signerInfo  `asn1:"set"`
}

type encapsulated struct {
	Type    asn1.ObjectIdentifier
	Content []byte `asn1:"explicit,tag:0"`
}

type signerInfo struct {
	Version    int
	ID         asn1.RawValue
	Digest     pkix.AlgorithmIdentifier
	Attributes asn1.RawValue `asn1:"optional,tag:0"`
	Algorithm  pkix.AlgorithmIdentifier
	Signature  []byte
	Unsigned   asn1.RawValue `asn1:"optional,tag:1"`
}

// tstInfo is TSTInfo (RFC 3161, section 2.4.2). What follows the time is not
// used.
type tstInfo struct {
	Version int
	Policy  asn1.ObjectIdentifier
	Imprint messageImprint
	Serial  *big.Int
	Time    time.Time `asn1:"generalized"`
}

// ParseToken reads a token in DER. Signatures are not checked here; see Verify.
func ParseToken(der []byte) (*Token, error) {
	if len(der) > MaxResponse {
		return nil, fmt.Errorf("%w: a token of %d bytes, want at most %d", ErrMalformed, len(der), MaxResponse)
	}
	sd, certs, err := parseSignedData(der)
	if err != nil {
		return nil, err
	}
	var tst tstInfo
	if err := unmarshal(sd.Content.Content, &tst); err != nil {
		return nil, fmt.Errorf("%w: TSTInfo: %w", ErrMalformed, err)
	}
	t := &Token{
		Time: tst.Time.UTC(), Hash: hashOf(tst.Imprint.Algorithm.Algorithm), Imprint: tst.Imprint.Digest,
		Policy: tst.Policy, Serial: tst.Serial,
		content: sd.Content.Content, info: sd.Signers[0], Certificates: certs,
	}
	if tst.Version != 1 || t.Hash == 0 || len(t.Imprint) != t.Hash.Size() {
		return nil, fmt.Errorf("%w: an imprint that is not SHA-256, SHA-384 or SHA-512", ErrMalformed)
	}
	t.Signer = t.signer()
	return t, nil
}

// unmarshal reads all of der. Of a sequence, fields behind those of into are
// skipped.
func unmarshal(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes too many", len(rest))
	}
	return err
}
