// Package avowcaddy is the Caddy module http.handlers.avow: it marks AI output that
// Caddy fetches, with the decisions of avow's own proxy (middleware.NewGateway).
//
// The module has a small set of options of its own instead of avow's configuration
// file: that file belongs to the program avow, whose packages no other module can
// import, and Caddy has a configuration already. Keys, certificates and ledger are
// the same files and databases, so that avow verify, avow keys and avow ledger work
// beside Caddy.
package avowcaddy

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
)

func init() { caddy.RegisterModule(Handler{}) }

// A Handler is the module. It belongs inside encode and around reverse_proxy.
type Handler struct {
	// Provider and System say who offers which AI system; SystemVersion which
	// version of it.
	Provider      string `json:"provider,omitempty"`
	System        string `json:"system,omitempty"`
	SystemVersion string `json:"system_version,omitempty"`
	// Profile is strict (the default: rather no output than an unmarked one) or
	// standard.
	Profile string `json:"profile,omitempty"`
	// All treats every answer as AI output, not those of the known AI endpoints and
	// of Routes alone.
	All bool `json:"all,omitempty"`
	// Routes are further paths that answer with AI output, "*" as in avow's
	// configuration; each goes by the answers' content type.
	Routes []string `json:"routes,omitempty"`
	// Data is a directory that avow has filled: its keys.json is taken where Keys
	// is empty, its ledger.db where Ledger is empty.
	Data string `json:"data,omitempty"`
	// Keys is a key file, as avow keygen makes it. Without one (and without Data)
	// there is no image mark and no text mark.
	Keys string `json:"keys,omitempty"`
	// SignerChain and SignerKey are PEM files to sign manifests with. Without them
	// there are no manifests.
	SignerChain string `json:"signer_chain,omitempty"`
	SignerKey   string `json:"signer_key,omitempty"`
	// Ledger keeps records: postgres://… or an SQLite file; "off" for none, which
	// is also the default without Data.
	Ledger string `json:"ledger,omitempty"`
	// PublicPath is the prefix of avow's public pages; "" means /avow.
	PublicPath string `json:"public_path,omitempty"`

	gateway func(http.Handler) http.Handler
	kept    string // the name of the ledger in the pool, "" for none
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)

// CaddyModule implements caddy.Module.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.avow", New: func() caddy.Module { return new(Handler) }}
}

// Provision implements caddy.Provisioner.
func (h *Handler) Provision(ctx caddy.Context) error {
	if err := h.Validate(); err != nil {
		return err
	}
	log := ctx.Slogger()
	metrics, err := middleware.NewMetrics(ctx.GetMetricsRegistry())
	if err != nil {
		return fmt.Errorf("avow: metrics: %w (one avow handler in a configuration, please: put several routes into one)", err)
	}
	o, err := h.options(log)
	if err != nil {
		return err
	}
	o.Metrics = metrics
	if h.gateway, err = middleware.NewGateway(o); err != nil {
		return errors.Join(err, h.Cleanup())
	}
	return nil
}

// Validate implements caddy.Validator.
func (h *Handler) Validate() error {
	if h.Profile != "" && h.Profile != "strict" && h.Profile != "standard" {
		return fmt.Errorf("avow: no profile is called %.32q: strict or standard", h.Profile)
	}
	if (h.SignerChain == "") != (h.SignerKey == "") {
		return errors.New("avow: a signer takes two files, its chain and its key")
	}
	return nil
}

// Cleanup implements caddy.CleanerUpper.
func (h *Handler) Cleanup() error {
	if h.kept == "" {
		return nil
	}
	_, err := ledgers.Delete(h.kept)
	h.kept = ""
	return err
}

// failed carries an error of the next handler past what marks: it is no answer.
type failed struct{ err error }

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failed:
			err = p.err
		default:
			panic(p)
		}
	}()
	h.gateway(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := next.ServeHTTP(w, r); err != nil {
			panic(failed{err})
		}
	})).ServeHTTP(w, r)
	return nil
}

// options converts the module's options.
func (h *Handler) options(log *slog.Logger) (middleware.Options, error) {
	o := middleware.Options{All: h.All, PublicPath: h.PublicPath, Logger: log,
		Disclose: disclose.Options{Provider: h.Provider, System: h.System, Version: h.SystemVersion, Logger: log}}
	if h.Profile == "standard" {
		o.Disclose.Profile = disclose.Standard
	}
	for _, path := range h.Routes {
		o.Routes = append(o.Routes, middleware.Route{Path: path})
	}
	keys, err := h.readKeys()
	if err != nil {
		return o, err
	}
	o.Disclose.Key = keys.active
	if o.Disclose.Provenance, err = h.provenance(); err != nil {
		return o, err
	}
	l, err := h.openLedger(keys, log)
	if l != nil {
		o.Disclose.Records = l
	}
	return o, err
}
