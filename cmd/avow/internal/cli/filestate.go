package cli

import (
	"crypto/sha256"
	"io"
	"os"
	"time"
)

// maxWatched bounds how much of a file is hashed, in bytes.
const maxWatched = 16 << 20

// A fileState is how a file looks. Its content alone counts; time and size say
// whether it has to be read.
type fileState struct {
	there bool
	time  time.Time
	size  int64
	sum   [sha256.Size]byte
}

// fileStates are files by their path.
type fileStates map[string]fileState

// again looks at the same files, and at some more.
func (f fileStates) again(more ...string) fileStates {
	paths := more
	for path := range f {
		paths = append(paths, path)
	}
	return f.look(paths)
}

// of looks at other files; those that f has seen stay as f has them.
func (f fileStates) of(paths []string) fileStates {
	out := fileStates{}
	for path, state := range f.look(paths) {
		if old, ok := f[path]; ok {
			state = old
		}
		out[path] = state
	}
	return out
}

func (f fileStates) look(paths []string) fileStates {
	out := fileStates{}
	for _, path := range paths {
		if _, done := out[path]; path != "" && !done {
			out[path] = lookAt(path, f[path])
		}
	}
	return out
}

// lookAt reads a file whose time or size is not what it was. One that cannot be read
// is as good as gone.
func lookAt(path string, was fileState) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	if was.there && was.size == info.Size() && was.time.Equal(info.ModTime()) {
		return was
	}
	file, err := os.Open(path)
	if err != nil {
		return fileState{}
	}
	defer func() { _ = file.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(file, maxWatched)); err != nil {
		return fileState{}
	}
	return fileState{there: true, time: info.ModTime(), size: info.Size(), sum: [sha256.Size]byte(h.Sum(nil))}
}

// same reports whether the files hold the same.
func (f fileStates) same(other fileStates) bool {
	if len(f) != len(other) {
		return false
	}
	for path, a := range f {
		if b, ok := other[path]; !ok || a.there != b.there || a.size != b.size || a.sum != b.sum {
			return false
		}
	}
	return true
}
