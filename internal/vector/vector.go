// Package vector loads the frozen marked files of testdata/vectors. What a
// release marked has to stay detectable, so a vector is never changed.
package vector

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Vector is one marked file with what is known about it.
type Vector struct {
	Name string
	// Fields of the header file: expect, key, payload, original, attack, tiles,
	// pixels (SHA-256 of the rendered tiles and of the marked pixels).
	Fields map[string]string
	// Marked is the marked file, Original the one it was made from, if kept.
	Marked, Original []byte
}

// Load reads all vectors of a folder: NAME.txt holds "field: value" lines,
// NAME.png the marked file. A folder without vectors is an error.
func Load(dir string) ([]Vector, error) {
	headers, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	var out []Vector
	for _, h := range headers {
		v, err := load(h)
		if err != nil {
			return nil, fmt.Errorf("vector %s: %w", filepath.Base(h), err)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("vector: none in %s", dir)
	}
	return out, nil
}

func load(header string) (Vector, error) {
	v := Vector{Name: strings.TrimSuffix(filepath.Base(header), ".txt"), Fields: map[string]string{}}
	f, err := os.Open(header)
	if err != nil {
		return v, err
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok {
			v.Fields[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	if v.Marked, err = os.ReadFile(strings.TrimSuffix(header, ".txt") + ".png"); err != nil {
		return v, err
	}
	if o := v.Fields["original"]; o != "" {
		v.Original, err = os.ReadFile(filepath.Join(filepath.Dir(header), filepath.Base(o)))
	}
	return v, err
}
