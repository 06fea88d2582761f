package middleware

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/avowai/avow/disclose"
)

const (
	maxUpload = 20 << 20 // bytes of a file to verify
	maxParts  = 10       // parts of a form
)

// WellKnownHandler serves the document at /.well-known/ai-disclosure.json.
func WellKnownHandler(doc disclose.WellKnown) http.Handler {
	body := doc.JSON()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, r, http.StatusMethodNotAllowed, "method", "This document can only be read", "Use GET.")
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method == http.MethodGet {
			_, _ = w.Write(body)
		}
	})
}

// VerifyHandler answers which marks an upload carries: POST with a raw body and
// its Content-Type, with multipart/form-data and a field called file, or with
// JSON {"text": "…"}. The answer is the public form of a Report. Nothing of the
// upload is kept.
func VerifyHandler(d *disclose.Detector) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST")
			writeProblem(w, r, http.StatusMethodNotAllowed, "method", "Send what is to be verified", "Use POST with the file as the body.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload+64<<10)
		body, src, err := upload(r)
		if err == nil {
			var report *disclose.Report
			if report, err = d.Inspect(r.Context(), body, src); err == nil {
				writeReport(w, report)
				return
			}
		}
		status, code, hint := verifyProblem(err)
		writeProblem(w, r, status, code, "The upload could not be verified", hint)
	})
}

func writeReport(w http.ResponseWriter, report *disclose.Report) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set(verdictHeader, string(report.Verdict))
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(report.Public()) // the client left
}

// verdictHeader repeats the verdict for scripts that read no JSON.
const verdictHeader = "Avow-Verdict"

var errForm = errors.New("middleware: the form has no field called file")

// upload finds the file in a request.
func upload(r *http.Request) (io.Reader, disclose.Source, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	switch kind {
	case "multipart/form-data":
		return formFile(multipart.NewReader(r.Body, params["boundary"]))
	case "application/json":
		return jsonText(r.Body)
	}
	return r.Body, disclose.Source{Name: "upload", ContentType: kind}, nil
}

func formFile(form *multipart.Reader) (io.Reader, disclose.Source, error) {
	for range maxParts {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, disclose.Source{}, err
		}
		if part.FormName() == "file" {
			return part, disclose.Source{Name: "upload", ContentType: part.Header.Get("Content-Type")}, nil
		}
	}
	return nil, disclose.Source{}, errForm
}

// jsonText takes {"text": "…"}; any other JSON is itself what is to be verified.
func jsonText(r io.Reader) (io.Reader, disclose.Source, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, disclose.Source{}, err
	}
	var in struct {
		Text *string `json:"text"`
	}
	if json.Unmarshal(body, &in) == nil && in.Text != nil {
		return bytes.NewReader([]byte(*in.Text)), disclose.Source{Name: "text", ContentType: "text/plain"}, nil
	}
	return bytes.NewReader(body), disclose.Source{Name: "upload", ContentType: "application/json"}, nil
}

func verifyProblem(err error) (status int, code, hint string) {
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong) || errors.Is(err, disclose.ErrInputTooLarge):
		return http.StatusRequestEntityTooLarge, "too_large", "Send a file of at most 20 MiB and 24 megapixels."
	case errors.Is(err, errForm):
		return http.StatusBadRequest, "form", `Send the file in a field called "file".`
	case errors.Is(err, disclose.ErrUnreadable):
		return http.StatusUnprocessableEntity, "unreadable", "Send a whole PNG, JPEG or WebP file, or text."
	}
	return http.StatusBadRequest, "bad_upload", "Send the file as the body, or as multipart/form-data."
}
