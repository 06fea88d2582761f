package middleware

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
)

// A reply is what the service says about one input: the report, and what belongs
// to the answer rather than to the input.
type reply struct {
	*disclose.Report
	Tested   tested `json:"tested"`
	Exact    bool   `json:"exact"`    // false where figures are rounded for strangers
	Privacy  string `json:"privacy"`  // what becomes of the input
	Feedback string `json:"feedback"` // where to say that it is wrong
}

// tested says when an input was inspected, and which keys marks were looked for
// under.
type tested struct {
	Time   string   `json:"time"`
	KeyIDs []string `json:"key_ids"`
}

const privacyNote = "The input was not kept."

// serveVerify answers POST /v1/verify.
func (s *VerifyService) serveVerify(w http.ResponseWriter, r *http.Request) {
	signed := accepts(r, mediaSigned)
	if signed && s.signer == nil {
		s.refuse(w, r, problemUnsigned)
		return
	}
	rep, p := s.ask(w, r)
	if p != nil {
		s.refuse(w, r, *p)
		return
	}
	w.Header().Add("Vary", "Accept, Authorization")
	switch {
	case !signed && accepts(r, "text/html"):
		s.writeFragment(w, rep)
		return
	case !signed:
		writeJSON(w, rep)
		return
	}
	jws, err := s.sign(rep)
	if err != nil {
		s.o.Logger.Error("report not signed", "error", err)
		s.refuse(w, r, problemSigner)
		return
	}
	writeBody(w, jws, mediaSigned, "no-store")
}

// ask reads the question in a request and answers it: a form (multipart/form-data)
// with a field "file", "text" or "url", a raw body with its Content-Type, or JSON
// {"text": "…"} or {"url": "https://…"}. All limits are applied, and their header
// fields set on w; the request's method is the caller's business. The report in the
// reply is the coarse one for the public, unless an authenticated verifier asks.
//
// Where there is no answer it returns the problem, which the caller hands to refuse,
// or shows in a page of its own.
func (s *VerifyService) ask(w http.ResponseWriter, r *http.Request) (*reply, *problem) {
	rep, exact, p := s.inspect(w, r)
	if p != nil {
		return nil, p
	}
	out := &reply{
		Report: rep.Public(), Exact: exact, Privacy: privacyNote, Feedback: s.feedbackURL(),
		Tested: tested{s.now().UTC().Format(time.RFC3339), s.o.Detector.KeyIDs()},
	}
	if exact {
		out.Report = rep
	}
	out.Report = inLanguage(w, r, out.Report)
	return out, nil
}

// inspect applies the limits, reads the question, and returns the exact report; the
// caller makes it coarse where it goes to strangers.
func (s *VerifyService) inspect(w http.ResponseWriter, r *http.Request) (rep *disclose.Report, exact bool, p *problem) {
	defer func() {
		if p != nil {
			s.drain(w, r)
		}
	}()
	release, p := s.enter(w, r, questions)
	if p != nil {
		return nil, false, p
	}
	defer release()
	exact, ok := s.authenticated(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		return nil, false, &problemToken
	}
	q, err := s.read(r.Context(), w, r)
	if err != nil {
		return nil, false, s.problem(r, err)
	}
	defer q.release()
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.Time) // from here: sending is the client's time
	defer cancel()
	if rep, err = s.look(ctx, q, exact); err != nil {
		return nil, false, s.problem(r, err)
	}
	modality := disclose.Classify(rep.ContentType).Modality()
	s.o.Metrics.verified(modality, rep.Verdict)
	return rep, exact, nil
}

// drainTime bounds drain.
const drainTime = 10 * time.Second

// drain reads what is left of a question that is refused, and forgets it. Browsers
// and most programs look for an answer when they have sent all; a connection closed
// before that shows them no answer at all. Who waits for permission to send
// (Expect) gets it from nobody.
func (s *VerifyService) drain(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Header.Get("Expect") != "" {
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(drainTime)) // not every writer can
	_, _ = io.CopyN(io.Discard, r.Body, s.limits.Upload)
	_ = control.SetReadDeadline(time.Time{})
}

// look inspects a question. Strangers' questions count towards their group of near
// duplicates first: a picture's as soon as it is decoded, all else's by its words.
func (s *VerifyService) look(ctx context.Context, q *question, exact bool) (*disclose.Report, error) {
	if exact {
		return s.o.Detector.InspectBytes(ctx, q.data, q.source)
	}
	if s.o.TextVerifiersOnly && q.text() {
		return nil, errVerifiersOnly
	}
	now := s.now()
	keys := s.groups.keysAt(now)
	exactly := keys.exactly(q.data)
	if !q.picture() {
		if err := s.groups.admit(ofText, []uint64{keys.words(q.data)}, exactly, now); err != nil {
			return nil, err
		}
	}
	pictures := uint64(0) // each picture of an answer is a version of its own
	q.source.Gate = func(img image.Image) ([]byte, error) {
		low := lowOf(img)
		pictures++
		return low.bucket(), s.groups.admit(ofPicture, keys.looks(low), exactly+pictures, now)
	}
	texts := uint64(0) // an answer's text does not change with what stands around it
	q.source.TextGate = func(words string) error {
		texts++
		return s.groups.admit(ofText, []uint64{keys.words([]byte(words))}, exactly+texts-1, now)
	}
	rep, err := s.o.Detector.InspectBytes(ctx, q.data, q.source)
	if err == nil && s.o.TextVerifiersOnly && disclose.Classify(rep.ContentType).Modality() == "text" {
		return nil, errVerifiersOnly
	}
	return rep, err
}

// authenticated reports whether a verifier's token came along; ok is false for one
// that is not known. Every token is compared, in constant time.
func (s *VerifyService) authenticated(r *http.Request) (exact, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false, true // such as the credentials of a page in front
	}
	sum, found := sha256.Sum256([]byte(strings.TrimSpace(token))), 0
	for _, known := range s.o.VerifierTokens {
		found |= subtle.ConstantTimeCompare(sum[:], known[:])
	}
	return found == 1, found == 1
}

// problem says what is wrong with a question.
func (s *VerifyService) problem(r *http.Request, err error) *problem {
	var near *nearError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &near):
		return problemNear.after(near.wait)
	case errors.As(err, &tooLarge) || errors.Is(err, disclose.ErrInputTooLarge) || errors.Is(err, errLength):
		p := problemTooLarge
		p.Detail = fmt.Sprintf("Send at most %d bytes, and scale larger pictures down first: by default at most 24 million pixels are read.", s.limits.Upload)
		return &p
	case errors.Is(err, errVerifiersOnly):
		return &problemVerifiersOnly
	case errors.Is(err, errURLOff):
		return &problemURLOff
	case errors.Is(err, errURL):
		return &problemURL
	case errors.Is(err, errManyFiles), errors.Is(err, errManyParts), errors.Is(err, errManyHeaders):
		p := problemQuestion
		p.Detail = "Send one file, text or address, in a form of at most 10 parts with 16 header fields each."
		return &p
	case errors.Is(err, errUploadsFull), errors.Is(err, disclose.ErrBusy), errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil:
		return &problemBusy
	}
	return &problemQuestion
}

func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		body = []byte("{}") // cannot happen: reports hold plain values
	}
	writeBody(w, append(body, '\n'), "application/json", "no-store")
}

func writeBody(w http.ResponseWriter, body []byte, mediaType, cache string) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", cache)
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
}
