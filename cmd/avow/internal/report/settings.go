package report

import (
	"fmt"
	"strings"
)

// A Setting is a part of the effective configuration that rows speak of.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// settings are the effective configuration in brief, without addresses that may
// hold passwords.
func (f *facts) settings() []Setting {
	var on []string
	for _, c := range f.on.List() {
		on = append(on, c.String())
	}
	c := f.c
	return []Setting{
		{"profile", c.Profile},
		{"carriers", strings.Join(on, ", ")},
		{"notice", fmt.Sprintf("cadence %s, audience %s, session %s", c.Notice.Cadence, c.Notice.Audience, orNone(shown(c.Notice.Session)))},
		{"visible label", when(c.Image.Label.On, "on", "off")},
		{"public pages", orNone(f.public)},
		{"detector", orNone(shown(c.Detector))},
		{"trust lists", fmt.Sprintf("%d of signers, %d of time stamps", len(c.Trust.Roots), len(c.Trust.TSARoots))},
		{"ledger", strings.TrimSuffix(f.ledger(), ".")},
		{"retention", when(f.ledgerOn(), strings.TrimSuffix(f.retention(), "."), "none")},
		{"fingerprints", when(f.ledgerOn() && c.Ledger.Fingerprints, "on", "off")},
		{"opt-out signals", f.optOut()},
		{"routes", fmt.Sprintf("%d declared, %d of them exempt", len(c.Routes), len(f.exempt))},
	}
}

func (f *facts) optOut() string {
	var out []string
	for _, s := range [][2]string{{"Content-Usage", f.c.OptOut.ContentUsage}, {"tdm-reservation", f.c.OptOut.TDMReservation}, {"tdm-policy", f.c.OptOut.TDMPolicy}} {
		if s[1] != "" {
			out = append(out, s[0]+": "+shown(s[1]))
		}
	}
	return orNone(strings.Join(out, ", "))
}
