package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/avowai/avow/middleware"
)

// A RouteNotice is the notice on one route: as everywhere, on, off, or with a cadence
// of its own, which means on.
type RouteNotice struct {
	On      *bool
	Cadence RouteCadence `yaml:",inline"`
}

// RouteCadence is a route's own cadence; empty for none.
type RouteCadence struct {
	Cadence string `yaml:"cadence,omitempty" enum:"first|always|3h|7d|on_demand" doc:"In which answers of a conversation, beside its first, the notice is given."`
}

// cadences are those that the tag names.
var cadences = strings.Split("first|always|3h|7d|on_demand", "|")

// UnmarshalYAML reads on, off or a mapping.
func (n *RouteNotice) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		on := word == "on"
		if !on && word != "off" {
			return fmt.Errorf("notice: %.32q is not possible on a route; choose on, off, or {cadence: …}", word)
		}
		*n = RouteNotice{On: &on}
		return nil
	}
	*n = RouteNotice{}
	return unmarshal(&n.Cadence)
}

// MarshalYAML writes the form it was read in.
func (n RouteNotice) MarshalYAML() (any, error) {
	switch {
	case n.On == nil:
		return n.Cadence, nil
	case *n.On:
		return "on", nil
	}
	return "off", nil
}

// IsZero reports whether the route says nothing of the notice.
func (n RouteNotice) IsZero() bool { return n == RouteNotice{} }

// check says what is wrong, also with what carriers say of the same thing.
func (n RouteNotice) check(c Carriers) (errs []error) {
	if n.On != nil && c.Notice != nil && *n.On != *c.Notice {
		errs = append(errs, errors.New("notice: says the opposite of carriers.notice; take one of them out"))
	}
	if w := n.Cadence.Cadence; w != "" && !slices.Contains(cadences, w) {
		errs = append(errs, fmt.Errorf("notice.cadence: %.32q is not possible; choose one of %s", w, strings.Join(cadences, ", ")))
	}
	return errs
}

// cadence is the route's own as the middleware knows it; nil for none.
func (n RouteNotice) cadence() *middleware.Cadence {
	if n.Cadence.Cadence == "" {
		return nil
	}
	c := Notice{Cadence: n.Cadence.Cadence}.rule().Cadence
	return &c
}

// Switches are the route's carriers, with what notice says of one of them.
func (r Route) Switches() Carriers {
	c := r.Carriers
	if r.Notice.On != nil {
		c.Notice = r.Notice.On
	}
	return c
}
