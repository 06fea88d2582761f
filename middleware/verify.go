package middleware

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/avowai/avow/disclose"
)

// Limits of a question to the verification service.
const (
	maxUpload = 20 << 20 // bytes
	maxParts  = 10
)

// Errors of a question, each with the status that answers it.
var (
	errMethod    = errors.New("middleware: not a POST")
	errNoFile    = errors.New("middleware: no file in the form")
	errManyFiles = errors.New("middleware: more than one file in the form")
	errManyParts = errors.New("middleware: more than 10 parts in the form")
	errNoText    = errors.New("middleware: JSON without a text")
	errForm      = errors.New("middleware: form cannot be read")
)

// VerifyHandler answers POST requests with the public report about what they
// carry: a raw body with its Content-Type, a form with one field "file", or JSON
// {"text": "..."}. A question is at most 20 MiB; nothing of it is kept.
func VerifyHandler(d *disclose.Detector) http.Handler {
	return newVerify(d, &Metrics{}, slog.New(slog.DiscardHandler))
}

func newVerify(d *disclose.Detector, m *Metrics, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		report, err := inspect(d, w, r)
		if err != nil {
			p := verifyProblem(err)
			p.RequestID = requestID(r)
			if p.Status == http.StatusMethodNotAllowed {
				w.Header().Set("Allow", http.MethodPost)
			}
			log.Info("verification not answered", "error", err)
			p.write(w, r)
			return
		}
		m.verified(disclose.Classify(report.ContentType).Modality(), report.Verdict)
		writeJSON(w, inLanguage(w, r, report.Public()))
	})
}

func inspect(d *disclose.Detector, w http.ResponseWriter, r *http.Request) (*disclose.Report, error) {
	if r.Method != http.MethodPost {
		return nil, errMethod
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	switch {
	case media == "multipart/form-data":
		return inspectForm(d, r)
	case media == "application/json":
		return inspectJSON(d, r)
	}
	return d.Inspect(r.Context(), r.Body, disclose.Source{Name: "body", ContentType: r.Header.Get("Content-Type")})
}

// inspectForm looks at the one file of a form. The form is read to its end, so
// that a second file is refused rather than ignored.
func inspectForm(d *disclose.Detector, r *http.Request) (*disclose.Report, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, errors.Join(errForm, err)
	}
	var report *disclose.Report
	for parts := 0; ; parts++ {
		part, err := form.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && report == nil:
			return nil, errNoFile
		case errors.Is(err, io.EOF):
			return report, nil
		case err != nil:
			return nil, errors.Join(errForm, err)
		case parts >= maxParts:
			return nil, errManyParts
		case part.FormName() != "file":
			continue
		case report != nil:
			return nil, errManyFiles
		}
		report, err = d.Inspect(r.Context(), part, disclose.Source{
			Name: cutName(part.FileName()), ContentType: part.Header.Get("Content-Type")})
		if err != nil {
			return nil, err
		}
	}
}

// cutName keeps a file's name short and printable.
func cutName(name string) string {
	return disclose.Printable(strings.ToValidUTF8(name[:min(len(name), 128)], ""))
}

// inspectJSON looks at the text of {"text": "..."}; other JSON is itself what is
// asked about, as an API's answer is JSON too.
func inspectJSON(d *disclose.Detector, r *http.Request) (*disclose.Report, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var question map[string]json.RawMessage
	if json.Unmarshal(body, &question) == nil && len(question) == 1 && question["text"] != nil {
		var text *string
		if err := json.Unmarshal(question["text"], &text); err != nil || text == nil {
			return nil, errNoText
		}
		return d.Inspect(r.Context(), strings.NewReader(*text), disclose.Source{Name: "text", ContentType: "text/plain; charset=utf-8"})
	}
	return d.Inspect(r.Context(), bytes.NewReader(body), disclose.Source{Name: "body", ContentType: "application/json"})
}

func verifyProblem(err error) problem {
	p := problem{Type: problemBase + "bad_question", Title: "The question could not be read", Status: http.StatusBadRequest,
		Detail: `Send one file as multipart/form-data field "file", a raw body with its Content-Type, or JSON {"text": "..."}.`}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) || errors.Is(err, disclose.ErrInputTooLarge):
		p.Type, p.Title, p.Status = problemBase+"too_large", "The input is too large", http.StatusRequestEntityTooLarge
		p.Detail = "Send at most 20 MiB."
	case errors.Is(err, errMethod):
		p.Status, p.Detail = http.StatusMethodNotAllowed, "Ask with POST."
	case errors.Is(err, errManyFiles), errors.Is(err, errManyParts):
		p.Detail = "Send one file, in a form of at most 10 parts."
	}
	return p
}

func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		body = []byte("{}") // cannot happen: reports hold plain values
	}
	writeDocument(w, append(body, '\n'), "no-store")
}

func writeDocument(w http.ResponseWriter, body []byte, cache string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", cache)
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
}

// WellKnownHandler serves the document that says who runs this deployment, at
// disclose.WellKnownPath.
func WellKnownHandler(doc disclose.WellKnown) http.Handler {
	return documentHandler(doc.JSON())
}

// TDMRepHandler serves the document of the TDM Reservation Protocol, at
// disclose.TDMRepPath; where o states no reservation, it finds nothing.
func TDMRepHandler(o disclose.OptOut) http.Handler {
	body := o.TDMRep()
	if body == nil {
		return http.NotFoundHandler()
	}
	return documentHandler(body)
}

// documentHandler serves a public JSON document.
func documentHandler(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem{Type: problemBase + "method", Title: "Method not allowed", Status: http.StatusMethodNotAllowed,
				Detail: "Ask with GET."}.write(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		writeDocument(w, body, "public, max-age=3600")
	})
}
