package validate

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"time"
)

// Limits of OCSP responses in a store.
const (
	maxOCSP      = 64
	maxOCSPBytes = 64 << 10
)

// An ocspResponse is a BasicOCSPResponse (RFC 6960 section 4.2.1).
type ocspResponse struct {
	Data      ocspData
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
	Certs     []asn1.RawValue `asn1:"explicit,tag:0,optional"`
}

type ocspData struct {
	Raw       asn1.RawContent
	Version   int `asn1:"optional,default:0,explicit,tag:0"`
	Responder asn1.RawValue
	Produced  time.Time `asn1:"generalized"`
	Responses []ocspSingle
}

type ocspSingle struct {
	ID struct {
		Hash              pkix.AlgorithmIdentifier
		NameHash, KeyHash []byte
		Serial            *big.Int
	}
	Good    asn1.Flag   `asn1:"tag:0,optional"`
	Revoked ocspRevoked `asn1:"tag:1,optional"`
	Unknown asn1.Flag   `asn1:"tag:2,optional"`
	This    time.Time   `asn1:"generalized"`
	Next    time.Time   `asn1:"generalized,explicit,tag:0,optional"`
}

type ocspRevoked struct {
	At     time.Time       `asn1:"generalized"`
	Reason asn1.Enumerated `asn1:"explicit,tag:0,optional"`
}

// removeFromCRL is the reason of revocation that means the opposite.
const removeFromCRL = 8

// revocation asks the OCSP responses that came with the store, stapled to the
// signature or in a certificate status assertion ("Validate the Credential
// Revocation Information"). Nothing is asked online.
func (c *checker) revocation(sig *signature, uri string, at time.Time, stamped bool) {
	issuer := c.issuer(sig.chain)
	all := slices.Concat(ocspValues(sig.msg.Headers.Unprotected["rVals"]), c.statuses)
	if issuer == nil && len(all) > 0 {
		c.note("OCSP responses: the issuer's certificate is not in the chain")
	}
	good, revoked := false, false
	for _, der := range all[:min(len(all), maxOCSP)] {
		r := parseOCSP(der)
		if r == nil || issuer == nil || !r.signedFor(issuer) {
			continue // as if it were not there
		}
		for _, s := range r.Data.Responses {
			if !s.is(sig.chain[0], issuer) {
				continue
			}
			good = good || s.good(r, at, stamped, c.o.At)
			revoked = revoked || s.revoked(at, stamped)
		}
	}
	switch {
	case good:
		c.ok(ocspGood, uri, "")
	case revoked:
		c.fail(ocspRevokedCode, uri, "the certificate was revoked")
	default:
		c.info(ocspSkipped, uri, "revocation is not asked online")
	}
}

// issuer is the certificate that issued the signer's, nil if it is not at hand.
func (c *checker) issuer(chain []*x509.Certificate) *x509.Certificate {
	for _, cert := range slices.Concat(chain[1:], c.o.Anchors) {
		if issued(cert, chain[0], 0) {
			return cert
		}
	}
	return nil
}

// ocspValues is {ocspVals: [bstr]}, the content of rVals.
func ocspValues(v any) (all [][]byte) {
	box, _ := v.(map[any]any)
	list, _ := box["ocspVals"].([]any)
	for _, e := range list {
		if der, ok := e.([]byte); ok {
			all = append(all, der)
		}
	}
	return all
}

// parseOCSP reads a successful response, nil for any other.
func parseOCSP(der []byte) *ocspResponse {
	var outer struct {
		Status asn1.Enumerated
		Bytes  struct {
			Type asn1.ObjectIdentifier
			Data []byte
		} `asn1:"explicit,tag:0,optional"`
	}
	if len(der) > maxOCSPBytes {
		return nil
	}
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 || outer.Status != 0 {
		return nil
	}
	r := &ocspResponse{}
	if rest, err := asn1.Unmarshal(outer.Bytes.Data, r); err != nil || len(rest) > 0 {
		return nil
	}
	return r
}

// signedFor reports whether an authorised responder signed: the issuer, or a
// certificate that it issued for the purpose (RFC 6960 section 4.2.2.2).
func (r *ocspResponse) signedFor(issuer *x509.Certificate) bool {
	alg, ok := ocspAlgorithms[r.Algorithm.Algorithm.String()]
	if !ok {
		return false
	}
	sig := r.Signature.RightAlign()
	if verifies(issuer, alg, r.Data.Raw, sig) == nil {
		return true
	}
	for _, raw := range r.Certs[:min(len(r.Certs), maxChain)] {
		cert, err := x509.ParseCertificate(raw.FullBytes)
		if err != nil || !goodKey(publicKey(cert)) || !covers(cert, r.Data.Produced) {
			continue
		}
		delegated := slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) && issued(issuer, cert, 0)
		if delegated && verifies(cert, alg, r.Data.Raw, sig) == nil {
			return true
		}
	}
	return false
}

var ocspAlgorithms = map[string]x509.SignatureAlgorithm{
	"1.2.840.113549.1.1.11": x509.SHA256WithRSA,
	"1.2.840.113549.1.1.12": x509.SHA384WithRSA,
	"1.2.840.113549.1.1.13": x509.SHA512WithRSA,
	"1.2.840.10045.4.3.2":   x509.ECDSAWithSHA256,
	"1.2.840.10045.4.3.3":   x509.ECDSAWithSHA384,
	"1.2.840.10045.4.3.4":   x509.ECDSAWithSHA512,
	"1.3.101.112":           x509.PureEd25519,
}

// is reports whether a response speaks of a certificate. SHA-1 here only names
// the issuer, as RFC 6960 has it.
func (s *ocspSingle) is(cert, issuer *x509.Certificate) bool {
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &spki); err != nil || s.ID.Serial == nil {
		return false
	}
	hash := func(data []byte) []byte { sum := sha1.Sum(data); return sum[:] }
	switch oid := s.ID.Hash.Algorithm.String(); oid {
	case "1.3.14.3.2.26":
	case "2.16.840.1.101.3.4.2.1":
		hash = func(data []byte) []byte { return sumOf(crypto.SHA256, data) }
	default:
		return false
	}
	return s.ID.Serial.Cmp(cert.SerialNumber) == 0 &&
		bytes.Equal(s.ID.NameHash, hash(cert.RawIssuer)) && bytes.Equal(s.ID.KeyHash, hash(spki.Key.RightAlign()))
}

// good reports whether the response shows that the certificate was not revoked
// when a time stamp says it signed.
func (s *ocspSingle) good(r *ocspResponse, at time.Time, stamped bool, now time.Time) bool {
	end := s.Next
	if end.IsZero() {
		end = r.Data.Produced.Add(24 * time.Hour)
	}
	fine := bool(s.Good) || !s.Revoked.At.IsZero() && s.Revoked.Reason == removeFromCRL
	return fine && stamped && !now.Before(s.This) && !at.After(end)
}

// revoked reports whether it shows the contrary. Who has no time stamp cannot
// say that he signed before.
func (s *ocspSingle) revoked(at time.Time, stamped bool) bool {
	if s.Revoked.At.IsZero() || s.Revoked.Reason == removeFromCRL {
		return false
	}
	return !stamped || !at.Before(s.Revoked.At)
}
