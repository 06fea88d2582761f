package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A passage is some prose of one file.
type passage struct {
	group string // who wrote it: the owner of its module
	file  string
	text  string
	words int
}

const (
	minWords  = 40  // of a paragraph that counts as prose
	longWords = 150 // paragraphs of a file are joined until a passage has so many
	maxFile   = 1 << 20
)

// collect reads the prose of Markdown files and of Go doc comments below the
// folders. Of a module that is there in several versions the last one is read.
func collect(modules, goroot string) ([]passage, error) {
	latest := map[string]string{}
	err := walk(modules, func(path, rel string) {
		if group, name := module(rel); group != "" {
			latest[group+" "+name] = path
		}
	})
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"src", "doc"} {
		root := filepath.Join(goroot, dir)
		err := walk(root, func(path, rel string) {
			if first, _, _ := strings.Cut(rel, "/"); first != "cmd" && first != "vendor" {
				latest["go std/"+rel] = path
			}
		})
		if err != nil {
			return nil, err
		}
	}
	var all []passage
	for name, path := range latest {
		group, _, _ := strings.Cut(name, " ")
		all = append(all, passages(group, name, path)...)
	}
	slices.SortFunc(all, func(a, b passage) int { return strings.Compare(a.file+a.text, b.file+b.text) })
	return all, nil
}

// walk calls fn for Markdown and Go files.
func walk(root string, fn func(path, rel string)) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil:
			return nil
		case d.IsDir() && (d.Name() == "cache" && filepath.Dir(path) == root || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".md") && !strings.HasSuffix(path, ".go"):
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err == nil {
			fn(path, filepath.ToSlash(rel))
		}
		return nil
	})
}

// module cuts a path of the module cache into the module's owner and the rest,
// without the version. Modules of the Go project and of its maker copy from one
// another, and count as one owner's.
func module(rel string) (group, name string) {
	group, rest, ok := strings.Cut(rel, "@")
	if !ok {
		return "", ""
	}
	_, rest, _ = strings.Cut(rest, "/")
	parts := strings.Split(group, "/")
	owner := strings.Join(parts[:min(2, len(parts))], "/")
	for _, own := range []string{"golang.org", "google.golang.org", "cloud.google.com", "github.com/google", "github.com/golang", "github.com/googleapis"} {
		if strings.HasPrefix(owner+"/", own+"/") {
			owner = "go"
		}
	}
	return owner, group + "/" + rest
}

func passages(group, name, path string) []passage {
	data, err := os.ReadFile(path)
	if err != nil || len(data) > maxFile {
		return nil
	}
	var out []passage
	var open []string
	n := 0
	flush := func() {
		if n > 0 {
			out = append(out, passage{group, name, strings.Join(open, "\n\n"), n})
		}
		open, n = nil, 0
	}
	for _, p := range paragraphs(path, data) {
		open, n = append(open, p), n+len(strings.Fields(p))
		if n >= longWords {
			flush()
		}
	}
	flush()
	return out
}

var (
	fence = regexp.MustCompile("(?ms)^```.*?^```")
	blank = regexp.MustCompile(`\n\s*\n`)
)

// paragraphs returns what is prose: mostly letters, of minWords words or more.
func paragraphs(path string, data []byte) []string {
	var blocks []string
	if strings.HasSuffix(path, ".md") {
		blocks = blank.Split(string(fence.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), nil)), -1)
	} else {
		f, err := parser.ParseFile(token.NewFileSet(), path, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil
		}
		if ast.IsGenerated(f) {
			return nil
		}
		for _, c := range f.Comments {
			if c.End() < f.Package && c != f.Doc {
				continue // the licence
			}
			blocks = append(blocks, blank.Split(c.Text(), -1)...)
		}
	}
	return slices.DeleteFunc(blocks, func(b string) bool { return !isProse(b) })
}

func isProse(b string) bool {
	letters, all := 0, 0
	for _, r := range b {
		all++
		if unicode.IsLetter(r) || r == ' ' || r == '\n' {
			letters++
		}
	}
	return len(strings.Fields(b)) >= minWords && letters*100 >= all*85
}
