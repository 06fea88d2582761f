package textmark

import (
	"slices"
	"strings"
)

// maxLine is how much of a line is kept for judging it, in bytes.
const maxLine = 16 << 10

// A line is the part of the current line that has been seen.
type line struct {
	buf  []byte
	full bool   // it is longer than what is kept
	bad  bool   // it holds what no frame may stand beside
	cr   bool   // the line before ended with \r
	last uint32 // its last four bytes

	rest, restBad bool // whether the rest has been judged, and how
}

// never are the characters that keep frames out of a line. To the nine that
// were measured, and @, come braces and the equals sign, which stand in data
// and in code.
const never = "|<>[]$\\`@{}="

var neverByte = func() (t [256]bool) {
	for i := range len(never) {
		t[never[i]] = true
	}
	return t
}()

// rune takes one rune in and reports whether it ended the line.
func (l *line) rune(r rune, raw string) bool {
	cr := l.cr
	l.cr = r == '\r'
	switch {
	case r == '\n':
		return !cr
	case r == '\r':
		return true
	case len(l.buf) >= maxLine:
		l.full = true
	default:
		l.buf = append(l.buf, raw...)
	}
	l.last = l.last<<8 | uint32(raw[len(raw)-1])
	if !l.bad && r < 0x80 {
		l.bad = neverByte[r] || r == '/' && l.last&0xffffff == lastOfScheme || r == '.' && l.last == lastOfWWW
	}
	return false
}

// grow makes room for n more bytes.
func (l *line) grow(n int) { l.buf = slices.Grow(l.buf, min(n, max(0, maxLine-len(l.buf)))) }

// word takes ASCII letters in, which end no line and keep no frame out.
func (l *line) word(s string) {
	l.cr = false
	kept := min(len(s), max(0, maxLine-len(l.buf)))
	l.buf = append(l.buf, s[:kept]...)
	l.full = l.full || kept < len(s)
	for i := max(0, len(s)-4); i < len(s); i++ {
		l.last = l.last<<8 | uint32(s[i])
	}
}

// The ends of what makes an address, as [line.last] holds them.
const (
	lastOfScheme = ':'<<16 | '/'<<8 | '/'
	lastOfWWW    = 'w'<<24 | 'w'<<16 | 'w'<<8 | '.'
)

// headLen is how much of a line says which block it starts or goes on with.
const headLen = 128

func (l *line) head() string { return string(l.buf[:min(len(l.buf), headLen)]) }

func (l *line) text() string { return string(l.buf) }

func (l *line) reset() { *l = line{buf: l.buf[:0], cr: l.cr} }

// forget drops the judgement of the rest of the line.
func (l *line) forget() { l.rest = false }

// restAllows judges the rest of the line, once.
func (l *line) restAllows(rest, ahead string) bool {
	if l.rest {
		return !l.restBad
	}
	l.rest = true
	tail, after, ended := cutLine(rest)
	if !ended {
		more, _, _ := cutLine(ahead)
		tail += more
	}
	l.restBad = strings.ContainsAny(tail, never) || strings.Contains(tail, "://") ||
		strings.Contains(tail, "www.") || ended && underlined(after)
	return !l.restBad
}

// cutLine splits s behind its first line.
func cutLine(s string) (line, after string, ended bool) {
	i := strings.IndexAny(s, "\r\n")
	if i < 0 {
		return s, "", false
	}
	if strings.HasPrefix(s[i:], "\r\n") {
		return s[:i], s[i+2:], true
	}
	return s[:i], s[i+1:], true
}

// maxParagraph is how many lines ahead an underline is looked for.
const maxParagraph = 64

// underlined reports whether the paragraph that goes on with after becomes a
// heading, or this line the head of a table, by a line of dashes or equals signs.
func underlined(after string) bool {
	for range maxParagraph {
		next, rest, ended := cutLine(after)
		switch next = strings.TrimSpace(next); {
		case next == "":
			return false
		case strings.Trim(next, "=") == "" || len(next) > 1 && strings.Trim(next, "-:| ") == "" || next == "-":
			return true
		case !ended:
			return false
		}
		after = rest
	}
	return false
}
