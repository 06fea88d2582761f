package private

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestKept(t *testing.T) {
	for _, c := range []struct {
		name     string
		mode     fs.FileMode
		rootOwns bool
		user     int
		want     bool
	}{
		{"own", 0o600, false, 1000, true},
		{"read only", 0o400, false, 1000, true},
		{"root's own", 0o600, true, 0, true},
		{"mounted secret", 0o440, true, 65532, true},
		{"mounted secret that root reads", 0o440, true, 0, false},
		{"own group reads", 0o640, false, 1000, false},
		{"group writes", 0o460, true, 65532, false},
		{"all read", 0o444, true, 65532, false},
		{"all read, no group", 0o404, true, 65532, false},
	} {
		if got := kept(c.mode, c.rootOwns, c.user); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestKeptFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing here")
	}
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[fs.FileMode]bool{0o600: true, 0o644: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := Kept(info); got != want {
			t.Errorf("%04o: %v, want %v", mode, got, want)
		}
	}
}
