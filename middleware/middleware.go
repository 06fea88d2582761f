// Package middleware marks AI output on its way through HTTP: as a wrapper
// around a handler ([New]) or as a reverse proxy ([NewProxy]).
//
// Both are thin adapters around one core. A request is prepared (the history
// read, our own header fields removed, ranges and validators taken care of),
// [decide] says once what will happen to the response, and a response writer
// carries it out with a [disclose.Writer]. What marks look like is decided in
// package disclose; this package knows HTTP only.
package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/avowai/avow/disclose"
)

// DefaultMaxRequest is how much of a request's body is read to learn whether it
// opens a conversation, in bytes.
const DefaultMaxRequest = 4 << 20

// Options configure New and NewProxy. The zero value is the recommended
// setting, save for what only the operator can know (see disclose.Options).
type Options struct {
	// Disclose says what is attached to an output, and by whom.
	Disclose disclose.Options
	// Notice says when the notice is given.
	Notice Notice
	// Routes declare paths; the first that matches counts.
	Routes []Route
	// All makes the proxy treat every response as AI output.
	All bool
	// Skip, where it returns true, leaves an exchange alone.
	Skip func(*http.Request) bool
	// RouteName names a request's route in metrics and records. It has to
	// return values of a closed set, never a raw path; after 200 different
	// names the rest is called "other". nil means the declared route's path,
	// the pattern that matched, or the endpoint's suffix.
	RouteName func(*http.Request) string
	// Backend has the inference server behind the routes of text put its own
	// statistical mark in; nil leaves requests as they are. Under the strict
	// profile a request that cannot be edited is refused.
	Backend *disclose.BackendMark
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
	// Tracer follows exchanges on AI routes; nil follows nothing, and leaves
	// traceparent as the client sent it.
	Tracer Tracer
	// Streams bounds the answers on AI routes that are in progress at one time;
	// beyond it a request is answered 503 with Retry-After. nil means no bound.
	Streams *StreamLimit
	// Logger receives what an operator should know; nil discards it.
	Logger *slog.Logger
	// MaxRequest bounds the part of a request's body that is read, in bytes; 0
	// means 4 MiB. A larger body streams through unread: it counts as
	// the first turn (a notice too many rather than one too few), its history
	// keeps old notices, and it is counted too_large.
	MaxRequest int64
	// ObeyNoTransform makes the proxy leave bodies alone whose Cache-Control
	// says no-transform. They get the header only, and are counted.
	ObeyNoTransform bool
	// PublicPath is where the proxy serves its public pages; "" means /avow,
	// "-" none.
	PublicPath string
	// ModelCard (a URL) and Contact go into the well-known document.
	ModelCard, Contact string
	// Verify has the proxy serve the verification service below PublicPath; nil
	// leaves it out. Its PublicPath, Metrics and Logger are those of these options,
	// and so are its Records, Manifests and WellKnown where it gives none.
	Verify *VerifyOptions
	// Upstream bounds how long the proxy waits for what it wraps.
	Upstream UpstreamLimits
	// Previous is the handler, made by NewProxy, that this proxy takes the place of,
	// as after a change of configuration; nil for none. Connections to the upstream,
	// sessions kept in memory, records that wait and the state of rate limits go over.
	// The old one serves on what it has begun.
	Previous http.Handler
}

// A Route declares what a path answers with.
type Route struct {
	// Path is a request path. A "*" at its end stands for any rest; elsewhere
	// it stands for one segment, as in path.Match.
	Path string
	// Shape of the answers; ShapeAuto goes by the path, then by content type.
	Shape disclose.Shape
	// Pointers describe a shape of one's own, in place of Shape.
	Pointers *disclose.Pointers
	// Carriers restricts the carriers; nil means all that are enabled.
	Carriers *disclose.CarrierSet
	// Require names carriers without which an answer is withheld.
	Require disclose.CarrierSet
	// Exempt lets the route pass unmarked, for a stated reason.
	Exempt *Exemption
	// TextMarkDistance is how many characters lie between two text marks; 0
	// means what disclose.Options say.
	TextMarkDistance int
	// Publication says which label the pictures and plain texts of the route
	// need as published works; nil for none. See also [SetPublication].
	Publication *disclose.Publication
	// Code: the answers are meant for execution; no text is spliced into them.
	Code bool
	// Observes names what the route's AI system observes in people: emotions,
	// biometric categories. They get notices of their own.
	Observes disclose.Notices
	// Edit declares that the route edits what a person made.
	Edit Edit
	// Profile decides instead of that of disclose.Options; nil leaves it to that one.
	Profile *disclose.Profile
	// Cadence decides instead of that of Notice; nil leaves it to that one.
	Cadence *Cadence
}

// An Edit declares how far an AI system alters what a person made (Article
// 50(2) of Regulation (EU) 2024/1689). What changes meaning, style or intent is
// substantial.
type Edit string

// The declarations.
const (
	// EditNone: the answers are generated.
	EditNone Edit = ""
	// EditStandard: assistive standard editing. The answers pass unmarked, with
	// the header (mode ai-modified).
	EditStandard Edit = "standard"
	// EditSubstantial: marked as usual, with the source type
	// compositeWithTrainedAlgorithmicMedia.
	EditSubstantial Edit = "substantial"
)

// An Exemption says why a route passes unmarked, who decided so, and when.
type Exemption struct {
	Reason, Owner string
	Date          time.Time
}

// New returns a middleware that marks all that it wraps, minus Skip and exempt
// routes. It has the form that mux.Router.Use takes. It belongs inside any
// compressing middleware: what is compressed has to be unpacked first.
func New(o Options) (func(http.Handler) http.Handler, error) {
	c, err := newCore(o, false)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, next) })
	}, nil
}

type contextKey struct{}

// SetLabel gives the statement about the output of the current request. It has
// to be called before the first byte of the answer; zero fields are filled in.
// Outside a request that is being marked it does nothing.
func SetLabel(ctx context.Context, l disclose.Label) {
	if ex, ok := ctx.Value(contextKey{}).(*exchange); ok {
		ex.label.Store(&l)
	}
}

// SetPublication says which label the picture or plain text of the current
// request needs as a published work. It has to be called before the first byte
// of the answer. Outside a request that is being marked it does nothing.
func SetPublication(ctx context.Context, p disclose.Publication) {
	if ex, ok := ctx.Value(contextKey{}).(*exchange); ok {
		ex.publication.Store(&p)
	}
}

// core is what both adapters share.
type core struct {
	o         Options
	marker    *disclose.Marker
	markers   [2]*disclose.Marker // by profile; marker is one of them
	profile   disclose.Profile
	metrics   *Metrics
	log       *slog.Logger
	routes    []Route
	proxy     bool
	names     *nameSet
	languages languageCache
	warned    atomic.Bool // no-transform was overridden, and logged
	session   sessionName
	sessions  disclose.Sessions
	minors    bool
	now       func() time.Time
}

// setDefaults fills in what options of this package leave out.
func setDefaults(logger **slog.Logger, maxRequest *int64, metrics **Metrics, d *disclose.Options) {
	if *logger == nil {
		*logger = slog.New(slog.DiscardHandler)
	}
	if *maxRequest <= 0 {
		*maxRequest = DefaultMaxRequest
	}
	if *metrics == nil {
		*metrics = &Metrics{}
	}
	if d.Logger == nil {
		d.Logger = *logger
	}
}

func newCore(o Options, proxy bool) (*core, error) {
	before, err := o.previous()
	if err != nil {
		return nil, err
	}
	o.Previous = nil // keeps no chain of all that ever were
	setDefaults(&o.Logger, &o.MaxRequest, &o.Metrics, &o.Disclose)
	for i, route := range o.Routes {
		if err := checkRoute(route); err != nil {
			return nil, fmt.Errorf("middleware: routes[%d]: %w", i, err)
		}
	}
	c := &core{o: o, profile: o.Disclose.Profile, metrics: o.Metrics, log: o.Logger, routes: o.Routes, proxy: proxy, names: &nameSet{}}
	if before != nil {
		c.names, c.sessions = before.c.names, before.c.remembered()
	}
	if err := c.converse(); err != nil {
		return nil, fmt.Errorf("middleware: notice: %w", err)
	}
	if o.Backend != nil {
		if err := o.Backend.Check(); err != nil {
			return nil, fmt.Errorf("middleware: backend: %w", err)
		}
	}
	if err := c.mark(before); err != nil {
		return nil, err
	}
	return c, c.checkRequired()
}

// An exchange is one request whose response is AI output, and what is known
// about it.
type exchange struct {
	c           *core
	route       matched
	upgrade     bool
	request     disclose.Request
	language    string // Accept-Language
	part        bool   // a script asks for HTML to put into a page; see partOfPage
	label       atomic.Pointer[disclose.Label]
	publication atomic.Pointer[disclose.Publication]
	author      atomic.Int32 // a disclose.Author
	required    atomic.Bool  // a key step: the answer carries the notice
	talk        talk
	rejected    *problem // the request goes no further
	streams     bool     // the answer will be a stream, as far as the request tells
	inMemory    bool     // the request's body is; a Transport sends a small one with the header
	unframed    bool     // the upstream's body ends with its connection
	broken      bool     // the upstream's body broke off
	id          string
	start       time.Time
	span        Span   // nil without a Tracer
	traced      string // the sampled trace that it belongs to, "" for none
	ended       Ended
}

// serve handles one request. A stream keeps the frames of this function and of what
// it calls for as long as it is open: what is needed once is done in functions of its
// own, so that the whole stack fits into 8 KiB.
func (c *core) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	ex := c.begin(r)
	if ex == nil {
		next.ServeHTTP(w, r)
		return
	}
	r = ex.trace(r)
	defer ex.endTrace()
	rw := newResponse(w, r, ex)
	if !c.o.Streams.enter() {
		rw.busy()
		return
	}
	defer c.o.Streams.leave()
	if inner := rw.admit(); inner != nil {
		rw.pass(inner, ex.handlerFor(next))
	}
}

// begin starts an exchange; nil for a request whose answer is left alone.
//
//go:noinline
func (c *core) begin(r *http.Request) *exchange {
	route := c.match(r)
	if !route.ai {
		return nil
	}
	if route.exempt {
		c.metrics.skip(disclose.ReasonExempt)
		c.metrics.response(route.name, route.shape, "none", disclose.OutcomePassed)
		return nil
	}
	return &exchange{c: c, route: route, upgrade: isUpgrade(r), start: time.Now(), id: requestID(r)}
}

// admit returns the request as the handler should see it, or answers it with an error
// and returns nil.
//
//go:noinline
func (w *response) admit() *http.Request {
	ex := w.ex
	if !ex.marker().Ready() {
		return w.withhold(disclose.ReasonLedgerDown)
	}
	if ex.upgrade && ex.profile().On(disclose.ReasonUpgrade) == disclose.Withhold {
		return w.withhold(disclose.ReasonUpgrade)
	}
	inner := ex.prepare(w.r)
	if ex.request.URLOnly && !ex.marker().PassURLOnly() && ex.route.edit != EditStandard {
		return w.withhold(disclose.ReasonURLOnly)
	}
	if ex.rejected != nil {
		w.reject(*ex.rejected)
		return nil
	}
	return inner
}

// withhold refuses what has not begun.
func (w *response) withhold(reason disclose.Reason) *http.Request {
	w.refuse(&disclose.Withheld{Reason: reason, Hint: disclose.Hint(reason)})
	return nil
}

// pass has the handler answer. There is no recover: a panic, http.ErrAbortHandler
// included, goes on to the server; what is held is dropped and no ending is made up.
func (w *response) pass(r *http.Request, next http.Handler) {
	whole := false
	defer func() {
		if !whole {
			w.abort()
		}
	}()
	next.ServeHTTP(w, r)
	w.finish()
	whole = true
}
