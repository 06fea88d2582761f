package middleware

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware/page"
)

// page is the page for people, which asks the same as the API does.
func (s *VerifyService) page() http.Handler {
	doc := s.wellKnown()
	o := page.Options{
		Path: s.base + "/verify", API: s.base + "/v1/openapi.json", Provider: doc.Provider, System: doc.System, Contact: doc.Contact,
		Links: s.o.Fetch != nil, NoText: s.o.TextVerifiersOnly, MaxUpload: s.limits.Upload,
	}
	if s.signer != nil {
		o.Keys = disclose.WellKnownPath
	}
	return page.New(pageBackend{s}, o)
}

// A pageBackend answers the page's questions with the service.
type pageBackend struct{ s *VerifyService }

// Ask implements page.Backend.
func (b pageBackend) Ask(w http.ResponseWriter, r *http.Request) (*page.Answer, *page.Problem) {
	rep, p := b.s.ask(w, r)
	if p != nil {
		return nil, b.problem(r, *p)
	}
	body, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return nil, b.problem(r, problemSigner)
	}
	answer := &page.Answer{Report: rep.Report, Language: language.Make(rep.Language), KeyIDs: rep.Tested.KeyIDs, JSON: append(body, '\n')}
	if at, err := time.Parse(time.RFC3339, rep.Tested.Time); err == nil {
		answer.Time = at
	}
	if b.s.signer == nil {
		return answer, nil
	}
	// A report that cannot be signed is shown all the same.
	if answer.Signed, err = b.s.sign(rep); err != nil {
		b.s.o.Logger.Error("report not signed", "error", err)
	}
	return answer, nil
}

// Feedback implements page.Backend.
func (b pageBackend) Feedback(w http.ResponseWriter, r *http.Request, f page.Feedback) *page.Problem {
	release, p := b.s.enter(w, r, questions)
	if p != nil {
		return b.problem(r, *p)
	}
	defer release()
	if err := b.s.takeFeedback(r.Context(), Feedback{Report: f.Report, Kind: FeedbackKind(f.Kind), Comment: f.Comment}); err != nil {
		return b.problem(r, problemFeedback)
	}
	return nil
}

// pageKinds are what the page calls the problems that it has words for.
var pageKinds = map[string]page.Kind{
	"bad_question": page.Unreadable, "too_large": page.TooLarge, "rate_limited": page.TooMany, "too_many_at_once": page.TooMany,
	"near_duplicates": page.NearTheSame, "busy": page.Busy, "url_input_off": page.BadLink, "url_unreadable": page.BadLink,
	"text_verifiers_only": page.TextRefused, "bad_feedback": page.NoFeedback,
}

// problem counts a problem as refuse does, and leaves the words to the page.
func (b pageBackend) problem(r *http.Request, p problem) *page.Problem {
	b.s.count(r, &p)
	kind, ok := pageKinds[strings.TrimPrefix(p.Type, problemBase)]
	if !ok {
		kind = page.Failed
	}
	return &page.Problem{Kind: kind, Status: p.Status, Wait: p.wait, RequestID: p.RequestID}
}

// writeFragment answers with the piece of HTML that a platform shows beside what it
// asked about.
func (s *VerifyService) writeFragment(w http.ResponseWriter, rep *reply) {
	out, err := disclose.Fragment(rep.Report, disclose.FragmentOptions{
		Language: language.Make(rep.Language), Inspect: s.address(s.base + "/verify")})
	if err != nil {
		writeJSON(w, rep) // cannot happen: the template is compiled in
		return
	}
	// Opened by itself it loads and sends nothing.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'")
	writeBody(w, []byte(out), "text/html; charset=utf-8", "no-store")
}
