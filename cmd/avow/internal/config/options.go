package config

import (
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
)

// Options converts the configuration. The caller adds keys, records, metrics
// and a logger.
func (c Config) Options() middleware.Options {
	o := middleware.Options{
		Disclose: disclose.Options{
			Provider: c.Provider, System: c.System, Version: c.SystemVersion,
			Carriers: c.Carriers.over(disclose.DefaultCarriers), Strength: c.Image.Strength,
			MaxHeld: int64(c.Limits.HeldBytes), MaxEvent: int(c.Limits.EventBytes), MaxPixels: c.Image.MaxPixels,
			Jobs: c.Limits.Jobs, Queue: c.Limits.Queue, PassURLOnly: c.Image.URLOnly == "pass", Notices: c.Notice.Text,
			AIGC: c.Image.AIGC.label(), OptOut: c.OptOut.signals(), Detector: c.signpost(),
			Principal: c.Notice.Principal, Audience: c.Notice.audience(), TextMarkDistance: c.TextMark.Distance,
			NoFingerprints: !c.Ledger.Fingerprints,
		},
		Upstream: middleware.UpstreamLimits{FirstByte: time.Duration(c.Limits.FirstByte), Idle: time.Duration(c.Limits.UpstreamIdle)},
		Notice:   c.Notice.rule(), Backend: c.Backend.mark(),
		All: c.All, PublicPath: c.PublicPath,
		ModelCard: c.ModelCard, Contact: c.Contact,
	}
	verify := c.Verify.options()
	o.Verify = &verify
	o.Disclose.Profile = profileNamed(c.Profile)
	if c.Image.WebP == "png" {
		o.Disclose.WebP = disclose.WebPToPNG
	}
	if v, err := c.Image.Label.visible(); err == nil { // Check has seen to it
		o.Disclose.VisibleLabel = v
	}
	if c.PublicPath == "" {
		o.PublicPath = "-"
	}
	for _, r := range c.Routes {
		o.Routes = append(o.Routes, r.route())
	}
	return o
}

// rule is when the notice is given.
func (n Notice) rule() middleware.Notice {
	rule := middleware.Notice{Cadence: middleware.Cadence(n.Cadence), Session: n.Session}
	if n.Cadence == "first" {
		rule.Cadence = middleware.CadenceFirst
	}
	return rule
}

func (n Notice) audience() disclose.Audience {
	if n.Audience == "general" {
		return disclose.AudienceGeneral
	}
	return disclose.Audience(n.Audience)
}

// route converts a route that Check lets through.
func (r Route) route() middleware.Route {
	out := middleware.Route{Path: r.Path, Shape: disclose.Shape(r.Shape.Name), Edit: middleware.Edit(r.Edit),
		Publication: r.Publication, TextMarkDistance: r.TextMark.Distance}
	out.Observes, _ = disclose.ParseObserves(r.Observes...)
	if r.Shape.own() {
		out.Pointers, _ = disclose.NewPointers(r.Shape.Text, r.Shape.Images)
	}
	if carriers := r.Switches(); carriers != (Carriers{}) {
		out.Carriers = carriers.over(disclose.DefaultCarriers)
	}
	if r.Profile != "" {
		p := profileNamed(r.Profile)
		out.Profile = &p
	}
	out.Cadence = r.Notice.cadence()
	for _, name := range r.Require {
		carrier, _ := carrierNamed(name)
		out.Require = out.Require.With(carrier)
	}
	if r.Exempt != nil {
		out.Exempt = &middleware.Exemption{Reason: r.Exempt.Reason, Owner: r.Exempt.Owner, Date: r.Exempt.Date.Time}
	}
	return out
}

// over applies the switches to a set.
func (c Carriers) over(base disclose.CarrierSet) *disclose.CarrierSet {
	for carrier, on := range map[disclose.Carrier]*bool{
		disclose.CarrierHeader: c.Header, disclose.CarrierNotice: c.Notice, disclose.CarrierField: c.Field,
		disclose.CarrierTextMark:  c.TextMark,
		disclose.CarrierImageMark: c.ImageMark, disclose.CarrierMetadata: c.Metadata, disclose.CarrierManifest: c.Manifest,
	} {
		switch {
		case on == nil:
		case *on:
			base = base.With(carrier)
		default:
			base = base.Without(carrier)
		}
	}
	return &base
}

func profileNamed(name string) disclose.Profile {
	if name == "standard" {
		return disclose.Standard
	}
	return disclose.Strict
}

// Pace says how slow a client may be.
func (l Limits) Pace() middleware.PaceOptions {
	o := middleware.PaceOptions{Idle: time.Duration(l.Idle), MinRate: int(l.MinRate)}
	if l.MinRate == 0 {
		o.MinRate = -1
	}
	return o
}
