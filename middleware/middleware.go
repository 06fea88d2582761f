// Package middleware wraps AI endpoints: it lets a request through to a
// handler or a backend, and marks what comes back as made by AI. [New] fits any
// http.Handler and mux.Router.Use; [NewProxy] puts it in front of a backend.
//
// Bytes between the splices leave as they came. What could not be marked is
// counted, named in the Avow-Outcome header, and under the Strict profile not
// sent at all.
package middleware

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/avowai/avow/disclose"
)

// DefaultMaxRequest bounds the body of a request that is read to learn what is
// asked, in bytes.
const DefaultMaxRequest = 4 << 20

// Options configure the middleware and the proxy. The zero value is the
// recommended setting, save for what Disclose needs.
type Options struct {
	// Disclose says how outputs are marked.
	Disclose disclose.Options
	// Routes override what is known about paths; the first that matches counts.
	Routes []Route
	// All makes the proxy treat every answer as AI output. The middleware does
	// so anyway.
	All bool
	// Skip names requests that are passed untouched; nil skips none.
	Skip func(*http.Request) bool
	// RouteName gives a request the name of its route in metrics and records:
	// a template such as "/v1/chat", never a raw path. Nil uses Route.Path or
	// the known endpoint.
	RouteName func(*http.Request) string
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
	// MaxRequest bounds the body that is read to learn what is asked, in bytes;
	// 0 means DefaultMaxRequest. A larger body passes unread: its answer is
	// marked as the first turn of a conversation, and its history keeps notices.
	MaxRequest int64
	// ObeyNoTransform leaves answers alone that say Cache-Control: no-transform.
	// A proxy marks them otherwise too, since it speaks for the origin.
	ObeyNoTransform bool
	// PublicPath is where the proxy serves the verification service; "" means
	// "/avow", "-" switches it off.
	PublicPath string
	// Detector answers the proxy's verification service; nil switches it off.
	Detector *disclose.Detector
	// WellKnown completes the document at /.well-known/ai-disclosure.json.
	WellKnown func(*disclose.WellKnown)
}

// A core is what the middleware and the proxy share.
type core struct {
	o      Options
	marker *disclose.Marker
	routes []Route
	log    *slog.Logger
	suffix string // of entity tags of marked bodies
	all    bool
}

func newCore(o Options, all bool) (*core, error) {
	if o.MaxRequest <= 0 {
		o.MaxRequest = DefaultMaxRequest
	}
	o.Metrics.attach(&o.Disclose)
	marker, err := disclose.NewMarker(o.Disclose)
	if err != nil {
		return nil, err
	}
	c := &core{o: o, marker: marker, routes: o.Routes, log: o.Disclose.Logger, all: all || o.All}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.suffix = "-m" + marker.PolicyHash()
	return c, checkRoutes(o.Routes)
}

// New returns a middleware that treats all that it wraps as AI output, minus
// Skip and exempt routes.
func New(o Options) (func(http.Handler) http.Handler, error) {
	c, err := newCore(o, true)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, next) })
	}, nil
}

// serve handles one request.
func (c *core) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rt := c.match(r)
	if !rt.ai || c.o.Skip != nil && c.o.Skip(r) {
		next.ServeHTTP(w, r)
		return
	}
	if rt.exempt != nil {
		c.o.Metrics.skip(disclose.ReasonExempt)
		c.o.Metrics.response(rt, disclose.KindOther, disclose.OutcomePassed)
		next.ServeHTTP(w, r)
		return
	}
	if reason := c.refuse(r); reason != disclose.ReasonNone {
		c.o.Metrics.skip(reason)
		c.o.Metrics.response(rt, disclose.KindOther, disclose.OutcomeWithheld)
		writeWithheld(w, r, &disclose.Withheld{Reason: reason, Hint: disclose.Hint(reason)})
		return
	}
	x := &exchange{rt: rt, label: rt.label}
	r = c.prepare(r, x)
	rw := &responseWriter{w: w, c: c, x: x, r: r}
	c.o.Metrics.inflight(1)
	defer c.o.Metrics.inflight(-1)
	defer rw.onPanic()
	next.ServeHTTP(rw, r)
	rw.finish()
}

// refuse says why a request is not even passed on.
func (c *core) refuse(r *http.Request) disclose.Reason {
	upgrade := r.Header.Get("Upgrade") != "" || r.Method == http.MethodConnect
	if upgrade && c.marker.Profile().On(disclose.ReasonUpgrade) == disclose.Withhold {
		return disclose.ReasonUpgrade
	}
	if !c.marker.Ready() {
		return disclose.ReasonLedgerDown
	}
	return disclose.ReasonNone
}

// An exchange is what is known about one request and its answer.
type exchange struct {
	rt       route
	ask      disclose.Request
	label    disclose.Label
	accept   string // Accept-Language
	unframed bool   // the end of the upstream's body proves nothing
	tagged   bool   // the client's validator was one of ours
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// SetLabel lets a wrapped handler say what it knows about its answer: fields
// that are set replace those of Options. It has to come before the first byte
// of the answer. Outside a wrapped handler it does nothing.
func SetLabel(ctx context.Context, l disclose.Label) {
	if x := exchangeOf(ctx); x != nil {
		x.label = l
	}
}

// An Exemption is why a route's answers are not marked. All three fields are
// needed: leaving out a disclosure is a decision somebody has to own.
type Exemption struct {
	Reason, Owner string
	Date          time.Time
}

func (e *Exemption) check() error {
	if e.Reason == "" || e.Owner == "" || e.Date.IsZero() {
		return errors.New("an exemption needs a reason, an owner and a date")
	}
	return nil
}
