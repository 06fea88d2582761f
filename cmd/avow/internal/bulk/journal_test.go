package bulk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func open(t *testing.T, dir string, fresh bool) *Journal {
	t.Helper()
	j, err := OpenJournal(dir, "j.jsonl", []string{"mark", "a", "b"}, fresh)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func closed(t *testing.T, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "resume")
	j := open(t, dir, false)
	err := j.Append(true,
		Entry{State: Ready, Path: "a.png", Size: 5, ModTime: 7, In: "aa", Out: "bb", OutSize: 9, ID: "01", Temp: "1", Outcome: "marked"},
		Entry{State: Ready, Path: "b.png", Size: 6, Temp: "2"},
		Entry{State: Done, Path: "a.png"},
		Entry{State: Done, Path: "whole.txt", Outcome: "absent"},
		Entry{State: Ready, Path: "c.png"}, Entry{State: Failed, Path: "c.png"})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, j)
	j = open(t, dir, false)
	e, ok := j.Find("a.png")
	if want := (Entry{State: Ready, Path: "a.png", Size: 5, ModTime: 7, In: "aa", Out: "bb", OutSize: 9, ID: "01", Temp: "1", Outcome: "marked"}); !ok || e != want {
		t.Errorf("a.png: %+v %v, want %+v", e, ok, want)
	}
	if e, ok := j.Find("whole.txt"); !ok || e.Outcome != "absent" {
		t.Errorf("whole.txt: %+v %v", e, ok)
	}
	for _, path := range []string{"b.png", "c.png", "d.png", ""} {
		if e, ok := j.Find(path); ok {
			t.Errorf("%q: %+v, want nothing", path, e)
		}
	}
	if begun := j.Begun(); len(begun) != 1 || begun[0].Path != "b.png" || begun[0].Temp != "2" {
		t.Errorf("begun: %+v, want b.png", begun)
	}
	j.Finish("b.png")
	if e, ok := j.Find("b.png"); !ok || e.Size != 6 || len(j.Begun()) != 0 || j.Len() != 3 {
		t.Errorf("b.png after Finish: %+v %v, %d begun, %d finished", e, ok, len(j.Begun()), j.Len())
	}
	closed(t, j)
	j = open(t, dir, true)
	if _, ok := j.Find("a.png"); ok || j.Len() != 0 {
		t.Error("a fresh journal knows something")
	}
	closed(t, j)
}

// A kill leaves part of a line, at any byte.
func TestJournalIsCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, false)
	if err := j.Append(false, Entry{State: Done, Path: "a"}, Entry{State: Done, Path: "b"}); err != nil {
		t.Fatal(err)
	}
	closed(t, j)
	path := filepath.Join(dir, "j.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j := open(t, dir, false)
		if err := j.Append(false, Entry{State: Done, Path: "c"}); err != nil {
			t.Fatal(err)
		}
		closed(t, j)
		j = open(t, dir, false)
		if want := max(1, bytes.Count(whole[:n], []byte("\n"))); j.Len() != want {
			t.Fatalf("cut after %d bytes: %d finished, want %d", n, j.Len(), want)
		}
		if _, ok := j.Find("c"); !ok {
			t.Fatalf("cut after %d bytes: what was added is not found", n)
		}
		closed(t, j)
	}
}

func TestJournalOfAnother(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, false)
	if runtime.GOOS != "windows" {
		if _, err := OpenJournal(dir, "j.jsonl", []string{"mark", "a", "b"}, true); !errors.Is(err, ErrBusy) {
			t.Errorf("open twice: %v, want ErrBusy", err)
		}
	}
	closed(t, j)
	if _, err := OpenJournal(dir, "j.jsonl", []string{"mark", "a", "c"}, false); !errors.Is(err, ErrForeign) {
		t.Errorf("another run: %v, want ErrForeign", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("a,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir, "x", nil, false); !errors.Is(err, ErrForeign) {
		t.Errorf("a file of something else: %v, want ErrForeign", err)
	}
}

func FuzzJournal(f *testing.F) {
	head := `{"avow_journal":1,"run":["r"]}` + "\n"
	for _, seed := range []string{
		"", head, head + `{"state":"done","path":"a"}` + "\n", head + `{"state":"ready","path":"a","size":-1}` + "\n" + `{"state":"done","path":"a"}`,
		head + "\x00\xff\n\n\n" + `{"state":"failed"}` + "\n", `{"avow_journal":2}` + "\n",
		head + fmt.Sprintf("%0*d\n", maxLine+10, 1) + `{"state":"done","path":"b"}` + "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "j"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := OpenJournal(dir, "j", []string{"r"}, false)
		if err != nil {
			return
		}
		defer func() { _ = j.Close() }()
		if err := j.Append(false, Entry{State: Done, Path: "new"}); err != nil {
			t.Fatal(err)
		}
		_ = j.Begun()
		for _, path := range []string{"a", "b", ""} {
			if e, ok := j.Find(path); ok && e.Path != path {
				t.Errorf("asked for %q, got %q", path, e.Path)
			}
		}
	})
}
