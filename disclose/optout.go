package disclose

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
)

// Names of the opt-out signals.
const (
	// HeaderContentUsage is the field of draft-ietf-aipref-attach.
	HeaderContentUsage = "Content-Usage"
	// HeaderTDMReservation and HeaderTDMPolicy are those of the TDM Reservation
	// Protocol (W3C Community Group, final report of 2 February 2024).
	HeaderTDMReservation = "Tdm-Reservation"
	HeaderTDMPolicy      = "Tdm-Policy"
	// TDMRepPath is where that protocol looks for the whole host's document.
	TDMRepPath = "/.well-known/tdmrep.json"
)

// An OptOut says to those who gather training data what the operator wants.
// The zero value says nothing. It is a wish in machine-readable form, not a
// lock, and no mark: it does not say that content is AI-generated.
type OptOut struct {
	// ContentUsage is the value of Content-Usage, such as "train-ai=n". The
	// vocabulary still moves, so any Dictionary of RFC 9651 will do whose values
	// are tokens, integers or booleans. At most 256 bytes.
	ContentUsage string
	// TDMReservation is "1" where the rights for text and data mining are
	// reserved, "0" where they are not; empty says nothing.
	TDMReservation string
	// TDMPolicy is the address of the terms of use, for a reservation of "1".
	TDMPolicy string
}

const maxContentUsage = 256

// dictionary is RFC 9651, section 3.2, with values of tokens, integers and
// booleans, and parameters of the same.
var dictionary = func() *regexp.Regexp {
	const key = `[a-z*][a-z0-9_.*-]*`
	const value = `(=([A-Za-z*][A-Za-z0-9!#$%&'*+.^_|~:/-]*|\?[01]|-?[0-9]{1,15}))?`
	const member = key + value + `(; *` + key + value + `)*`
	return regexp.MustCompile(`^` + member + `([ \t]*,[ \t]*` + member + `)*$`)
}()

// Check says what is wrong with the signals, naming the key of the
// configuration.
func (o OptOut) Check() error {
	if v := o.ContentUsage; v != "" && (len(v) > maxContentUsage || !dictionary.MatchString(v)) {
		return fmt.Errorf("content_usage: %.64q is no Dictionary of RFC 9651; write for example train-ai=n", v)
	}
	switch o.TDMReservation {
	case "", "0", "1":
	default:
		return fmt.Errorf("tdm_reservation: %.16q is not possible; choose 0 or 1", o.TDMReservation)
	}
	if o.TDMPolicy == "" {
		return nil
	}
	u, err := url.Parse(o.TDMPolicy)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !printable(o.TDMPolicy) {
		return errors.New("tdm_policy: has to be a URL such as https://example.org/tdm.json")
	}
	if o.TDMReservation != "1" {
		return errors.New("tdm_policy: goes with tdm_reservation: 1 alone")
	}
	return nil
}

// A HeaderField is the name and the value of a header field.
type HeaderField struct{ Name, Value string }

// Headers are the header fields that carry the signals.
func (o OptOut) Headers() (fields []HeaderField) {
	for _, f := range []HeaderField{
		{HeaderContentUsage, o.ContentUsage}, {HeaderTDMReservation, o.TDMReservation}, {HeaderTDMPolicy, o.TDMPolicy},
	} {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// TDMRep is the document at TDMRepPath, for the whole host, or nil where no
// reservation is stated.
func (o OptOut) TDMRep() []byte {
	if o.TDMReservation == "" {
		return nil
	}
	type entry struct {
		Location    string      `json:"location"`
		Reservation json.Number `json:"tdm-reservation"`
		Policy      string      `json:"tdm-policy,omitempty"`
	}
	b, err := json.MarshalIndent([]entry{{"/", json.Number(o.TDMReservation), o.TDMPolicy}}, "", "  ")
	if err != nil {
		return nil // only for a reservation that Check refuses
	}
	return append(b, '\n')
}

// named are the signals by the keys of the configuration.
func (o OptOut) named() map[string]string {
	out := map[string]string{}
	for key, value := range map[string]string{
		"content_usage": o.ContentUsage, "tdm_reservation": o.TDMReservation, "tdm_policy": o.TDMPolicy,
	} {
		if value != "" {
			out[key] = value
		}
	}
	return out
}
