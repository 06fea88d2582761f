package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
)

const (
	otherRoute   = "other"
	maxNames     = 200  // different route names in metrics
	maxLanguages = 1024 // different Accept-Language values remembered
	maxLanguage  = 256  // bytes of one that is remembered
)

// matched is what is known about a request's route.
type matched struct {
	ai, exempt  bool
	name        string
	shape       disclose.Shape
	carriers    *disclose.CarrierSet
	require     disclose.CarrierSet
	code        bool
	pointers    *disclose.Pointers
	publication *disclose.Publication
	distance    int  // between text marks
	stored      bool // an answer that was given before
	observes    disclose.Notices
	edit        Edit
	profile     *disclose.Profile
	cadence     *Cadence
}

func checkRoute(r Route) error {
	if !strings.HasPrefix(r.Path, "/") {
		return errors.New(`path has to begin with "/"`)
	}
	if _, err := path.Match(r.Path, "/"); err != nil {
		return err
	}
	if r.Exempt != nil && strings.TrimSpace(r.Exempt.Reason) == "" {
		return errors.New("an exemption needs a reason")
	}
	if r.Observes&^(disclose.NoticeEmotion|disclose.NoticeBiometric) != 0 {
		return errors.New("observes can name emotion recognition and biometric categorisation only")
	}
	if r.Observes != 0 && (r.Shape == disclose.ShapeImage || r.Shape == disclose.ShapeCode) {
		return errors.New("observes needs answers with a text to put its notices into, or an API's JSON")
	}
	switch r.Edit {
	case EditNone, EditSubstantial:
	case EditStandard:
		if r.Require.Without(disclose.CarrierHeader) != 0 {
			return errors.New("edit: standard passes answers unmarked, so nothing but the header can be required")
		}
	default:
		return fmt.Errorf("no kind of editing is called %.32q; choose standard or substantial", string(r.Edit))
	}
	if r.Publication != nil {
		if err := r.Publication.Check(); err != nil {
			return err
		}
	}
	if r.Profile != nil && *r.Profile > disclose.Standard {
		return errors.New("profile has to be strict or standard")
	}
	if r.Cadence != nil {
		if err := (Notice{Cadence: *r.Cadence}).Check(); err != nil {
			return err
		}
	}
	if r.Shape == disclose.ShapeCustom && r.Pointers == nil {
		return errors.New("a shape of one's own needs Pointers: where its texts and images are")
	}
	return nil
}

// checkRequired refuses routes whose answers could never carry what they have to:
// a carrier that is off, or for which a key, a signer or a place is missing.
func (c *core) checkRequired() error {
	for i, route := range c.routes {
		on := c.marker.Enabled()
		if route.Carriers != nil {
			on &= route.Carriers.With(disclose.CarrierHeader)
		}
		if off := (route.Require &^ on).List(); len(off) > 0 {
			return fmt.Errorf("middleware: routes[%d]: requires %s, which nothing here attaches: switch it on and give what it needs, such as a key or a signer", i, off[0])
		}
	}
	return nil
}

// match finds the route of a request. An exemption has to fit the path as it
// was sent and as a server would clean it, so that "/exempt/../v1/messages"
// escapes nothing; to be an AI endpoint one of the two is enough.
func (c *core) match(r *http.Request) matched {
	if c.o.Skip != nil && c.o.Skip(r) {
		return matched{}
	}
	sent := r.URL.Path
	clean := sent
	if strings.Contains(sent, "//") || strings.Contains(sent, "/.") || !strings.HasPrefix(sent, "/") {
		clean = path.Clean("/" + sent)
	}
	m := matched{ai: !c.proxy || c.o.All}
	if shape, suffix, ok := endpoint(r, sent, clean); ok {
		m.ai, m.shape, m.name = true, shape, suffix
		m.stored = suffix == disclose.StoredResponse
	}
	for i := range c.routes {
		route := &c.routes[i]
		inSent, inClean := matchPath(route.Path, sent), matchPath(route.Path, clean)
		if route.Exempt != nil && inSent && inClean {
			m.ai, m.exempt, m.name = true, true, route.Path
			break
		}
		if route.Exempt == nil && (inSent || inClean) {
			m.apply(route)
			break
		}
	}
	if m.ai {
		m.name = c.routeName(r, m.name)
	}
	return m
}

func (m *matched) apply(route *Route) {
	m.ai, m.name = true, route.Path
	m.carriers, m.require, m.code = route.Carriers, route.Require, route.Code
	m.publication, m.distance = route.Publication, route.TextMarkDistance
	m.observes, m.edit = route.Observes, route.Edit
	m.profile, m.cadence = route.Profile, route.Cadence
	switch {
	case route.Pointers != nil:
		m.shape, m.pointers = disclose.ShapeCustom, route.Pointers
	case route.Shape != disclose.ShapeAuto:
		m.shape = route.Shape
	}
}

// declared reports whether the operator said what a route's answers are, which
// no header of an answer overrules.
func (m *matched) declared() bool {
	return m.pointers != nil || m.shape == disclose.ShapeCode
}

// endpoint recognises the AI endpoints that need no configuration.
func endpoint(r *http.Request, sent, clean string) (disclose.Shape, string, bool) {
	for _, p := range [2]string{sent, clean} {
		if shape, suffix, ok := disclose.Endpoint(p); ok {
			return shape, suffix, true
		}
	}
	if strings.HasSuffix(clean, "/view") { // ComfyUI; "output" is its default
		q := r.URL.Query()
		if t := q.Get("type"); q.Has("filename") && (t == "output" || t == "") {
			return disclose.ShapeImage, "/view", true
		}
	}
	return disclose.ShapeAuto, "", false
}

// matchPath reports whether a route's path covers p.
func matchPath(pattern, p string) bool {
	if rest, ok := strings.CutSuffix(pattern, "*"); ok && !strings.ContainsAny(rest, `*?[\`) {
		return strings.HasPrefix(p, rest) || p+"/" == rest
	}
	ok, err := path.Match(pattern, p)
	return err == nil && ok
}

// routeName is the route's label: never a raw path.
func (c *core) routeName(r *http.Request, known string) string {
	if c.o.RouteName != nil {
		if name := c.o.RouteName(r); name != "" {
			return c.names.admit(name)
		}
	}
	switch {
	case known != "":
		return known
	case r.Pattern != "":
		return c.names.admit(r.Pattern)
	}
	return otherRoute
}

// A nameSet admits a bounded number of names.
type nameSet struct {
	mu   sync.RWMutex
	seen map[string]bool
}

func (s *nameSet) admit(name string) string {
	s.mu.RLock()
	ok, full := s.seen[name], len(s.seen) >= maxNames
	s.mu.RUnlock()
	if ok {
		return name
	}
	if full || len(name) > 256 {
		return otherRoute
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	if len(s.seen) >= maxNames && !s.seen[name] {
		return otherRoute
	}
	s.seen[name] = true
	return name
}

// A languageCache remembers what Accept-Language values were negotiated to:
// matching tags costs more than all the rest of a small exchange.
type languageCache struct {
	mu   sync.RWMutex
	seen map[string]language.Tag
}

func (l *languageCache) negotiate(accept string) language.Tag {
	if accept == "" {
		return language.English
	}
	l.mu.RLock()
	tag, ok := l.seen[accept]
	l.mu.RUnlock()
	if ok {
		return tag
	}
	tag = disclose.NegotiateLanguage(accept)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[string]language.Tag{}
	}
	if len(l.seen) < maxLanguages && len(accept) <= maxLanguage {
		l.seen[accept] = tag
	}
	return tag
}
