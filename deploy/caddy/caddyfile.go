package avowcaddy

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("avow", parse)
	// encode comes first in Caddy's order, which is outside: what is compressed
	// cannot be marked.
	httpcaddyfile.RegisterDirectiveOrder("avow", httpcaddyfile.After, "encode")
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)

func parse(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	return m, m.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler:
//
//	avow {
//		provider       <name>
//		system         <name>
//		system_version <version>
//		profile        strict|standard
//		all
//		route          <path>...
//		data           <directory>
//		keys           <file>
//		signer         <chain> <key>
//		ledger         <file>|<postgres URL>|off
//		public_path    <prefix>
//	}
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	text := map[string]*string{"provider": &h.Provider, "system": &h.System, "system_version": &h.SystemVersion,
		"profile": &h.Profile, "data": &h.Data, "keys": &h.Keys, "ledger": &h.Ledger, "public_path": &h.PublicPath}
	for d.NextBlock(0) {
		name := d.Val()
		args := d.RemainingArgs()
		switch to := text[name]; {
		case to != nil && len(args) == 1:
			*to = args[0]
		case name == "all" && len(args) == 0:
			h.All = true
		case name == "route" && len(args) > 0:
			h.Routes = append(h.Routes, args...)
		case name == "signer" && len(args) == 2:
			h.SignerChain, h.SignerKey = args[0], args[1]
		case to != nil || name == "all" || name == "route" || name == "signer":
			return d.ArgErr()
		default:
			return d.Errf("avow: no option is called %.64q", name)
		}
	}
	return nil
}
