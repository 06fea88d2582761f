package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
)

const linkValue = `</.well-known/ai-disclosure.json>; rel="ai-disclosure"`

// removeOwn deletes our own header fields in every spelling, late trailers
// included, and takes their names out of Connection and Trailer: what a
// Connection list names, the next hop deletes.
func removeOwn(h http.Header) {
	for k := range h {
		if disclose.OwnHeader(strings.TrimPrefix(k, http.TrailerPrefix)) {
			delete(h, k)
		}
	}
	removeOwnTokens(h, "Connection")
	removeOwnTokens(h, "Trailer")
}

func removeOwnTokens(h http.Header, field string) {
	values := h[field]
	found := false
	for _, v := range values {
		for tok := range strings.SplitSeq(v, ",") {
			found = found || disclose.OwnHeader(tok)
		}
	}
	if !found {
		return
	}
	var kept []string
	for _, v := range values {
		for tok := range strings.SplitSeq(v, ",") {
			if tok = strings.TrimSpace(tok); tok != "" && !disclose.OwnHeader(tok) {
				kept = append(kept, tok)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, field)
		return
	}
	h[field] = []string{strings.Join(kept, ", ")}
}

// hasToken reports whether a list-valued field has a token, in any case.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for tok := range strings.SplitSeq(v, ",") {
			name, _, _ := strings.Cut(tok, "=")
			if strings.EqualFold(strings.TrimSpace(name), token) {
				return true
			}
		}
	}
	return false
}

// digestFields speak about the exact bytes of a body (RFC 9530, RFC 1864).
var digestFields = []string{"Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}

// dropDigests deletes digests of a body that changes, and signatures that cover
// one of them (RFC 9421). It reports whether a signature went.
func dropDigests(h http.Header) (signature bool) {
	for _, f := range digestFields {
		delete(h, f)
	}
	input := strings.ToLower(strings.Join(h["Signature-Input"], ","))
	for _, covered := range []string{"content-md5", `"digest"`, "content-digest", "repr-digest",
		"content-length", "etag", "content-encoding", "cache-control", "vary"} {
		if strings.Contains(input, covered) {
			delete(h, "Signature")
			delete(h, "Signature-Input")
			return true
		}
	}
	return false
}

// redigest replaces the digests of a held body by those of its new bytes.
func redigest(h http.Header, had map[string]bool, body []byte) {
	if len(had) == 0 {
		return
	}
	sum := sha256.Sum256(body)
	value := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	for _, f := range []string{"Content-Digest", "Repr-Digest"} {
		if had[f] {
			h.Set(f, value)
		}
	}
}

// presentDigests notes which of the fields that can be computed again are there.
func presentDigests(h http.Header) map[string]bool {
	var had map[string]bool
	for _, f := range []string{"Content-Digest", "Repr-Digest"} {
		if _, ok := h[f]; ok {
			if had == nil {
				had = map[string]bool{}
			}
			had[f] = true
		}
	}
	return had
}

// appendVary adds a name to Vary and leaves what is there.
func appendVary(h http.Header, name string) {
	if hasToken(h["Vary"], name) || hasToken(h["Vary"], "*") {
		return
	}
	h["Vary"] = append(h["Vary"], name)
}

// makePrivate keeps shared caches from handing one output's id to others.
func makePrivate(h http.Header) {
	values := h["Cache-Control"]
	if hasToken(values, "no-store") || hasToken(values, "private") {
		return
	}
	kept := []string{"private"}
	for _, v := range values {
		for tok := range strings.SplitSeq(v, ",") {
			tok = strings.TrimSpace(tok)
			name, _, _ := strings.Cut(strings.ToLower(tok), "=")
			if tok != "" && name != "public" && name != "s-maxage" {
				kept = append(kept, tok)
			}
		}
	}
	h["Cache-Control"] = []string{strings.Join(kept, ", ")}
}

// addOptOut says what the operator wants of those who gather training data. What
// the application says about its own answer stays.
func addOptOut(h http.Header, o disclose.OptOut) {
	own := len(h[disclose.HeaderTDMReservation]) > 0 // its policy belongs to it
	for _, f := range o.Headers() {
		if f.Name == disclose.HeaderTDMPolicy && own || len(h[f.Name]) > 0 {
			continue
		}
		h[f.Name] = []string{f.Value}
	}
}

// addLink points to the document that says who runs this deployment.
func addLink(h http.Header) {
	for _, v := range h["Link"] {
		if strings.Contains(v, `rel="ai-disclosure"`) {
			return
		}
	}
	h["Link"] = append(h["Link"], linkValue)
}
