package textmark

import "strings"

// A fence follows fenced code in one reading of the text. Whether a line opens
// one depends on the list or the HTML it is in, which takes a whole parser to
// know. So three readings run side by side, and a frame needs all of them outside.
type fence struct {
	char   byte // '`' or '~', 0 outside
	n      int  // length of the opening fence
	item   int  // columns of the list item that it is in, which it ends with
	indent int  // columns that the closing fence may be indented by
}

// A reading takes more than limit columns for indented code, and opens no fence
// in HTML if it is told so.
type reading struct {
	limit int
	html  bool
}

// readings: by CommonMark 0.31 without and with HTML blocks, and one that takes
// every indentation for that of a list.
var readings = [3]reading{{3, false}, {3, true}, {1 << 20, false}}

// fenceLine has every reading take a line in, which markup says is in HTML. It
// reports whether the line is inside or part of a fence in any of them.
func fenceLine(fences *[3]fence, s string, markup bool) bool {
	in := false
	for i, r := range readings {
		if markup && r.html && fences[i].char == 0 {
			continue
		}
		in = fences[i].line(s, r.limit) || in
	}
	return in
}

func (f *fence) line(s string, limit int) bool {
	columns, rest := indent(s)
	if f.char != 0 && columns < f.item && rest != "" {
		*f = fence{}
	}
	if f.char != 0 {
		if columns <= f.indent && closes(rest, f.char, f.n) {
			*f = fence{}
		}
		return true
	}
	if columns > limit {
		return false
	}
	item := 0
	body := behindMarkers(rest)
	if body != rest {
		item = columns + len(rest) - len(body)
	}
	if char, n := opens(body); n > 0 {
		*f = fence{char, n, item, max(limit, item+3)}
	}
	return f.char != 0
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
