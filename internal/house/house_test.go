package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// packages lists every package of the module with go list.
func packages(t *testing.T) []Package {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []Package
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("go list output: %v", err)
		}
		all = append(all, Package{p.ImportPath, p.Imports, append(p.TestImports, p.XTestImports...)})
	}
}

var root = filepath.Join("..", "..")

func TestImportsFollowTheArrows(t *testing.T) {
	all := packages(t)
	if len(all) < 5 {
		t.Fatalf("go list found %d packages, want the whole module", len(all))
	}
	for _, p := range all {
		for _, v := range Violations(p) {
			t.Error(v)
		}
	}
}

func TestArrowsCatchEveryWrongEdge(t *testing.T) {
	m := func(p string) string { return Module + "/" + p }
	bad := []struct{ from, imp string }{
		{"watermark", m("disclose")},
		{"watermark", m("middleware")},
		{"watermark", "net/http"},
		{"watermark", "image/png"},
		{"watermark/textmark", m("disclose")},
		{"disclose", m("middleware")},
		{"disclose", "net/http"},
		{"disclose", "net/http/httputil"},
		{"disclose", "github.com/prometheus/client_golang/prometheus"},
		{"disclose/imagemeta", m("disclose")},
		{"disclose/imagemeta", m("watermark")},
		{"disclose/imagemeta", m("disclose/c2pa")},
		{"middleware", m("cmd/avow/internal/config")},
		{"middleware", "github.com/gorilla/mux"},
		{"middleware", "go.opentelemetry.io/otel/trace"},
		{"disclose", "go.opentelemetry.io/otel"},
		{"internal/pixels", m("watermark")},
		{"internal/pixels", m("disclose/imagemeta")},
		{"examples/chatbot", m("cmd/avow")},
		{"bench/throughput", m("cmd/avow/internal/config")},
		{"watermark", m("bench/robustness")},
		{"tools", m("watermark")},
	}
	for _, e := range bad {
		if v := Violations(Package{ImportPath: m(e.from), Imports: []string{e.imp}}); len(v) == 0 {
			t.Errorf("%s -> %s was let through", e.from, e.imp)
		}
	}
	if v := Violations(Package{ImportPath: m("watermark"), TestImports: []string{m("disclose")}}); len(v) == 0 {
		t.Error("a test of watermark that imports disclose was let through")
	}
}

func TestArrowsLetTheLineThrough(t *testing.T) {
	m := func(p string) string { return Module + "/" + p }
	good := []struct{ from, imp string }{
		{"disclose", m("watermark")},
		{"disclose", m("disclose/imagemeta")},
		{"disclose/ledger", m("disclose")},
		{"disclose/imagemeta", m("internal/pixels")},
		{"middleware", m("disclose")},
		{"middleware", m("watermark")},
		{"middleware", "net/http"},
		{"cmd/avow", m("cmd/avow/internal/config")},
		{"cmd/avow/internal/demo", m("middleware")},
		{"examples/chatbot", m("middleware")},
		{"bench/robustness", m("internal/attack")},
		{"internal/attack", m("internal/corpus")},
	}
	for _, e := range good {
		if v := Violations(Package{ImportPath: m(e.from), Imports: []string{e.imp}}); len(v) != 0 {
			t.Errorf("%s -> %s was refused: %v", e.from, e.imp, v)
		}
	}
}
