package validate

import (
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"github.com/avowai/avow/internal/jumbf"
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
		if at, ok = c.token(token, content, uri); ok {
			return at, true
		}
	}
	for _, token := range c.stamps[m.label] {
		if at, ok = c.token(token, countersigned(sig.msg, sig.msg.Signature), uri); ok {
			return at, true
		}
	}
	return at, false
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

// token verifies a time stamp token over content and logs how that went.
func (c *checker) token(der, content []byte, uri string) (at time.Time, ok bool) {
	t, f := parseToken(der)
	if f == nil {
		f = t.verify(content)
	}
	if f != nil {
		c.info(f.code, uri, f.text)
		return at, false
	}
	by := subjectName(t.signer)
	c.ok(stampValidated, uri, by)
	if c.ingredient == "" {
		c.result.StampedBy, c.result.Signed = by, t.at.UTC()
	}
	if !covers(t.signer, t.at) {
		c.info(stampOutside, uri, by)
		return at, false
	}
	if !t.trusted(c.o) {
		c.info(stampUntrusted, uri, by)
		return at, false
	}
	c.ok(stampTrusted, uri, by)
	if c.ingredient == "" {
		c.result.Stamped = true
	}
	return t.at, true
}

// stampAssertions collects the tokens that a manifest's time-stamp assertions
// hold for others.
func (c *checker) stampAssertions(m *manifest) {
	for _, b := range m.eachAssertion("c2pa.time-stamp") {
		var tokens map[string][]byte
		if err := decode(content(b), &tokens); err != nil || len(tokens) == 0 {
			c.fail(stampAssertion, m.uri("c2pa.assertions/"+b.Label), "no map of time stamp tokens")
			continue
		}
		for label, token := range tokens {
			if c.stamps == nil {
				c.stamps = map[string][][]byte{}
			}
			c.stamps[label] = append(c.stamps[label], token)
		}
	}
}

// gather walks from the active manifest through its ingredients before anything
// is judged: it reads their claims, notes which assertions are redacted, which
// time stamps they bring and what their assertions recorded.
func (c *checker) gather(active *manifest) {
	seen := map[*manifest]bool{active: true}
	for queue := []*manifest{active}; len(queue) > 0; queue = queue[1:] {
		m := queue[0]
		for _, uri := range m.claim.Redacted {
			c.redact(m, uri)
		}
		c.stampAssertions(m)
		for _, b := range m.eachAssertion("c2pa.ingredient") {
			next := c.ingredientManifest(m, b)
			if next == nil || seen[next] || next.claim == nil && next.readClaim() != nil {
				continue
			}
			seen[next] = true
			queue = append(queue, next)
		}
	}
}

// redact marks an assertion of another manifest as redacted.
func (c *checker) redact(m *manifest, uri string) {
	t, ok := parseURI(uri)
	if !ok || t.manifest == "" || t.manifest == m.label || len(t.path) == 0 {
		return // redactions says so
	}
	label := t.path[len(t.path)-1]
	if isLabel(label, "c2pa.actions") || isBinding(label) {
		return
	}
	if other := c.all.byLabel(t.manifest); other != nil {
		if other.redacted == nil {
			other.redacted = map[string]bool{}
		}
		other.redacted[label] = true
	}
}

// ingredientManifest is the manifest that an ingredient assertion points to, nil
// for none. It also keeps what the assertion recorded about it.
func (c *checker) ingredientManifest(m *manifest, b *jumbf.Box) *manifest {
	ing, err := readIngredient(b)
	if err != nil || ing.manifest() == nil {
		return nil
	}
	next, box := c.all.resolve(m, ing.manifest().URL)
	if next == nil || box != next.box {
		return nil
	}
	c.record(ing, next)
	return next
}
