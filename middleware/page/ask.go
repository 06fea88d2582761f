package page

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
)

// formSpace is how much of what a backend reads a form takes beside the file, in
// bytes: boundaries, header fields, a long name.
const formSpace = 4 << 10

// An Answer is what a backend says about one input.
type Answer struct {
	Report *disclose.Report
	// Language is that of the report's summary and limits; the zero value is English.
	Language language.Tag
	Time     time.Time // of the inspection
	KeyIDs   []string  // of the keys that marks were looked for under
	// JSON is the report as the API gives it; Signed the same as a JWS in compact
	// serialisation (RFC 7515), nil where reports are not signed.
	JSON, Signed []byte
}

// Feedback is what somebody says about a report.
type Feedback struct {
	Report  string // the SHA-256 of what was checked, in hexadecimal; "" for none
	Kind    string // wrong, missing or other
	Comment string
}

// A Kind names why a question has no answer. The set is closed.
type Kind string

// The kinds of problems.
const (
	TooLarge    Kind = "too_large"
	Unreadable  Kind = "unreadable"    // nothing that can be looked at, or broken
	TooMany     Kind = "too_many"      // questions of one address
	NearTheSame Kind = "near_the_same" // too many versions of the same content
	Busy        Kind = "busy"          // all places are taken
	BadLink     Kind = "bad_link"      // an address that is not fetched
	TextRefused Kind = "text_refused"  // text is not for everybody here
	NoFeedback  Kind = "no_feedback"   // that can be read
	Failed      Kind = "failed"
)

const (
	maxFeedback  = 16 << 10    // bytes of the form
	feedbackPath = "/feedback" // below the page
)

// A Problem says why a question has no answer.
type Problem struct {
	Kind      Kind
	Status    int           // of HTTP
	Wait      time.Duration // before it helps to ask again; 0 for unknown
	RequestID string        // by which the operator finds it in his log
}

// answer hands the form to the backend and shows the report, or what went wrong.
func (h *handler) answer(w http.ResponseWriter, r *http.Request) {
	// The backend answers in the language that the page is shown in.
	q := r.Clone(r.Context())
	q.Header.Set("Accept-Language", wordsFor(r).tag.String())
	answer, problem := h.b.Ask(w, q)
	h.reply(w, r, view{answer: answer, problem: problem})
}

// foreign reports whether a page of another origin sent a form. Browsers say so
// (Fetch Metadata); to plain http they send no more than an Origin, which a page may
// hide.
func foreign(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site != "same-origin" && site != "none"
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host != r.Host
}

// seconds rounds up: who comes too early comes in vain.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// takeFeedback hands on what somebody says about a report. No foreign page makes
// its visitors write to an operator's log.
func (h *handler) takeFeedback(w http.ResponseWriter, r *http.Request) {
	q := r.Clone(r.Context())
	q.Body = http.MaxBytesReader(w, r.Body, maxFeedback)
	if err := q.ParseForm(); err != nil || foreign(r) {
		h.reply(w, r, view{problem: &Problem{Kind: NoFeedback, Status: http.StatusBadRequest}})
		return
	}
	// Forms write line ends as CRLF.
	comment := strings.ReplaceAll(q.PostForm.Get("comment"), "\r\n", "\n")
	problem := h.b.Feedback(w, r, Feedback{q.PostForm.Get("report"), q.PostForm.Get("kind"), comment})
	h.reply(w, r, view{Thanks: problem == nil, problem: problem})
}

func (h *handler) reply(w http.ResponseWriter, r *http.Request, v view) {
	status := http.StatusOK
	if v.problem != nil {
		status = v.problem.Status
		if status < http.StatusBadRequest {
			status = http.StatusInternalServerError
		}
		if v.problem.Wait > 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(seconds(v.problem.Wait), 10))
		}
		if v.problem.RequestID != "" {
			w.Header().Set("X-Request-Id", v.problem.RequestID)
		}
	}
	h.show(w, r, status, v)
}
