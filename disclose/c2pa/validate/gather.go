package validate

import "github.com/avowai/avow/internal/jumbf"

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
			if len(c.stamps[label]) < maxTokens {
				c.stamps[label] = append(c.stamps[label], token)
			}
		}
	}
}

// statusAssertions collects the OCSP responses that a manifest's certificate
// status assertions hold, for whichever certificate they are.
func (c *checker) statusAssertions(m *manifest) {
	for _, b := range m.eachAssertion("c2pa.certificate-status") {
		var v struct {
			Values [][]byte `cbor:"ocspVals"`
		}
		if decode(content(b), &v) == nil {
			c.statuses = append(c.statuses, v.Values[:min(len(v.Values), max(0, maxOCSP-len(c.statuses)))]...)
		}
	}
}

// gather walks from the active manifest through its ingredients before anything
// is judged: it reads their claims, notes which assertions are redacted and which
// time stamps they bring.
func (c *checker) gather(active *manifest) {
	seen := map[*manifest]bool{active: true}
	for queue := []*manifest{active}; len(queue) > 0; queue = queue[1:] {
		m := queue[0]
		for _, uri := range m.claim.Redacted {
			c.redact(m, uri)
		}
		c.stampAssertions(m)
		c.statusAssertions(m)
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
// for none.
func (c *checker) ingredientManifest(m *manifest, b *jumbf.Box) *manifest {
	ing, err := c.readIngredient(b)
	if err != nil || ing.manifest() == nil {
		return nil
	}
	next, box := c.all.resolve(m, ing.manifest().URL)
	if next == nil || box != next.box {
		return nil
	}
	return next
}
