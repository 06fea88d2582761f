// Package house holds the rules of this code base that a compiler does not
// check: which package may import which, which calls never appear, how long a
// file and a function may grow. Its tests apply them to the whole module.
package house

import (
	"fmt"
	"strings"
)

// Module is the path of the module the rules speak of.
const Module = "github.com/avowai/avow"

// layer is the place of a package in the straight line
// watermark <- disclose <- middleware <- cmd. Left may be imported by right.
var layer = map[string]int{"watermark": 1, "disclose": 2, "middleware": 3, "cmd": 4}

// A Package is one package and what it imports directly.
type Package struct {
	ImportPath string
	Imports    []string
	// TestImports are those of its test files, in or beside the package.
	TestImports []string
}

// Violations returns a sentence for every import of p that breaks a rule.
func Violations(p Package) []string {
	var bad []string
	from, ok := local(p.ImportPath)
	if !ok {
		return nil
	}
	for _, imp := range p.Imports {
		if why := forbidden(from, imp); why != "" {
			bad = append(bad, fmt.Sprintf("%s imports %s: %s", from, imp, why))
		}
	}
	for _, imp := range p.TestImports {
		to, ok := local(imp)
		if !ok {
			continue
		}
		if why := arrow(from, to); why != "" {
			bad = append(bad, fmt.Sprintf("tests of %s import %s: %s", from, imp, why))
		}
	}
	return bad
}

// forbidden says why from may not import imp, or "".
func forbidden(from, imp string) string {
	if to, ok := local(imp); ok {
		return arrow(from, to)
	}
	for _, r := range outside {
		if under(from, r.from) && under(imp, r.imp) {
			return r.why
		}
	}
	return ""
}

// outside are the rules about packages that are not ours.
var outside = []struct{ from, imp, why string }{
	{"watermark", "net/http", "pixels and bits know no HTTP"},
	{"watermark", "image/png", "the caller decodes"},
	{"watermark", "image/jpeg", "the caller decodes"},
	{"watermark", "image/gif", "the caller decodes"},
	{"watermark", "golang.org/x/image/webp", "the caller decodes"},
	{"disclose", "net/http", "HTTP lives in middleware"},
	{"disclose", "github.com/prometheus", "metrics live in middleware"},
	{"watermark", "go.opentelemetry.io", "tracing lives in cmd"},
	{"disclose", "go.opentelemetry.io", "tracing lives in cmd"},
	{"middleware", "go.opentelemetry.io", "a library user brings his own tracer, see Options.Tracer"},
	{"middleware", "github.com/gorilla/mux", "a library user brings his own router"},
	{"middleware", "github.com/spf13", "command lines live in cmd"},
}

// arrow says why package from may not import package to, both inside the
// module, or "".
func arrow(from, to string) string {
	switch {
	case top(from) == top(to) && top(from) != "disclose" && top(from) != "internal":
		return ""
	case top(to) == "cmd":
		return "nothing imports cmd"
	case top(from) == "internal":
		return internalArrow(to)
	case under(to, "internal"):
		return ""
	case under(from, "disclose/imagemeta") || under(from, "disclose/c2pa"):
		return formatArrow(from, to)
	case top(from) == "bench" || top(from) == "examples":
		return ""
	}
	a, b := layer[top(from)], layer[top(to)]
	if a == 0 || b == 0 {
		return "neither is on the line watermark <- disclose <- middleware <- cmd"
	}
	if a < b {
		return "the arrow points the other way: watermark <- disclose <- middleware <- cmd"
	}
	return ""
}

func internalArrow(to string) string {
	if top(to) == "internal" {
		return ""
	}
	return "internal packages import none of the four"
}

func formatArrow(from, to string) string {
	if sub(from) == sub(to) {
		return ""
	}
	return "formats do not know the root"
}

// local returns the path of imp inside the module.
func local(imp string) (string, bool) {
	if imp == Module {
		return "", true
	}
	return strings.CutPrefix(imp, Module+"/")
}

func top(path string) string { s, _, _ := strings.Cut(path, "/"); return s }

// sub is the first two elements of a path.
func sub(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// under reports whether path is root or lies below it.
func under(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
