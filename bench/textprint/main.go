// Command textprint measures the fingerprints of texts: what survives an edit, how
// often foreign texts are taken for recorded ones, and what they cost. Its texts
// are the prose of the module cache and of the Go distribution: Markdown files and
// doc comments.
//
//	go run ./bench/textprint
package main

import (
	"flag"
	"fmt"
	"log"
	"os/exec"
	"runtime"
	"strings"
)

func main() {
	log.SetFlags(0)
	modules := flag.String("modules", "", "folder of modules; empty means go env GOMODCACHE")
	flag.Parse()
	if err := run(*modules); err != nil {
		log.Fatal("textprint: ", err)
	}
}

func run(modules string) error {
	env, err := exec.Command("go", "env", "GOMODCACHE", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	folders := strings.Split(strings.TrimSpace(string(env)), "\n")
	if modules == "" {
		modules = folders[0]
	}
	all, err := collect(modules, folders[1])
	if err != nil {
		return err
	}
	groups := map[string]bool{}
	words, chars := 0, 0
	for _, p := range all {
		groups[p.group] = true
		words, chars = words+p.words, chars+len([]rune(p.text))
	}
	fmt.Printf("`go run ./bench/textprint`: %s, %s/%s; %d passages of prose, %d words on average, from %d owners\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, len(all), words/max(1, len(all)), len(groups))
	m := newMeasure(all)
	m.edits()
	fmt.Printf("Passages and those of other owners: %.3g pairs; %d searches among %.0f records on average. Of two texts with %d words in a row in common one is a copy, in part or as a whole.\n\n",
		m.pairs(), len(all), m.pairs()/float64(len(all)), copied)
	m.foreign(true)
	m.foreign(false)
	return m.costs(chars)
}
