package page

import (
	_ "embed"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
)

// strings.tsv holds every text of the page: a key, then one column per language.
// A text that a language lacks is shown in English. What stands in braces is
// filled in.
//
//go:embed strings.tsv
var stringsTSV string

// words are the page's texts in one language.
type words struct {
	tag   language.Tag
	texts map[string]string
}

// wordsByLanguage reads strings.tsv, once.
var wordsByLanguage = sync.OnceValue(func() map[string]words {
	lines := strings.Split(strings.TrimRight(stringsTSV, "\n"), "\n")
	head := strings.Split(lines[0], "\t")
	all := map[string]words{}
	for column, lang := range head {
		if column == 0 {
			continue
		}
		w := words{language.Make(lang), map[string]string{}}
		for _, line := range lines[1:] {
			fields := strings.Split(line, "\t")
			w.texts[fields[0]] = fields[1]
			if column < len(fields) && fields[column] != "" {
				w.texts[fields[0]] = fields[column]
			}
		}
		all[lang] = w
	}
	return all
})

// maxAccept bounds how much of an Accept-Language is looked at, in bytes.
const maxAccept = 512

// wordsFor are the texts in the language that a request asks for: ?lang=, else
// Accept-Language, else English.
func wordsFor(r *http.Request) words {
	all := wordsByLanguage()
	if w, ok := all[r.URL.Query().Get("lang")]; ok {
		return w
	}
	accept := r.Header.Get("Accept-Language")
	if w, ok := all[disclose.NegotiateLanguage(accept[:min(len(accept), maxAccept)]).String()]; ok {
		return w
	}
	return all["en"]
}

// say is a text with its braces filled in from pairs of names and values.
func (w words) say(key string, pairs ...string) string {
	text := w.texts[key]
	for i := 0; i+1 < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "{"+pairs[i]+"}", pairs[i+1])
	}
	return text
}
