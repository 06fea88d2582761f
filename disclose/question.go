package disclose

import (
	"bytes"
	"strings"
	"sync"
	"unicode"

	"github.com/avowai/avow/internal/jsonscan"
)

// maxAsked bounds how much of a message is searched for the question, in bytes,
// at its start and at its end.
const maxAsked = 1024

// AsksForDisclosure reports whether the last thing a person says in the request
// asks whether they talk to a machine ("are you human?"), in one of the 24
// languages. It goes by whole phrases, so it misses what is asked in other
// words, and it may take a question about somebody else for one about itself.
func (r Request) AsksForDisclosure() bool {
	said := r.said
	if len(said) == 0 {
		return false
	}
	start := asksIn(jsonscan.Unquote(said, maxAsked))
	if start || len(said) <= maxAsked {
		return start
	}
	tail := said[len(said)-maxAsked:]
	if i := bytes.IndexByte(tail, ' '); i >= 0 {
		tail = tail[i:] // not in the middle of an escape
	}
	return asksIn(jsonscan.Unquote(tail, maxAsked))
}

// asksIn reports whether a text holds one of the questions.
func asksIn(text string) bool {
	words := strings.FieldsFunc(fold(strings.ToValidUTF8(text, " ")), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	all := questions()
	for i, w := range words {
		for _, q := range all[w] {
			if len(q) <= len(words)-i && matchWords(q, words[i:]) {
				return true
			}
		}
	}
	return false
}

// matchWords reports whether words begins with a phrase.
func matchWords(phrase, words []string) bool {
	for i, p := range phrase {
		if p != "*" && p != words[i] {
			return false
		}
	}
	return true
}

// questions are the phrases of all languages by their first word: people ask in
// their own language, whatever their browser prefers.
var questions = sync.OnceValue(func() map[string][][]string {
	all := map[string][][]string{}
	for _, w := range wordings {
		for _, q := range w.questions {
			words := strings.Fields(q)
			all[words[0]] = append(all[words[0]], words)
		}
	}
	return all
})

// ends is what of a text is looked at: a copy, so that the request's body is not kept
// for as long as its answer lasts. No byte of a text takes more than the six of an
// escape.
func ends(said []byte) []byte {
	const head = 6 * maxAsked
	if len(said) <= head+maxAsked {
		return bytes.Clone(said)
	}
	return append(bytes.Clone(said[:head]), said[len(said)-maxAsked:]...)
}
