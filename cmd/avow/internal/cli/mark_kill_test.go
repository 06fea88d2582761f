//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/avowai/avow/cmd/avow/internal/bulk"
	"github.com/avowai/avow/disclose/ledger"
)

// childEnv makes this test program avow itself, which sends itself a signal at the
// n-th passing of a point: "point n signal".
const childEnv = "AVOW_TEST_CHILD"

// runAsChild is avow where this program was started as such.
func runAsChild() {
	what, ok := os.LookupEnv(childEnv)
	if !ok {
		return
	}
	var at string
	var n, sig int
	if _, err := fmt.Sscan(what, &at, &n, &sig); err != nil {
		panic(err)
	}
	var passed atomic.Int64
	seen := make(chan os.Signal, 1)
	if syscall.Signal(sig) != syscall.SIGKILL {
		signal.Notify(seen, syscall.Signal(sig))
	}
	crashPoint = func(point string) {
		if point == at && passed.Add(1) == int64(n) {
			_ = syscall.Kill(os.Getpid(), syscall.Signal(sig))
			<-seen // of SIGKILL nothing is seen
		}
	}
	os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// child runs avow as a process of its own that gets a signal.
func (h home) child(point string, n int, sig syscall.Signal, args ...string) (code int, stderr string) {
	h.t.Helper()
	program, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), childEnv+"="+point+" "+strconv.Itoa(n)+" "+strconv.Itoa(int(sig)))
	var buf bytes.Buffer
	cmd.Stderr = &buf
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), buf.String()
}

const killedFiles = 9

// killedHome is a directory of pictures and texts, with a ledger or without.
func killedHome(t *testing.T, withLedger bool) home {
	h := newHome(t)
	if withLedger {
		if err := os.MkdirAll("data", 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Open(t.Context(), ledger.Options{File: filepath.Join("data", ledgerFile)})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		h.write(fmt.Sprintf("in/%d/p.png", i), picture(200+8*i))
	}
	for i := range killedFiles - 5 {
		h.write(fmt.Sprintf("in/t%d.txt", i), fmt.Appendf(nil, "A text of the machine, number %d.\n", i))
	}
	return h
}

// TestKilledRunsGoOn kills a run at every point, twice, and goes on: every file is
// marked once, whole, and recorded once.
func TestKilledRunsGoOn(t *testing.T) {
	for _, withLedger := range []bool{true, false} {
		for _, point := range []string{"half", "marked", "ready", "recorded", "placed"} {
			t.Run(fmt.Sprintf("%s/ledger=%v", point, withLedger), func(t *testing.T) {
				h := killedHome(t, withLedger)
				args := []string{"mark", "--resume", "--jobs", "2", "-o", "out", "in"}
				n := map[string]int{"half": 4, "marked": 6, "ready": 1, "recorded": 1, "placed": 3}[point]
				if code, stderr := h.child(point, n, syscall.SIGKILL, args...); code != -1 {
					t.Fatalf("not killed: code %d\n%s", code, stderr)
				}
				before := outputs(t)
				if point == "placed" && len(before) != n {
					t.Errorf("%d outputs when killed after the placing of %d", len(before), n)
				}
				h.checkJournal()
				h.child("marked", 2, syscall.SIGKILL, args...)
				h.run(args...).want(exitOK, "", " files marked")
				h.checkJournal()
				after := outputs(t)
				if len(after) != killedFiles {
					t.Errorf("%d outputs, want %d", len(after), killedFiles)
				}
				for name, data := range before {
					if !bytes.Equal(after[name], data) {
						t.Errorf("%s was marked again", name)
					}
				}
				if withLedger {
					h.checkRecords(after)
				}
				h.run("mark", "--resume", "-o", "out", "in").want(exitOK, "", fmt.Sprintf("0 of %d files marked, %d were before", killedFiles, killedFiles))
				h.run("verify", "out").want(exitOK, "", "0 absent")
			})
		}
	}
}

// checkJournal: what the journal calls done is in its place and whole.
func (h home) checkJournal() {
	h.t.Helper()
	files, err := filepath.Glob("data/resume/mark-*.jsonl")
	if err != nil || len(files) != 1 {
		h.t.Fatalf("journals %q, %v", files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	ready := map[string]bulk.Entry{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e bulk.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return // the last line, cut off
		}
		switch e.State {
		case bulk.Ready:
			ready[e.Path] = e
		case bulk.Done:
			if got := hashOf(filepath.Join("out", e.Path)); got != ready[e.Path].Out || got == "" {
				h.t.Errorf("%s is called done, its output is %q, want %q", e.Path, got, ready[e.Path].Out)
			}
		}
	}
}

// checkRecords: every output has the only record there is of it.
func (h home) checkRecords(after map[string][]byte) {
	h.t.Helper()
	rows := strings.Count(h.run("ledger", "export").want(exitOK, "", "").out, `"media_type"`)
	if rows != len(after) {
		h.t.Errorf("%d records of %d outputs", rows, len(after))
	}
	h.run("verify", "out").want(exitOK, "record_matches", "")
}

// outputs are the files below out; one that is no output is an error.
func outputs(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir("out", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, ".avow-mark-") {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = data
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

// TestInterruptedRunSaysHowToGoOn: what is begun is finished, the rest is left.
func TestInterruptedRunSaysHowToGoOn(t *testing.T) {
	h := killedHome(t, false)
	code, stderr := h.child("marked", 2, syscall.SIGINT, "mark", "--jobs", "1", "--summary", "s.json", "-o", "out", "in")
	if code != exitTrouble || !strings.Contains(stderr, "stopped before the end") || !strings.Contains(stderr, "--resume goes on") {
		t.Fatalf("code %d\n%s", code, stderr)
	}
	var s bulk.Totals
	if err := json.Unmarshal(h.read("s.json"), &s); err != nil || s.Finished || s.Outcomes["marked"] != int64(len(outputs(t))) {
		t.Errorf("summary %+v, %v; %d outputs", s, err, len(outputs(t)))
	}
	if left, _ := filepath.Glob("out/.avow*"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	h.run("mark", "--resume", "-o", "out", "in").want(exitOK, "", "were before")
}

// TestKilledVerifyGoesOn: what was looked at is counted, the rest is looked at.
func TestKilledVerifyGoesOn(t *testing.T) {
	h := killedHome(t, false)
	h.run("mark", "-o", "out", "in").want(exitOK, "", "")
	if code, stderr := h.child("looked", 8, syscall.SIGKILL, "verify", "--resume", "out"); code != -1 {
		t.Fatalf("not killed: code %d\n%s", code, stderr)
	}
	if left, _ := filepath.Glob("data/resume/verify-*.jsonl"); len(left) != 1 {
		t.Errorf("journals %q", left)
	}
	h.run("verify", "--resume", "--summary", "s.json", "out").want(exitOK, "", "5 verified, 4 present, 0 absent")
	var s bulk.Totals
	if err := json.Unmarshal(h.read("s.json"), &s); err != nil || !s.Finished || s.Files != killedFiles {
		t.Errorf("summary %+v, %v", s, err)
	}
	if left, _ := filepath.Glob("data/resume/verify-*.jsonl"); len(left) != 0 {
		t.Errorf("journals of a whole run %q", left)
	}
}
