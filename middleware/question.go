package middleware

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/imagemeta"
)

// Limits of a form.
const (
	maxParts       = 10
	maxPartHeaders = 16
	maxAddress     = 2048 // bytes of a URL
)

// Errors of a question, each with the problem that answers it.
var (
	errNoFile        = errors.New("middleware: no file, text or address in the form")
	errManyFiles     = errors.New("middleware: more than one file, text or address in the form")
	errManyParts     = errors.New("middleware: more than 10 parts in the form")
	errManyHeaders   = errors.New("middleware: a part with more than 16 header fields")
	errNoText        = errors.New("middleware: JSON without a text")
	errForm          = errors.New("middleware: form cannot be read")
	errLength        = errors.New("middleware: the question is over the limit")
	errURL           = errors.New("middleware: address cannot be read")
	errURLOff        = errors.New("middleware: questions by address are off")
	errUploadsFull   = errors.New("middleware: too many questions held")
	errVerifiersOnly = errors.New("middleware: text is for authenticated verifiers")
)

// A question is an input in memory, and the room that it takes there.
//
// Its source never holds the name of a file: names can tell of persons, and the
// answer repeats what the source says.
type question struct {
	data    []byte
	source  disclose.Source
	release func()
}

// picture reports whether the question is a picture itself.
func (q *question) picture() bool { return imagemeta.Sniff(q.data) != imagemeta.Unknown }

// text reports whether the question is plainly a text; the report's own media type
// settles the rest.
func (q *question) text() bool {
	return !q.picture() && disclose.Classify(q.source.ContentType).Modality() == "text"
}

// uploadTime is how long so much of a question may take to arrive: ten seconds, and
// a second for each 256 KiB. Room is held for it meanwhile.
func uploadTime(size int64) time.Duration {
	return 10*time.Second + time.Duration(size>>18)*time.Second
}

// A paced body has to keep arriving: who announces much and sends nothing would hold
// its room as long as who sends all of it.
type paced struct {
	io.ReadCloser
	control *http.ResponseController
	since   time.Time
	until   time.Duration // of the last deadline, after since
	read    int64
}

func (p *paced) Read(buf []byte) (int, error) {
	if until := uploadTime(p.read); until != p.until {
		p.until = until
		_ = p.control.SetReadDeadline(p.since.Add(until)) // not every writer can
	}
	n, err := p.ReadCloser.Read(buf)
	p.read += int64(n)
	return n, err
}

// read reads the question in a request. Room for it is reserved before the first
// byte is read.
func (s *VerifyService) read(ctx context.Context, w http.ResponseWriter, r *http.Request) (*question, error) {
	size := r.ContentLength
	if size > s.limits.Upload {
		return nil, errLength
	}
	if size < 0 {
		size = s.limits.Upload
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	weight := size
	if media == "application/json" {
		weight = textFactor * size
	}
	release, err := s.reserve(ctx, weight)
	if err != nil {
		return nil, err
	}
	control := http.NewResponseController(w)
	body := &paced{ReadCloser: r.Body, control: control, since: time.Now()}
	r.Body = http.MaxBytesReader(w, body, s.limits.Upload)
	q := &question{}
	switch media {
	case "multipart/form-data":
		err = s.readForm(ctx, r, q)
	case "application/json":
		err = s.readJSON(ctx, r, q)
	default:
		q.source = disclose.Source{Name: "body", ContentType: r.Header.Get("Content-Type")}
		q.data, err = readSized(r.Body, r.ContentLength)
	}
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		release()
		return nil, err
	}
	q.release, err = s.reserveRest(q, weight, release)
	return q, err
}

// textFactor is how many times what is no picture is in memory: as it came, as
// text, and as what is read of it.
const textFactor = 3

// reserveRest reserves what a question takes beyond its request's length: one that
// was fetched, or that turns out to be a text. It does not wait, since many that each
// hold a part and wait for more would stop each other.
func (s *VerifyService) reserveRest(q *question, weight int64, release func()) (func(), error) {
	need := int64(len(q.data))
	if !q.picture() {
		need *= textFactor
	}
	rest := min(need, s.limits.Memory) - min(weight, s.limits.Memory)
	switch {
	case rest <= 0:
		return release, nil
	case !s.uploads.TryAcquire(rest):
		release()
		return nil, errUploadsFull
	}
	return func() { s.uploads.Release(rest); release() }, nil
}

// reserve waits for room for a question.
func (s *VerifyService) reserve(ctx context.Context, size int64) (release func(), err error) {
	size = min(size, s.limits.Memory)
	release = func() { s.uploads.Release(size) }
	if s.uploads.TryAcquire(size) {
		return release, nil
	}
	wait, cancel := context.WithTimeout(ctx, s.limits.Wait)
	defer cancel()
	if err := s.uploads.Acquire(wait, size); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errUploadsFull
	}
	return release, nil
}

// readSized reads to the end, into a buffer of the size that is announced. The
// caller has reserved it.
func readSized(r io.Reader, size int64) ([]byte, error) {
	if size < 0 {
		return io.ReadAll(r)
	}
	buf := make([]byte, size)
	n, err := io.ReadFull(r, buf)
	return buf[:n], err
}

// readForm takes the one thing that a form asks about, from its fields "file",
// "text" and "url". The form is read to its end, so that a second one is refused
// rather than ignored; fields left empty do not count.
func (s *VerifyService) readForm(ctx context.Context, r *http.Request, q *question) error {
	form, err := r.MultipartReader()
	if err != nil {
		return errors.Join(errForm, err)
	}
	address := ""
	asked := false
	for parts := 0; ; parts++ {
		part, err := form.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && !asked:
			return errNoFile
		case errors.Is(err, io.EOF) && address != "":
			return s.readURL(ctx, address, q)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errors.Join(errForm, err)
		case parts >= maxParts:
			return errManyParts
		case headerFields(part) > maxPartHeaders:
			return errManyHeaders
		}
		data, err := readPart(part, r.ContentLength)
		switch {
		case err != nil:
			return err
		case len(data) == 0:
			continue
		case asked:
			return errManyFiles
		}
		asked = true
		switch part.FormName() {
		case "url":
			address = string(data)
		case "text":
			// Browsers write the line ends of a form's texts as CRLF (HTML, "constructing
			// the entry list"); a manifest wrapped into the text covers the bytes as they were.
			q.data, q.source = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), textSource
		default:
			q.data, q.source = data, disclose.Source{Name: "file", ContentType: part.Header.Get("Content-Type")}
		}
	}
}

var textSource = disclose.Source{Name: "text", ContentType: "text/plain; charset=utf-8"}

// readPart reads a part that asks something, and nothing of any other. A part is
// no longer than its form.
func readPart(part *multipart.Part, size int64) ([]byte, error) {
	switch part.FormName() {
	case "file":
		var buf bytes.Buffer
		if size > 0 {
			buf.Grow(int(size) + bytes.MinRead) // it reads on to see the end
		}
		_, err := buf.ReadFrom(part)
		return buf.Bytes(), err
	case "text":
		return io.ReadAll(part)
	case "url":
		return io.ReadAll(io.LimitReader(part, maxAddress+1))
	}
	return nil, nil
}

func headerFields(part *multipart.Part) (n int) {
	for _, values := range part.Header {
		n += len(values)
	}
	return n
}

// readJSON takes the text of {"text": "..."} or the address of {"url": "..."};
// other JSON is itself what is asked about, as an API's answer is JSON too.
func (s *VerifyService) readJSON(ctx context.Context, r *http.Request, q *question) error {
	body, err := readSized(r.Body, r.ContentLength)
	if err != nil {
		return err
	}
	q.data, q.source = body, disclose.Source{Name: "body", ContentType: "application/json"}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || len(members) != 1 {
		return nil
	}
	for _, name := range []string{"text", "url"} {
		raw, ok := members[name]
		if !ok {
			continue
		}
		var value *string
		if err := json.Unmarshal(raw, &value); err != nil || value == nil {
			return errNoText
		}
		if name == "url" {
			return s.readURL(ctx, *value, q)
		}
		q.data, q.source = []byte(*value), textSource
	}
	return nil
}

// readURL has an address fetched, where that is on. What went wrong stays unsaid:
// it would tell what the operator's network looks like.
func (s *VerifyService) readURL(ctx context.Context, address string, q *question) error {
	if s.o.Fetch == nil {
		return errURLOff
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || len(address) > maxAddress || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return errURL
	}
	u.Fragment = ""
	release, err := s.reserve(ctx, s.limits.Upload) // until it is here
	if err != nil {
		return err
	}
	defer release()
	body, contentType, err := s.o.Fetch(ctx, u.String())
	if err != nil {
		return fmt.Errorf("%w: %w", errURL, err)
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(io.LimitReader(body, s.limits.Upload+1))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errURL, err)
	case int64(len(data)) > s.limits.Upload:
		return errLength
	}
	q.data, q.source = data, disclose.Source{Name: "url", ContentType: contentType}
	return nil
}
