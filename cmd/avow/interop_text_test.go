package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// frameOf returns an invisible run as long as a frame, without meaning.
func frameOf(n int) string {
	var out strings.Builder
	for i := range 22 {
		out.WriteRune(rune(0xFE00 + (i*5+n)%14))
	}
	return out.String()
}

// withFrames puts a frame after every one of the given words.
func withFrames(t *testing.T, text string, after ...string) string {
	t.Helper()
	for i, word := range after {
		if !strings.Contains(text, word) {
			t.Fatalf("the recorded text has no %q", word)
		}
		text = strings.Replace(text, word, word+frameOf(i), 1)
	}
	return text
}

// runScript runs a script of testdata/interop and reads the JSON it prints.
func runScript(t *testing.T, out any, stdin []byte, args ...string) {
	t.Helper()
	cmd := exec.Command(needNode(t), args...)
	cmd.Dir, cmd.Stdin = interopDir, bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %v: %v\n%s", args, err, stderr.String())
	}
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatalf("node %v: %v\n%s", args, err, raw)
	}
}

// Frames after plain words change no rendered page; one behind closing
// asterisks and one behind a link do, and the script has to see it.
func TestMarkdownRenderers(t *testing.T) {
	long, err := recorded("long")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	broken := "**Bold.** next, at https://example.org/a. The rest.\n"
	for name, text := range map[string]string{
		"prose.md": long, "prose.marked.md": withFrames(t, long, "needed most.", "steered for the wrong one.", "no keeper."),
		"broken.md": broken, "broken.marked.md": withFrames(t, broken, "**Bold.**", "/a."),
		"alone.md": "no twin",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var report struct {
		Documents         int
		Unmarked, Changed []string
		Differ            map[string][]string
	}
	runScript(t, &report, nil, "markdown.mjs", dir)
	if report.Documents != 2 || len(report.Unmarked)+len(report.Changed) != 0 {
		t.Fatalf("report = %+v, want two marked pairs", report)
	}
	if len(report.Differ) < 2 {
		t.Fatalf("renderers = %d, want marked and markdown-it at least", len(report.Differ))
	}
	for renderer, names := range report.Differ {
		if !reflect.DeepEqual(names, []string{"broken.md"}) {
			t.Errorf("%s: documents that differ = %v, want [broken.md]", renderer, names)
		}
	}
}

// Pipelines that do not aim at invisible characters leave frames whole; the
// others leave nothing behind that could be taken for one.
func TestTextPipelines(t *testing.T) {
	long, err := recorded("long")
	if err != nil {
		t.Fatal(err)
	}
	marked := withFrames(t, long, "needed most.", "steered for the wrong one.", "no keeper.")
	input, err := json.Marshal(map[string]string{"long": marked})
	if err != nil {
		t.Fatal(err)
	}
	var results map[string]struct {
		Loss  string
		Texts map[string]string
	}
	runScript(t, &results, input, "pipelines.mjs")
	seen := map[string]int{}
	for name, r := range results {
		seen[r.Loss]++
		runs, left := frame.FindAllString(r.Texts["long"], -1), unmark(r.Texts["long"])
		whole := len(runs) == 3 && !frame.MatchString(left)
		switch {
		case r.Loss == "none" && r.Texts["long"] != marked:
			t.Errorf("%s changed the text", name)
		case r.Loss == "shape" && !whole:
			t.Errorf("%s left %d runs, want 3 whole frames", name, len(runs))
		case r.Loss == "strip" && len(runs) != 0:
			t.Errorf("%s left %d runs, want none", name, len(runs))
		}
	}
	for _, loss := range []string{"none", "shape", "cut", "strip"} {
		if seen[loss] == 0 {
			t.Errorf("no pipeline with loss %q", loss)
		}
	}
}
