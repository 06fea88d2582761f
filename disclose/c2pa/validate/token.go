package validate

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"time"
)

// Object identifiers of RFC 5652 (CMS) and RFC 3161 (time stamps).
var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidRSA           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
)

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version int
	Digests asn1.RawValue
	Inner   struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"explicit,tag:0"`
	}
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	CRLs         asn1.RawValue `asn1:"optional,tag:1"`
	Signers      []signerInfo  `asn1:"set"`
}

type signerInfo struct {
	Version   int
	ID        asn1.RawValue
	Digest    pkix.AlgorithmIdentifier
	Attrs     asn1.RawValue `asn1:"optional,tag:0"`
	Algorithm pkix.AlgorithmIdentifier
	Signature []byte
	Unsigned  asn1.RawValue `asn1:"optional,tag:1"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue `asn1:"set"`
}

type tstInfo struct {
	Version int
	Policy  asn1.ObjectIdentifier
	Imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Hash      []byte
	}
	Serial *big.Int
	At     time.Time `asn1:"generalized"`
}

// A token is a time stamp token that was read.
type token struct {
	data   signedData
	info   tstInfo
	certs  []*x509.Certificate
	by     signerInfo
	signer *x509.Certificate
	at     time.Time
}

// responseToken takes the token out of a TimeStampResp (RFC 3161 section 2.4.2)
// that was granted.
func responseToken(der []byte) ([]byte, error) {
	var resp struct {
		Status struct {
			Status int
		}
		Token asn1.RawValue `asn1:"optional"`
	}
	rest, err := asn1.Unmarshal(der, &resp)
	switch {
	case err != nil:
		return nil, err
	case len(rest) > 0 || len(resp.Token.FullBytes) == 0:
		return nil, errors.New("no time stamp response with a token")
	case resp.Status.Status != 0 && resp.Status.Status != 1:
		return nil, errors.New("the time stamp was not granted")
	}
	return resp.Token.FullBytes, nil
}

// parseToken reads a token and finds the certificate of its signer. The content
// is read only after verify has checked it.
func parseToken(der []byte) (*token, *fault) {
	bad := func(what string) (*token, *fault) { return nil, faultf(stampMalformed, "", "time stamp: %s", what) }
	var info contentInfo
	rest, err := asn1.Unmarshal(der, &info)
	if err != nil || len(rest) > 0 || !info.Type.Equal(oidSignedData) {
		return bad("no signed data")
	}
	t := &token{}
	if rest, err = asn1.Unmarshal(info.Content.Bytes, &t.data); err != nil || len(rest) > 0 {
		return bad("malformed signed data")
	}
	if !t.data.Inner.Type.Equal(oidTSTInfo) || len(t.data.Signers) != 1 {
		return bad("not one signer over a time")
	}
	if rest, err = asn1.Unmarshal(t.data.Inner.Content, &t.info); err != nil || len(rest) > 0 {
		return bad("malformed time")
	}
	t.by, t.at = t.data.Signers[0], t.info.At
	if !t.certificates() {
		return nil, faultf(stampUntrusted, "", "time stamp without the certificate of its signer")
	}
	return t, nil
}

// certificates reads the certificates of a token and picks the signer's.
func (t *token) certificates() bool {
	for rest := t.data.Certificates.Bytes; len(rest) > 0; {
		var raw asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &raw); err != nil || len(t.certs) == maxChain {
			return false
		}
		cert, err := x509.ParseCertificate(raw.FullBytes)
		if err != nil {
			return false
		}
		t.certs = append(t.certs, cert)
	}
	i := slices.IndexFunc(t.certs, t.by.is)
	if i < 0 {
		return false
	}
	t.signer = t.certs[i]
	return true
}

// is reports whether a certificate is the one that a signer is identified by.
func (s signerInfo) is(cert *x509.Certificate) bool {
	if s.ID.Class == asn1.ClassContextSpecific && s.ID.Tag == 0 {
		return len(cert.SubjectKeyId) > 0 && bytes.Equal(s.ID.Bytes, cert.SubjectKeyId)
	}
	var id struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	rest, err := asn1.Unmarshal(s.ID.FullBytes, &id)
	return err == nil && len(rest) == 0 && bytes.Equal(id.Issuer.FullBytes, cert.RawIssuer) && id.Serial.Cmp(cert.SerialNumber) == 0
}

// verify checks that the token stands over content and that its signer signed it
// (RFC 5652 section 5.6, RFC 3161 section 2.4.2).
func (t *token) verify(content []byte) *fault {
	digest, ok := digests[t.by.Digest.Algorithm.String()]
	if !ok {
		return faultf(stampUntrusted, "", "time stamp: digest algorithm %v", t.by.Digest.Algorithm)
	}
	signed := t.data.Inner.Content
	if len(t.by.Attrs.FullBytes) > 0 {
		if f := t.attributes(digest); f != nil {
			return f
		}
		signed = bytes.Clone(t.by.Attrs.FullBytes)
		signed[0] = asn1.TagSet | 0x20 // they are signed as the SET they are
	}
	alg, ok := t.algorithm(digest)
	if !ok {
		return faultf(stampUntrusted, "", "time stamp: signature algorithm %v", t.by.Algorithm.Algorithm)
	}
	if err := verifies(t.signer, alg, signed, t.by.Signature); err != nil {
		return faultf(stampMismatch, "", "time stamp: %v", err)
	}
	imprint, ok := digests[t.info.Imprint.Algorithm.Algorithm.String()]
	switch {
	case !ok:
		return faultf(stampUntrusted, "", "time stamp: imprint algorithm %v", t.info.Imprint.Algorithm.Algorithm)
	case len(content) == 0 || !matches(imprint, content, t.info.Imprint.Hash):
		return faultf(stampMismatch, "", "the time stamp stands over something else")
	}
	return nil
}

// attributes checks the signed attributes: each once, the content type a time,
// the digest that of the content.
func (t *token) attributes(digest crypto.Hash) *fault {
	values := map[string]asn1.RawValue{}
	for rest := t.by.Attrs.Bytes; len(rest) > 0; {
		var a attribute
		var err error
		if rest, err = asn1.Unmarshal(rest, &a); err != nil {
			return faultf(stampMalformed, "", "time stamp: %v", err)
		}
		if _, twice := values[a.Type.String()]; twice {
			return faultf(stampMalformed, "", "time stamp: attribute %v twice", a.Type)
		}
		values[a.Type.String()] = a.Values
	}
	var kind asn1.ObjectIdentifier
	var sum []byte
	_, errKind := asn1.Unmarshal(values[oidContentType.String()].Bytes, &kind)
	rest, errSum := asn1.Unmarshal(values[oidMessageDigest.String()].Bytes, &sum)
	if errKind != nil || errSum != nil || len(rest) > 0 || !kind.Equal(oidTSTInfo) {
		return faultf(stampMalformed, "", "time stamp without its signed attributes")
	}
	h := digest.New()
	h.Write(t.data.Inner.Content)
	if subtle.ConstantTimeCompare(h.Sum(nil), sum) != 1 {
		return faultf(stampMismatch, "", "the time stamp's digest differs")
	}
	return nil
}

// digests are the hash algorithms that the spec allows, by identifier.
var digests = map[string]crypto.Hash{
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// signatures are the signature algorithms by identifier; those of which the
// digest is stated beside them are found by algorithm.
var signatures = map[string]x509.SignatureAlgorithm{
	"1.2.840.113549.1.1.11": x509.SHA256WithRSA,
	"1.2.840.113549.1.1.12": x509.SHA384WithRSA,
	"1.2.840.113549.1.1.13": x509.SHA512WithRSA,
	"1.2.840.10045.4.3.2":   x509.ECDSAWithSHA256,
	"1.2.840.10045.4.3.3":   x509.ECDSAWithSHA384,
	"1.2.840.10045.4.3.4":   x509.ECDSAWithSHA512,
	"1.3.101.112":           x509.PureEd25519,
}

func (t *token) algorithm(digest crypto.Hash) (x509.SignatureAlgorithm, bool) {
	i := slices.Index([]crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}, digest)
	switch oid := t.by.Algorithm.Algorithm; {
	case oid.Equal(oidRSA):
		return []x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA}[i], true
	case oid.Equal(oidPSS):
		return []x509.SignatureAlgorithm{x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS}[i], true
	default:
		alg, ok := signatures[oid.String()]
		return alg, ok
	}
}

// trusted reports whether the signer may stamp, and chained to an anchor of time
// stamping authorities at the attested time.
func (t *token) trusted(o Options) bool {
	have := ekus(t.signer)
	if len(have) != 1 || !have[0].Equal(oidStampingEKU) || !goodKey(publicKey(t.signer)) {
		return false
	}
	chain := order(t.signer, t.certs)
	return chainsTo(chain, o.TSARoots, o.TSAAnchors, t.at, x509.ExtKeyUsageTimeStamping)
}

// order puts the certificates of a token, a SET, into the order of a chain.
func order(leaf *x509.Certificate, certs []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for len(chain) < maxChain {
		last := chain[len(chain)-1]
		i := slices.IndexFunc(certs, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, last.RawIssuer) && !slices.ContainsFunc(chain, c.Equal)
		})
		if i < 0 {
			break
		}
		chain = append(chain, certs[i])
	}
	return chain
}
