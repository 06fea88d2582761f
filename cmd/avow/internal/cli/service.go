package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/cmd/avow/internal/signing"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/middleware"
)

// A service is the proxy, or the verification service alone, with its admin side, not
// yet listening. What serves is a generation; the rest lasts as long as the process:
// metrics, the ledger, and what each generation takes over from the one before.
type service struct {
	a             *app
	log           *slog.Logger
	public, admin http.Handler
	registry      *prometheus.Registry
	metrics       *middleware.Metrics
	reloads       reloadMetrics
	observing     *observing
	ledger        *ledger.Ledger // nil for none, or for one that is only read
	listening     string         // the public address
	leaving       atomic.Bool    // told to stop
	build         func(config.Config, *keyring.Ring, *generation) (*generation, error)

	mu      sync.Mutex // one change at a time
	current atomic.Pointer[generation]
}

// handOnWait is how long a ledger that is down may take to come back at the very end.
const handOnWait = 5 * time.Second

// A generation is all that one configuration, with the files that it names, has made.
// A request is served by the one that it began with, to its end.
type generation struct {
	c        config.Config
	public   http.Handler
	proxy    http.Handler              // what NewProxy made; nil without a proxy
	verify   *middleware.VerifyService // of a service alone
	detector *disclose.Detector
	profile  disclose.Profile
	key      keyring.Entry // that marks; empty without a proxy
	signer   *c2pa.Signer  // nil for none
}

// newest serves a request by the generation that is the newest when it comes.
type newest struct{ current *atomic.Pointer[generation] }

// ServeHTTP implements http.Handler.
func (n newest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.current.Load().public.ServeHTTP(w, r)
}

// before is what the next detector takes over from; nil for none.
func (g *generation) before() *disclose.Detector {
	if g == nil {
		return nil
	}
	return g.detector
}

// newService wires configuration, keys, records and metrics together.
func (a *app) newService(c config.Config, log *slog.Logger, command string) (*service, error) {
	s := &service{a: a, log: log}
	s.build = s.proxying
	return s, s.open(c, command)
}

// open gives a service its keys and its ledger, and makes its first generation.
func (s *service) open(c config.Config, command string) error {
	a := s.a
	ring, err := a.ring(c.Keys.File)
	if err != nil {
		return err
	}
	key, err := activeKey(ring)
	if err != nil {
		return err
	}
	if s.ledger, err = a.openLedger(context.Background(), c, ring, key.Key(), ledgerServe, command); err != nil {
		return err
	}
	if err := s.begin(c, ring); err != nil {
		a.closeLedger(s.ledger)
		return err
	}
	return nil
}

// begin registers metrics and makes the first generation.
func (s *service) begin(c config.Config, ring *keyring.Ring) (err error) {
	s.registry = prometheus.NewRegistry()
	for _, collector := range []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := s.registry.Register(collector); err != nil {
			return err
		}
	}
	if s.metrics, err = middleware.NewMetrics(s.registry); err != nil {
		return err
	}
	if s.reloads, err = newReloadMetrics(s.registry); err != nil {
		return err
	}
	if s.observing, err = newObserving(s.registry, s.log); err != nil {
		return err
	}
	first, err := s.build(c, ring, nil)
	if err != nil {
		s.observing.stop()
		return err
	}
	s.install(first)
	s.public = newest{&s.current}
	s.admin = adminRoutes(s.registry, s.ready)
	return nil
}

// close writes what waits for the ledger, and sends the last spans.
func (s *service) close() {
	s.handOn()
	s.a.closeLedger(s.ledger)
	s.observing.stop()
}

// handOn has the ledger take the records that it could not take before. Those that it
// still cannot are lost, which somebody has to know.
func (s *service) handOn() {
	p, ok := s.current.Load().proxy.(interface{ Flush(context.Context) int })
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handOnWait)
	defer cancel()
	if lost := p.Flush(ctx); lost > 0 {
		s.log.Error("records lost: the ledger took none until the end, and their outputs have left", "records", lost)
	}
}

// install has new requests served by a generation.
func (s *service) install(g *generation) {
	s.current.Store(g)
	var keyEnd, certEnd time.Time
	if g.key.NotAfter != nil {
		keyEnd = *g.key.NotAfter
	}
	if g.signer != nil {
		certEnd = g.signer.Chain[0].NotAfter
	}
	s.metrics.SetKeyExpiry(keyEnd)
	s.metrics.SetCertificateExpiry(certEnd)
	if s.ledger != nil {
		s.ledger.Rekey(g.key.Key())
	}
}

// proxying makes a proxy under a configuration.
func (s *service) proxying(c config.Config, ring *keyring.Ring, before *generation) (*generation, error) {
	target, err := url.Parse(c.Upstream)
	if err != nil {
		return nil, hint(errors.New("the upstream is not a URL"), "write it as http://127.0.0.1:11434")
	}
	if s.listening != "" && wrapsItself(c.Upstream, s.listening) {
		return nil, errWrapsItself
	}
	return s.marking(c, ring, before, func(o middleware.Options) (http.Handler, error) { return middleware.NewProxy(target, o) })
}

// marking makes a generation whose answers handler marks.
func (s *service) marking(c config.Config, ring *keyring.Ring, before *generation,
	handler func(middleware.Options) (http.Handler, error)) (g *generation, err error) {
	g = &generation{c: c}
	if g.key, err = activeKey(ring); err != nil {
		return nil, err
	}
	o := c.Options()
	g.profile = o.Disclose.Profile
	o.Metrics, o.Logger = s.metrics, s.log
	o.Disclose.Key, o.Disclose.Logger, o.Disclose.Records = g.key.Key(), s.log, recordsOf(s.ledger)
	if g.signer, err = s.a.sign(c, &o); err != nil {
		return nil, err
	}
	trust, err := trustOf(c, nil)
	if err != nil {
		return nil, err
	}
	if g.detector, err = newDetector(c, ring, o.Disclose.Records, trust, before.before()); err != nil {
		return nil, err
	}
	o.Verify.Detector = g.detector
	if err := s.a.reporting(c, ring, o.Verify); err != nil {
		return nil, err
	}
	s.observing.into(&o)
	if before != nil {
		o.Previous = before.proxy
	}
	if g.proxy, err = handler(o); err != nil {
		return nil, err
	}
	g.public = middleware.Pace(g.proxy, c.Limits.Pace())
	return g, nil
}

// sign has outputs carry manifests unless the configuration switches them off.
func (a *app) sign(c config.Config, o *middleware.Options) (*c2pa.Signer, error) {
	if !o.Disclose.Carriers.Has(disclose.CarrierManifest) {
		return nil, nil
	}
	p, err := a.provenance(c)
	if err != nil {
		return nil, err
	}
	o.Disclose.Provenance = p
	return p.Signer, nil
}

// ends is when a generation has to be made anew without any file having changed: its
// key stops marking, or its development certificate is to be renewed. Zero for never.
func (g *generation) ends() (at time.Time) {
	if g.key.NotAfter != nil {
		at = *g.key.NotAfter
	}
	if g.signer == nil || !c2pa.IsDevelopment(g.signer.Chain[0]) {
		return at
	}
	if renew := g.signer.Chain[0].NotAfter.Add(-signing.RenewBefore); at.IsZero() || renew.Before(at) {
		at = renew
	}
	return at
}

// ready says whether the ledger can be written. Strict then refuses answers once
// what waits in memory is full, so that others better take its place; standard
// goes on without records. A service that was told to stop wants no more requests.
func (s *service) ready(w http.ResponseWriter, _ *http.Request) {
	if s.leaving.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "stopping; answers in progress are brought to their end\n")
		return
	}
	if s.ledger == nil || s.ledger.Writable() == nil {
		_, _ = io.WriteString(w, "ok\n")
		return
	}
	if s.current.Load().profile == disclose.Strict {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, "the ledger cannot be written; the log says why\n")
}

// Format prints a name for every verb: a service holds keys.
func (s *service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "cli.service") }

// Format prints a name for every verb: a generation holds keys.
func (g *generation) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "cli.generation") }
