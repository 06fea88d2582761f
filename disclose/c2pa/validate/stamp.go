package validate

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"github.com/avowai/avow/disclose/c2pa/timestamp"
)

// stamp looks for the time that an authority attests to a signature ("Validate
// the Time-Stamp"): in the signature's header, else in the time-stamp assertions
// of other manifests. Whatever is wrong with a time stamp is only informational:
// the signature is then judged by the present time.
func (c *checker) stamp(m *manifest, sig *signature, uri string) (at time.Time, ok bool) {
	if iat, is := sig.msg.Headers.Protected["iat"].(int64); is && iat > 0 && c.ingredient == "" {
		c.result.Signed = time.Unix(iat, 0).UTC()
	}
	token, content, found := c.headerToken(m, sig, uri)
	if found {
		if at, ok = c.token(token, uri, content); ok {
			return at, true
		}
	}
	for _, token := range c.stamps[m.label] {
		if at, ok = c.token(token, uri, lateContents(sig.msg)...); ok {
			return at, true
		}
	}
	return at, false
}

// lateContents are what a token in a time-stamp assertion may stand over. The
// spec's wording ("the value of the signature field") leaves two readings, and
// c2pa-rs takes the signature without a structure around it. Each pins the same
// signature.
func lateContents(msg *cose.Sign1Message) (all [][]byte) {
	all = [][]byte{countersigned(msg, msg.Signature), msg.Signature}
	if encoded, err := cbor.Marshal(msg.Signature); err == nil {
		all = append(all, countersigned(msg, encoded))
	}
	return all
}

// headerToken takes the one token out of sigTst2, else of sigTst, and says over
// what it must stand: version 2 over the encoded signature, version 1 over the
// claim.
func (c *checker) headerToken(m *manifest, sig *signature, uri string) (token, content []byte, ok bool) {
	for _, name := range []string{"sigTst2", "sigTst"} {
		v, is := sig.msg.Headers.Unprotected[name]
		if !is {
			continue
		}
		val := tokenOf(v)
		if val == nil {
			c.info(stampMalformed, uri, name+" does not hold one token")
			return nil, nil, false
		}
		if name == "sigTst2" {
			encoded, err := cbor.Marshal(sig.msg.Signature)
			return val, countersigned(sig.msg, encoded), err == nil
		}
		inner, err := responseToken(val)
		if err != nil {
			c.info(stampMalformed, uri, err.Error())
			return nil, nil, false
		}
		return inner, countersigned(sig.msg, m.claim.bytes), true
	}
	return nil, nil, false
}

// tokenOf is the val of {tstTokens: [{val: bstr}]}, nil unless there is one.
func tokenOf(v any) []byte {
	box, _ := v.(map[any]any)
	list, _ := box["tstTokens"].([]any)
	if len(list) != 1 {
		return nil
	}
	entry, _ := list[0].(map[any]any)
	val, _ := entry["val"].([]byte)
	return val
}

// countersigned is the structure whose hash a time stamp states: COSE's
// Sig_structure with the context CounterSignature.
func countersigned(msg *cose.Sign1Message, payload []byte) []byte {
	protected, err := msg.Headers.MarshalProtected()
	if err != nil {
		return nil
	}
	out, err := cbor.Marshal([]any{"CounterSignature", cbor.RawMessage(protected), []byte{}, payload})
	if err != nil {
		return nil
	}
	return out
}

// token verifies a time stamp token over one of some contents and logs how that
// went.
func (c *checker) token(der []byte, uri string, contents ...[]byte) (at time.Time, ok bool) {
	t, err := timestamp.ParseToken(der)
	over := func(content []byte) bool { return c.matches(t.Hash, content, t.Imprint) }
	switch {
	case err != nil:
		c.info(stampMalformed, uri, err.Error())
		return at, false
	case !slices.ContainsFunc(contents, over):
		c.info(stampMismatch, uri, "the time stamp stands over something else")
		return at, false
	}
	if t.Signer == nil || !goodKeys(t.Certificates) {
		c.info(stampUntrusted, uri, "no certificate of the authority, or a key that is not allowed")
		return at, false
	}
	if err := t.Verify(); err != nil {
		c.info(stampCode(t, err), uri, err.Error())
		return at, false
	}
	by := subjectName(t.Signer)
	c.ok(stampValidated, uri, by)
	if c.ingredient == "" {
		c.result.StampedBy, c.result.Signed = by, t.Time.UTC()
	}
	chain := order(t.Signer, t.Certificates)
	if !chainsTo(chain, c.o.TSARoots, c.o.TSAAnchors, t.Time, x509.ExtKeyUsageTimeStamping) {
		c.info(stampUntrusted, uri, by)
		return at, false
	}
	c.ok(stampTrusted, uri, by)
	if c.ingredient == "" {
		c.result.Stamped = true
	}
	return t.Time, true
}

// stampCode names what is wrong with a token.
func stampCode(t *timestamp.Token, err error) string {
	switch {
	case t.Signer != nil && !covers(t.Signer, t.Time):
		return stampOutside
	case errors.Is(err, timestamp.ErrCertificate):
		return stampUntrusted
	case errors.Is(err, timestamp.ErrMalformed):
		return stampMalformed
	}
	return stampMismatch
}

// responseToken takes the token out of a TimeStampResp (RFC 3161 section 2.4.2)
// that was granted.
func responseToken(der []byte) ([]byte, error) {
	var resp struct {
		Status struct{ Status int }
		Token  asn1.RawValue `asn1:"optional"`
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
