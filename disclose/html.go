package disclose

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"strings"
)

// An htmlSink puts the notice into a complete page, right after its <body>
// tag, or where a parser would open one. What is no page of its own (a fragment
// without doctype, html, head or body) stays as it is.
type htmlSink struct {
	w     *Writer
	buf   []byte // the page up to the place of the notice
	begun bool
}

func (s *htmlSink) write(p []byte) error {
	if s.begun {
		return s.w.emit(p)
	}
	s.buf = append(s.buf, p...)
	if bytes.IndexByte(p, '>') < 0 && len(s.buf) <= s.w.m.o.MaxEvent {
		return nil // no tag ended: looking at the page again and again would cost its square
	}
	at, ok := bodyStart(s.buf, false)
	switch {
	case ok && at < 0:
		return s.giveUp(errNoPage)
	case ok:
		return s.begin(at)
	case len(s.buf) > s.w.m.o.MaxEvent:
		return s.giveUp(fmt.Errorf("no body tag in the first %d bytes", len(s.buf)))
	}
	return nil
}

func (s *htmlSink) begin(at int) error {
	s.begun = true
	page := s.buf
	s.buf = nil
	if at < 0 || !s.w.want.Has(CarrierNotice) {
		return s.w.emit(page)
	}
	s.w.noticeGiven()
	note := s.w.noticeHTML()
	if bytes.HasPrefix(page[at:], []byte(note)) { // an avow before us wrote it
		return s.w.emit(page)
	}
	s.w.changed = true
	out := append(make([]byte, 0, len(page)+256), page[:at]...)
	out = append(out, note...)
	return s.w.emit(append(out, page[at:]...))
}

// giveUp passes the page on without a notice, if the profile lets it.
func (s *htmlSink) giveUp(cause error) error {
	if err := s.w.fail(NewCarrierSet(CarrierNotice), ReasonUnknownShape, cause); err != nil {
		return err
	}
	return s.begin(-1)
}

func (s *htmlSink) flush() error { return s.w.flushDst() }

func (s *htmlSink) close() error {
	if s.begun {
		return nil
	}
	if at, ok := bodyStart(s.buf, true); ok && at >= 0 {
		return s.begin(at)
	}
	return s.giveUp(errNoPage)
}

var errNoPage = errors.New("not a complete HTML page")

// noticeHTML are the notices as elements: text in the page, with its language
// and role, without script or style.
func (w *Writer) noticeHTML() string {
	var b strings.Builder
	tag := w.language()
	for _, text := range w.m.notices.paragraphs(w.due, tag) {
		_, _ = fmt.Fprintf(&b, `<div role="note" lang="%s" dir="%s" class="avow-notice">%s</div>`, tag, direction(tag), html.EscapeString(text))
	}
	return b.String()
}

// headTags may stand before the body. What is in rawTags is text up to its end
// tag.
var headTags = map[string]bool{
	"html": true, "head": true, "title": true, "meta": true, "link": true, "base": true,
	"script": true, "style": true, "noscript": true, "template": true,
}

var rawTags = map[string]bool{"title": true, "script": true, "style": true, "noscript": true, "template": true}

// bodyStart returns where a page's body begins: behind the <body> tag, or
// before the first content that a parser would put into one (WHATWG HTML,
// sections 13.2.6.4.1 to 13.2.6.4.7). It is not ok while more bytes are needed;
// a fragment gives -1.
func bodyStart(page []byte, whole bool) (at int, ok bool) {
	pos, isPage := 0, false
	if startOf(utf8BOM, page) && len(page) > 0 {
		return -1, whole
	}
	if bytes.HasPrefix(page, utf8BOM) {
		pos = len(utf8BOM)
	}
	for {
		pos += len(page[pos:]) - len(bytes.TrimLeft(page[pos:], " \t\r\n\f"))
		if pos >= len(page) {
			return -1, whole
		}
		if page[pos] != '<' {
			return content(pos, isPage), true
		}
		t, next, complete := readTag(page, pos)
		if !complete {
			return -1, whole
		}
		switch {
		case t == "!" || strings.HasPrefix(t, "/"):
			isPage = isPage || t == "!" && bytes.HasPrefix(bytes.ToLower(page[pos:min(pos+9, len(page))]), []byte("<!doctype"))
		case t == "body":
			return next, true
		case !headTags[t]:
			return content(pos, isPage), true
		default:
			isPage = isPage || t == "html" || t == "head"
		}
		if rawTags[t] {
			i := indexFold(page[next:], "</"+t)
			if i < 0 {
				return -1, whole
			}
			next += i
		}
		pos = next
	}
}

func content(pos int, isPage bool) int {
	if isPage {
		return pos
	}
	return -1
}

// readTag reads the tag, comment or declaration at page[pos] == '<'. Its name
// is lower case, with "/" before it for an end tag; "!" stands for comments and
// declarations.
func readTag(page []byte, pos int) (name string, next int, complete bool) {
	rest := page[pos+1:]
	if bytes.HasPrefix(rest, []byte("!--")) {
		i := bytes.Index(rest[3:], []byte("-->"))
		return "!", pos + 1 + 3 + i + 3, i >= 0
	}
	if len(rest) > 0 && len(rest) < 3 && bytes.HasPrefix([]byte("!--"), rest) {
		return "", 0, false
	}
	quote := byte(0)
	for i, c := range rest {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return tagName(rest[:i]), pos + 1 + i + 1, true
		}
	}
	return "", 0, false
}

func tagName(tag []byte) string {
	if bytes.HasPrefix(tag, []byte("!")) || bytes.HasPrefix(tag, []byte("?")) {
		return "!"
	}
	n := bytes.IndexAny(tag, " \t\r\n\f")
	if n < 0 {
		n = len(tag)
	}
	return strings.ToLower(strings.TrimSuffix(string(tag[:n]), "/"))
}

// indexFold is bytes.Index for an ASCII lower-case needle, whatever the case of
// page; it copies nothing and stops at the first match.
func indexFold(page []byte, needle string) int {
	for at := 0; ; at++ {
		i := bytes.IndexByte(page[at:], needle[0])
		if i < 0 || len(page)-at-i < len(needle) {
			return -1
		}
		at += i
		if strings.EqualFold(string(page[at:at+len(needle)]), needle) {
			return at
		}
	}
}
