package middleware

import (
	"net/http"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose"
)

// digestFields are the fields that stop being true when a body changes (RFC
// 9530 and its forerunners).
var digestFields = []string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"}

// removeOwn deletes our own fields in every spelling.
func removeOwn(h http.Header) {
	for name := range h {
		if disclose.OwnHeader(strings.TrimPrefix(name, http.TrailerPrefix)) {
			delete(h, name)
		}
	}
	trimList(h, "Trailer")
	trimList(h, "Connection")
}

// trimList takes our own names out of a field that lists names.
func trimList(h http.Header, field string) {
	values := h[field]
	if len(values) == 0 {
		return
	}
	var kept []string
	dropped := false
	for name := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if disclose.OwnHeader(name) {
			dropped = true
			continue
		}
		kept = append(kept, strings.TrimSpace(name))
	}
	switch {
	case !dropped:
	case len(kept) == 0:
		h.Del(field)
	default:
		h.Set(field, strings.Join(kept, ", "))
	}
}

// setStatement writes the fields of a response on an AI route.
func setStatement(h http.Header, res disclose.Result, withID bool) {
	h[disclose.HeaderDisclosure] = []string{res.Label.HeaderValue()} // net/http would spell it Ai-Disclosure
	if withID {
		h.Set(disclose.HeaderID, disclose.FormatIDs(res.IDs))
	}
	h.Set(disclose.HeaderOutcome, disclose.OutcomeValue(res))
	h.Add("Link", `<`+disclose.WellKnownPath+`>; rel="ai-disclosure"`)
	addToList(h, "Vary", "Accept-Language")
	if res.Notice || !res.Language.IsRoot() {
		h.Set("Content-Language", res.Language.String())
	}
	makePrivate(h)
}

// makePrivate keeps shared caches from giving one answer's id to everybody.
func makePrivate(h http.Header) {
	cc := strings.ToLower(h.Get("Cache-Control"))
	switch {
	case strings.Contains(cc, "no-store") || strings.Contains(cc, "private"):
	case cc == "":
		h.Set("Cache-Control", "private")
	default:
		var kept []string
		for d := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
			if !strings.EqualFold(strings.TrimSpace(d), "public") {
				kept = append(kept, strings.TrimSpace(d))
			}
		}
		h.Set("Cache-Control", strings.Join(append(kept, "private"), ", "))
	}
}

// addToList appends a member to a comma-separated field unless it is there.
func addToList(h http.Header, field, member string) {
	for _, v := range h.Values(field) {
		for m := range strings.SplitSeq(v, ",") {
			if m = strings.TrimSpace(m); m == "*" || strings.EqualFold(m, member) {
				return
			}
		}
	}
	h.Add(field, member)
}

// setChanged removes what a changed body makes untrue.
func (c *core) setChanged(h http.Header) {
	for _, name := range digestFields {
		h.Del(name)
	}
	h.Del("Signature")
	h.Del("Signature-Input")
	h.Set("Accept-Ranges", "none")
	c.suffixTag(h)
}

// suffixTag makes an entity tag weak and adds the policy's hash.
func (c *core) suffixTag(h http.Header) {
	tag := h.Get("Etag")
	base := strings.TrimPrefix(tag, "W/")
	if tag == "" {
		return
	}
	if len(base) < 2 || base[0] != '"' || base[len(base)-1] != '"' {
		h.Del("Etag")
		return
	}
	h["Etag"] = []string{"W/" + base[:len(base)-1] + c.suffix + `"`}
}

// holdTrailers takes announced trailers out of the header, where a handler put
// them before the header left, and returns what puts them back.
func holdTrailers(h http.Header) (restore func()) {
	held := http.Header{}
	for name := range strings.SplitSeq(strings.Join(h["Trailer"], ","), ",") {
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		if v, ok := h[name]; ok && name != "" {
			held[name] = slices.Clone(v)
			delete(h, name)
		}
	}
	return func() {
		for name, v := range held {
			h[name] = v
		}
	}
}
