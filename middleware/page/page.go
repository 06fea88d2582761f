// Package page serves the page on which anybody can ask what marks a file or a
// text carries. It works without scripts; a script adds dropping, pasting,
// progress and cancelling. Nothing on it comes from another origin, and what is
// uploaded goes to the [Backend] and nowhere else.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/avowai/avow/watermark"
)

// DefaultMaxUpload is what the page says an upload may measure, in bytes.
const DefaultMaxUpload = 20 << 20

// A Backend answers the page's questions.
type Backend interface {
	// Ask answers the form in r (multipart/form-data) with one of the fields "file",
	// "text" and "url", in the language of Accept-Language. It bounds what it reads,
	// and keeps nothing of it.
	Ask(w http.ResponseWriter, r *http.Request) (*Answer, *Problem)
	// Feedback takes what somebody says about a report. The form is read.
	Feedback(w http.ResponseWriter, r *http.Request, f Feedback) *Problem
}

// Options configure a page. The zero value of a field leaves out what it names.
type Options struct {
	// Path is where the page is; its style and script are below it. "" means
	// /avow/verify.
	Path string
	// Provider and System say who runs it.
	Provider, System string
	// Contact is where people write to: a web or mail address.
	Contact string
	// API and Keys are the addresses of the API's description, and of the key that
	// reports are signed with.
	API, Keys string
	// Links says that the backend fetches what an https address names.
	Links bool
	// NoText says that the backend does not look at texts for everybody.
	NoText bool
	// MaxUpload is what the backend reads at most, in bytes; 0 means 20 MiB.
	MaxUpload int64
}

//go:embed assets
var assets embed.FS

// The template fails on a name that it is not given, rather than show nothing.
var pageTemplate = template.Must(template.New("page.tmpl").Option("missingkey=error").ParseFS(assets, "assets/page.tmpl"))

// policy lets the page load from its own origin and nowhere else, run one script
// file, and be framed by nobody. blob: shows the picture that is asked about.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// A handler is the page.
type handler struct {
	o     Options
	b     Backend
	files map[string]file // by path
	css   string
	js    string
	icon  string
}

// A file is one of the page's own, named by its content.
type file struct {
	body        []byte
	contentType string
}

// New returns the page's handler. It answers at o.Path and below.
func New(b Backend, o Options) http.Handler {
	if o.Path == "" {
		o.Path = "/avow/verify"
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = DefaultMaxUpload
	}
	h := &handler{o: o, b: b, files: map[string]file{}}
	h.css = h.add("page.css", "text/css; charset=utf-8")
	h.js = h.add("page.js", "text/javascript; charset=utf-8")
	h.icon = h.add("icon.svg", "image/svg+xml")
	return h
}

// add registers a file under a name that changes with its content, so that it
// may be cached for ever.
func (h *handler) add(name, contentType string) string {
	body, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // the file is compiled in
	}
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	at := h.o.Path + "/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	h.files[at] = file{body, contentType}
	return at
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	f, isFile := h.files[r.URL.Path]
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case isFile && read:
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		send(w, r, http.StatusOK, f.contentType, f.body)
	case !isFile && r.URL.Path == h.o.Path+feedbackPath && r.Method == http.MethodPost:
		w.Header().Set("Cache-Control", "no-store")
		h.takeFeedback(w, r)
	case !isFile && r.URL.Path != h.o.Path:
		http.NotFound(w, r)
	case read:
		w.Header().Set("Cache-Control", "no-cache")
		h.show(w, r, http.StatusOK, view{})
	case r.Method == http.MethodPost && !isFile:
		w.Header().Set("Cache-Control", "no-store")
		h.answer(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "Ask with GET or POST.", http.StatusMethodNotAllowed)
	}
}

// protect sets the header fields that keep the page to itself.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("X-Frame-Options", "DENY")
}

func send(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// show writes the page with what v holds.
func (h *handler) show(w http.ResponseWriter, r *http.Request, status int, v view) {
	words := wordsFor(r)
	if id, err := watermark.ParsePayload(r.URL.Query().Get("id")); err == nil {
		v.ID = id.String()
	}
	h.fill(&v, words)
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, v); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Vary", "Accept-Language")
	w.Header().Set("Content-Language", words.tag.String())
	send(w, r, status, "text/html; charset=utf-8", page.Bytes())
}
