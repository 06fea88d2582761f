package disclose

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// A pageScan reads the start of a page up to its body, piece by piece, following
// the insertion modes "initial" to "after head" of the tree construction (WHATWG
// HTML, sections 13.2.6.4.1 to 13.2.6.4.6): it tells which bytes belong to the
// head, and before which byte a parser opens the body.
//
// Whole tags are read by golang.org/x/net/html. What may be long, comments and
// raw text, is skipped without being kept; see skipper.
type pageScan struct {
	xml      bool // application/xhtml+xml: nothing is implied
	page     bool // a doctype, html, head or body tag was seen
	begun    bool // behind a byte order mark
	headDone bool // the end of the head was reported
	depth    int  // open <template> elements
	skip     skipper

	tried int // bytes of the tag at hand that were looked at in vain
	work  int // bytes looked at in all, for tags

	disclosed bool     // the head says that AI took part
	label     *ldLabel // what an avow before us wrote
	manifest  bool     // the head names or holds a C2PA manifest
	kept      *[]byte  // text of the script at hand
}

// A step says what a piece is.
type step uint8

const (
	stepMore    step = iota // not whole yet: more bytes are needed
	stepPass                // part of the head, or before it
	stepHeadEnd             // the head ends before the next byte
	stepBody                // the body begins before the next byte
	stepNoPage              // a fragment, or a page without a body
)

// headTags may stand before the body without opening it (section 13.2.6.4.4).
var headTags = map[string]bool{
	"html": true, "head": true, "title": true, "meta": true, "link": true, "base": true,
	"basefont": true, "bgsound": true, "script": true, "style": true, "noscript": true,
	"noframes": true, "template": true,
}

// rawTags hold text up to their end tag. A browser runs scripts, so <noscript>
// is one of them (section 13.2.6.4.4).
var rawTags = map[string]bool{
	"title": true, "script": true, "style": true, "noscript": true, "noframes": true,
	"textarea": true, "xmp": true, "iframe": true, "noembed": true, "plaintext": true,
}

// next returns the length of the piece at the start of buf, and what it is.
func (z *pageScan) next(buf []byte) (n int, what step) {
	switch {
	case !z.begun:
		return z.start(buf)
	case z.skip.kind != skipNone:
		return z.skipped(buf)
	case len(buf) == 0:
		return 0, stepMore
	case isSpace(buf[0]):
		return len(buf) - len(bytes.TrimLeft(buf, spaces)), stepPass
	case buf[0] != '<':
		return z.text(buf)
	case len(buf) == 1:
		return 0, stepMore
	}
	switch c := buf[1]; {
	case c == '!':
		return z.declaration(buf)
	case c == '/':
		return z.endTag(buf)
	case isLetter(c):
		return z.startTag(buf)
	case c == '?' && z.xml:
		z.skip = skipper{kind: skipUntil, end: "?>"}
		return 2, stepPass
	case c == '?':
		z.skip = skipper{kind: skipUntil, end: ">"}
		return 1, stepPass
	}
	return z.text(buf)
}

const spaces = " \t\r\n\f"

func isSpace(c byte) bool  { return strings.IndexByte(spaces, c) >= 0 }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// start passes a byte order mark. That of UTF-16 is no page for us: its markup
// is not ASCII.
func (z *pageScan) start(buf []byte) (int, step) {
	switch {
	case startOf(utf8BOM, buf):
		return 0, stepMore
	case buf[0] == 0xFE || buf[0] == 0xFF:
		return 0, stepNoPage
	}
	z.begun = true
	if bytes.HasPrefix(buf, utf8BOM) {
		return len(utf8BOM), stepPass
	}
	return 0, stepPass
}

// skipped passes what lies inside a comment or a raw text.
func (z *pageScan) skipped(buf []byte) (int, step) {
	n, done := z.skip.find(buf)
	if z.kept != nil {
		*z.kept = append(*z.kept, buf[:min(n, maxLabelHTML-len(*z.kept))]...)
	}
	if done {
		z.skip = skipper{}
		if z.kept != nil {
			z.label = readLabel(*z.kept)
			z.kept = nil
		}
	}
	if n == 0 && !done {
		return 0, stepMore
	}
	return n, stepPass
}

// text is content, except inside a template.
func (z *pageScan) text(buf []byte) (int, step) {
	if z.depth == 0 {
		return z.content()
	}
	if i := bytes.IndexByte(buf[1:], '<'); i >= 0 {
		return 1 + i, stepPass
	}
	return len(buf), stepPass
}

// content is what opens a body that no tag opened.
func (z *pageScan) content() (int, step) {
	switch {
	case !z.page || z.xml:
		return 0, stepNoPage
	case !z.headDone:
		z.headDone = true
		return 0, stepHeadEnd
	}
	return 0, stepBody
}

// declaration reads what begins with "<!".
func (z *pageScan) declaration(buf []byte) (int, step) {
	const comment, doctype = "<!--", "<!doctype"
	lower := bytes.ToLower(buf[:min(len(buf), len(doctype))])
	switch {
	case bytes.HasPrefix(buf, []byte(comment)):
		z.skip = skipper{kind: skipComment, fresh: true}
		return len(comment), stepPass
	case string(lower) == doctype:
		z.page = z.page || z.depth == 0
		z.skip = skipper{kind: skipUntil, end: ">"}
		return len(doctype), stepPass
	case startOf([]byte(comment), buf) || startOf([]byte(doctype), lower):
		return 0, stepMore
	}
	z.skip = skipper{kind: skipUntil, end: ">"} // a bogus comment, section 13.2.5.41
	return 2, stepPass
}

// startTag reads a start tag. Of one that is content its name is enough.
func (z *pageScan) startTag(buf []byte) (int, step) {
	name, ok := tagName(buf[1:])
	switch {
	case !ok:
		return 0, stepMore
	case z.depth > 0:
	case name == "body":
		return z.body(buf)
	case name == "html" || name == "head":
		z.page = true
	case name == "frameset" && z.headDone:
		return 0, stepNoPage
	case !headTags[name] || name == "noscript" && z.headDone: // not in section 13.2.6.4.6
		return z.content()
	}
	n, tag := z.wholeTag(buf)
	if n == 0 {
		return 0, stepMore
	}
	if z.xml && tag.Type == html.SelfClosingTagToken {
		if z.depth == 0 && !rawTags[name] {
			z.noteTag(tag)
		}
		return n, stepPass
	}
	if rawTags[name] {
		z.skip = skipper{kind: skipRaw, end: "</" + name}
	}
	if name == "template" {
		z.depth++
	}
	if z.depth == 0 {
		z.noteTag(tag)
	}
	return n, stepPass
}

// body reads the body tag: the head ends before it, the body begins behind it.
func (z *pageScan) body(buf []byte) (int, step) {
	z.page = true
	if !z.headDone {
		z.headDone = true
		return 0, stepHeadEnd
	}
	n, tag := z.wholeTag(buf)
	switch {
	case n == 0:
		return 0, stepMore
	case z.xml && tag.Type == html.SelfClosingTagToken:
		return 0, stepNoPage
	}
	return n, stepBody
}

// noteTag looks for what an author, or an avow before us, says in the head.
func (z *pageScan) noteTag(tag html.Token) {
	switch {
	case tag.Data == "meta" && isDisclosure(tag):
		z.disclosed = true
	case isManifest(tag):
		z.manifest = true
	case tag.Data == "script" && hasClass(tag, labelClass) && z.label == nil:
		z.kept = &[]byte{}
	}
}

// endTag reads an end tag. Before the body only those of head, body, html and
// br mean anything (sections 13.2.6.4.3 to 13.2.6.4.6).
func (z *pageScan) endTag(buf []byte) (int, step) {
	switch {
	case len(buf) < 3:
		return 0, stepMore
	case buf[2] == '>':
		return 3, stepPass
	case !isLetter(buf[2]):
		z.skip = skipper{kind: skipUntil, end: ">"}
		return 2, stepPass
	}
	name, ok := tagName(buf[2:])
	switch {
	case !ok:
		return 0, stepMore
	case z.depth > 0:
	case name == "body" || name == "html" || name == "br":
		return z.content()
	case name == "head":
		z.page = true
		if !z.headDone {
			z.headDone = true
			return 0, stepHeadEnd
		}
	}
	n, _ := z.wholeTag(buf)
	if n == 0 {
		return 0, stepMore
	}
	if name == "template" && z.depth > 0 {
		z.depth--
	}
	return n, stepPass
}

// tagName returns the name at the start of buf in lower case. It is not ok while
// the name may go on.
func tagName(buf []byte) (name string, ok bool) {
	n := bytes.IndexAny(buf, spaces+"/>")
	if n < 0 {
		return "", false
	}
	return string(bytes.ToLower(buf[:n])), true
}

// wholeTag returns the tag at the start of buf and its length, or 0 while it is
// not whole. It is looked at again only where a ">" has come, since nothing else
// ends a tag.
func (z *pageScan) wholeTag(buf []byte) (n int, tag html.Token) {
	for {
		i := bytes.IndexByte(buf[z.tried:], '>')
		if i < 0 {
			z.tried = len(buf)
			return 0, tag
		}
		z.tried += i + 1
		z.work += z.tried
		t := html.NewTokenizer(bytes.NewReader(buf[:z.tried]))
		if t.Next() != html.ErrorToken {
			n, z.tried = z.tried, 0
			return n, t.Token()
		}
	}
}
