package validate

import (
	"slices"
	"time"
)

// A Kind says what a Status is.
type Kind uint8

// The kinds of status codes.
const (
	Success Kind = iota
	Informational
	Failure
)

// String is the kind's name as the spec's validation-results map has it.
func (k Kind) String() string {
	return [...]string{"success", "informational", "failure"}[min(k, Failure)]
}

// A Status is one outcome of one check.
type Status struct {
	Kind Kind
	// Code is the spec's, such as "assertion.dataHash.mismatch".
	Code string
	// URL is the JUMBF URI of the box that the code speaks of.
	URL string
	// Explanation is for people. It may quote foreign input.
	Explanation string
	// Ingredient is the JUMBF URI of the ingredient assertion that led to the
	// manifest the code speaks of; "" for the active manifest.
	Ingredient string

	recorded bool // by who signed an ingredient assertion on the way there
}

// A Result is what Asset and Detached found. Strings in it that come from the
// manifest are foreign input: escape them where they are shown.
type Result struct {
	State State
	// Statuses are in the order of the checks. What the signer of an ingredient
	// assertion already recorded about its ingredient is not repeated.
	Statuses []Status
	// Signer is who signed the active manifest.
	Signer Signer
	// Signed is the attested time if Stamped, else the time that the signer or
	// an untrusted time stamp claims, else zero.
	Signed time.Time
	// Stamped: a time stamp holds and its authority chains to an anchor.
	Stamped bool
	// StampedBy is the name of the authority of a time stamp that matches, be it
	// trusted or not.
	StampedBy string
	// Active is what the active manifest says; nil if it could not be read. Its
	// content is worth as much as State.
	Active *Summary
	// NotChecked names what this package cannot judge.
	NotChecked []string
	// Remote is the address of a manifest store elsewhere that the asset names.
	// It comes from the asset: whoever fetches it must guard against misuse.
	Remote string
}

// A Signer is the subject of the end-entity certificate.
type Signer struct {
	Name, Issuer string
	// Development: the certificate calls itself one for development or testing.
	Development         bool
	NotBefore, NotAfter time.Time
}

// A Summary is what a manifest says.
type Summary struct {
	// Label is the manifest's, usually a urn:c2pa.
	Label, Title, Generator, InstanceID string
	Actions                             []Action
	SoftBindings                        []SoftBinding
	// Disclosure is the c2pa.ai-disclosure assertion, nil for none.
	Disclosure *Disclosure
	// TrainingMining is the use per entry of c2pa.training-mining or
	// cawg.training-mining, such as "cawg.ai_inference": "notAllowed".
	TrainingMining map[string]string
	Ingredients    []Ingredient
}

// An Action is one entry of the actions assertions.
type Action struct {
	// Name is such as "c2pa.created".
	Name string
	// SourceType is the digital source type, an IPTC or C2PA URI, or "".
	SourceType string
	// SoftwareAgent is name and version.
	SoftwareAgent string
}

// A SoftBinding is one block of a soft binding assertion.
type SoftBinding struct {
	Alg   string
	Value []byte
}

// A Disclosure is the content of a c2pa.ai-disclosure assertion.
type Disclosure struct {
	ModelType, ModelName, ModelIdentifier string
	// Oversight is contentProfile.humanOversightLevel.
	Oversight string
}

// An Ingredient is one ingredient assertion.
type Ingredient struct {
	// Relation is parentOf, componentOf or inputTo.
	Relation, Title string
	// Label is that of the ingredient's manifest, "" if it has none.
	Label string
	// State is that of the ingredient's manifest as it stands in this store.
	// Its hard binding cannot be checked here: Valid speaks of the signature.
	State State
}

// clip bounds a foreign string.
func clip(s string) string { return s[:min(len(s), maxText)] }

// note adds to NotChecked, once.
func (c *checker) note(what string) {
	for _, n := range c.result.NotChecked {
		if n == what {
			return
		}
	}
	c.result.NotChecked = append(c.result.NotChecked, what)
}

// log adds a status. A store that earns more of them than any good one can is
// given up on.
func (c *checker) log(k Kind, code, url, text string) {
	switch n := len(c.result.Statuses); {
	case n >= maxStatuses:
		return
	case n == maxStatuses-1:
		k, code, url, text = Failure, generalError, "", "too many statuses"
	}
	s := Status{Kind: k, Code: code, URL: url, Explanation: text, Ingredient: c.ingredient}
	s.recorded = slices.ContainsFunc(c.records, func(r record) bool { return r[recordKey{code, url}] })
	c.result.Statuses = append(c.result.Statuses, s)
}

func (c *checker) ok(code, url, text string)   { c.log(Success, code, url, text) }
func (c *checker) info(code, url, text string) { c.log(Informational, code, url, text) }
func (c *checker) fail(code, url, text string) { c.log(Failure, code, url, text) }

// failed reports whether a check failed already, an unknown signer aside.
func (c *checker) failed() bool {
	return slices.ContainsFunc(c.result.Statuses, func(s Status) bool { return s.Kind == Failure && s.Code != credentialUntrusted })
}

// verdict is the state that the statuses add up to.
func (c *checker) verdict() State {
	return stateOf(c.result.Statuses, "", c.doubt)
}

// stateOf weighs the statuses of the manifest behind an ingredient assertion, ""
// for the active one, and of all that it led to. An untrusted signer is the one
// failure that leaves a manifest Valid.
func stateOf(all []Status, ingredient string, doubt bool) State {
	var validated, inside, trusted, untrusted bool
	for _, s := range all {
		switch {
		case s.Kind == Failure && s.Code == credentialUntrusted:
			untrusted = true
		case s.Kind == Failure:
			return Invalid
		case s.Ingredient != ingredient:
		case s.Code == signatureValidated:
			validated = true
		case s.Code == signatureInside:
			inside = true
		case s.Code == credentialTrusted:
			trusted = true
		}
	}
	switch {
	case !validated || !inside:
		return Invalid
	case doubt:
		return WellFormed
	case trusted && !untrusted:
		return Trusted
	}
	return Valid
}
