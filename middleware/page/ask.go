package page

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
)

// Limits of a form.
const (
	maxParts   = 10
	formSpace  = 64 << 10 // bytes of a form beside the upload
	maxName    = 256      // bytes of a file's name
	maxAddress = 4 << 10  // bytes of a web address
)

// A Kind names why a question has no answer. The set is closed.
type Kind string

// The kinds of problems.
const (
	TooLarge   Kind = "too_large"
	Unreadable Kind = "unreadable" // no kind of file that can be looked at, or broken
	Empty      Kind = "empty"      // nothing was sent
	TooMany    Kind = "too_many"   // questions of one address
	Busy       Kind = "busy"       // all places are taken
	BadLink    Kind = "bad_link"   // an address that is not fetched
	Failed     Kind = "failed"
)

// A Problem says why a question has no answer.
type Problem struct {
	Kind      Kind
	Status    int           // of HTTP
	Wait      time.Duration // before it helps to ask again; 0 for unknown
	RequestID string        // by which the operator finds it in his log
}

// answer takes the form and shows the report, or what went wrong.
func (h *handler) answer(w http.ResponseWriter, r *http.Request) {
	report, problem := h.ask(w, r)
	if problem != nil {
		if problem.Status < 400 {
			problem.Status = http.StatusInternalServerError
		}
		h.show(w, r, problem.Status, view{problem: problem})
		return
	}
	h.show(w, r, http.StatusOK, view{report: report.Public()})
}

// ask hands the first part of the form that holds something to the backend.
// Browsers send the empty fields of a form, too.
func (h *handler) ask(w http.ResponseWriter, r *http.Request) (*disclose.Report, *Problem) {
	r.Body = http.MaxBytesReader(w, r.Body, h.o.MaxUpload+formSpace)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, &Problem{Kind: Unreadable, Status: http.StatusBadRequest}
	}
	for range maxParts {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, &Problem{Kind: Empty, Status: http.StatusBadRequest}
		}
		if err != nil {
			return nil, readProblem(err)
		}
		body := bufio.NewReader(part)
		if _, err := body.Peek(1); errors.Is(err, io.EOF) {
			continue
		} else if err != nil {
			return nil, readProblem(err)
		}
		switch name := part.FormName(); {
		case name == "file":
			return h.askFile(w, r, part, body)
		case name == "text":
			return h.askText(w, r, body)
		case name == "url" && h.o.Links:
			return h.askLink(w, r, body)
		}
	}
	return nil, &Problem{Kind: Unreadable, Status: http.StatusBadRequest}
}

func readProblem(err error) *Problem {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &Problem{Kind: TooLarge, Status: http.StatusRequestEntityTooLarge}
	}
	return &Problem{Kind: Unreadable, Status: http.StatusBadRequest}
}

func (h *handler) askFile(w http.ResponseWriter, r *http.Request, part *multipart.Part, body io.Reader) (*disclose.Report, *Problem) {
	contentType := part.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(contentType); err != nil || strings.HasPrefix(media, "multipart/") {
		contentType = "application/octet-stream" // a form inside the form is a file
	}
	report, problem := h.b.Ask(w, question(r, body, contentType))
	if report != nil {
		report.Input = cutName(part.FileName())
	}
	return report, problem
}

// askText asks about a text. Forms write line ends as CRLF; what a person pasted
// had them as LF, and so has a text that was marked.
func (h *handler) askText(w http.ResponseWriter, r *http.Request, body io.Reader) (*disclose.Report, *Problem) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, readProblem(err)
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	report, problem := h.b.Ask(w, question(r, bytes.NewReader(text), "text/plain; charset=utf-8"))
	if report != nil {
		report.Input = ""
	}
	return report, problem
}

func (h *handler) askLink(w http.ResponseWriter, r *http.Request, body io.Reader) (*disclose.Report, *Problem) {
	address, err := io.ReadAll(io.LimitReader(body, maxAddress+1))
	if err != nil {
		return nil, readProblem(err)
	}
	if len(address) > maxAddress {
		return nil, &Problem{Kind: BadLink, Status: http.StatusBadRequest}
	}
	asked, err := json.Marshal(map[string]string{"url": strings.TrimSpace(string(address))})
	if err != nil {
		return nil, &Problem{Kind: BadLink, Status: http.StatusBadRequest}
	}
	return h.b.Ask(w, question(r, bytes.NewReader(asked), "application/json"))
}

// question is the request that the API would get: from the same person, about
// the same content.
func question(r *http.Request, body io.Reader, contentType string) *http.Request {
	q := r.Clone(r.Context())
	q.Body, q.ContentLength = io.NopCloser(body), -1
	q.Header.Set("Content-Type", contentType)
	q.Header.Del("Content-Length")
	return q
}

// cutName keeps a file's name short and printable.
func cutName(name string) string {
	return disclose.Printable(strings.ToValidUTF8(name[:min(len(name), maxName)], ""))
}
