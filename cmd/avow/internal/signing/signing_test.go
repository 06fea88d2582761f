package signing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestDevelopment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	now := time.Now()
	ending := t.TempDir()
	if err := makeDevelopment(ending, now.Add(-360*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, made, err := Development(ending, now); err != nil || !made {
		t.Fatalf("at its end: made %v, %v", made, err)
	}
	// The old authority stays an anchor.
	if roots, err := Certificates(filepath.Join(ending, RootFile)); err != nil || len(roots) != 2 {
		t.Errorf("%d anchors, %v", len(roots), err)
	}
	first, made, err := Development(dir, now)
	if err != nil || !made {
		t.Fatalf("made %v, %v", made, err)
	}
	second, made, err := Development(dir, now)
	if err != nil || made || !bytes.Equal(first.Chain[0].Raw, second.Chain[0].Raw) {
		t.Fatalf("the second use made %v, %v", made, err)
	}
	for _, name := range []string{ChainFile, KeyFile, RootFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}

func TestWhatCannotSign(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Development(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	chain, key := filepath.Join(dir, ChainFile), filepath.Join(dir, KeyFile)
	other := t.TempDir()
	if _, _, err := Development(other, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(chain, filepath.Join(other, KeyFile)); err == nil {
		t.Error("the key of another certificate was taken")
	}
	if _, err := Load(chain, filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no key: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(chain, key); !errors.Is(err, ErrPermissions) {
		t.Errorf("a key that others can read: %v", err)
	}
	if _, _, err := Development(dir, time.Now()); !errors.Is(err, ErrPermissions) {
		t.Errorf("the same in the data directory: %v", err)
	}
}

func TestCertificates(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(none, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Certificates(none); !errors.Is(err, ErrNoCert) {
		t.Errorf("%v, want ErrNoCert", err)
	}
	if all, err := Certificates(); err != nil || all != nil {
		t.Errorf("of no files: %v %v", all, err)
	}
}

func TestStamperSaysWhatWentWrong(t *testing.T) {
	sum := sha256.Sum256([]byte("x"))
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "500"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, "302"},
		"garbage": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }, "timestamp"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 12 {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, "timestamp"},
	} {
		server := httptest.NewServer(c.answer)
		_, err := Stamper(server.URL)(context.Background(), sum[:])
		server.Close()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
