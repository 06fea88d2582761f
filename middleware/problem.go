package middleware

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
)

// problemType starts the stable type of every error answer.
const problemType = "https://github.com/avowai/avow/blob/main/docs/problems.md#"

// A problem is an error answer (RFC 9457). The member error repeats it in the
// form that the OpenAI clients show to their users.
type problem struct {
	Type     string       `json:"type"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail"`
	Instance string       `json:"instance"`
	Error    *openAIError `json:"error,omitempty"`
}

type openAIError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    string `json:"code"`
}

// titles say in a few words why an output is withheld.
var titles = map[disclose.Reason]string{
	disclose.ReasonURLOnly:         "The image was given only by URL and could not be marked",
	disclose.ReasonUpgrade:         "This connection's frames cannot be marked",
	disclose.ReasonUndecodable:     "The image could not be read and so not be marked",
	disclose.ReasonTooLarge:        "The output is too large to be marked",
	disclose.ReasonTooSmall:        "The image is too small to be marked",
	disclose.ReasonUnknownShape:    "The output has a form that could not be marked",
	disclose.ReasonMarkerError:     "The output could not be marked",
	disclose.ReasonPartialContent:  "Part of an output cannot be marked",
	disclose.ReasonEncoded:         "The output's encoding could not be undone",
	disclose.ReasonLedgerDown:      "Outputs cannot be recorded at present",
	disclose.ReasonTruncated:       "The backend broke off its answer",
	disclose.ReasonForeignManifest: "The image carries a manifest that marking would break",
	disclose.ReasonToolCall:        "The answer calls a tool and holds no text for a notice",
}

func withheldStatus(r disclose.Reason) int {
	switch r {
	case disclose.ReasonUpgrade:
		return http.StatusNotImplemented
	case disclose.ReasonLedgerDown:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}

// writeWithheld answers with the reason why an output is not sent.
func writeWithheld(w http.ResponseWriter, r *http.Request, held *disclose.Withheld) {
	title := titles[held.Reason]
	if title == "" {
		title = "The output could not be marked"
	}
	status := withheldStatus(held.Reason)
	h := w.Header()
	clear(h)
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
	h.Set(disclose.HeaderOutcome, "withheld; reason="+string(held.Reason))
	writeProblem(w, r, status, string(held.Reason), title, held.Hint)
}

// writeProblem answers with problem+json. The detail says what to do.
func writeProblem(w http.ResponseWriter, r *http.Request, status int, code, title, detail string) {
	id := requestID(r)
	p := problem{Type: problemType + code, Title: title, Status: status, Detail: detail, Instance: "urn:request:" + id,
		Error: &openAIError{Message: title + ". " + detail, Type: "avow_" + code, Code: code}}
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"title":"internal error"}`) // cannot happen: strings and numbers
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", id)
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n'))
	}
}

const maxRequestID = 64

// requestID is the client's id of the request where it is harmless, else a
// random one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	plain := strings.IndexFunc(id, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}) < 0
	if id != "" && len(id) <= maxRequestID && plain {
		return id
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
