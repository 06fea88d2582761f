package middleware

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/avowai/avow/disclose"
)

// VerifyOptions configure a VerifyService. Only Detector is needed; the zero value
// of all else is the recommended setting.
type VerifyOptions struct {
	// Detector looks for marks. Its own limits on memory and waiting hold beside
	// Limits: give it a MaxWait.
	Detector *disclose.Detector
	// Records lead from a mark to its manifest; nil knows none. NewProxy takes those
	// of its outputs.
	Records disclose.Records
	// Manifests gives manifests that outputs do not hold themselves; nil gives none.
	// NewProxy takes its own.
	Manifests Manifests
	// ReportKey signs reports; it has to be an Ed25519 key, see [ReportKey]. nil
	// answers unsigned only.
	ReportKey crypto.Signer
	// OldReportKeys are published beside it, so that reports signed earlier can
	// still be checked.
	OldReportKeys []ed25519.PublicKey
	// VerifierTokens are the SHA-256 of the bearer tokens of authenticated
	// verifiers. They get exact reports, and no limit on near duplicates.
	VerifierTokens [][32]byte
	// TextVerifiersOnly leaves text, and saved answers, to authenticated verifiers.
	TextVerifiersOnly bool
	// Fetch gets what a URL names, and its media type; nil refuses questions by URL.
	// It has to keep away from the operator's own network.
	Fetch func(ctx context.Context, url string) (body io.ReadCloser, contentType string, err error)
	// OnFeedback gets what people report, beside the log; nil for the log alone.
	OnFeedback func(ctx context.Context, f Feedback)
	// WellKnown is the document at disclose.WellKnownPath, to which the service adds
	// its signing keys; nil makes one of what the service knows.
	WellKnown *disclose.WellKnown
	// PublicPath is where the service's pages are; "" means /avow, "/" the root.
	PublicPath string
	// Contact goes into the well-known document that WellKnown does not give.
	Contact string
	// TrustedProxies are the addresses whose X-Forwarded-For is believed; none by
	// default.
	TrustedProxies []netip.Prefix
	// Limits bound what strangers may ask.
	Limits VerifyLimits
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
	// Logger never receives anything of a question; nil discards it.
	Logger *slog.Logger
	// Previous is the service that this one takes the place of, as after a change of
	// configuration; nil for none. What clients have asked goes on to count.
	Previous *VerifyService
}

// VerifyLimits bound the questions to a VerifyService. The state of limits is kept
// in memory alone, under keys that change every 24 hours.
type VerifyLimits struct {
	// Upload bounds a question, in bytes; 0 means 20 MiB.
	Upload int64
	// PerMinute is how many questions a client may ask in the long run; 0 means 30,
	// below 0 no limit. Lookups of manifests may be ten times as many.
	PerMinute int
	// Burst is how many of them may come at once; 0 means 10.
	Burst int
	// Concurrent bounds the questions of a client in progress; 0 means 5, below 0 no
	// limit.
	Concurrent int
	// PerGroup is how many different inputs that are nearly the same get an answer
	// within 24 hours, whoever asks; 0 means 20, below 0 no limit. The same bytes
	// asked again count once.
	PerGroup int
	// Memory bounds the questions held at one time, in bytes; 0 means 128 MiB.
	Memory int64
	// Wait is how long a question waits for that; 0 means 5 seconds.
	Wait time.Duration
	// Time bounds the inspection of a question that has arrived; 0 means 60 seconds.
	Time time.Duration
}

// defaults fills in what is zero.
func (l VerifyLimits) defaults() VerifyLimits {
	l.Upload = or(l.Upload, 20<<20)
	l.PerMinute = or(l.PerMinute, 30)
	l.Burst = or(l.Burst, 10)
	l.Concurrent = or(l.Concurrent, 5)
	l.PerGroup = or(l.PerGroup, 20)
	l.Memory = max(or(l.Memory, 128<<20), l.Upload)
	l.Wait = or(l.Wait, 5*time.Second)
	l.Time = or(l.Time, time.Minute)
	return l
}

func or[T comparable](v, unless T) T {
	var zero T
	if v == zero {
		return unless
	}
	return v
}

// A VerifyService answers what anybody may ask about marks: the verification API,
// soft binding resolution of C2PA, feedback, the API's description, and the
// well-known document. It is a handler for the paths that it owns; NewProxy serves
// it beside what it wraps. It keeps nothing of what it is asked about.
type VerifyService struct {
	o       VerifyOptions
	base    string // where its pages are, without a / at the end
	limits  VerifyLimits
	clients *clients
	groups  *groups
	uploads *semaphore.Weighted
	signer  *reportSigner // nil for unsigned answers
	routes  map[string]route
	now     func() time.Time
}

// NewVerifyService returns a service.
func NewVerifyService(o VerifyOptions) (*VerifyService, error) {
	if o.Detector == nil {
		return nil, errors.New("middleware: a verification service needs a detector")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = &Metrics{}
	}
	base, err := publicBase(o.PublicPath)
	if err != nil {
		return nil, err
	}
	s := &VerifyService{o: o, base: base, limits: o.Limits.defaults(), now: time.Now}
	if s.signer, err = newReportSigner(o.ReportKey); err != nil {
		return nil, err
	}
	s.clients, s.groups = newClients(s.limits), newGroups(s.limits.PerGroup)
	s.uploads = semaphore.NewWeighted(s.limits.Memory)
	s.takeOver(o.Previous)
	s.routes = s.table()
	return s, nil
}

// publicBase is a public path without the / at its end.
func publicBase(path string) (string, error) {
	base := strings.TrimSuffix(or(path, "/avow"), "/")
	u, err := url.Parse(base)
	if err != nil || base != "" && (!strings.HasPrefix(base, "/") || strings.HasPrefix(base, "//")) || u.Path != base {
		return "", fmt.Errorf("middleware: public path %.64q: has to be a plain path that starts with /", path)
	}
	return base, nil
}

// A route is one path of the service.
type route struct {
	methods string // as in Allow; OPTIONS is answered for all
	cors    bool
	toll    toll // what it counts as; what asks about content counts for itself
	handler http.Handler
}

// resolutionPath is where C2PA looks for soft binding resolution.
const resolutionPath = "/.well-known/c2pa-soft-binding-resolution"

const get = "GET, HEAD"

// table lists the routes by path.
//
// Scripts of other origins may read the answers: they are public, no cookie or
// other ambient right changes them, and a tool in a browser is a tool as well. What
// a foreign page could spend that way are its visitors' addresses, and the limit
// that matters to attacks counts near duplicates over all clients. Feedback is left
// out, so that no page makes its visitors write to an operator's log.
func (s *VerifyService) table() map[string]route {
	in := func(path string) string { return s.base + path }
	routes := map[string]route{
		in("/v1/verify"):                       {methods: "POST", cors: true, handler: http.HandlerFunc(s.serveVerify)},
		in("/v1/matches/byBinding"):            {methods: "GET, HEAD, POST", cors: true, toll: lookups, handler: http.HandlerFunc(s.serveByBinding)},
		in("/v1/matches/byContent"):            {methods: "POST", cors: true, handler: http.HandlerFunc(s.serveByContent)},
		in("/v1/manifests/"):                   {methods: get, cors: true, toll: lookups, handler: http.HandlerFunc(s.serveManifest)},
		in("/v1/services/supportedAlgorithms"): {methods: get, cors: true, handler: http.HandlerFunc(s.serveAlgorithms)},
		in("/v1/feedback"):                     {methods: "POST", toll: questions, handler: http.HandlerFunc(s.serveFeedback)},
		in("/v1/openapi.json"):                 {methods: get, cors: true, handler: s.openAPI()},
		resolutionPath:                         {methods: get, cors: true, handler: s.resolution()},
		disclose.WellKnownPath:                 {methods: get, cors: true, handler: WellKnownHandler(s.wellKnown())},
	}
	page := route{methods: "GET, HEAD, POST", handler: s.page()}
	routes[in("/verify")], routes[in("/verify/")] = page, page
	return routes
}

// Paths lists the paths that the service answers at, for routers. One that ends
// with / stands for all below it.
func (s *VerifyService) Paths() []string {
	var out []string
	for path := range s.routes {
		out = append(out, path)
	}
	return out
}

// Owns reports whether the service answers at a path.
func (s *VerifyService) Owns(path string) bool {
	_, ok := s.route(path)
	return ok
}

// route finds a path's route: its own, or that of a folder it lies in.
func (s *VerifyService) route(path string) (route, bool) {
	if r, ok := s.routes[path]; ok {
		return r, true
	}
	for folder, r := range s.routes {
		if strings.HasSuffix(folder, "/") && strings.HasPrefix(path, folder) {
			return r, true
		}
	}
	return route{}, false
}

// ServeHTTP answers a request for one of the service's paths.
func (s *VerifyService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, ok := s.route(r.URL.Path)
	if !ok {
		s.refuse(w, r, problemNotFound)
		return
	}
	if route.cors {
		allowOrigins(w.Header())
	}
	switch {
	case r.Method == http.MethodOptions:
		preflight(w, route)
		return
	case !slices.Contains(strings.Split(route.methods, ", "), r.Method):
		w.Header().Set("Allow", route.methods)
		s.refuse(w, r, problemMethod(route.methods))
		return
	}
	if route.toll != free {
		release, p := s.enter(w, r, route.toll)
		if p != nil {
			s.refuse(w, r, *p)
			return
		}
		defer release()
	}
	route.handler.ServeHTTP(w, r)
}

// refuse answers with a problem and counts it. The log names its kind alone: what
// went wrong may hold parts of the question.
func (s *VerifyService) refuse(w http.ResponseWriter, r *http.Request, p problem) {
	s.count(r, &p)
	p.write(w, r)
}

// count counts and logs a problem, and gives it the request's id. Metrics have those
// of the client's making; he does not fill the log with them.
func (s *VerifyService) count(r *http.Request, p *problem) {
	p.RequestID = requestID(r)
	if p.RequestID == "" {
		p.RequestID = newRequestID()
	}
	kind := strings.TrimPrefix(p.Type, problemBase)
	s.o.Metrics.refused(kind)
	level := slog.LevelDebug
	if p.Status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	s.o.Logger.Log(r.Context(), level, "question not answered", "problem", kind, "status", p.Status, "request_id", p.RequestID)
}

// allowOrigins lets scripts of any origin read an answer, without credentials.
func allowOrigins(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id")
}

// preflight answers OPTIONS.
func preflight(w http.ResponseWriter, route route) {
	h := w.Header()
	h.Set("Allow", route.methods+", OPTIONS")
	if route.cors {
		h.Set("Access-Control-Allow-Methods", route.methods)
		h.Set("Access-Control-Allow-Headers", "Accept, Accept-Language, Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "86400")
	}
	w.WriteHeader(http.StatusNoContent)
}
