package main

import (
	"bytes"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
)

// TestPythonPipelines is TestTextPipelines for what programs in Python do.
func TestPythonPipelines(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 found; not checked: text marks in Python programs")
	}
	m := newMarkedText(t)
	cmd := exec.Command(python, "-I", "-X", "utf8", "pipelines.py")
	m.judgePipelines(t, cmd, "In Python")
}

// A program is one of the usual tools, as a line of shell that reads a text, or
// the page made of it, and writes a text.
type program struct {
	group, name, loss string
	needs             string
	page              bool
	line              string
}

var programs = []program{
	{"encoding", "jq, a JSON string in ASCII", "none", "jq", false, `jq -R -s -a . | jq -j .`},
	{"encoding", "iconv, UTF-16", "none", "iconv", false, `iconv -f UTF-8 -t UTF-16LE | iconv -f UTF-16LE -t UTF-8`},
	{"encoding", "iconv, Latin-1, lossy", "strip", "iconv", false, `iconv -c -f UTF-8 -t ISO-8859-1 | iconv -f ISO-8859-1 -t UTF-8`},
	{"white space", "sed, ends of lines", "shape", "sed", false, `sed 's/[[:space:]]*$//'`},
	{"white space", "tr, runs of spaces", "shape", "tr", false, `tr -s ' \n' ' '`},
	{"white space", `Perl, \s+ to one space`, "shape", "perl", false, `perl -CSD -0777 -pe 's/\s+/ /g'`},
	{"white space", "fmt, 72 columns", "lines", "fmt", false, `fmt -w 72`},
	// A frame is 66 bytes, and with a longer word before it too long for a line.
	{"cutting", "fold at spaces, 72 bytes", "cut", "fold", false, `fold -b -s -w 72`},
	{"filter", `Perl, [^[:print:]\n]`, "shape", "perl", false, `perl -CSD -pe 's/[^[:print:]\n]//g'`},
	{"filter", `Perl, \p{Mn}`, "strip", "perl", false, `perl -CSD -pe 's/\p{Mn}//g'`},
	{"markup", "pandoc, Markdown to HTML", "shape", "pandoc", false, `pandoc --wrap=none -f markdown -t html`},
	{"markup", "pandoc, HTML to Markdown", "shape", "pandoc", true, `pandoc --wrap=none -f html -t markdown`},
	{"markup", "pandoc, HTML to plain text", "lines", "pandoc", true, `pandoc -f html -t plain`},
	{"markup", "pandoc, to DOCX and to plain text", "shape", "pandoc", false, `pandoc -f markdown -t docx -o - | pandoc --wrap=none -f docx -t plain`},
	{"markup", "pandoc, to ODT and to plain text", "shape", "pandoc", false, `pandoc -f markdown -t odt -o - | pandoc --wrap=none -f odt -t plain`},
	{"markup", "pandoc, to EPUB and to plain text", "shape", "pandoc", false, `pandoc -f markdown -t epub --metadata title=a -o - | pandoc --wrap=none -f epub -t plain`},
	{"markup", "pandoc, to LaTeX and to plain text", "shape", "pandoc", false, `pandoc -f markdown -t latex | pandoc --wrap=none -f latex -t plain`},
	{"browser", "w3m -dump", "lines", "w3m", true, `w3m -dump -T text/html -I UTF-8 -O UTF-8 -cols 80`},
	{"browser", "lynx -dump", "lines", "lynx", true, `lynx -dump -stdin -nolist -assume_charset=UTF-8 -display_charset=UTF-8 -width=80`},
}

// TestPrograms sends frames through the usual programs. Those that are not
// installed are left out.
func TestPrograms(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the tools of other systems have other options; not checked: text marks through programs")
	}
	m := newMarkedText(t)
	var rows []string
	skipped := 0
	for _, p := range programs {
		if !installed("sh", p.needs) {
			t.Logf("%s is not installed; not checked: %s", p.needs, p.name)
			skipped++
			continue
		}
		got := piped{Group: p.group, Name: p.name, Loss: p.loss,
			Texts: map[string]string{"plain": p.run(t, m.plain), "marked": p.run(t, m.marked)}}
		rows = append(rows, m.judgePipeline(t, got))
	}
	checkSpec(t, "In other programs", rows, skipped)
}

func installed(names ...string) bool {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			return false
		}
	}
	return true
}

func (p program) run(t *testing.T, text string) string {
	t.Helper()
	if p.page {
		var body bytes.Buffer
		if err := goldmark.Convert([]byte(text), &body); err != nil {
			t.Fatal(err)
		}
		text = "<!doctype html><meta charset=utf-8><title>a</title>" + body.String()
	}
	var stderr bytes.Buffer
	cmd := exec.Command("sh", "-c", p.line)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C.UTF-8")
	cmd.Stdin, cmd.Stderr = strings.NewReader(text), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", p.name, err, stderr.String())
	}
	return string(out)
}
