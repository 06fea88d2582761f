package textmark

import "strings"

// count counts a line outside of fences.
func (b *blocks) count(s string) {
	if b.ahead {
		return
	}
	b.lines++
	if looksLikeCode(s) {
		b.code++
	}
}

// lookThrough counts the lines of a text that is there at once.
func (b *blocks) lookThrough(text string) {
	b.ahead = false
	for ended := true; ended; {
		var s string
		if s, text, ended = cutLine(text); strings.TrimSpace(s) != "" {
			b.count(s)
		}
	}
	b.ahead = true
}

// codeMarks are what hardly a line of prose holds outside of code spans.
var codeMarks = []string{":=", "==", "!=", "=>", "->", "();", "())", "&&", "||", "+=", "::"}

// codeStarts are the beginnings of lines of programs.
var codeStarts = []string{"#include", "#!", "#define", "//", "/*", "*/", "package ", "func ", "def ", "class ",
	"function ", "const ", "static ", "public ", "private ", "return ", "import ", "if (", "for (", "while (", "@", "}", "{", "<?", "</"}

// looksLikeCode reports whether a line looks like one of a program or a data
// file. Single lines are often mistaken; a text is judged by the share of them.
func looksLikeCode(s string) bool {
	t := strings.TrimSpace(withoutCode(s))
	if t == "" {
		return false
	}
	switch t[len(t)-1] {
	case '{', '}':
		return true
	case ';': // prose and verse have it too
		if strings.ContainsAny(t, "=()[]{}<>\"") || strings.Count(t, " ") < 2 {
			return true
		}
	}
	if t[0] == '"' && strings.Contains(t, `":`) || strings.HasSuffix(t, ");") || strings.HasSuffix(t, "):") || strings.HasSuffix(t, `",`) {
		return true
	}
	return containsAny(t, codeMarks) || startsWithAny(t, codeStarts)
}

func containsAny(s string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

func startsWithAny(s string, parts []string) bool {
	for _, p := range parts {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
