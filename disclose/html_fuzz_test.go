package disclose

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// FuzzHTML compares documents: what a parser builds of a marked page, less the
// three elements of ours, is what it builds of the page itself.
func FuzzHTML(f *testing.F) {
	for _, page := range pages {
		f.Add(expand(page, "", ""), 3)
	}
	for _, page := range []string{
		"<!doctype html><html><body class='a'>x", "<!-- --><title></title><script><</script><p", "<p>x", "<html></p></div></br>",
		"<head></template><template><svg><title></template>", "<html><head><noscript><p></noscript>", "<body><body a=b><html c=d>",
		"<html> <head> </head> <!-- --> <body> ", "<html><select><body>", "<html\n/a=/>x", "<html><table>x<tr>", "\ufeff\ufeff<html>",
	} {
		f.Add(page, 1)
	}
	m := newTestMarker(f, nil)
	f.Fuzz(func(t *testing.T, page string, n int) {
		checkPage(t, m, page, n)
	})
}

// htmlPieces are what matters in the head of a page, and what may stand about it.
var htmlPieces = rapid.SampledFrom([]string{
	"<!doctype html>", "<html>", "</html>", "<head>", "</head>", "<body>", "</body>", "<body class='a>b'>", "<html lang=de>",
	"<title>", "</title>", "<meta charset=utf-8>", "<link rel=x>", "<base>", "<style>", "</style>", "<script>", "</script>", "<script src=x />",
	"<noscript>", "</noscript>", "<noframes>", "</noframes>", "<template>", "</template>", "<textarea>", "</textarea>", "<iframe>",
	"<!--", "-->", "--!>", "<!-->", "<!", "<?", "</", "</>", ">", "<", "/", "\"", "'", "=", "-", "<a b=\"", "<p", "<p>", "</p>", "</br>", "<br/>",
	"<div>", "<table>", "<select>", "<svg>", "</svg>", "<math>", "<plaintext>", "<xmp>", "<pre>\n", "<form>", "<b>", "x", " ", "\n", "\r", "\x00", "&amp;", "&",
})

// TestHTMLAnyOrder puts pages together from pieces, in any order.
func TestHTMLAnyOrder(t *testing.T) {
	m := newTestMarker(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		page := strings.Join(rapid.SliceOfN(htmlPieces, 0, 24).Draw(t, "pieces"), "")
		if rapid.Bool().Draw(t, "page") {
			page = "<html>" + page
		}
		checkPage(t, m, page, rapid.IntRange(0, 4).Draw(t, "n"))
	})
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkPage marks a page whole and in pieces and looks at what was changed.
func checkPage(t fataler, m *Marker, page string, n int) {
	t.Helper()
	out, w, err := markPage(m, page, 0)
	if err != nil {
		t.Fatalf("%q: %v", page, err)
	}
	if n > 0 && len(page)/n < 500 {
		if pieces, _, _ := markPage(m, page, n); pieces != out {
			t.Fatalf("chunks of %d differ:\n%q\n%q", n, pieces, out)
		}
	}
	if strings.Contains(page, "avow-") || strings.Contains(strings.ToLower(page), metaName) {
		return // its own marks are tested elsewhere
	}
	head := string(w.metaHTML()) + string(w.labelHTML())
	if bare := strings.Replace(strings.Replace(out, head, "", 1), englishDiv, "", 1); bare != page {
		t.Fatalf("bytes outside the splices differ:\n%q\n%q", bare, page)
	}
	if w.Result().Notice && !strings.Contains(strings.ToLower(page), "<frameset") && !scriptsDiffer(page) {
		compareDocuments(t, page, out)
	}
}

// markPage is mark without a test to fail.
func markPage(m *Marker, page string, n int) (string, *Writer, error) {
	var dst strings.Builder
	out := pageOutput
	out.Label.ID = testID
	w := m.NewWriter(context.Background(), &dst, out)
	for rest := []byte(page); len(rest) > 0; {
		k := len(rest)
		if n > 0 {
			k = min(n, k)
		}
		if _, err := w.Write(rest[:k]); err != nil {
			return dst.String(), w, err
		}
		rest = rest[k:]
	}
	err := w.Close()
	return dst.String(), w, err
}

// scriptsDiffer reports whether a page may hold a script with "<!--" inside:
// there the oracle leaves the escaped state at any "<", which the standard
// (section 13.2.5.23) does not.
func scriptsDiffer(page string) bool {
	page = strings.ToLower(page)
	i := strings.Index(page, "<script")
	return i >= 0 && strings.Contains(page[i:], "<!--")
}

// compareDocuments is not for pages with a <frameset>: one that comes after the
// notice can no longer replace the body.
func compareDocuments(t fataler, page, marked string) {
	t.Helper()
	page, marked = strings.TrimPrefix(page, "\ufeff"), strings.TrimPrefix(marked, "\ufeff") // a decoder takes it off
	want, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return // nested too deeply for the oracle
	}
	got, err := html.Parse(strings.NewReader(marked))
	if err != nil {
		t.Fatalf("%q does not parse: %v", marked, err)
	}
	if n := removeOurs(got); n != 3 {
		t.Fatalf("%d elements of ours are in the document of %q, want 3", n, marked)
	}
	if a, b := render(got), render(want); a != b {
		t.Fatalf("documents differ:\n%q\n%q\nof %q", a, b, marked)
	}
}

// removeOurs takes the elements out that a page got, each where it belongs.
func removeOurs(doc *html.Node) (n int) {
	var ours []*html.Node
	for c := range doc.Descendants() {
		if c.Type != html.ElementNode {
			continue
		}
		tag := html.Token{Data: c.Data, Attr: c.Attr}
		switch {
		case c.Parent.Data == "head" && (c.Data == "meta" && isDisclosure(tag) || c.Data == "script" && hasClass(tag, labelClass)),
			c.Parent.Data == "body" && c.PrevSibling == nil && hasClass(tag, noticeClass):
			ours = append(ours, c)
		}
	}
	for _, c := range ours {
		c.Parent.RemoveChild(c)
	}
	return len(ours)
}

// render writes a document; text nodes side by side read as one.
func render(doc *html.Node) string {
	var b strings.Builder
	for c := range doc.Descendants() {
		depth := 0
		for p := c.Parent; p != nil; p = p.Parent {
			depth++
		}
		if c.Type == html.TextNode && c.PrevSibling != nil && c.PrevSibling.Type == html.TextNode {
			b.WriteString(c.Data)
			continue
		}
		b.WriteString("\n" + strings.Repeat(" ", depth) + c.Data)
		for _, a := range c.Attr {
			b.WriteString(" " + a.Namespace + ":" + a.Key + "=" + a.Val)
		}
	}
	return b.String()
}

// FuzzHTMLReading feeds the detector: no page may make it fail, and what it
// reports comes from the page.
func FuzzHTMLReading(f *testing.F) {
	m := newTestMarker(f, nil)
	for _, page := range pages {
		f.Add(expand(page, headSplice(m), englishDiv))
	}
	f.Add(`<script type="application/ld+json">{"@graph":[{"digitalSourceType":{"@id":"schema:TrainedAlgorithmicMediaDigitalSource"}}]}</script>`)
	f.Fuzz(func(t *testing.T, page string) {
		r, err := tryInspect(t, DetectorOptions{}, []byte(page), Source{ContentType: "text/html"})
		if err != nil {
			return // it begins like an image
		}
		if f := finding(r, CarrierNotice); f.Status == Present && !strings.Contains(page, noticeClass) && !strings.Contains(page, "&") {
			t.Fatalf("a notice was found in %q", page)
		}
	})
}
