package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/avowai/avow/watermark"
	"github.com/avowai/avow/watermark/textmark"
)

// Outcomes of a pipeline, as docs/spec/text-mark.md names them: every frame is
// valid behind it, some are, none is.
const (
	kept   = "kept"
	inPart = "in part"
	lost   = "lost"
)

// A markedText is a text with frames and what is needed to find them.
type markedText struct {
	plain, marked string
	id            textmark.ID
	key           watermark.Key
	frames        int
}

// newMarkedText marks the recorded long answer with a key of its own.
func newMarkedText(t *testing.T) markedText {
	t.Helper()
	plain, err := recorded("long")
	if err != nil {
		t.Fatal(err)
	}
	key, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	m := markedText{plain: plain, key: key, id: textmark.ID{0x9f, 0x3c, 0x52, 0xd0, 0x7a}}
	m.marked, _ = textmark.Embed(plain, m.id, key, textmark.Options{Distance: textmark.DenseDistance})
	if m.frames = m.valid(m.marked); m.frames < 5 {
		t.Fatalf("frames = %d, want 5 at least", m.frames)
	}
	return m
}

// valid counts the frames in a text that the key confirms with the right ID.
func (m markedText) valid(text string) int {
	n := 0
	for _, f := range textmark.Detect(text, m.key).Frames {
		if f.Valid && f.ID == m.id {
			n++
		}
	}
	return n
}

func (m markedText) outcome(text string) string {
	switch m.valid(text) {
	case m.frames:
		return kept
	case 0:
		return lost
	}
	return inPart
}

// specRow is a pipeline's row in the specification.
func specRow(group, name, outcome string) string {
	return "| " + group + " | " + strings.ReplaceAll(name, "|", `\|`) + " | " + outcome + " |"
}

// specRows reads the table below a heading of the specification, less its head.
func specRows(t *testing.T, heading string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "spec", "text-mark.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(raw), "\n#### "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n#")
	var rows []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| ") {
			rows = append(rows, strings.TrimSuffix(line, "\n"))
		}
	}
	if len(rows) < 2 {
		t.Fatalf("the specification has no table %q", heading)
	}
	return rows[1:]
}

// checkSpec compares rows with those of the table below a heading of the
// specification: each has to be there, and no other but what was skipped.
func checkSpec(t *testing.T, heading string, rows []string, skipped int) {
	t.Helper()
	listed := specRows(t, heading)
	for _, row := range rows {
		t.Log(row)
		if !slices.Contains(listed, row) {
			t.Errorf("%s: the specification lacks the row %s", heading, row)
		}
	}
	if got, want := len(listed), len(rows)+skipped; got != want {
		t.Errorf("%s: %d rows in the specification, want %d", heading, got, want)
	}
}

// mustKeep are pipelines of every kind that leaves variation selectors alone,
// by the section that lists them. No change of ours may lose a frame there.
var mustKeep = map[string][]string{
	"In Go": {"JSON, as Go writes it", "URL query", "multipart form", "quoted-printable", "e-mail header (RFC 2047)", "UTF-16", "HTML escapes",
		"XML", "CSV", "three-byte UTF-8 only (MySQL utf8)", "NFC", "NFD", "NFKC", "NFKD", "trimmed", "fields joined", `\s+ to one space`,
		"goldmark, GFM", "bluemonday, user content", "bluemonday, strict", "unprintable characters", "format characters (Cf)", "ZWSP, ZWNJ, ZWJ, BOM"},
	"In Node": {"JSON.stringify", "FormData, multipart", "form, URL encoded", "CSV, papaparse", "Buffer, utf16le", "HTML escapes", "normalize, NFC",
		"normalize, NFD", "normalize, NFKC", "normalize, NFKD", "trim", `\s+ to one space`, "split at \\s+, joined", "marked", "markdown-it",
		"sanitize-html", "marked, turndown", "zero width and BOM", "format characters (Cf)"},
	"In a browser": {"innerText", "textContent", "text nodes split, then normalize()", "Selection.toString(), all", "all into a text area",
		"all into a line of input", "all into contenteditable, its innerText", "GET", "POST, URL encoded", "POST, multipart",
		"fetch, JSON there and back", "localStorage", "DOMPurify"},
	"In Python": {"json, all of it ASCII", "csv", "quopri", "email, message body", "html.escape", "xml.etree", "UTF-16", "unicodedata, NFKC",
		`re, \s+ to one space`, "strip", "isprintable", "format characters (Cf)"},
	"In other programs": {"pandoc, HTML to Markdown", "pandoc, to DOCX and to plain text", "w3m -dump", "lynx -dump"},
}

// TestSpecKeeps: the specification, whose rows other tests compare with what
// happens, lists every one of mustKeep as kept.
func TestSpecKeeps(t *testing.T) {
	for heading, names := range mustKeep {
		all := strings.Join(specRows(t, heading), "\n")
		for _, name := range names {
			if !strings.Contains(all, strings.TrimPrefix(specRow("", name, kept), "| ")) {
				t.Errorf("%s: no row that says that %s keeps frames", heading, name)
			}
		}
	}
}

// A piped is what pipelines.mjs prints of one pipeline.
type piped struct {
	Group, Name, Loss string
	Texts             map[string]string
}

// TestTextPipelines sends frames through what programs for Node do to text.
// Pipelines that do not aim at invisible characters keep them all, and behind
// Strip comes what they make of the text without frames.
func TestTextPipelines(t *testing.T) {
	node := needNode(t)
	newMarkedText(t).judgePipelines(t, exec.Command(node, "pipelines.mjs"), "In Node")
}

// judgePipelines runs a program of pipelines and judges each, and compares the
// outcomes with those in the specification.
func (m markedText) judgePipelines(t *testing.T, cmd *exec.Cmd, heading string) {
	t.Helper()
	input, err := json.Marshal(map[string]string{"plain": m.plain, "marked": m.marked})
	if err != nil {
		t.Fatal(err)
	}
	var results []piped
	runScript(t, &results, input, cmd)
	if len(results) < 30 {
		t.Fatalf("%d pipelines, want at least 30", len(results))
	}
	var rows []string
	seen := map[string]int{}
	for _, r := range results {
		rows = append(rows, m.judgePipeline(t, r))
		seen[r.Loss]++
	}
	t.Logf("%d pipelines: %v", len(results), seen)
	if len(seen) != len(outcomes) {
		t.Errorf("pipelines by loss = %v, want some of each of %v", seen, outcomes)
	}
	checkSpec(t, heading, rows, 0)
}

// judgePipeline judges one result and returns its row for the specification.
func (m markedText) judgePipeline(t *testing.T, r piped) string {
	t.Helper()
	outcome := m.outcome(r.Texts["marked"])
	for _, w := range m.judge(r, outcome) {
		t.Errorf("%s: %s", r.Name, w)
	}
	return specRow(r.Group, r.Name, outcome)
}

// outcomes are those that a loss allows.
var outcomes = map[string]string{"none": kept, "shape": kept, "lines": kept, "cut": inPart, "strip": lost}

// judge returns what is wrong with a pipeline's result.
func (m markedText) judge(r piped, outcome string) []string {
	got, want := r.Texts["marked"], r.Texts["plain"]
	wrong := differ("frames", outcome, outcomes[r.Loss])
	if len(want) < 200 {
		wrong = append(wrong, sprint("text", want, "a long one"))
	}
	switch r.Loss {
	case "none":
		wrong = append(wrong, differ("marked text", got, m.marked)...)
	case "shape":
		wrong = append(wrong, differ("text without frames", textmark.Strip(got, m.key), want)...)
	case "lines":
		wrong = append(wrong, differ("words without frames", strings.Fields(textmark.Strip(got, m.key)), strings.Fields(want))...)
	case "strip":
		wrong = append(wrong, differ("selectors left", frame.FindString(got), "")...)
	}
	return wrong
}
