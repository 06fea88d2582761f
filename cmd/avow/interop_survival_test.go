package main

import (
	"encoding/json"
	"os"
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

// checkSpec compares rows with those of the table below a heading of the
// specification: each has to be there, and no other but what was skipped.
func checkSpec(t *testing.T, heading string, rows []string, skipped int) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "spec", "text-mark.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(raw), "\n#### "+heading+"\n")
	if !found {
		t.Fatalf("the specification has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n#")
	var listed []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| ") {
			listed = append(listed, strings.TrimSuffix(line, "\n"))
		}
	}
	for _, row := range rows {
		t.Log(row)
		if !slices.Contains(listed, row) {
			t.Errorf("%s: the specification lacks the row %s", heading, row)
		}
	}
	if got, want := len(listed)-1, len(rows)+skipped; got != want { // less the head
		t.Errorf("%s: %d rows in the specification, want %d", heading, got, want)
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
	m := newMarkedText(t)
	input, err := json.Marshal(map[string]string{"plain": m.plain, "marked": m.marked})
	if err != nil {
		t.Fatal(err)
	}
	var results []piped
	runScript(t, &results, input, "pipelines.mjs")
	if len(results) < 30 {
		t.Fatalf("%d pipelines, want at least 30", len(results))
	}
	var rows []string
	seen := map[string]int{}
	for _, r := range results {
		outcome := m.outcome(r.Texts["marked"])
		rows = append(rows, specRow(r.Group, r.Name, outcome))
		for _, w := range m.judge(r, outcome) {
			t.Errorf("%s: %s", r.Name, w)
		}
		seen[r.Loss]++
	}
	t.Logf("%d pipelines: %v", len(results), seen)
	if len(seen) != len(outcomes) {
		t.Errorf("pipelines by loss = %v, want some of each of %v", seen, outcomes)
	}
	checkSpec(t, "In Node", rows, 0)
}

// outcomes are those that a loss allows.
var outcomes = map[string]string{"none": kept, "shape": kept, "lines": kept, "cut": inPart, "strip": lost}

// judge returns what is wrong with a pipeline's result.
func (m markedText) judge(r piped, outcome string) []string {
	got := r.Texts["marked"]
	wrong := differ("frames", outcome, outcomes[r.Loss])
	switch r.Loss {
	case "none":
		wrong = append(wrong, differ("marked text", got, m.marked)...)
	case "shape":
		wrong = append(wrong, differ("text without frames", textmark.Strip(got, m.key), r.Texts["plain"])...)
	case "lines":
		spaces := strings.NewReplacer("\n", " ")
		wrong = append(wrong, differ("text without frames", spaces.Replace(textmark.Strip(got, m.key)), spaces.Replace(r.Texts["plain"]))...)
	case "strip":
		wrong = append(wrong, differ("selectors left", frame.FindString(got), "")...)
	}
	return wrong
}
