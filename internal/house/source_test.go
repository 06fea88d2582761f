package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Budgets of the house: a reader holds one file and one function in his head.
const (
	maxFileLines = 400
	maxFuncLines = 60
)

// neverCalled are package-level names that may not be used outside tests:
// decoders that go by what happens to be registered in the process, and the
// process-wide metrics registry.
var neverCalled = map[string]string{
	"image.Decode":                 "sniff, check the header against the limits, call the decoder by name",
	"image.DecodeConfig":           "sniff, then call the decoder by name",
	"imaging.Decode":               "links TIFF and BMP decoders to untrusted input",
	"imaging.Open":                 "links TIFF and BMP decoders to untrusted input",
	"prometheus.DefaultRegisterer": "a library user owns the default registry",
	"prometheus.MustRegister":      "a library user owns the default registry",
	"promauto.NewCounter":          "a library user owns the default registry",
}

var badPackageNames = map[string]bool{"util": true, "utils": true, "common": true, "types": true, "core": true, "model": true}

// eachFile calls fn for every Go file of the module.
func eachFile(t *testing.T, fn func(path string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		n++
		fn(path, fset, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 10 {
		t.Fatalf("read %d Go files, want the whole module", n)
	}
}

func TestNoForbiddenCalls(t *testing.T) {
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		if badPackageNames[f.Name.Name] {
			t.Errorf("%s: a package called %s says nothing", path, f.Name.Name)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			if why, bad := neverCalled[x.Name+"."+sel.Sel.Name]; bad {
				t.Errorf("%s: %s.%s: %s", fset.Position(sel.Pos()), x.Name, sel.Sel.Name, why)
			}
			return true
		})
	})
}

func TestFilesAndFunctionsStaySmall(t *testing.T) {
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		if lines := fset.Position(f.End()).Line; lines > maxFileLines && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s: %d lines, want at most %d", path, lines, maxFileLines)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
			if n > maxFuncLines {
				t.Errorf("%s: %s has %d lines, want at most %d", fset.Position(fn.Pos()), fn.Name.Name, n, maxFuncLines)
			}
		}
	})
}

// claims that no text of this project makes about its subject.
var claims = []string{"AI Act compliant", "AI-Act compliant", "fully compliant", "guaranteed authentic", "proves it is human", "100 % accurate"}

func TestDocumentsMakeNoForbiddenClaims(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" || strings.Contains(path, "node_modules") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, c := range claims {
			if strings.Contains(strings.ToLower(string(text)), strings.ToLower(c)) {
				t.Errorf("%s claims %q", path, c)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
