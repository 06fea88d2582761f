package config

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/avowai/avow/disclose"
)

// signals are the opt-out signals as disclose knows them.
func (o OptOut) signals() disclose.OptOut {
	return disclose.OptOut{ContentUsage: o.ContentUsage, TDMReservation: o.TDMReservation, TDMPolicy: o.TDMPolicy}
}

// An AIGCLabel is off, on, or who is named as the producer.
type AIGCLabel struct {
	On   bool
	Code AIGCCode `yaml:",inline"`
}

// AIGCCode is the name or code of the generating service; empty means provider.
type AIGCCode struct {
	Producer string `yaml:"producer,omitempty" doc:"Name or code of the generating service; the provider unless given."`
}

// UnmarshalYAML reads off, on or a mapping, which means on.
func (l *AIGCLabel) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		if word != "on" && word != "off" {
			return fmt.Errorf("image.aigc: %.32q is not possible; choose off, on, or {producer: …}", word)
		}
		*l = AIGCLabel{On: word == "on"}
		return nil
	}
	l.On, l.Code = true, AIGCCode{}
	return unmarshal(&l.Code)
}

// MarshalYAML writes the form it was read in.
func (l AIGCLabel) MarshalYAML() (any, error) {
	switch {
	case !l.On:
		return "off", nil
	case l.Code == AIGCCode{}:
		return "on", nil
	}
	return l.Code, nil
}

// label is the label to write; nil where it is off.
func (l AIGCLabel) label() *disclose.AIGCLabel {
	if !l.On {
		return nil
	}
	return &disclose.AIGCLabel{Producer: l.Code.Producer}
}

// checkMetadata says what is wrong with what goes into metadata and signals.
func (c Config) checkMetadata() (errs []error) {
	if err := c.OptOut.signals().Check(); err != nil {
		errs = append(errs, fmt.Errorf("opt_out.%w", err))
	}
	if c.Image.AIGC.On && c.Image.AIGC.Code.Producer == "" && c.Provider == "" {
		errs = append(errs, errors.New("image.aigc: names no producer: set image.aigc.producer, or provider"))
	}
	return errs
}

// signpost is the address of the verification page; nil where none is given.
func (c Config) signpost() *url.URL {
	u, err := url.Parse(c.Detector)
	if err != nil || c.Detector == "" { // Check has seen to it
		return nil
	}
	return u
}
