package report

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/disclose"
)

// facts are what several rows ask a configuration.
type facts struct {
	Input
	c        config.Config
	on       disclose.CarrierSet
	public   string // path of the public pages, "" for none
	exempt   []string
	without  map[disclose.Carrier][]string // routes that switch a carrier off
	edited   []string                      // routes with edit: standard
	observed []string
	deepfake []string
	interest []string
	code     []string
}

func newFacts(in Input) *facts {
	f := &facts{Input: in, c: in.Config, public: strings.TrimSuffix(in.Config.PublicPath, "/"), without: map[disclose.Carrier][]string{}}
	if f.on = disclose.DefaultCarriers; in.Config.Options().Disclose.Carriers != nil {
		f.on = *in.Config.Options().Disclose.Carriers
	}
	for _, r := range in.Config.Routes {
		f.route(r)
	}
	return f
}

// route notes what one route does otherwise.
func (f *facts) route(r config.Route) {
	path := shown(r.Path)
	note := func(list *[]string, is bool, text string) {
		if is {
			*list = append(*list, text)
		}
	}
	if e := r.Exempt; e != nil {
		f.exempt = append(f.exempt, fmt.Sprintf("%s is exempt: %s (%s, %s)", path, shown(e.Reason), shown(e.Owner), e.Date.Format("2006-01-02")))
	}
	note(&f.edited, r.Edit == "standard", path)
	note(&f.observed, len(r.Observes) > 0, path+" ("+strings.Join(r.Observes, ", ")+")")
	note(&f.code, r.Shape.Name == string(disclose.ShapeCode), path)
	if p := r.Publication; p != nil {
		note(&f.deepfake, p.Deepfake != disclose.DeepfakeNone, path+" ("+string(p.Deepfake)+")")
		note(&f.interest, p.PublicInterest, path)
	}
	c := r.Switches()
	for carrier, on := range map[disclose.Carrier]*bool{disclose.CarrierNotice: c.Notice, disclose.CarrierField: c.Field,
		disclose.CarrierTextMark: c.TextMark, disclose.CarrierImageMark: c.ImageMark,
		disclose.CarrierMetadata: c.Metadata, disclose.CarrierManifest: c.Manifest} {
		if on != nil && !*on {
			f.without[carrier] = append(f.without[carrier], path)
		}
	}
}

// has reports whether a carrier is on for routes that do not say otherwise.
func (f *facts) has(c disclose.Carrier) bool { return f.on.Has(c) }

// everywhere reports whether a carrier is on and no route switches it off.
func (f *facts) everywhere(c disclose.Carrier) bool { return f.has(c) && len(f.without[c]) == 0 }

// carrier is the status of what one carrier does.
func (f *facts) carrier(c disclose.Carrier) Status {
	switch {
	case !f.has(c):
		return Off
	case !f.everywhere(c):
		return Partly
	}
	return Covered
}

// routesWithout names the routes that switch a carrier off, or is "".
func (f *facts) routesWithout(c disclose.Carrier) string {
	if len(f.without[c]) == 0 {
		return ""
	}
	return fmt.Sprintf("Routes without %s: %s.", c, strings.Join(f.without[c], ", "))
}

// switchedOff names the carriers of a list that are off, or is "".
func (f *facts) switchedOff(list ...disclose.Carrier) string {
	var out []string
	for _, c := range list {
		if !f.has(c) {
			out = append(out, "carriers."+c.String())
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "Switched off: " + strings.Join(out, ", ") + "."
}

func (f *facts) ledgerOn() bool { return f.c.Ledger.URL != "off" }

// ledger names where records are kept, without an address: passwords stand in it.
func (f *facts) ledger() string {
	switch {
	case !f.ledgerOn():
		return "No records are kept (ledger.url: off)."
	case f.c.Ledger.URLFile != "":
		return "Records are kept in PostgreSQL."
	case f.c.Ledger.URL == "":
		return "Records are kept in the data directory's ledger."
	case strings.HasPrefix(f.c.Ledger.URL, "postgres"):
		return "Records are kept in PostgreSQL."
	}
	return "Records are kept where ledger.url says."
}

// signer is what manifests are signed with, in a sentence.
func (f *facts) signer() string {
	switch f.Signer.Kind {
	case "own":
		return "Signed as " + shown(f.Signer.Name) + f.expiry() + "."
	case "development":
		return "Signed with a development certificate, which nobody trusts" + f.expiry() + "."
	}
	return "There is no certificate yet: the first start makes a development certificate, which nobody trusts."
}

func (f *facts) expiry() string {
	if f.Signer.NotAfter == nil {
		return ""
	}
	return ", until " + f.Signer.NotAfter.UTC().Format("2006-01-02")
}

// stamps says who puts the time on signatures.
func (f *facts) stamps() string {
	u, err := url.Parse(f.c.Signer.TSA)
	if f.c.Signer.TSA == "" || err != nil {
		return "Signatures carry no time stamp (signer.tsa): they hold until the certificate ends."
	}
	return "Time stamps come from " + shown(u.Host) + "."
}

// fullySigned: an own certificate and time stamps.
func (f *facts) fullySigned() bool { return f.Signer.Kind == "own" && f.c.Signer.TSA != "" }

// keys counts the keys of the ring by their state, in a sentence.
func (f *facts) keys() string {
	if len(f.Keys) == 0 {
		return "There is no key yet: the first start makes one."
	}
	var parts []string
	for _, state := range []string{"active", "verify", "revoked"} {
		n := 0
		for _, k := range f.Keys {
			if k.State == state {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return "Keys in the ring: " + strings.Join(parts, ", ") + "."
}

// ending names the first key that stops marking, or is "".
func (f *facts) ending() string {
	ends := slices.DeleteFunc(slices.Clone(f.Keys), func(k Key) bool { return k.NotAfter == nil || k.State != "active" })
	if len(ends) == 0 {
		return ""
	}
	first := slices.MinFunc(ends, func(a, b Key) int { return a.NotAfter.Compare(*b.NotAfter) })
	return "Key " + first.ID + " marks until " + first.NotAfter.UTC().Format("2006-01-02") + "."
}

// noPages is what the rows on detection say where there are no public pages.
const noPages = "There are no public pages (public_path is empty): only avow verify looks for marks."

// list joins names after a beginning, or is the other sentence.
func list(beginning string, names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return beginning + strings.Join(names, ", ") + "."
}
