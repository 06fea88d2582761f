package textmark

import (
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
)

// markings marks a text as it is done, and with a frame at every point.
func markings(t testing.TB, text string) map[string]string {
	k := testKey(t)
	held, _ := Embed(text, idA, k, Options{Distance: DenseDistance})
	out := map[string]string{"held": held, "stream": streamed(NewPlacer(idA, k, Options{}), cutWords(text))}
	for how, o := range map[string]Options{"points": {Long: true}, "stream-points": {}} {
		p := NewPlacer(idA, k, o)
		p.next, p.gap = 0, 0
		out[how] = splice(text, p.Next(text, ""))
	}
	return out
}

// renderers are goldmark with GFM, and with more extensions.
var renderers = map[string]goldmark.Markdown{
	"gfm": goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe())),
	"all": goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList, extension.Typographer),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()), goldmark.WithRendererOptions(html.WithUnsafe(), html.WithXHTML())),
}

func render(t *testing.T, m goldmark.Markdown, text string) string {
	t.Helper()
	var b strings.Builder
	if err := m.Convert([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRenderedMarkdownStays: with the frames taken out of the HTML again, it is
// the HTML of the unmarked text, and no frame stands in code or a tag of it.
func TestRenderedMarkdownStays(t *testing.T) {
	k, docs := testKey(t), corpus(t)
	if len(docs) < 500 {
		t.Fatalf("%d documents, want at least 500", len(docs))
	}
	marked, frames, changed, inside := map[string]int{}, map[string]int{}, 0, 0
	for _, d := range docs {
		for rendererName, m := range renderers {
			plain := render(t, m, d.text)
			for how, text := range markings(t, d.text) {
				if text != d.text && rendererName == "gfm" {
					marked[how]++
					frames[how] += len(Detect(text, k).Frames)
				}
				got := render(t, m, text)
				if back := Strip(got, k); back != plain {
					changed++
					t.Errorf("%s, %s, %s: HTML changed near %s", d.name, how, rendererName, firstDifference(back, plain))
				}
				if at := frameInTag(got, strings.Contains(how, "stream")); at >= 0 {
					inside++
					t.Errorf("%s, %s, %s: a frame inside markup or code: %.120q", d.name, how, rendererName, got[max(0, at-80):])
				}
			}
		}
	}
	t.Logf("%d documents, %d renderings changed, %d with a frame in markup; marked %v, frames %v", len(docs), changed, inside, marked, frames)
	if marked["held"] < 500 || marked["stream"] < 300 {
		t.Fatalf("marked %v, want most of the documents", marked)
	}
}

func firstDifference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return a[max(0, i-60):min(len(a), i+60)] + " | " + b[max(0, i-60):min(len(b), i+60)]
}

// closedTo are the elements that no frame may stand in. The last five are known
// only by what comes after the words in them, which a stream does not wait for.
var closedTo = []string{"code", "pre", "script", "style", "textarea", "title", "h3", "h4", "h5", "h6", "td", "h1", "h2", "th", "thead", "table"}

const knownLate = 5

// frameInTag returns where a frame stands inside of a tag, a comment or an
// element that holds no prose, or -1. It reads what goldmark writes.
func frameInTag(page string, stream bool) int {
	closed := closedTo
	if stream {
		closed = closed[:len(closed)-knownLate]
	}
	in := "" // the element we are in
	for i := 0; i < len(page); i++ {
		switch {
		case strings.HasPrefix(page[i:], selectorLead):
			if in != "" {
				return i
			}
		case page[i] == '<':
			end := tagEnd(page[i:])
			if at := strings.Index(page[i:i+end], selectorLead); at >= 0 {
				return i + at
			}
			in = element(in, page[i:i+end], closed)
			i += end - 1
		}
	}
	return -1
}

func tagEnd(s string) int {
	if strings.HasPrefix(s, "<!--") {
		if end := strings.Index(s, "-->"); end >= 0 {
			return end + 3
		}
	}
	if end := strings.IndexByte(s, '>'); end >= 0 {
		return end + 1
	}
	return 1
}

// element returns the closed element that follows a tag, given the one before.
func element(in, tag string, closed []string) string {
	for _, name := range closed {
		if in == name && strings.HasPrefix(tag, "</"+name) {
			return ""
		}
		if in == "" && (strings.HasPrefix(tag, "<"+name+">") || strings.HasPrefix(tag, "<"+name+" ")) {
			return name
		}
	}
	return in
}

// FuzzRenderedMarkdown looks for Markdown whose rendering a frame changes.
func FuzzRenderedMarkdown(f *testing.F) {
	for _, c := range notProse[:60] {
		f.Add(strings.ReplaceAll(c.text, "BODY", "Some words that go on. And some more"))
	}
	for i, d := range corpus(f) {
		if i%20 == 0 {
			f.Add(d.text)
		}
	}
	k := testKey(f)
	f.Fuzz(func(t *testing.T, text string) {
		if Detect(text, k).Runs > 0 || len(text) > 1<<14 {
			t.Skip("frames in it already, or too long")
		}
		for _, m := range renderers {
			plain := render(t, m, text)
			for how, marked := range markings(t, text) {
				if back := Strip(render(t, m, marked), k); back != plain {
					t.Fatalf("%s of %q: HTML changed near %s", how, text, firstDifference(back, plain))
				}
			}
		}
	})
}
