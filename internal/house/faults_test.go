package house

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// faultTests are the tests that docs/faults.md names, as `directory.TestName`.
var faultTests = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)`")

// A document that names a test which is gone promises what nothing shows.
func TestFaultsNameTestsThatExist(t *testing.T) {
	there := map[string]bool{}
	eachFile(t, func(path string, _ *token.FileSet, f *ast.File) {
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				there[filepath.ToSlash(dir)+"."+fn.Name.Name] = true
			}
		}
	})
	doc, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := faultTests.FindAllStringSubmatch(string(doc), -1)
	if len(named) < 50 {
		t.Fatalf("docs/faults.md names %d tests", len(named))
	}
	for _, m := range named {
		if !there[m[1]+"."+m[2]] {
			t.Errorf("docs/faults.md names %s in %s, which is not there", m[2], m[1])
		}
	}
}
