package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// verifiable are the extensions of what a detector reads.
var verifiable = append(slices.Clone(imageExtensions),
	".jpe", ".jfif", ".wav", ".mp3", ".mp4", ".m4a", ".m4v",
	".txt", ".text", ".md", ".markdown", ".html", ".htm", ".xhtml",
	".json", ".jsonl", ".ndjson", ".sse")

const verifiableHint = "pictures (.png .jpg .webp), sound and video (.wav .mp3 .mp4 .m4a) and texts (.txt .md .html .json .ndjson .sse) are looked at; name other files one by one"

// expand replaces directories by the files in them that can carry a mark, in the
// order of their paths. several says that the inputs are a list, even of one.
func expand(args []string) (inputs []string, several bool, err error) {
	several = len(args) > 1
	for _, arg := range args {
		if !isDir(arg) {
			inputs = append(inputs, arg)
			continue
		}
		several = true
		files, err := filesIn(arg, isVerifiable)
		if err != nil {
			return nil, several, err
		}
		if len(files) == 0 {
			return nil, several, hint(fmt.Errorf("%s: nothing in this directory could carry a mark", arg), verifiableHint)
		}
		inputs = append(inputs, files...)
	}
	return inputs, several, nil
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

// filesIn lists the files below dir whose name is wanted. What is hidden is left
// out, and links are not followed, save dir itself. A directory that cannot be
// read stands in the list, so that reading it fails where people see it.
func filesIn(dir string, wanted func(name string) bool) ([]string, error) {
	var out []string
	root := dir + string(filepath.Separator) // a link to a directory is followed
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case path == root:
			return err
		case err != nil:
			out = append(out, path)
			return fs.SkipDir
		case strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.Type().IsRegular() && wanted(d.Name()):
			out = append(out, path)
		}
		if len(out) > maxFiles {
			return hint(errors.New("too many files"), "verify %s in parts: at most %d files are looked at in one run", dir, maxFiles)
		}
		return nil
	})
	return out, err
}
