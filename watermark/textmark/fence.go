package textmark

import "strings"

// A fence follows fenced code in one reading of the text. Whether a fence opens
// depends on the list or quotation it is in, which takes a whole parser to know,
// so three readings run side by side and a frame needs all of them outside.
type fence struct {
	char   byte // '`' or '~', 0 outside
	n      int  // length of the opening fence
	indent int  // columns that the closing fence may be indented by
}

// readings are the ways a line is read: as it stands, behind list markers, and
// whatever its indentation.
var readings = [3]struct {
	lists  bool
	indent int
}{{false, 3}, {true, 3}, {true, 1 << 20}}

// fenceLine has every reading take a line in. It reports whether the line is
// inside or part of a fence in any of them.
func fenceLine(fences *[3]fence, s string) bool {
	in := false
	for i := range fences {
		was := fences[i].char != 0
		fences[i].line(s, readings[i].lists, readings[i].indent)
		in = in || was || fences[i].char != 0
	}
	return in
}

func (f *fence) line(s string, lists bool, limit int) {
	columns, rest := indent(s)
	if f.char != 0 {
		if columns <= f.indent && closes(rest, f.char, f.n) {
			*f = fence{}
		}
		return
	}
	if columns > limit {
		return
	}
	body := rest
	if lists {
		body = behindMarkers(rest)
	}
	if char, n := opens(body); n > 0 {
		*f = fence{char, n, max(limit, columns+len(rest)-len(body)+3)}
	}
}

// opens reads an opening fence (CommonMark 0.31, 4.5).
func opens(s string) (char byte, n int) {
	if s == "" || s[0] != '`' && s[0] != '~' {
		return 0, 0
	}
	n = runOf(s, s[0])
	if n < 3 || s[0] == '`' && strings.IndexByte(s[n:], '`') >= 0 {
		return 0, 0
	}
	return s[0], n
}

func closes(s string, char byte, n int) bool {
	m := runOf(s, char)
	return m >= n && strings.TrimRight(s[m:], " \t") == ""
}

// runOf counts the bytes c that s starts with.
func runOf(s string, c byte) int { return len(s) - len(strings.TrimLeft(s, string(rune(c)))) }

// indent returns the columns of white space before a line, tabs reaching to the
// next multiple of four, and the rest of it.
func indent(s string) (columns int, rest string) {
	for i := range len(s) {
		switch s[i] {
		case ' ':
			columns++
		case '\t':
			columns += 4 - columns%4
		default:
			return columns, s[i:]
		}
	}
	return columns, ""
}

// marker returns the length of the list marker that s starts with, with one
// space behind it, or 0.
func marker(s string) int {
	i := 0
	for i < len(s) && i < 9 && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	switch {
	case i > 0 && (i >= len(s) || s[i] != '.' && s[i] != ')'):
		return 0
	case i == 0 && (s == "" || strings.IndexByte("-+*", s[0]) < 0):
		return 0
	}
	if i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '\t') {
		return i + 2
	}
	return 0
}

// behindMarkers returns s behind the list markers that it starts with.
func behindMarkers(s string) string {
	for range 8 {
		n := marker(s)
		if n == 0 {
			break
		}
		_, s = indent(s[n:])
	}
	return s
}
