package textmark

import (
	"bytes"
	"html"
	htmltemplate "html/template"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/avowai/avow/watermark"
)

var gb18030 = simplifiedchinese.GB18030

var survivalKey, _ = watermark.ParseKey(secretA)

// ignorable is Default_Ignorable_Code_Point, as far as text at hand has it.
func ignorable(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

func inTemplate(src, s string) (string, error) {
	var b strings.Builder
	err := htmltemplate.Must(htmltemplate.New("").Parse(src)).Execute(&b, s)
	return html.UnescapeString(b.String()), err
}

func quotedPrintable(s string) (string, error) {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	raw, err := io.ReadAll(quotedprintable.NewReader(&b))
	return string(raw), err
}

func multipartForm(s string) (string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("a", s)
	_ = w.Close()
	part, err := multipart.NewReader(&b, w.Boundary()).NextPart()
	if err != nil {
		return "", err
	}
	raw, err := io.ReadAll(part)
	return string(raw), err
}

// wrapped breaks lines at spaces.
func wrapped(s string) string {
	var b strings.Builder
	column := 0
	for _, w := range strings.Split(s, " ") {
		if column > 0 && column+len(w) > 72 {
			b.WriteByte('\n')
			column = 0
		} else if column > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		column += len(w) + 1
	}
	return b.String()
}

// TestSurvival sends marked text through every pipeline. The outcomes are those
// of the table in the specification, which this test prints and checks.
func TestSurvival(t *testing.T) {
	if len(pipelines) < 30 {
		t.Fatalf("%d pipelines, want at least 30", len(pipelines))
	}
	spec, err := os.ReadFile(filepath.Join("..", "..", "docs", "spec", "text-mark.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := prose(77, 40)
	marked, _ := Embed(text, idA, survivalKey, Options{})
	all := len(Detect(marked, survivalKey).Frames)
	if all < 5 {
		t.Fatalf("%d frames in the text, want some", all)
	}
	for _, p := range pipelines {
		got, err := p.run(marked)
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		valid := 0
		for _, f := range Detect(got, survivalKey).Frames {
			valid += one01(f.Valid)
		}
		if outcome := outcomeOf(valid, all); outcome != p.want {
			t.Errorf("%s: %d of %d frames, %s, want %s", p.name, valid, all, outcome, p.want)
		}
		row := "| " + p.group + " | " + strings.ReplaceAll(p.name, "|", `\|`) + " | " + p.want + " |"
		t.Log(row)
		if !strings.Contains(string(spec), row+"\n") {
			t.Errorf("the specification lacks the row %s", row)
		}
	}
	t.Logf("%d pipelines", len(pipelines))
	_, section, _ := strings.Cut(string(spec), "\n#### In Go\n")
	section, _, _ = strings.Cut(section, "\n#")
	if rows := strings.Count(section, "\n| ") - 1; rows != len(pipelines) { // less the head
		t.Errorf("%d rows in the specification, want %d", rows, len(pipelines))
	}
}

func outcomeOf(valid, all int) string {
	switch valid {
	case all:
		return kept
	case 0:
		return lost
	}
	return inPart
}
