package config

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/avowai/avow/cmd/avow/internal/nearest"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark/textmark"
)

// Hard maxima of limits that an operator may set.
const (
	maxHeld   = 256 << 20
	maxEvent  = 4 << 20
	maxPixels = 100_000_000

	maxDistance = 100_000 // characters between two text marks
)

// Check says what is wrong with a configuration, all of it at once.
func (c Config) Check() error {
	var errs []error
	oneOf := func(key, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			errs = append(errs, fmt.Errorf("%s: %.32q is not possible; choose one of %s", key, value, strings.Join(allowed, ", ")))
		}
	}
	within := func(key string, value, low, high int64) {
		if value < low || value > high {
			errs = append(errs, fmt.Errorf("%s: %d is not possible; choose %d to %d", key, value, low, high))
		}
	}
	oneOf("profile", c.Profile, "strict", "standard")
	oneOf("notice.cadence", c.Notice.Cadence, "first", "always", "3h", "7d", "on_demand")
	oneOf("notice.audience", c.Notice.Audience, "general", "plain", "minors")
	oneOf("image.webp", c.Image.WebP, "metadata", "png")
	oneOf("image.url_only", c.Image.URLOnly, "withhold", "pass")
	within("limits.held_bytes", int64(c.Limits.HeldBytes), 1<<10, maxHeld)
	within("limits.event_bytes", int64(c.Limits.EventBytes), 1<<10, maxEvent)
	within("limits.jobs", int64(c.Limits.Jobs), 0, 1024)
	within("limits.queue", int64(c.Limits.Queue), 1, 65536)
	errs = append(errs, c.Limits.checkDrain()...)
	within("text_mark.distance", int64(c.TextMark.Distance), textmark.DenseDistance, maxDistance)
	within("image.max_pixels", c.Image.MaxPixels, 1, maxPixels)
	if !(c.Image.Strength > 0 && c.Image.Strength <= 4) {
		errs = append(errs, fmt.Errorf("image.strength: %v is not possible; choose more than 0 and at most 4", c.Image.Strength))
	}
	if _, err := c.Image.Label.visible(); err != nil {
		errs = append(errs, err)
	}
	if c.Carriers.Header != nil && !*c.Carriers.Header {
		errs = append(errs, errors.New("carriers.header: cannot be switched off, it is the least an AI output carries"))
	}
	if (c.Signer.Chain == "") != (c.Signer.Key == "") {
		errs = append(errs, errors.New("signer: chain and key go together: name both files, or neither for a development certificate"))
	}
	if u := c.Ledger.URL; u != "" && u != "off" && !strings.HasPrefix(u, "postgres://") && !strings.HasPrefix(u, "postgresql://") {
		errs = append(errs, errors.New(`ledger.url: has to be "" for a file in the data directory, a database as postgres://user@host/name, or off`))
	}
	if c.Ledger.Retention <= 0 {
		errs = append(errs, errors.New("ledger.retention: has to be more than 0; write for example 17520h for two years"))
	}
	if c.PublicPath != "" && !strings.HasPrefix(c.PublicPath, "/") {
		errs = append(errs, errors.New(`public_path: has to start with /, or be "" to switch the pages off`))
	}
	for key, value := range map[string]string{"upstream": c.Upstream, "model_card": c.ModelCard, "detector": c.Detector, "signer.tsa": c.Signer.TSA} {
		if u, err := url.Parse(value); value != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			errs = append(errs, fmt.Errorf("%s: has to be a URL such as https://example.org/", key))
		}
	}
	return errors.Join(slices.Concat(errs, c.checkNotices(), c.checkMetadata(), c.Backend.check(), c.Verify.check(), c.checkRoutes())...)
}

func shapeNames() []string {
	var out []string
	for _, s := range disclose.Shapes() {
		out = append(out, string(s))
	}
	return out
}

func carrierNames() []string {
	var out []string
	for _, c := range disclose.Carriers() {
		out = append(out, c.String())
	}
	return out
}

func carrierNamed(name string) (disclose.Carrier, bool) {
	i := slices.Index(carrierNames(), name)
	return disclose.Carrier(max(i, 0)), i >= 0
}

// unknownKey names the key that is not known, and the nearest that is.
func unknownKey(e *yaml.UnknownFieldError) error {
	msg := e.Message
	name, line := "", 0
	if t := e.Token; t != nil {
		name, line = t.Value, t.Position.Line
	}
	if name == "" {
		return errors.New(msg)
	}
	return fmt.Errorf("line %d: no key is called %.64q%s", line, name, suggest(name, allKeys(reflect.TypeFor[Config]())))
}

// allKeys lists the keys of a configuration type, those of its parts included.
func allKeys(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return allKeys(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, flags, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name != "":
			keys = append(append(keys, name), allKeys(f.Type)...)
		case flags == "inline":
			keys = append(keys, allKeys(f.Type)...)
		}
	}
	return keys
}

// suggest names the known word nearest to an unknown one.
func suggest(word string, known []string) string {
	best := nearest.Word(word, known)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
