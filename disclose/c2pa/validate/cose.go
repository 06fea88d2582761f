package validate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/veraison/go-cose"
)

// A signature is the content of a claim signature box.
type signature struct {
	msg   *cose.Sign1Message
	alg   cose.Algorithm
	chain []*x509.Certificate // end entity first
}

// signature checks who signed a manifest and whether the signature holds, in the
// order of the spec: credential, time stamp, chain, COSE, validity.
func (c *checker) signature(m *manifest) {
	sig, uri, err := c.readSignature(m)
	if err != nil {
		c.report(err)
		return
	}
	if c.ingredient == "" {
		c.signer(sig.chain[0])
	}
	allowed := c.allowed(sig.chain[0])
	if why := c.profile(sig.chain[0], allowed); why != "" {
		c.fail(credentialInvalid, uri, why)
	}
	at, stamped := c.stamp(m, sig, uri)
	if !stamped {
		at = c.o.At
	}
	trusted, inside := c.trust(sig.chain, at)
	if trusted || allowed {
		c.ok(credentialTrusted, uri, "")
	} else {
		c.fail(credentialUntrusted, uri, "no anchor for "+subjectName(sig.chain[0]))
	}
	c.revocation(sig, uri, at, stamped)
	if err := sig.verify(m.claim.bytes); err != nil {
		c.fail(signatureMismatch, uri, err.Error())
		return
	}
	if inside {
		c.ok(signatureInside, uri, "")
	} else {
		c.fail(signatureOutside, uri, "signed outside the validity of the certificate: "+at.UTC().Format(time.RFC3339))
	}
	c.ok(signatureValidated, uri, "")
}

// readSignature finds and reads the claim signature box. Its URI must be that of
// the signature in the same manifest ("Validate the Signature").
func (c *checker) readSignature(m *manifest) (*signature, string, error) {
	uri := m.uri("c2pa.signature")
	owner, box := c.all.resolve(m, m.claim.Signature)
	if box == nil || owner != m || box.UUID.FourCC() != "c2cs" || box.Label != "c2pa.signature" {
		return nil, uri, faultf(signatureMissing, uri, "nothing is at %s", clip(m.claim.Signature))
	}
	if !addressable(box) || len(box.Children) != 1 || box.Children[0].Type != "cbor" {
		return nil, uri, faultf(signatureMismatch, uri, "a signature is one CBOR box")
	}
	sig, err := parseSignature(box.Children[0].Data)
	if err != nil {
		return nil, uri, faultf(signatureMismatch, uri, "%v", err)
	}
	if pad := dirtyPad(sig.msg.Headers.Unprotected); pad != "" {
		// The box lies in the exclusion of the hard binding, which may hold
		// padding of zeros only.
		c.fail(dataMismatch, uri, pad+" of the signature is not zero")
	}
	if sig.alg, err = sig.msg.Headers.Protected.Algorithm(); err != nil || !algorithms[sig.alg].ok {
		return nil, uri, faultf(algUnsupported, uri, "signature algorithm %v", sig.alg)
	}
	if sig.chain, err = readChain(sig.msg.Headers); err != nil {
		if errors.Is(err, errTwoChains) {
			return nil, uri, faultf(signatureMismatch, uri, "%v", err)
		}
		return nil, uri, faultf(credentialInvalid, uri, "%v", err)
	}
	return sig, uri, nil
}

func parseSignature(data []byte) (*signature, error) {
	if len(data) > maxSignature {
		return nil, errors.New("too many bytes")
	}
	s := &signature{msg: cose.NewSign1Message()}
	if err := s.msg.UnmarshalCBOR(data); err != nil {
		return nil, err
	}
	return s, nil
}

// dirtyPad names the padding header that holds more than zeros, "" for none.
func dirtyPad(h cose.UnprotectedHeader) string {
	for _, name := range []string{"pad", "pad2"} {
		v, there := h[name]
		pad, isBytes := v.([]byte)
		if there && (!isBytes || !zeros(pad)) {
			return name
		}
	}
	return ""
}

var errTwoChains = errors.New("certificates in the protected and the unprotected header")

// readChain reads x5chain: label 33 before the old name, protected or not. c2pa-rs
// does not know 33 in the unprotected header, the spec demands that readers do.
func readChain(h cose.Headers) ([]*x509.Certificate, error) {
	for _, label := range []any{int64(33), "x5chain"} {
		in, inIs := h.Protected[label]
		out, outIs := h.Unprotected[label]
		switch {
		case inIs && outIs:
			return nil, errTwoChains
		case inIs:
			return parseChain(in)
		case outIs:
			return parseChain(out)
		}
	}
	return nil, errors.New("no certificates")
}

func parseChain(v any) (chain []*x509.Certificate, err error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) == 0 || len(list) > maxChain {
		return nil, fmt.Errorf("%d certificates, want 1 to %d", len(list), maxChain)
	}
	for _, e := range list {
		der, ok := e.([]byte)
		if !ok {
			return nil, errors.New("a certificate that is no byte string")
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, cert)
	}
	if !goodKeys(chain) {
		return nil, errors.New("a key that is too large")
	}
	return chain, nil
}

// algorithms are those the spec allows, with the curve that ES* must use.
var algorithms = map[cose.Algorithm]struct {
	ok    bool
	curve elliptic.Curve
}{
	cose.AlgorithmES256: {true, elliptic.P256()}, cose.AlgorithmES384: {true, elliptic.P384()}, cose.AlgorithmES512: {true, elliptic.P521()},
	cose.AlgorithmPS256: {ok: true}, cose.AlgorithmPS384: {ok: true}, cose.AlgorithmPS512: {ok: true},
	cose.AlgorithmEdDSA: {ok: true},
}

// verify checks the COSE signature over a claim. The payload is detached; one
// that is there all the same must be the claim, or else two readers could see
// two claims.
func (s *signature) verify(claim []byte) error {
	if s.msg.Payload != nil && !bytes.Equal(s.msg.Payload, claim) {
		return errors.New("the payload in the signature is not the claim")
	}
	key := publicKey(s.chain[0])
	if k, ok := key.(*ecdsa.PublicKey); ok && k.Curve != algorithms[s.alg].curve {
		return errors.New("the key's curve is not that of the algorithm")
	}
	v, err := cose.NewVerifier(s.alg, key)
	if err != nil {
		return err
	}
	msg := *s.msg
	msg.Payload = claim
	return msg.Verify(nil, v)
}

// publicKey is a certificate's key. crypto/x509 does not read keys of type
// id-RSASSA-PSS, which C2PA certificates may have.
func publicKey(cert *x509.Certificate) crypto.PublicKey {
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return k
	}
	if k := pssKey(cert.RawSubjectPublicKeyInfo); k != nil {
		return k
	}
	return nil
}
