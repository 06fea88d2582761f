package middleware

import (
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
)

// A verb is what is done with an answer.
type verb uint8

const (
	passOn     verb = iota // bytes and header as they came
	headerOnly             // bytes as they came, with our header
	rewrite                // through a disclose.Writer
	refuseIt               // an error answer instead
)

// A plan is what was decided about an answer from its status and header.
type plan struct {
	verb   verb
	reason disclose.Reason
	mode   disclose.Mode
	kind   disclose.Kind
	coding string // Content-Encoding to undo first
}

// A policy is what decide needs to know beside the answer.
type policy struct {
	profile         disclose.Profile
	shape           disclose.Shape
	obeyNoTransform bool
}

// decide says what to do with an answer. It is pure: everything about pass,
// stream and hold is answered here and nowhere else.
func decide(method string, status int, h http.Header, p policy) plan {
	contentType := h.Get("Content-Type")
	pl := plan{verb: rewrite, kind: disclose.Classify(contentType), mode: disclose.PlanFor(p.shape, contentType)}
	switch {
	case status == http.StatusSwitchingProtocols:
		return pl.because(headerOnly, disclose.ReasonUpgrade)
	case status == http.StatusNoContent || status == http.StatusNotModified:
		return pl.because(headerOnly, disclose.ReasonNone)
	case status < 200 || status > 299:
		return pl.because(passOn, disclose.ReasonErrorStatus)
	case status == http.StatusPartialContent:
		return pl.ifAllowed(p, disclose.ReasonPartialContent)
	case mediaTypeIs(contentType, "application/vnd.amazon.eventstream"):
		return pl.ifAllowed(p, disclose.ReasonUpgrade)
	case p.obeyNoTransform && hasDirective(h, "no-transform"):
		return pl.because(headerOnly, disclose.ReasonNoTransform)
	case method == http.MethodHead:
		return pl.because(headerOnly, disclose.ReasonNone)
	}
	pl.coding = strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding")))
	if pl.coding == "identity" {
		pl.coding = ""
	}
	if pl.coding != "" && pl.mode != disclose.ModePass && !canDecode(pl.coding) {
		return pl.ifAllowed(p, disclose.ReasonEncoded)
	}
	if pl.mode == disclose.ModePass {
		pl.coding = "" // bytes stay as they are
	}
	return pl
}

func (pl plan) because(v verb, r disclose.Reason) plan {
	pl.verb, pl.reason = v, r
	return pl
}

// ifAllowed passes an answer with the header, unless the profile refuses it.
func (pl plan) ifAllowed(p policy, r disclose.Reason) plan {
	if p.profile.On(r) == disclose.Withhold {
		return pl.because(refuseIt, r)
	}
	return pl.because(headerOnly, r)
}

func mediaTypeIs(contentType, want string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(t), want)
}

func hasDirective(h http.Header, want string) bool {
	for _, v := range h.Values("Cache-Control") {
		for d := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(d), want) {
				return true
			}
		}
	}
	return false
}
