package textmark

import "strings"

// blocks follows the blocks of a Markdown text far enough to know where it is
// code, markup, data or mathematics. It errs on that side: what it takes for
// prose is prose in every renderer tried, not the other way round.
type blocks struct {
	fences [3]fence
	raw    string // what closes an element or comment that holds no prose
	math   string // what closes displayed mathematics
	front  string // what closes front matter
	braces int    // open braces, which blank lines do not close
	markup bool   // in an HTML block, until a blank line
	carry  bool   // something may be open in the paragraph, until it ends
	whole  bool   // the text is a document of markup: nothing in it is prose

	list bool // in a list

	all, code int    // bytes outside fences; those of lines that look like code
	seen      int    // lines that are not blank
	dashes    string // a first line that may start front matter
}

// closed reports whether the current line cannot hold a frame, whatever it says.
func (b *blocks) closed() bool {
	for _, f := range b.fences {
		if f.char != 0 {
			return true
		}
	}
	return b.raw != "" || b.math != "" || b.front != "" || b.braces > 0 || b.markup || b.whole
}

// allow reports whether a line that starts with head may hold a frame.
func (b *blocks) allow(head string) bool {
	columns, rest := indent(head)
	if columns >= 4 {
		return false
	}
	starts := b.interrupts(rest)
	for n := marker(rest); n > 0; n = marker(rest) {
		if columns, rest = indent(rest[n:]); columns >= 4 {
			return false
		}
	}
	return (starts || !b.carry) && b.dashes == "" && !structural(rest)
}

// lineStarts are the beginnings of lines that are no prose: headings,
// definitions, comments of programming languages, strings over several lines.
var lineStarts = []string{"#", ":", "%", "//", "/*", "*/", "--", ";", "~~~", `"""`, "'''"}

// structural reports whether a line that starts so is none of running text.
// A first word with a colon is a key of YAML, a header, or front matter.
func structural(s string) bool {
	for _, p := range lineStarts {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	word, _, _ := strings.Cut(s, " ")
	return strings.HasSuffix(word, ":")
}

// endLine takes in a line that has ended. full says that it was cut.
func (b *blocks) endLine(s string, full bool) {
	blank := strings.TrimSpace(s) == ""
	if blank {
		b.carry, b.markup = false, false
	} else {
		b.seen++
	}
	if b.frontMatter(s) || fenceLine(&b.fences, s, b.markup || b.raw != "") || blank {
		return
	}
	columns, rest := indent(s)
	body := behindMarkers(rest)
	b.item(columns, rest)
	plain := withoutCode(body)
	b.count(columns, plain)
	b.whole = b.whole || b.seen == 1 && startsWithAny(strings.ToLower(body), documents)
	b.elements(body, plain)
	b.formula(plain)
	b.braces = max(0, b.braces+strings.Count(plain, "{")-strings.Count(plain, "}"))
	b.carry = b.carry || leavesOpen(plain)
	b.whole = b.whole || full && strings.Contains(plain, "<")
}

// item notes whether the line is in a list. One that starts an item ends the
// paragraph before it.
func (b *blocks) item(columns int, rest string) {
	switch {
	case b.interrupts(rest):
		b.list, b.carry = true, false
	case columns == 0:
		b.list = false
	}
}

// interrupts reports whether a line starts a list item, though a paragraph or a
// table may come before it: a number does so only as 1, or inside a list.
func (b *blocks) interrupts(rest string) bool {
	n := marker(rest)
	return n > 0 && (b.list || !b.carry || n == 2 || n == 3 && rest[0] == '1')
}

// frontMatter follows a head of "---" or "+++" lines, which starts a text and
// whose second line is a key. It reports whether s belongs to it.
func (b *blocks) frontMatter(s string) bool {
	t := strings.TrimRight(s, " \t")
	switch {
	case b.front != "":
		if t == b.front || t == "..." {
			b.front = ""
		}
		return true
	case b.seen == 1 && b.dashes == "" && (t == "---" || t == "+++"):
		b.dashes = t
	case b.dashes != "":
		if key, _, _ := strings.Cut(t, " "); strings.HasSuffix(key, ":") || strings.Contains(t, "=") {
			b.front = b.dashes
		}
		b.dashes = ""
		return b.front != ""
	}
	return false
}

// closers maps the beginnings of elements and comments that hold no prose to
// their ends.
var closers = []struct{ open, end string }{
	{"<!--", "-->"}, {"<?", "?>"}, {"<![cdata[", "]]>"},
	{"<script", "</script"}, {"<style", "</style"}, {"<pre", "</pre"}, {"<code", "</code"},
	{"<textarea", "</textarea"}, {"<svg", "</svg"}, {"<math", "</math"}, {"<title", "</title"},
}

// elements follows markup. body is the line, plain the line without code spans.
func (b *blocks) elements(body, plain string) {
	if b.raw == "" && strings.IndexByte(body, '<') < 0 && !strings.HasPrefix(body, "/*") {
		return
	}
	low := strings.ToLower(plain)
	if len(body) > 1 && body[0] == '<' && (isLatin(rune(body[1])) || strings.IndexByte("/!?", body[1]) >= 0) {
		b.markup = true
	}
	if b.raw == "" && strings.HasPrefix(low, "/*") {
		b.raw, low = "*/", low[2:]
	}
	for {
		if b.raw != "" {
			_, after, ok := strings.Cut(low, b.raw)
			if !ok {
				return
			}
			b.raw, low = "", after
		}
		if b.raw, low = nextElement(low); b.raw == "" {
			return
		}
	}
}

// nextElement returns what closes the first element that holds no prose, and
// what comes behind its beginning.
func nextElement(s string) (end, after string) {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return "", ""
		}
		for _, c := range closers {
			if strings.HasPrefix(s[i:], c.open) {
				return c.end, s[i+len(c.open):]
			}
		}
		s = s[i+1:]
	}
}

// formula follows displayed mathematics: $$, \[ and LaTeX environments.
func (b *blocks) formula(s string) {
	if b.math != "" {
		if strings.Contains(s, b.math) {
			b.math = ""
		}
		return
	}
	switch {
	case strings.HasPrefix(s, "$$") && strings.Count(s, "$$") == 1:
		b.math = "$$"
	case strings.HasPrefix(s, `\[`) && !strings.Contains(s, `\]`):
		b.math = `\]`
	case strings.Contains(s, `\begin{`):
		_, name, _ := strings.Cut(s, `\begin{`)
		name, _, _ = strings.Cut(name, "}")
		if end := `\end{` + name + `}`; !strings.Contains(s, end) {
			b.math = end
		}
	}
}

// leavesOpen reports whether a line may leave a span, a link, a tag or a table
// open that the next line of its paragraph goes on with.
func leavesOpen(s string) bool {
	if !strings.ContainsAny(s, "`[]<>$|({") {
		return false
	}
	uneven := func(open, end string) bool { return strings.Count(s, open) != strings.Count(s, end) }
	return strings.ContainsAny(s, "`|") || uneven("[", "]") || uneven("<", ">") ||
		strings.Count(s, "$")%2 == 1 || strings.Count(s, "$$")%2 == 1 ||
		strings.Contains(s, "](") && uneven("(", ")") ||
		strings.HasPrefix(s, "[") && strings.Contains(s, "]:")
}

// withoutCode returns a line without its code spans, if it is certain where
// they are.
func withoutCode(s string) string {
	if strings.IndexByte(s, '`') < 0 || strings.Contains(s, "\\`") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '`')
		if i < 0 {
			break
		}
		n := runOf(s[i:], '`')
		end := closingRun(s[i+n:], n)
		if end < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i+n+end+n:]
	}
	b.WriteString(s)
	return b.String()
}

// closingRun returns where a run of exactly n backticks starts in s, or -1.
func closingRun(s string, n int) int {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '`')
		if i < 0 {
			return -1
		}
		m := runOf(s[at+i:], '`')
		if m == n {
			return at + i
		}
		at += i + m
	}
}
