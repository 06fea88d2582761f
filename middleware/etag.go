package middleware

import (
	"net/http"
	"strings"
)

// A marked body is no longer the upstream's, so its entity tag (RFC 9110
// section 8.8.3) may not be either: it becomes weak, with "-m" and the policy's
// hash at its end. On the way back in the suffix is taken off again.

const maxValidators = 8 << 10 // bytes of If-None-Match that are looked at

// markETag rewrites the response's entity tag, where it has one.
func markETag(h http.Header, policy string) {
	v := h.Get("Etag")
	if v == "" {
		return
	}
	opaque, ok := opaqueTag(v)
	if !ok {
		h.Del("Etag")
		return
	}
	suffix := "-m" + policy
	if !strings.HasSuffix(opaque, suffix) {
		opaque += suffix
	}
	h.Set("Etag", `W/"`+opaque+`"`)
}

// opaqueTag returns what stands between the quotes of one entity tag.
func opaqueTag(v string) (string, bool) {
	v = strings.TrimPrefix(strings.TrimSpace(v), "W/")
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' || strings.Contains(v[1:len(v)-1], `"`) {
		return "", false
	}
	return v[1 : len(v)-1], true
}

// restoreValidators turns our entity tags in conditional headers back into the
// upstream's. In If-None-Match tags that are not ours are dropped: the client's
// copy is not what this policy would send. In If-Match, which guards changes,
// they stay, so that a condition never silently goes away.
func restoreValidators(h http.Header, policy string) {
	if v, ok := h["If-None-Match"]; ok {
		setList(h, "If-None-Match", restored(v, policy, false))
	}
	if v, ok := h["If-Match"]; ok {
		if kept := restored(v, policy, true); len(kept) > 0 {
			setList(h, "If-Match", kept)
		}
	}
}

func setList(h http.Header, name string, list []string) {
	if len(list) == 0 {
		h.Del(name)
		return
	}
	h.Set(name, strings.Join(list, ", "))
}

func restored(values []string, policy string, guard bool) []string {
	joined := strings.Join(values, ",")
	if len(joined) > maxValidators {
		return nil
	}
	if strings.TrimSpace(joined) == "*" {
		return []string{"*"}
	}
	var out []string
	for _, tag := range splitTags(joined) {
		opaque, ok := opaqueTag(tag)
		base, ours := strings.CutSuffix(opaque, "-m"+policy)
		switch {
		case ok && ours && guard:
			out = append(out, `"`+base+`"`)
		case ok && ours: // the upstream's may have been strong or weak
			out = append(out, `"`+base+`"`, `W/"`+base+`"`)
		case ok && guard:
			out = append(out, tag)
		}
	}
	return out
}

// splitTags cuts a list of entity tags at the commas outside quotes.
func splitTags(s string) []string {
	var out []string
	quoted, start := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			out = append(out, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}
