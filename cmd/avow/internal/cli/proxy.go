package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/middleware"
)

// Limits of the listeners.
const (
	maxHeader     = 32 << 10
	headerTimeout = 10 * time.Second
	idleTimeout   = 120 * time.Second
	drainTimeout  = 20 * time.Second
)

func (a *app) proxy() *cobra.Command {
	var file string
	var over config.Config
	cmd := &cobra.Command{
		Use: "proxy --upstream URL", Short: "Wrap an HTTP AI backend", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			override(cmd, &c, over)
			if err := c.Check(); err != nil {
				return err
			}
			if c.Upstream == "" {
				return hint(errors.New("no upstream is given"), "name the AI backend with --upstream http://127.0.0.1:11434, or upstream: in the configuration")
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return a.runProxy(ctx, c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "configuration file")
	f.StringVar(&over.Upstream, "upstream", "", "URL of the AI backend")
	f.StringVar(&over.Listen, "listen", "", `public address (default ":8080")`)
	f.StringVar(&over.Admin, "admin", "", `address of metrics and health (default "127.0.0.1:9090")`)
	f.StringVar(&over.Profile, "profile", "", "strict or standard (default strict)")
	f.StringVar(&over.Provider, "provider", "", "who offers the AI system")
	f.StringVar(&over.System, "system", "", "the AI system's name")
	f.StringVar(&over.SystemVersion, "system-version", "", "the AI system's version")
	f.BoolVar(&over.All, "all", false, "treat every answer as AI output")
	return cmd
}

// override puts flags that were given over the file's values.
func override(cmd *cobra.Command, c *config.Config, over config.Config) {
	for name, set := range map[string]func(){
		"upstream":       func() { c.Upstream = over.Upstream },
		"listen":         func() { c.Listen = over.Listen },
		"admin":          func() { c.Admin = over.Admin },
		"profile":        func() { c.Profile = over.Profile },
		"provider":       func() { c.Provider = over.Provider },
		"system":         func() { c.System = over.System },
		"system-version": func() { c.SystemVersion = over.SystemVersion },
		"all":            func() { c.All = over.All },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
}

// A service is the proxy with its admin side, not yet listening.
type service struct {
	public, admin http.Handler
	metrics       *middleware.Metrics
	detector      *disclose.Detector
	ledger        *ledger.Ledger // nil for none
}

// newService wires configuration, keys, records and metrics together.
func (a *app) newService(c config.Config, log *slog.Logger, command string) (made *service, err error) {
	target, err := url.Parse(c.Upstream)
	if err != nil {
		return nil, hint(errors.New("the upstream is not a URL"), "write it as http://127.0.0.1:11434")
	}
	ring, err := a.ring(c.Keys.File)
	if err != nil {
		return nil, err
	}
	key, err := activeKey(ring)
	if err != nil {
		return nil, err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s := &service{}
	defer func() {
		if err != nil {
			a.closeLedger(s.ledger)
		}
	}()
	if s.metrics, err = middleware.NewMetrics(reg); err != nil {
		return nil, err
	}
	if key.NotAfter != nil {
		s.metrics.SetKeyExpiry(*key.NotAfter)
	}
	o := c.Options()
	o.Metrics = s.metrics
	o.Disclose.Key, o.Disclose.Logger = key.Key(), log
	if s.ledger, err = a.openLedger(context.Background(), c, ring, key.Key(), ledgerServe, command); err != nil {
		return nil, err
	}
	o.Disclose.Records = recordsOf(s.ledger)
	if err := a.sign(c, &o, s.metrics); err != nil {
		return nil, err
	}
	trust, err := trustOf(c, nil)
	if err != nil {
		return nil, err
	}
	if s.detector, err = newDetector(c, ring, o.Disclose.Records, trust); err != nil {
		return nil, err
	}
	o.Verify.Detector = s.detector
	if err := a.reporting(c, ring, o.Verify); err != nil {
		return nil, err
	}
	if s.public, err = middleware.NewProxy(target, o); err != nil {
		return nil, err
	}
	s.admin = adminRoutes(reg, s.ready(o.Disclose.Profile))
	return s, nil
}

// sign has outputs carry manifests unless the configuration switches them off.
func (a *app) sign(c config.Config, o *middleware.Options, m *middleware.Metrics) error {
	if !o.Disclose.Carriers.Has(disclose.CarrierManifest) {
		return nil
	}
	p, err := a.provenance(c)
	if err != nil {
		return err
	}
	o.Disclose.Provenance = p
	m.SetCertificateExpiry(p.Signer.Chain[0].NotAfter)
	return nil
}

// ready says whether the ledger can be written. Strict then refuses answers once
// what waits in memory is full, so that others better take its place; standard
// goes on without records.
func (s *service) ready(p disclose.Profile) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if s.ledger == nil || s.ledger.Writable() == nil {
			_, _ = io.WriteString(w, "ok\n")
			return
		}
		if p == disclose.Strict {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, "the ledger cannot be written; the log says why\n")
	}
}

// adminRoutes serves metrics and health; the listener is loopback by default.
func adminRoutes(reg *prometheus.Registry, ready http.HandlerFunc) http.Handler {
	r := mux.NewRouter()
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }
	r.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true})).Methods(http.MethodGet)
	r.HandleFunc("/healthz", ok).Methods(http.MethodGet)
	r.HandleFunc("/readyz", ready).Methods(http.MethodGet)
	return r
}

func (a *app) runProxy(ctx context.Context, c config.Config) error {
	log, err := a.logger()
	if err != nil {
		return err
	}
	s, err := a.newService(c, log, "proxy")
	if err != nil {
		return err
	}
	defer a.closeLedger(s.ledger)
	servers, err := listenBoth(c.Listen, s.public, c.Admin, s.admin)
	if err != nil {
		return err
	}
	if wrapsItself(c.Upstream, servers.addr(c.Listen)) {
		servers.close()
		return hint(errors.New("the upstream is the proxy's own address: every request would come back to it"),
			"name the AI backend with --upstream, and choose another address with --listen")
	}
	o := c.Options()
	var names []string
	for _, carrier := range o.Disclose.Carriers.List() {
		names = append(names, carrier.String())
	}
	a.say("wrapping %s: http://%s (metrics: http://%s/metrics), profile %s, carriers %s",
		target(c.Upstream), servers.addr(c.Listen), servers.addr(c.Admin), c.Profile, strings.Join(names, ","))
	return servers.run(ctx)
}

// wrapsItself reports whether an upstream is the address listened on, on this
// machine's loopback or a wildcard. It catches the slip, not every way around.
func wrapsItself(upstream, listening string) bool {
	u, err := url.Parse(upstream)
	if err != nil {
		return false
	}
	host, port, err := net.SplitHostPort(listening)
	if err != nil || u.Port() != port {
		return false
	}
	ip, wild := net.ParseIP(u.Hostname()), net.ParseIP(host)
	local := u.Hostname() == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
	return u.Hostname() == host || local && wild != nil && (wild.IsLoopback() || wild.IsUnspecified())
}

func target(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

// A serverSet is several servers that start and stop together.
type serverSet struct {
	listeners map[string]net.Listener
	servers   []*http.Server
	serve     []func() error
}

// listenBoth opens the public and the admin address.
func listenBoth(public string, p http.Handler, admin string, a http.Handler) (*serverSet, error) {
	if public == admin {
		return nil, hint(fmt.Errorf("%s is given twice", public), "metrics need an address of their own: choose another with --admin")
	}
	return listen(map[string]http.Handler{public: p, admin: a})
}

// listen opens all addresses, or none.
func listen(handlers map[string]http.Handler) (*serverSet, error) {
	set := &serverSet{listeners: map[string]net.Listener{}}
	for addr, h := range handlers {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			set.close()
			return nil, hint(fmt.Errorf("cannot listen on %s: %w", addr, err), "another program may use the port; choose another with --listen or --admin")
		}
		srv := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: serverLog(os.Stderr)}
		set.listeners[addr] = l
		set.servers = append(set.servers, srv)
		set.serve = append(set.serve, func() error { return srv.Serve(l) })
	}
	return set, nil
}

func (s *serverSet) addr(given string) string { return s.listeners[given].Addr().String() }

func (s *serverSet) close() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// run serves until ctx ends, then lets answers in progress finish.
func (s *serverSet) run(ctx context.Context) error {
	failed := make(chan error, len(s.serve))
	for _, serve := range s.serve {
		go func() { failed <- serve() }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	for _, srv := range s.servers {
		if e := srv.Shutdown(drain); e != nil {
			_ = srv.Close()
		}
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
