package cli

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/avowai/avow/cmd/avow/internal/bulk"
)

// verifiable are the extensions of what a detector reads.
var verifiable = append(slices.Clone(imageExtensions),
	".jpe", ".jfif", ".wav", ".mp3", ".mp4", ".m4a", ".m4v",
	".txt", ".text", ".md", ".markdown", ".html", ".htm", ".xhtml",
	".json", ".jsonl", ".ndjson", ".sse")

const verifiableHint = "pictures (.png .jpg .webp), sound and video (.wav .mp3 .mp4 .m4a) and texts (.txt .md .html .json .ndjson .sse) are looked at; name other files one by one"

// expand replaces directories by the files in them that can carry a mark, in the
// order of their paths, without a list of them. several says that the inputs are a
// list, even of one. A directory without such a file is an error at once.
func expand(args []string) (inputs iter.Seq[string], several bool, err error) {
	several = len(args) > 1
	for _, arg := range args {
		if !isDir(arg) {
			continue
		}
		several = true
		n := 0
		for _, err := range bulk.Walk(arg, isVerifiable) {
			if err != nil {
				return nil, several, err
			}
			n++
			break
		}
		if n == 0 {
			return nil, several, hint(fmt.Errorf("%s: nothing in this directory could carry a mark", arg), verifiableHint)
		}
	}
	return func(yield func(string) bool) {
		for _, arg := range args {
			if !isDir(arg) {
				if !yield(arg) {
					return
				}
				continue
			}
			for file := range bulk.Walk(arg, isVerifiable) { // its error comes with dir, which cannot be read
				if !yield(file) {
					return
				}
			}
		}
	}, several, nil
}

func isDir(arg string) bool {
	if arg == "-" || isURL(arg) {
		return false
	}
	info, err := os.Stat(arg)
	return err == nil && info.IsDir()
}

func isVerifiable(name string) bool {
	return slices.Contains(verifiable, strings.ToLower(filepath.Ext(name)))
}

// filesIn lists the files below dir whose name is wanted, see bulk.Walk.
func filesIn(dir string, wanted func(name string) bool) ([]string, error) {
	var out []string
	for file, err := range bulk.Walk(dir, wanted) {
		if err != nil {
			return nil, err
		}
		if out = append(out, file); len(out) > maxFiles {
			return nil, hint(errors.New("too many files"), "compare %s in parts: at most %d files are looked at in one run", dir, maxFiles)
		}
	}
	return out, nil
}
