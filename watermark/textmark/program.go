package textmark

import "strings"

// documents are how programs and documents of markup begin: a text with such a
// first line holds no prose that is ours to mark.
var documents = []string{"<!doctype", "<html", "<?xml", "<?php", "<svg", "#!", "#include", "//", "/*"}

// count counts a line outside of fences, which plain is without its indentation
// and code spans.
func (b *blocks) count(columns int, plain string) {
	n := columns + len(plain)
	b.all += n
	if columns >= 4 && !b.list || looksLikeCode(plain) {
		b.code += n
	}
}

// program reports whether so much of the text looks like code that it is taken
// for a program or a data file without fences.
func (b *blocks) program() bool { return b.code > 0 && b.code*5 >= b.all }

// lookThrough takes in the lines of a text that is there at once.
func (b *blocks) lookThrough(text string) {
	for ended := true; ended; {
		var s string
		s, text, ended = cutLine(text)
		b.endLine(s, false)
	}
}

// codeMarks are what hardly a line of prose holds outside of code spans.
var codeMarks = []string{":=", "==", "!=", "=>", "->", "();", "&&", "||", "+=", "::"}

// codeStarts are the beginnings of lines of programs.
var codeStarts = []string{"#include", "#!", "#define", "TEXT ", "var ", "let ", "type ", "echo ", "export ", "//", "/*", "*/", "package ", "func ", "def ", "class ",
	"function ", "const ", "static ", "public ", "private ", "return ", "import ", "if (", "for (", "while (", "@", "}", "{", "<?", "</"}

// looksLikeCode reports whether a line looks like one of a program or a data
// file. Single lines are often mistaken; a text is judged by the share of them.
func looksLikeCode(plain string) bool {
	t := strings.TrimSpace(plain)
	if t == "" {
		return false
	}
	switch t[len(t)-1] {
	case '{', '}', '(':
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
