package middleware

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/avowai/avow/disclose"
)

// A proxy is what NewProxy, or the result of NewGateway, returns, with what the next one takes over from it.
type proxy struct {
	http.Handler
	c         *core
	transport *http.Transport // nil for a gateway, whose engine has its own
	limits    UpstreamLimits
	verify    *VerifyService // nil for none
}

// previous is the proxy before this one; nil for none.
func (o *Options) previous() (*proxy, error) {
	if o.Previous == nil {
		return nil, nil
	}
	p, ok := o.Previous.(*proxy)
	if !ok {
		return nil, errors.New("middleware: previous: has to be a handler that NewProxy or NewGateway made")
	}
	return p, nil
}

// replace makes the proxy that takes the place of one before it, or of none.
func (c *core) replace(before *proxy, target *url.URL) (http.Handler, error) {
	p := &proxy{c: c, limits: c.o.Upstream.defaults()}
	var err error
	if p.verify, err = c.verifyAfter(before); err != nil {
		return nil, err
	}
	switch {
	case before == nil || before.transport == nil:
		p.transport = newTransport(p.limits)
	case before.limits == p.limits:
		p.transport = before.transport
	default:
		p.transport = newTransport(p.limits)
		before.transport.CloseIdleConnections()
	}
	p.Handler = c.handler(target, p.transport, p.verify)
	return p, nil
}

// verifyAfter is the verification service that goes on where the one before it, if
// there was one, stopped.
func (c *core) verifyAfter(before *proxy) (*VerifyService, error) {
	if c.o.Verify == nil {
		return nil, nil
	}
	v := *c.o.Verify // the caller's stays as it is
	if before != nil && v.Previous == nil {
		v.Previous = before.verify
	}
	c.o.Verify = &v
	service, err := c.verifyService()
	v.Previous = nil
	return service, err
}

// CloseIdleConnections closes connections to the upstream that carry nothing, for
// programs that stop using a proxy.
func (p *proxy) CloseIdleConnections() {
	if p.transport != nil {
		p.transport.CloseIdleConnections()
	}
}

// Flush hands on records that wait, for programs that end; see [disclose.Marker.Flush].
func (p *proxy) Flush(ctx context.Context) (waiting int) { return p.c.marker.Flush(ctx) }

// mark makes the markers: one for each profile that some route has.
func (c *core) mark(before *proxy) (err error) {
	o := c.o.Metrics.hook(traceStages(c.o.Tracer, c.o.Disclose))
	if before != nil {
		o.Previous = before.c.marker
	}
	if c.marker, err = disclose.NewMarker(o); err != nil {
		return err
	}
	c.o.Disclose.Previous = nil
	c.markers[c.profile] = c.marker
	for _, r := range c.routes {
		if r.Profile == nil || c.markers[*r.Profile] != nil {
			continue
		}
		o.Profile, o.Previous = *r.Profile, c.marker // one list of waiting records, one pool
		if c.markers[*r.Profile], err = disclose.NewMarker(o); err != nil {
			return err
		}
	}
	return nil
}

// profile is the route's own, else that of the options.
func (ex *exchange) profile() disclose.Profile {
	if ex.route.profile != nil {
		return *ex.route.profile
	}
	return ex.c.profile
}

// marker is the one of the exchange's profile.
func (ex *exchange) marker() *disclose.Marker { return ex.c.markers[ex.profile()] }

// cadence is the route's own, else that of the options.
func (ex *exchange) cadence() Cadence {
	if ex.route.cadence != nil {
		return *ex.route.cadence
	}
	return ex.c.o.Notice.Cadence
}

// timed reports whether some rule needs to know the session.
func (c *core) timed() bool {
	for _, r := range c.routes {
		if r.Cadence != nil && r.Cadence.timed() {
			return true
		}
	}
	return c.o.Notice.Cadence.timed()
}

// remembered are the sessions that this core keeps in memory itself; nil where they
// are somebody else's.
func (c *core) remembered() disclose.Sessions {
	if m, ok := c.sessions.(*disclose.MemorySessions); ok && c.o.Notice.Store == nil {
		return m
	}
	return nil
}

// takeOver goes on with what clients have asked the service before this one.
func (s *VerifyService) takeOver(old *VerifyService) {
	s.o.Previous = nil // keeps no chain of all that ever were
	if old == nil {
		return
	}
	s.clients, s.groups = old.clients, old.groups
	s.clients.relimit(s.limits, s.now())
	s.groups.relimit(s.limits.PerGroup)
	if s.limits.Memory == old.limits.Memory {
		s.uploads = old.uploads
	}
}

// relimit applies other limits, to those who are known as well.
func (c *clients) relimit(l VerifyLimits, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limits == l {
		return
	}
	c.limits = l
	each := rate.Limit(l.PerMinute) / 60
	for e := c.order.Front(); e != nil; e = e.Next() {
		cl := e.Value.(*client)
		for t, factor := range map[toll]int{questions: 1, lookups: lookupFactor} {
			cl.budgets[t].SetLimitAt(now, each*rate.Limit(factor))
			cl.budgets[t].SetBurstAt(now, l.Burst*factor)
		}
	}
}

// relimit applies another limit; what was asked about stays counted.
func (g *groups) relimit(limit int) {
	g.mu.Lock()
	g.limit = limit
	g.mu.Unlock()
}

// Format prints options without keys and tokens, for every verb.
func (o VerifyOptions) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "middleware.VerifyOptions{PublicPath:%q VerifierTokens:%d TextVerifiersOnly:%t Limits:%+v}",
		o.PublicPath, len(o.VerifierTokens), o.TextVerifiersOnly, o.Limits)
}

// Format prints a name for every verb: a service holds the key that reports are
// signed with.
func (s *VerifyService) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "middleware.VerifyService")
}

// Format prints a name for every verb: a proxy holds keys.
func (p *proxy) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "middleware.proxy") }
