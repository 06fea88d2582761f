// Package timestamp asks a time stamp authority for RFC 3161 tokens and reads
// them. It speaks DER only; the caller carries the bytes, as
// application/timestamp-query and application/timestamp-reply.
//
// Everything uses SHA-256 imprints or better, and refuses SHA-1.
package timestamp

import (
	"crypto"
	"crypto/subtle"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

// MaxResponse is the largest response or token that is read, in bytes.
const MaxResponse = 256 << 10

// Errors of this package.
var (
	// ErrMalformed means that bytes are no response or token in DER.
	ErrMalformed = errors.New("timestamp: malformed")
	// ErrRefused means that the authority did not grant a time stamp.
	ErrRefused = errors.New("timestamp: refused")
	// ErrMismatch means that a token is about something else.
	ErrMismatch = errors.New("timestamp: imprint differs")
	// ErrSignature means that a token's signature or its attributes are not good.
	ErrSignature = errors.New("timestamp: signature")
	// ErrCertificate means that the signer's certificate is missing, not for time
	// stamps, or was not valid at the time stated.
	ErrCertificate = errors.New("timestamp: certificate")
)

var (
	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

// hashOf returns the digest algorithm of an identifier, or 0.
func hashOf(oid asn1.ObjectIdentifier) crypto.Hash {
	switch {
	case oid.Equal(oidSHA256):
		return crypto.SHA256
	case oid.Equal(oidSHA384):
		return crypto.SHA384
	case oid.Equal(oidSHA512):
		return crypto.SHA512
	}
	return 0
}

type messageImprint struct {
	Algorithm pkix.AlgorithmIdentifier
	Digest    []byte
}

// timeStampReq is TimeStampReq (RFC 3161, section 2.4.1).
type timeStampReq struct {
	Version int
	Imprint messageImprint
	Nonce   *big.Int `asn1:"optional"`
	CertReq bool     `asn1:"optional"`
}

// BuildRequest returns the request for a token over a SHA-256 imprint, with the
// authority's certificates. It has no nonce: the imprint of a fresh signature
// is one.
func BuildRequest(imprint []byte) ([]byte, error) {
	if len(imprint) != crypto.SHA256.Size() {
		return nil, fmt.Errorf("timestamp: an imprint of %d bytes, want %d", len(imprint), crypto.SHA256.Size())
	}
	return asn1.Marshal(timeStampReq{
		Version: 1,
		Imprint: messageImprint{pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}, imprint},
		CertReq: true,
	})
}

// timeStampResp is TimeStampResp (RFC 3161, section 2.4.2).
type timeStampResp struct {
	Status statusInfo
	Token  asn1.RawValue `asn1:"optional"`
}

type statusInfo struct {
	Status  int
	Strings []string       `asn1:"optional,utf8"`
	Failure asn1.BitString `asn1:"optional"`
}

// failures names the bits of PKIFailureInfo.
var failures = map[int]string{
	0: "bad algorithm", 2: "bad request", 5: "bad data format", 14: "time not available",
	15: "policy not accepted", 16: "extension not accepted", 17: "additional information not available", 25: "system failure",
}

// ParseResponse returns the token of an authority's response, after it checked
// that the token is over imprint and properly signed. Whether the authority is
// to be trusted it does not ask; see Token.Trusted.
func ParseResponse(der, imprint []byte) ([]byte, error) {
	if len(der) > MaxResponse {
		return nil, fmt.Errorf("%w: a response of %d bytes, want at most %d", ErrMalformed, len(der), MaxResponse)
	}
	var resp timeStampResp
	if rest, err := asn1.Unmarshal(der, &resp); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: no response", ErrMalformed)
	}
	if resp.Status.Status != 0 && resp.Status.Status != 1 { // granted, grantedWithMods
		return nil, fmt.Errorf("%w: %s", ErrRefused, resp.Status.reason())
	}
	if len(resp.Token.FullBytes) == 0 {
		return nil, fmt.Errorf("%w: a granted response without a token", ErrMalformed)
	}
	return resp.Token.FullBytes, Check(resp.Token.FullBytes, imprint)
}

// reason is what a refusal says, as far as it is short and printable.
func (s statusInfo) reason() string {
	for bit, name := range failures {
		if s.Failure.At(bit) == 1 {
			return name
		}
	}
	return fmt.Sprintf("status %d", s.Status)
}

// Check reports whether a token is over imprint and its signature good.
func Check(token, imprint []byte) error {
	t, err := ParseToken(token)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(t.Imprint, imprint) != 1 {
		return ErrMismatch
	}
	return t.Verify()
}
