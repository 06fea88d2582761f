package middleware

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/avowai/avow/disclose"
)

const (
	maxFeedback = 16 << 10 // bytes
	maxComment  = 1000     // characters
)

// A FeedbackKind says what is wrong with a report.
type FeedbackKind string

// The kinds of feedback.
const (
	FeedbackWrong   FeedbackKind = "wrong"   // a mark was reported that is none, or another's
	FeedbackMissing FeedbackKind = "missing" // a mark was not found
	FeedbackOther   FeedbackKind = "other"
)

var feedbackKinds = []FeedbackKind{FeedbackWrong, FeedbackMissing, FeedbackOther}

// Feedback is what somebody says about a report. It asks for nothing about the
// person.
type Feedback struct {
	Report  string       `json:"report"` // the report's sha256, or an output's id
	Kind    FeedbackKind `json:"kind"`
	Comment string       `json:"comment"` // at most 1000 characters
}

var errFeedback = errors.New("middleware: no feedback that can be read")

// serveFeedback answers POST /v1/feedback. The feedback goes to the log, its
// comment cut to 256 characters, and whole to VerifyOptions.OnFeedback.
func (s *VerifyService) serveFeedback(w http.ResponseWriter, r *http.Request) {
	f, err := Feedback{}, errFeedback
	if isJSON(r) {
		f, err = readFeedback(http.MaxBytesReader(w, r.Body, maxFeedback))
	}
	if err == nil {
		err = s.takeFeedback(r.Context(), f)
	}
	if err != nil {
		s.refuse(w, r, problemFeedback)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusAccepted)
}

// isJSON reports whether a request says that it holds JSON. A browser asks first
// before it sends that for a page of another origin, and is told no.
func isJSON(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "application/json"
}

// takeFeedback hands feedback on, or returns errFeedback where it is none. The
// caller has counted the request towards its client's limits.
func (s *VerifyService) takeFeedback(ctx context.Context, f Feedback) error {
	if !f.valid() {
		return errFeedback
	}
	s.o.Metrics.feedback(f.Kind)
	s.o.Logger.Info("feedback on a report", "report", f.Report, "kind", string(f.Kind), "comment", disclose.Printable(f.Comment))
	if s.o.OnFeedback != nil {
		s.o.OnFeedback(ctx, f)
	}
	return nil
}

func (f Feedback) valid() bool {
	_, err := hex.DecodeString(f.Report)
	length := len(f.Report) == 64 || len(f.Report) == 16 || f.Report == ""
	return err == nil && length && slices.Contains(feedbackKinds, f.Kind) && utf8.RuneCountInString(f.Comment) <= maxComment
}

func readFeedback(r io.Reader) (f Feedback, err error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return f, errFeedback
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, errFeedback
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return f, errFeedback
	}
	return f, nil
}
