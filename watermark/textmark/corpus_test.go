package textmark

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A document is one Markdown text of the corpus.
type document struct{ name, text string }

// corpusSize is the number of generated documents.
const corpusSize = 600

// corpus is Markdown of every construct: generated mixes, and the examples of
// the CommonMark and GFM specifications with their words made long, if the
// module that brings them is there as a whole.
func corpus(t testing.TB) []document {
	var out []document
	for i := range corpusSize {
		rng := rand.New(rand.NewPCG(uint64(i), 21))
		out = append(out, document{fmt.Sprintf("mix-%03d", i), mix(rng)})
	}
	for i, c := range notProse {
		body := strings.ReplaceAll(c.text, "BODY", "Some plain words that stand here and a few more of them")
		out = append(out, document{fmt.Sprintf("place-%03d", i), around(uint64(i), body)})
	}
	for i, e := range examples(t) {
		out = append(out, document{fmt.Sprintf("spec-%03d", i), around(uint64(i), lengthen(e))})
	}
	return out
}

// around puts long prose before and behind a piece of Markdown.
func around(seed uint64, body string) string {
	return prose(seed+1000, 9) + "\n\n" + body + "\n\n" + prose(seed+2000, 9) + "\n"
}

var exampleWord = regexp.MustCompile(`\b[a-z]{2,}\b`)

// lengthen makes a phrase of every plain word of an example that is none of
// markup's, so that frames find points inside of the example's construct.
func lengthen(e string) string {
	return exampleWord.ReplaceAllStringFunc(e, func(w string) string {
		if len(w) > 3 || strings.Contains("div pre del ins https http www com xml md td tr th ol ul li em", w) {
			return w
		}
		return w + " and plain words"
	})
}

// examples are those of the specifications, from goldmark's own tests.
func examples(t testing.TB) []string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yuin/goldmark").Output()
	dir := strings.TrimSpace(string(out))
	raw, readErr := os.ReadFile(filepath.Join(dir, "_test", "spec.json"))
	if err != nil || readErr != nil {
		t.Logf("without the examples of the specifications: %v, %v", err, readErr)
		return nil
	}
	var all []struct{ Markdown string }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range all {
		texts = append(texts, e.Markdown)
	}
	for _, name := range []string{"table", "strikethrough", "linkify", "tasklist", "footnote", "definition_list"} {
		texts = append(texts, gfmExamples(filepath.Join(dir, "extension", "_test", name+".txt"))...)
	}
	return texts
}

// gfmExamples reads a file of cases: text, a rule, HTML, a double rule.
func gfmExamples(path string) []string {
	raw, _ := os.ReadFile(path)
	var out []string
	for _, c := range strings.Split(string(raw), "//= = = = = = = = = = = = = = = = = = = = = = = =//") {
		if parts := strings.Split(c, "//- - - - - - - - -//"); len(parts) >= 3 {
			out = append(out, strings.Trim(parts[1], "\n"))
		}
	}
	return out
}

// mix is a generated document of 6 to 18 blocks.
func mix(rng *rand.Rand) string {
	var b strings.Builder
	if rng.IntN(8) == 0 {
		b.WriteString("---\ntitle: Words of a title\ntext: " + phrase(rng, 9) + "\n---\n")
	}
	b.WriteString(paragraph(rng, 12) + "\n\n")
	for range 6 + rng.IntN(12) {
		b.WriteString(blockMakers[rng.IntN(len(blockMakers))](rng))
		b.WriteString([]string{"\n\n", "\n\n", "\n\n", "\n", "\n\n\n"}[rng.IntN(5)])
	}
	b.WriteString("\n" + paragraph(rng, 12) + "\n")
	s := b.String()
	if rng.IntN(6) == 0 {
		s = strings.ReplaceAll(s, "\n", "\r\n")
	}
	return s
}

// phrase is n plain words.
func phrase(rng *rand.Rand, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = words[rng.IntN(len(words))]
	}
	return strings.Join(out, " ")
}

// inlineMakers make one inline construct each.
var inlineMakers = []func(*rand.Rand) string{
	func(r *rand.Rand) string { return "*" + phrase(r, 3) + "*" }, func(r *rand.Rand) string { return "**" + phrase(r, 3) + ".**" },
	func(r *rand.Rand) string { return "_" + phrase(r, 2) + "_" }, func(r *rand.Rand) string { return "***" + phrase(r, 2) + "***" },
	func(r *rand.Rand) string { return "~~" + phrase(r, 3) + "~~" }, func(r *rand.Rand) string { return "`" + phrase(r, 3) + "`" },
	func(r *rand.Rand) string { return "``a ` " + phrase(r, 3) + "``" }, func(r *rand.Rand) string { return "[" + phrase(r, 3) + "](/url \"" + phrase(r, 3) + "\")" },
	func(r *rand.Rand) string { return "[" + phrase(r, 2) + "][ref one]" }, func(*rand.Rand) string { return "[ref one]" },
	func(r *rand.Rand) string { return "![" + phrase(r, 2) + "](<a b.png>)" }, func(*rand.Rand) string { return "<https://example.org/a?b>" },
	func(*rand.Rand) string { return "https://example.org/a_b" }, func(*rand.Rand) string { return "www.example.org" }, func(*rand.Rand) string { return "some.one@example.org" },
	func(r *rand.Rand) string { return "<b class=\"x\">" + phrase(r, 2) + "</b>" }, func(*rand.Rand) string { return "<!-- no words here -->" },
	func(*rand.Rand) string { return "&amp; &copy; &#35; \\* \\`" }, func(*rand.Rand) string { return "$x^2 + y$" }, func(*rand.Rand) string { return "it's \"quoted\" -- and... so" },
	func(r *rand.Rand) string { return phrase(r, 2) + "  \n" + phrase(r, 3) }, func(r *rand.Rand) string { return phrase(r, 2) + "\\\n" + phrase(r, 3) },
	func(r *rand.Rand) string {
		return "[" + phrase(r, 2) + "\n" + phrase(r, 4) + "\n" + phrase(r, 2) + "](/url)"
	},
	func(r *rand.Rand) string { return "`" + phrase(r, 2) + "\n" + phrase(r, 4) + "\n" + phrase(r, 2) + "`" },
	func(r *rand.Rand) string { return "<a\ntitle='" + phrase(r, 3) + "\n" + phrase(r, 4) + "\nx'>" }, func(*rand.Rand) string { return "note[^1]" }, func(*rand.Rand) string { return "* _ ~ [ ` <" },
}

// paragraph is n sentences, with inline constructs here and there, wrapped or not.
func paragraph(rng *rand.Rand, n int) string {
	var b strings.Builder
	between := " "
	if rng.IntN(3) == 0 {
		between = "\n"
	}
	for i := range n {
		if i > 0 {
			b.WriteString(between)
		}
		if rng.IntN(5) == 0 {
			b.WriteString("Then " + inlineMakers[rng.IntN(len(inlineMakers))](rng) + " " + phrase(rng, 3) + ". ")
		}
		sentence(&b, rng)
	}
	return b.String()
}

// blockMakers make one block each.
var blockMakers = []func(*rand.Rand) string{
	func(r *rand.Rand) string { return paragraph(r, 1+r.IntN(6)) }, func(r *rand.Rand) string { return paragraph(r, 3) },
	func(r *rand.Rand) string { return strings.Repeat("#", 1+r.IntN(6)) + " " + phrase(r, 6) }, func(r *rand.Rand) string { return phrase(r, 8) + "\n=====" },
	func(r *rand.Rand) string { return phrase(r, 5) + "\n" + phrase(r, 5) + "\n---" }, func(*rand.Rand) string { return "* * *" }, func(*rand.Rand) string { return "---" },
	func(r *rand.Rand) string {
		return "- " + paragraph(r, 2) + "\n- " + phrase(r, 6) + "\n  - " + phrase(r, 6) + "\n    - " + phrase(r, 6)
	},
	func(r *rand.Rand) string {
		return "1. " + phrase(r, 6) + "\n\n   " + paragraph(r, 2) + "\n2. " + phrase(r, 5)
	},
	func(r *rand.Rand) string {
		return "10) " + phrase(r, 6) + "\n\n    ```\n    " + phrase(r, 6) + "\n    ```\n11) " + phrase(r, 5)
	},
	func(r *rand.Rand) string { return "- [ ] " + phrase(r, 6) + "\n- [x] " + phrase(r, 6) }, func(r *rand.Rand) string { return "+ " + phrase(r, 6) + "\n\n\n+ " + phrase(r, 6) },
	func(r *rand.Rand) string { return "> " + phrase(r, 8) + "\n> " + phrase(r, 8) + "\n" + phrase(r, 8) }, func(r *rand.Rand) string { return "> - " + phrase(r, 5) + "\n>\n> ```\n> " + phrase(r, 5) + "\n> ```" },
	func(r *rand.Rand) string { return "```go\n" + phrase(r, 8) + "\n\n" + phrase(r, 8) + "\n```" }, func(r *rand.Rand) string {
		return "~~~ " + phrase(r, 3) + "\n" + phrase(r, 8) + "\n```\n" + phrase(r, 4) + "\n~~~"
	},
	func(r *rand.Rand) string {
		return "- " + phrase(r, 3) + "\n  ```\n  " + phrase(r, 8) + "\n  ```\n  " + phrase(r, 5)
	}, func(r *rand.Rand) string { return "- ```\n  " + phrase(r, 8) + "\n- " + phrase(r, 5) },
	func(r *rand.Rand) string { return "    " + phrase(r, 8) + "\n\n    " + phrase(r, 8) }, func(r *rand.Rand) string { return "\t" + phrase(r, 8) },
	func(r *rand.Rand) string {
		return "| " + phrase(r, 3) + " | b |\n|:---|---:|\n| " + phrase(r, 4) + " | " + phrase(r, 4) + " |"
	},
	func(r *rand.Rand) string {
		return phrase(r, 3) + " | " + phrase(r, 3) + "\n--- | ---\n" + phrase(r, 4) + " | x\n" + phrase(r, 5)
	},
	func(r *rand.Rand) string { return "<div>\n" + phrase(r, 8) + "\n</div>" }, func(r *rand.Rand) string { return "<pre>\n" + phrase(r, 6) + "\n\n" + phrase(r, 6) + "\n</pre>" },
	func(r *rand.Rand) string { return "<script>\n" + phrase(r, 6) + "\n\n" + phrase(r, 6) + "\n</script>" }, func(r *rand.Rand) string { return "<!-- " + phrase(r, 6) + "\n\n" + phrase(r, 6) + " -->" },
	func(r *rand.Rand) string { return "<?php\n\n" + phrase(r, 8) + "\n?>" }, func(r *rand.Rand) string { return "<!X " + phrase(r, 4) + "\n" + phrase(r, 8) + "\n>" }, func(r *rand.Rand) string { return "<x-y z=\"" + phrase(r, 3) + "\">\n" + phrase(r, 8) },
	func(r *rand.Rand) string { return "[ref one]: /url \"" + phrase(r, 4) + "\"" }, func(r *rand.Rand) string { return "[ref two]: /url\n'" + phrase(r, 6) + "\n" + phrase(r, 6) + "'" },
	func(r *rand.Rand) string { return "[^1]: " + phrase(r, 6) + "\n    " + phrase(r, 6) }, func(r *rand.Rand) string { return "$$\n" + phrase(r, 8) + "\n$$" },
	func(r *rand.Rand) string { return phrase(r, 2) + "\n: " + phrase(r, 8) }, func(r *rand.Rand) string {
		return "<details>\n<summary>" + phrase(r, 3) + "</summary>\n\n" + paragraph(r, 2) + "\n\n</details>"
	},
}

// TestWriteCorpus writes the corpus, plain and marked in every way, into the
// folder that AVOW_TEXT_CORPUS names: NAME.md, NAME.held.md, NAME.stream.md and,
// with a frame at every point there is, NAME.points.md and NAME.stream-points.md.
// Renderers that are not written in Go are tested with it.
func TestWriteCorpus(t *testing.T) {
	dir := os.Getenv("AVOW_TEXT_CORPUS")
	if dir == "" {
		t.Skip("AVOW_TEXT_CORPUS names no folder")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range corpus(t) {
		files := markings(t, d.text)
		files[""] = d.text
		for how, text := range files {
			name := strings.TrimSuffix(d.name+"."+how, ".") + ".md"
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
