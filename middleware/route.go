package middleware

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose"
)

// A Route overrides what is known about the answers of some paths.
type Route struct {
	// Path is a whole path, or the start of paths where it ends with "*".
	Path string
	// Shape of the answers; empty goes by the path.
	Shape disclose.Shape
	// Carriers of the answers; nil means all that are enabled.
	Carriers *disclose.CarrierSet
	// Require names carriers without which an answer is withheld.
	Require disclose.CarrierSet
	// Exempt passes the route's answers untouched.
	Exempt *Exemption
	// Label completes the label of the route's answers.
	Label disclose.Label
}

func checkRoutes(routes []Route) error {
	for _, r := range routes {
		if !strings.HasPrefix(r.Path, "/") || strings.Contains(strings.TrimSuffix(r.Path, "*"), "*") {
			return fmt.Errorf("middleware: route %q: a path starts with / and may end with one *", r.Path)
		}
		if r.Shape != "" && !slices.Contains(disclose.Shapes(), r.Shape) {
			return fmt.Errorf("middleware: route %q: no shape is called %q", r.Path, r.Shape)
		}
		if r.Exempt != nil {
			if err := r.Exempt.check(); err != nil {
				return fmt.Errorf("middleware: route %q: %w", r.Path, err)
			}
		}
	}
	return nil
}

func (r Route) matches(path string) bool {
	if prefix, ok := strings.CutSuffix(r.Path, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return path == r.Path
}

// A route is what was decided about one request's path.
type route struct {
	ai       bool
	name     string
	shape    disclose.Shape
	code     bool
	carriers *disclose.CarrierSet
	require  disclose.CarrierSet
	exempt   *Exemption
	label    disclose.Label
}

// match decides whether a request's answer is AI output, and of what shape.
func (c *core) match(r *http.Request) route {
	shape, known := disclose.ShapeOf(r.URL.Path)
	if strings.HasSuffix(r.URL.Path, "/view") && r.URL.Query().Get("type") == "output" {
		shape, known = disclose.ShapeImage, true // ComfyUI serves inputs there too
	}
	rt := route{ai: known || c.all, shape: shape, name: endpointName(r.URL.Path, known)}
	for _, o := range c.routes {
		if !o.matches(r.URL.Path) {
			continue
		}
		rt.ai, rt.name = true, o.Path
		rt.carriers, rt.require, rt.exempt, rt.label = o.Carriers, o.Require, o.Exempt, o.Label
		switch o.Shape {
		case "":
		case disclose.ShapeCode:
			rt.code = true
			if !known {
				rt.shape = disclose.ShapeCode
			}
		default:
			rt.shape = o.Shape
		}
		break
	}
	if c.o.RouteName != nil {
		rt.name = c.o.RouteName(r)
	}
	return rt
}

// endpointName is the known endpoint a path ends with: a closed set.
func endpointName(path string, known bool) string {
	if known {
		for _, e := range disclose.Endpoints() {
			if strings.HasSuffix(strings.TrimSuffix(path, "/"), e) {
				return e
			}
		}
	}
	return "other"
}
