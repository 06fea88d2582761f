// Package bulk is what avow needs for very many files: a walk that keeps no list, a
// journal from which a run that broke off goes on, a meter, and a summary for
// programs.
package bulk

import (
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// Walk yields the files below dir whose name is wanted, in the order of their
// paths. It holds the names of the directories on its way, not all files. What is
// hidden is left out, and so are the directories in without; links are not
// followed, save dir itself. A directory that cannot be read is yielded like a
// file, so that reading it fails where people see it; dir itself comes with its
// error.
func Walk(dir string, wanted func(name string) bool, without ...fs.FileInfo) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		root := dir + string(filepath.Separator) // a link to a directory is followed
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case path == root:
				return err
			case err != nil:
				if !yield(path, nil) {
					return fs.SkipAll
				}
				return fs.SkipDir
			case strings.HasPrefix(d.Name(), "."), d.IsDir() && isOneOf(d, without):
				if d.IsDir() {
					return fs.SkipDir
				}
			case d.Type().IsRegular() && wanted(d.Name()) && !yield(path, nil):
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(dir, err)
		}
	}
}

func isOneOf(d fs.DirEntry, others []fs.FileInfo) bool {
	if len(others) == 0 {
		return false
	}
	info, err := d.Info()
	if err != nil {
		return false
	}
	for _, o := range others {
		if o != nil && os.SameFile(info, o) {
			return true
		}
	}
	return false
}
