package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark/textmark"
)

const maxDistance = 100_000 // characters between two text marks

func (c Config) checkNotices() (errs []error) {
	for lang, text := range c.Notice.Text {
		tag, err := language.Parse(lang)
		if err != nil {
			errs = append(errs, fmt.Errorf(`notice.text.%.16s: not a language such as "en" or "de"`, lang))
			continue
		}
		if err := disclose.CheckNotice(tag, text); err != nil {
			errs = append(errs, fmt.Errorf("notice.text.%s: %w", lang, err))
		}
	}
	if err := disclose.CheckPrincipal(c.Notice.Principal); err != nil {
		errs = append(errs, fmt.Errorf("notice.principal: %w; give the name of the person or organisation alone", err))
	}
	rule := c.Notice.rule()
	rule.Cadence = "" // has a check of its own
	if err := rule.Check(); err != nil {
		errs = append(errs, fmt.Errorf("notice.session: %w", err))
	}
	return errs
}

func (c Config) checkRoutes() (errs []error) {
	for i, r := range c.Routes {
		at := fmt.Sprintf("routes[%d] (%.64s)", i, r.Path)
		for _, err := range append(r.check(), r.checkRequire(c.Carriers)...) {
			errs = append(errs, fmt.Errorf("%s: %w", at, err))
		}
	}
	return errs
}

// checkRequire refuses what is required and switched off: no answer could be sent.
func (r Route) checkRequire(global Carriers) (errs []error) {
	on := *global.over(disclose.DefaultCarriers) & *r.Switches().over(disclose.DefaultCarriers)
	for _, name := range r.Require {
		if carrier, ok := carrierNamed(name); ok && !on.Has(carrier) {
			errs = append(errs, fmt.Errorf("require: %s is switched off, or nothing that avow writes; take it out, or switch it on under carriers", name))
		}
	}
	return errs
}

// check says what is wrong with one route.
func (r Route) check() (errs []error) {
	fail := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fail(!strings.HasPrefix(r.Path, "/") || strings.Contains(strings.TrimSuffix(r.Path, "*"), "*"), "path has to start with / and may end with one *")
	errs = append(errs, r.Shape.check()...)
	fail(!slices.Contains([]string{"", "strict", "standard"}, r.Profile), "profile: %.32q is not possible; choose one of strict, standard", r.Profile)
	errs = append(errs, r.Notice.check(r.Carriers)...)
	for _, name := range r.Require {
		_, ok := carrierNamed(name)
		fail(!ok, "require: no carrier is called %.32q%s", name, suggest(name, carrierNames()))
	}
	fail(r.Exempt != nil && !r.Exempt.whole(), "exempt needs reason, owner and date: leaving out a disclosure is a decision somebody has to own")
	fail(!slices.Contains([]string{"", "standard", "substantial"}, r.Edit),
		"edit: %.32q is not possible; choose standard (assistive editing, passes with the header) or substantial (marked as usual)", r.Edit)
	fail(r.Edit == "standard" && slices.ContainsFunc(r.Require, func(name string) bool { return name != "header" }),
		"edit: standard passes answers unmarked, so require cannot name %s; take it out, or choose substantial", strings.Join(r.Require, ", "))
	for _, name := range r.Observes {
		fail(!slices.Contains(observed, name), "observes: nothing is called %.32q%s; choose one of %s", name, suggest(name, observed), strings.Join(observed, ", "))
	}
	fail(len(r.Observes) > 0 && (r.Shape.Name == "image" || r.Shape.Name == "code"),
		"observes: needs answers with a text to put its notices into, or an API's JSON; name the route on which people are observed")
	if d := r.TextMark.Distance; d != 0 && (d < textmark.DenseDistance || d > maxDistance) {
		errs = append(errs, fmt.Errorf("text_mark.distance: %d is not possible; choose %d to %d", d, textmark.DenseDistance, maxDistance))
	}
	if r.Publication != nil {
		if err := r.Publication.Check(); err != nil {
			errs = append(errs, fmt.Errorf("publication: %w", err))
		}
	}
	if _, err := disclose.ParseObserves(r.Observes...); err != nil && len(errs) == 0 {
		errs = append(errs, errors.New("observes: name each notice once"))
	}
	return errs
}

var observed = (disclose.NoticeEmotion | disclose.NoticeBiometric).IDs()

func (e Exempt) whole() bool {
	return strings.TrimSpace(e.Reason) != "" && strings.TrimSpace(e.Owner) != "" && !e.Date.IsZero()
}

// check says what is wrong with a shape.
func (s Shape) check() []error {
	switch {
	case s.own():
		if _, err := disclose.NewPointers(s.Text, s.Images); err != nil {
			return []error{fmt.Errorf(`shape: %s; write it as {text: ["/answer"], images: ["/pictures/*/data"]}`, strings.TrimPrefix(err.Error(), "disclose: "))}
		}
	case s.Name != "" && !slices.Contains(disclose.Shapes(), disclose.Shape(s.Name)):
		return []error{fmt.Errorf("shape: no shape is called %.32q%s", s.Name, suggest(s.Name, shapeNames()))}
	}
	return nil
}
