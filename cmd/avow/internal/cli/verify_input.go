package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/fetch"
)

// fetchTimeout bounds the fetching of one URL that a person typed.
const fetchTimeout = 30 * time.Second

// client fetches the URLs of this run. Who typed a URL waits longer for it than a
// server would for a stranger's, and may allow more.
func (v *verifier) client() *fetch.Client {
	return fetch.New(fetch.Options{
		AllowHTTP: v.http, AllowPrivate: v.private, MaxBytes: disclose.DefaultMaxHeld, Timeout: fetchTimeout,
		UserAgent: "avow/" + strings.Trim(buildVersion(), "()") + " (+https://github.com/avowai/avow)",
	})
}

func isURL(input string) bool { return strings.Contains(input, "://") }

// one reports on one input.
func (v *verifier) one(ctx context.Context, input string) (*disclose.Report, error) {
	r, src, err := v.source(ctx, input)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	report, err := v.d.Inspect(ctx, r, src)
	if err != nil {
		return nil, hint(fmt.Errorf("%s: %w", disclose.Printable(input), err), "%s", inspectHint(err))
	}
	return report, nil
}

// source opens an input and says what is known about it beside its bytes.
func (v *verifier) source(ctx context.Context, input string) (io.ReadCloser, disclose.Source, error) {
	src := disclose.Source{Name: input, Header: v.header, ContentType: textTypes[strings.ToLower(filepath.Ext(input))]}
	if !isURL(input) {
		r, _, err := v.a.open(input)
		return r, src, err
	}
	b, err := v.fetch.Get(ctx, input)
	if err != nil {
		return nil, src, hint(fmt.Errorf("%s: %w", disclose.Printable(input), err), "%s", fetchHint(err))
	}
	src.ContentType, src.Header = b.ContentType, map[string][]string(b.Header)
	maps.Copy(src.Header, v.header)
	return b, src, nil
}

// textTypes are the media types that a text's name tells and its beginning may
// not; what is not listed goes by its first bytes.
var textTypes = map[string]string{
	".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml",
	".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson", ".sse": "text/event-stream",
}

func inspectHint(err error) string {
	switch {
	case errors.Is(err, disclose.ErrInputTooLarge):
		return "verify a smaller version of it: marks survive cropping"
	case errors.Is(err, fetch.ErrTooLarge), errors.Is(err, fetch.ErrTimeout):
		return fetchHint(err)
	}
	return "give a whole PNG, JPEG, WebP, WAV, MP3 or MP4 file, or text"
}

func fetchHint(err error) string {
	switch {
	case errors.Is(err, fetch.ErrScheme):
		return "give an https URL; --allow-http also fetches http, and --allow-private from your own server, such as http://127.0.0.1:8080/"
	case errors.Is(err, fetch.ErrForbidden):
		return "only public addresses on port 443 are fetched; for a server of your own, such as the demo, add --allow-private"
	case errors.Is(err, fetch.ErrCredentials):
		return "download the file with the program that knows the password, and verify the file"
	case errors.Is(err, fetch.ErrTooLarge):
		return "verify a smaller version of it"
	case errors.Is(err, fetch.ErrStatus):
		return "open the URL in a browser: it has to lead to the file itself, without a login"
	}
	return "see whether the URL opens in a browser; or download the file and verify that"
}

// open opens an input; - is standard input.
func (a *app) open(file string) (io.ReadCloser, string, error) {
	switch {
	case file == "-":
		return io.NopCloser(a.in), "-", nil
	case isURL(file):
		return nil, "", hint(fmt.Errorf("%s: only avow verify fetches URLs", disclose.Printable(file)), "download the file first: curl -o file URL")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, "", err
	}
	return f, file, nil
}
