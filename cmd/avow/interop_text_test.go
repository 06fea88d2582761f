package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
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
func runScript(t *testing.T, out any, stdin []byte, cmd *exec.Cmd) {
	t.Helper()
	cmd.Dir, cmd.Stdin = interopDir, bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, raw)
	}
}

// pedantic renders as Markdown.pl did, which has no fences: what follows one can
// be code to it and prose to everybody else.
const pedantic = "marked, pedantic"

// A markdownReport is what markdown.mjs prints.
type markdownReport struct {
	Documents      int
	Twins          map[string]struct{ Marked, Marks int }
	Changed        []string
	Differ, Inside map[string][]string
}

// Frames after plain words change no rendered page; one behind closing
// asterisks and one behind a link do, and the script has to see it, as it has
// to see one in code, which changes nothing.
func TestMarkdownDamageIsSeen(t *testing.T) {
	long, err := recorded("long")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	broken := "**Bold.** next, at https://example.org/a. The rest.\n"
	code := "A word, `then code here` too.\n"
	for name, text := range map[string]string{
		"prose.md": long, "prose.held.md": withFrames(t, long, "needed most.", "steered for the wrong one.", "no keeper."),
		"broken.md": broken, "broken.held.md": withFrames(t, broken, "**Bold.**", "/a."),
		"code.md": code, "code.held.md": withFrames(t, code, "then"),
		"other.md": "One.\n", "other.held.md": withFrames(t, "Two.\n", "Two."),
		"alone.md": "no twin", "lost.held.md": "no text",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var report markdownReport
	runScript(t, &report, nil, exec.Command(needNode(t), "markdown.mjs", dir))
	if held := report.Twins["held"]; report.Documents != 4 || held.Marked != 4 || held.Marks != 7 {
		t.Fatalf("report = %+v, want 4 documents with 7 marks", report)
	}
	if want := []string{"other.held.md"}; !reflect.DeepEqual(report.Changed, want) {
		t.Errorf("changed = %v, want %v", report.Changed, want)
	}
	if len(report.Differ) < 2 || len(report.Inside) != len(report.Differ) {
		t.Fatalf("renderers = %d, want marked and markdown-it at least", len(report.Differ))
	}
	for renderer, names := range report.Differ {
		want := []string{"broken.held.md", "other.held.md"}
		if renderer == pedantic { // which closes emphasis anywhere and links no bare address
			want = want[1:]
		}
		if !reflect.DeepEqual(names, want) {
			t.Errorf("%s: documents that differ = %v, want %v", renderer, names, want)
		}
		if !slices.Contains(report.Inside[renderer], "code.held.md") {
			t.Errorf("%s: the mark in code was not seen", renderer)
		}
	}
}

// TestMarkdownRenderers renders the text mark's corpus, marked in every way,
// with marked and markdown-it: nothing may look different, and no frame may
// stand in a tag or in code.
func TestMarkdownRenderers(t *testing.T) {
	if testing.Short() {
		t.Skip("interop: the Markdown corpus is left out with -short")
	}
	node := needNode(t)
	dir := t.TempDir()
	write := exec.Command("go", "test", "-count=1", "-run", "^TestWriteCorpus$", "../../watermark/textmark")
	write.Env = append(os.Environ(), "AVOW_TEXT_CORPUS="+dir)
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("go test: %v\n%s", err, out)
	}
	var report markdownReport
	runScript(t, &report, nil, exec.Command(node, "markdown.mjs", dir))
	t.Logf("%d documents, %v, %d renderers", report.Documents, report.Twins, len(report.Differ))
	if report.Documents < 500 || len(report.Changed) > 0 {
		t.Fatalf("documents = %d, want 500 at least; changed beside marks: %v", report.Documents, report.Changed)
	}
	for _, how := range []string{"held", "stream", "points", "stream-points"} {
		if seen := report.Twins[how]; seen.Marked < 500 || seen.Marks < seen.Marked {
			t.Errorf("%s: %d marks in %d documents, want 500 marked ones at least", how, seen.Marks, seen.Marked)
		}
	}
	for renderer, names := range report.Differ {
		if len(names) > 0 {
			t.Errorf("%s: the HTML of %d documents differs, want 0: %v", renderer, len(names), names)
		}
		if names := report.Inside[renderer]; len(names) > 0 && renderer != pedantic {
			t.Errorf("%s: a mark in a tag or in code in %v", renderer, names)
		}
	}
}
