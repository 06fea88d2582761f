package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/config"
)

// Limits of the listeners.
const (
	maxHeader     = 32 << 10
	headerTimeout = 10 * time.Second
	idleTimeout   = 120 * time.Second
)

func (a *app) proxy() *cobra.Command {
	var file string
	var over config.Config
	cmd := &cobra.Command{
		Use: "proxy --upstream URL", Short: "Wrap an HTTP AI backend", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return a.runProxy(ctx, &source{file: file, over: func(c *config.Config) error {
				override(cmd, c, over)
				if c.Upstream == "" {
					return hint(errors.New("no upstream is given"), "name the AI backend with --upstream http://127.0.0.1:11434, or upstream: in the configuration")
				}
				return nil
			}})
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

// adminRoutes serves metrics and health; the listener is loopback by default.
func adminRoutes(reg *prometheus.Registry, ready http.HandlerFunc) http.Handler {
	r := mux.NewRouter()
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }
	r.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true})).Methods(http.MethodGet)
	r.HandleFunc("/healthz", ok).Methods(http.MethodGet)
	r.HandleFunc("/readyz", ready).Methods(http.MethodGet)
	return r
}

func (a *app) runProxy(ctx context.Context, from *source) error {
	log, err := a.logger()
	if err != nil {
		return err
	}
	c, err := from.read(a)
	if err != nil {
		return err
	}
	s, err := a.newService(c, log, "proxy")
	if err != nil {
		return err
	}
	defer s.close()
	servers, err := listenBoth(c.Listen, s.public, c.Admin, s.admin)
	if err != nil {
		return err
	}
	if s.listening = servers.addr(c.Listen); wrapsItself(c.Upstream, s.listening) {
		servers.close()
		return errWrapsItself
	}
	o := c.Options()
	var names []string
	for _, carrier := range o.Disclose.Carriers.List() {
		names = append(names, carrier.String())
	}
	a.say("wrapping %s: %s (metrics: %s/metrics), profile %s, carriers %s",
		target(c.Upstream), servers.url(c.Listen), servers.url(c.Admin), c.Profile, strings.Join(names, ","))
	defer s.follow(ctx, from)()
	return servers.run(ctx, a.departure(s))
}

var errWrapsItself = hint(errors.New("the upstream is the proxy's own address: every request would come back to it"),
	"name the AI backend with --upstream, and choose another address with --listen")

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
