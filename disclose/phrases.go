package disclose

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// phrases.tsv holds, for the languages of notices.tsv: the notice in plain
// words, how a principal is named, the notices about emotion recognition and
// biometric categorisation, the sentence that hands over to a person, and three
// lists, parted by "|": artificial intelligence spelled out, the beginnings of
// words that state an interaction, and questions whether one talks to a machine.
// In a question "*" stands for any one word. No native speaker has confirmed the
// sentences.
//
//go:embed phrases.tsv
var phrasesTSV string

// readPhrases adds what a line of phrases.tsv says to a wording.
func (w *wording) readPhrases(lines map[string][]string) {
	f := lines[w.tag.String()]
	w.plain, w.behalf, w.emotion, w.biometric, w.handOver = f[1], f[2], f[3], f[4], f[5]
	w.spelled, w.stems, w.questions = folded(f[6]), folded(f[7]), folded(f[8])
}

// phraseLines are the lines of phrases.tsv by language.
func phraseLines(tsv string) map[string][]string {
	lines := map[string][]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(tsv), "\n") {
		f := strings.Split(line, "\t")
		lines[f[0]] = f
	}
	return lines
}

func folded(list string) []string {
	var out []string
	for p := range strings.SplitSeq(list, "|") {
		out = append(out, fold(p))
	}
	return out
}

// unmarked are letters whose stroke or ligature is no combining mark, so that
// decomposition leaves them alone.
var unmarked = strings.NewReplacer("ß", "ss", "ł", "l", "ø", "o", "đ", "d", "ħ", "h", "æ", "ae", "œ", "oe", "ς", "σ")

// fold brings text into the form in which phrases are compared: lower case,
// without marks above and below letters, which people often leave out.
func fold(text string) string {
	text = norm.NFD.String(strings.ToLower(text))
	return unmarked.Replace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, text))
}

// startsWord reports whether one of the stems begins a word of folded text.
func startsWord(text string, stems []string) bool {
	return slices.ContainsFunc(stems, func(stem string) bool {
		for at := 0; ; at += len(stem) {
			i := strings.Index(text[at:], stem)
			if i < 0 {
				return false
			}
			at += i
			if r, _ := utf8.DecodeLastRuneInString(text[:at]); at == 0 || !unicode.IsLetter(r) {
				return true
			}
		}
	})
}
