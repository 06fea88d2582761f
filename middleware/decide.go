package middleware

import (
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
)

// An action is what happens to a response.
type action uint8

const (
	actHeader   action = iota // bytes untouched, header added
	actBare                   // bytes untouched, no header of ours: 304
	actHuman                  // bytes and header untouched: a person's own
	actUnknown                // bytes untouched through a disclose.Writer, which names what is missing
	actStream                 // marked as it comes
	actHold                   // held, marked, sent
	actWithhold               // refused
)

var actionNames = [...]string{"header", "bare", "human", "unknown", "stream", "hold", "withhold"}

func (a action) String() string { return actionNames[a] }

// A policy is what decide has to know beside the response.
type policy struct {
	profile         disclose.Profile
	proxy           bool
	obeyNoTransform bool
	shape           disclose.Shape
	require         disclose.CarrierSet
	manifests       bool // outputs are signed
	author          disclose.Author
	speaks          bool // something goes before a person's own text
	edit            Edit
}

// A plan is decide's answer.
type plan struct {
	action action
	reason disclose.Reason
	// decode names the content coding to undo first, "" for none.
	decode string
	// changes: a GET's body would be rewritten, so length and validators are
	// not the upstream's.
	changes bool
	// noTransform: the response forbade changes and was overruled.
	noTransform bool
}

// decide says what happens to a response. It is the only place that does, and
// it looks at nothing but its arguments.
func decide(method string, status int, h http.Header, p policy) plan {
	switch {
	case status == http.StatusSwitchingProtocols || method == http.MethodConnect && status/100 == 2:
		return p.unmarkable(disclose.ReasonUpgrade)
	case status == http.StatusNotModified:
		return plan{action: actBare, changes: true}
	case p.author == disclose.AuthorHuman:
		return p.human(status, h)
	case status/100 != 2:
		return plan{action: actHeader, reason: disclose.ReasonErrorStatus}
	case status == http.StatusNoContent || status == http.StatusResetContent:
		return plan{action: actHeader}
	case p.edit == EditStandard:
		return plan{action: actHeader, reason: disclose.ReasonExempt}
	case status == http.StatusPartialContent || h.Get("Content-Range") != "":
		return p.unmarkable(disclose.ReasonPartialContent)
	case isFrames(h.Get("Content-Type")):
		return p.unmarkable(disclose.ReasonUpgrade)
	}
	return p.body(h)
}

// human decides about a person's own answer: it stays as it is, save for a
// sentence before its text where one is due and the text is within reach.
func (p policy) human(status int, h http.Header) plan {
	out := plan{action: actHuman, reason: disclose.ReasonNotAI}
	kind := disclose.Classify(h.Get("Content-Type"))
	if !p.speaks || status != http.StatusOK || h.Get("Content-Range") != "" || kind == disclose.KindImage {
		return out
	}
	p.require = 0
	if body := p.body(h); body.action == actStream || body.action == actHold {
		return body
	}
	return out
}

// body decides about a response with a whole body.
func (p policy) body(h http.Header) plan {
	forbidden := p.proxy && hasToken(h["Cache-Control"], "no-transform")
	if forbidden && p.obeyNoTransform {
		return plan{action: actHeader, reason: disclose.ReasonNoTransform}
	}
	mode := p.mode(h.Get("Content-Type"))
	if mode == disclose.ModePass {
		if p.require.Without(disclose.CarrierHeader) != 0 {
			return plan{action: actWithhold, reason: disclose.ReasonUnknownShape}
		}
		return plan{action: actUnknown, reason: disclose.ReasonUnknownShape}
	}
	coding, known := contentCoding(h["Content-Encoding"])
	if !known {
		return p.unmarkable(disclose.ReasonEncoded)
	}
	out := plan{action: actStream, decode: coding, changes: true, noTransform: forbidden}
	if mode == disclose.ModeHold {
		out.action = actHold
	}
	return out
}

// mode is how disclose would treat the body. An API that answers with text or a
// page where JSON was promised is not spliced into: nothing tells what it is.
func (p policy) mode(contentType string) disclose.Mode {
	kind := disclose.Classify(contentType)
	if isAPI(p.shape) && (kind == disclose.KindText || kind == disclose.KindHTML) {
		return disclose.ModePass
	}
	if kind == disclose.KindMedia && !p.manifests {
		return disclose.ModePass // nothing else can be attached to it
	}
	return disclose.PlanFor(p.shape, contentType)
}

// unmarkable asks the profile about a response whose body is out of reach.
func (p policy) unmarkable(r disclose.Reason) plan {
	if p.require.Without(disclose.CarrierHeader) != 0 || p.profile.On(r) == disclose.Withhold {
		return plan{action: actWithhold, reason: r}
	}
	return plan{action: actHeader, reason: r}
}

// isUIStream reports whether a response speaks the UI message stream of
// Vercel's AI SDK, which no path tells.
func isUIStream(h http.Header) bool {
	return h.Get("X-Vercel-Ai-Ui-Message-Stream") != "" && disclose.Classify(h.Get("Content-Type")) == disclose.KindSSE
}

// isDownload reports whether a response is to be saved (RFC 6266).
func isDownload(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Disposition"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "attachment")
}

func isFrames(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(t), "application/vnd.amazon.eventstream")
}

// contentCoding returns the one coding that a body has, "" for none, and
// whether it can be undone. Two layers cannot.
func contentCoding(values []string) (coding string, known bool) {
	for _, v := range values {
		for tok := range strings.SplitSeq(v, ",") {
			tok = strings.ToLower(strings.TrimSpace(tok))
			if tok == "" || tok == "identity" {
				continue
			}
			if coding != "" {
				return coding, false
			}
			coding = strings.TrimPrefix(tok, "x-")
		}
	}
	return coding, coding == "" || decoders[coding] != nil
}
