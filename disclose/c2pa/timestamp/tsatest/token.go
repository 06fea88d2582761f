package tsatest

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"
)

var (
	oidSignedData  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidCertV2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	sha256ID       = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}}
	ecdsaID        = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}
)

type imprint struct {
	Algorithm pkix.AlgorithmIdentifier
	Digest    []byte
}

type tstInfo struct {
	Version    int
	Policy     asn1.ObjectIdentifier
	Imprint    imprint
	Serial     *big.Int
	Time       time.Time        `asn1:"generalized"`
	Extensions []pkix.Extension `asn1:"optional,omitempty,tag:1"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

type signerInfo struct {
	Version int
	ID      struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	Digest     pkix.AlgorithmIdentifier
	Attributes asn1.RawValue `asn1:"optional"`
	Algorithm  pkix.AlgorithmIdentifier
	Signature  []byte
}

type signedData struct {
	Version int
	Digests []pkix.AlgorithmIdentifier `asn1:"set"`
	Content struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"explicit,tag:0"`
	}
	Certificates asn1.RawValue
	Signers      []signerInfo `asn1:"set"`
}

// token makes the CMS envelope (RFC 5652) around a TSTInfo (RFC 3161).
func (a *Authority) token(p *Parts) ([]byte, error) {
	content, err := asn1.Marshal(p.info())
	if err != nil {
		return nil, err
	}
	if p.Digest == nil {
		sum := sha256.Sum256(content)
		p.Digest = sum[:]
	}
	info, err := a.sign(p, content)
	if err != nil {
		return nil, err
	}
	sd := signedData{Version: 3, Digests: []pkix.AlgorithmIdentifier{sha256ID}, Signers: []signerInfo{info}}
	sd.Content.Type, sd.Content.Content = oidTSTInfo, content
	sd.Certificates = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: join(p.Certificates)}
	return asn1.Marshal(struct {
		Type    asn1.ObjectIdentifier
		Content signedData `asn1:"explicit,tag:0"`
	}{oidSignedData, sd})
}

func join(parts [][]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func (p *Parts) info() tstInfo {
	t := tstInfo{Version: 1, Policy: asn1.ObjectIdentifier{1, 2, 3, 4}, Imprint: imprint{sha256ID, p.Imprint}, Serial: big.NewInt(7), Time: p.Time}
	if p.Filler > 0 {
		t.Extensions = []pkix.Extension{{Id: oidFiller, Value: make([]byte, p.Filler)}}
	}
	return t
}

// sign makes the signer's part.
func (a *Authority) sign(p *Parts, content []byte) (info signerInfo, err error) {
	info = signerInfo{Version: 1, Digest: sha256ID, Algorithm: ecdsaID}
	info.ID.Issuer, info.ID.Serial = asn1.RawValue{FullBytes: a.Cert.RawIssuer}, a.Cert.SerialNumber
	signed := content
	if p.Attributes {
		if signed, err = attributes(p); err != nil {
			return info, err
		}
		inToken := append([]byte{0xA0}, signed[1:]...) // [0] IMPLICIT
		info.Attributes = asn1.RawValue{FullBytes: inToken}
	}
	sum := sha256.Sum256(signed)
	if info.Signature, err = a.key.Sign(rand.Reader, sum[:], crypto.SHA256); err == nil && p.Signature != nil {
		info.Signature = p.Signature(info.Signature)
	}
	return info, err
}

// attributes are the signed ones, as a SET.
func attributes(p *Parts) ([]byte, error) {
	var set []attribute
	for _, a := range []struct {
		oid   asn1.ObjectIdentifier
		value any
	}{
		{oidContentType, oidTSTInfo},
		{oidDigest, p.Digest},
		{oidCertV2, struct{ Certs []struct{ Hash []byte } }{[]struct{ Hash []byte }{{p.CertHash}}}},
	} {
		der, err := asn1.Marshal(a.value)
		if err != nil {
			return nil, err
		}
		set = append(set, attribute{a.oid, []asn1.RawValue{{FullBytes: der}}})
	}
	return asn1.MarshalWithParams(set, "set")
}
