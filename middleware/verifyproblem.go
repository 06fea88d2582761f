package middleware

import (
	"net/http"
	"strings"
	"time"
)

// The problems of the verification service; docs/api.md says what to do about each.
var (
	problemQuestion = problem{Type: problemBase + "bad_question", Title: "The question could not be read", Status: http.StatusBadRequest,
		Detail: `Send one file as multipart/form-data field "file", a raw body with its Content-Type, or JSON {"text": "..."}. Pictures are PNG, JPEG or WebP, whole and undamaged.`}
	problemTooLarge = problem{Type: problemBase + "too_large", Title: "The input is too large", Status: http.StatusRequestEntityTooLarge}
	problemToken    = problem{Type: problemBase + "unknown_token", Title: "The token is not known", Status: http.StatusUnauthorized,
		Detail: "Leave Authorization out for a public answer, or ask the operator for a verifier's token."}
	problemVerifiersOnly = problem{Type: problemBase + "text_verifiers_only", Title: "Text is for authenticated verifiers", Status: http.StatusForbidden,
		Detail: "This service checks pictures for everybody, and text for those who send a verifier's token (Authorization: Bearer ...). Ask the operator for one."}
	problemURLOff = problem{Type: problemBase + "url_input_off", Title: "Questions by address are switched off", Status: http.StatusForbidden,
		Detail: "Download the file and send it instead."}
	problemURL = problem{Type: problemBase + "url_unreadable", Title: "The address could not be read", Status: http.StatusBadRequest,
		Detail: "Give a public https address of a file of at most 20 MiB, or download the file and send it instead."}
	problemRate = problem{Type: problemBase + "rate_limited", Title: "Too many questions", Status: http.StatusTooManyRequests,
		Detail: "Wait as long as Retry-After says, then go on."}
	problemConcurrent = problem{Type: problemBase + "too_many_at_once", Title: "Too many questions at once", Status: http.StatusTooManyRequests,
		Detail: "Wait for an answer before you ask on."}
	problemNear = problem{Type: problemBase + "near_duplicates", Title: "Too many versions of the same content", Status: http.StatusTooManyRequests,
		Detail: "Many slightly different versions of this content were asked about today; that is how marks are removed by trial. Ask again as late as Retry-After says, or with a verifier's token."}
	problemBusy = problem{Type: problemBase + "busy", Title: "The service is busy", Status: http.StatusServiceUnavailable, wait: 5 * time.Second,
		Detail: "Nothing was inspected. Try again after Retry-After."}
	problemUnsigned = problem{Type: problemBase + "unsigned", Title: "Answers are not signed here", Status: http.StatusNotAcceptable,
		Detail: "Ask with Accept: application/json. This service has no key to sign with."}
	problemSigner = problem{Type: problemBase + "signer", Title: "The answer could not be signed", Status: http.StatusServiceUnavailable,
		Detail: "Try again, or ask with Accept: application/json."}
	problemBinding = problem{Type: problemBase + "bad_binding", Title: "The binding could not be read", Status: http.StatusBadRequest,
		Detail: "Give alg and value, the value in base64, and maxResults from 1 to 100."}
	problemLong = problem{Type: problemBase + "uri_too_long", Title: "The address is too long", Status: http.StatusRequestURITooLong,
		Detail: `Send the same as JSON with POST: {"alg": "...", "value": "..."}.`}
	problemRecords = problem{Type: problemBase + "records_down", Title: "Records cannot be asked", Status: http.StatusServiceUnavailable, wait: recordsRetry,
		Detail: "Try again after Retry-After."}
	problemFeedback = problem{Type: problemBase + "bad_feedback", Title: "The feedback could not be read", Status: http.StatusBadRequest,
		Detail: `Send JSON (Content-Type: application/json) {"report": "the report's sha256, or an id", "kind": "wrong", "missing" or "other", "comment": "at most 1000 characters"}.`}
	problemNotFound = problem{Type: problemBase + "not_found", Title: "Nothing is here", Status: http.StatusNotFound,
		Detail: "The service's description, /avow/v1/openapi.json by default, lists what there is."}
)

// after is the problem with the time after which to ask again.
func (p problem) after(wait time.Duration) *problem {
	p.wait = max(wait, time.Second)
	return &p
}

// problemMethod names the methods of a path.
func problemMethod(allowed string) problem {
	if allowed == get {
		allowed = http.MethodGet
	}
	return problem{Type: problemBase + "method", Title: "Method not allowed", Status: http.StatusMethodNotAllowed,
		Detail: "Ask with " + strings.ReplaceAll(strings.ReplaceAll(allowed, "HEAD, ", ""), ", ", " or ") + "."}
}
