package textmark

import "unicode"

// ending says how a token ends.
type ending byte

const (
	endNone     ending = iota
	endWord            // ^\p{Latin}{2,}$
	endSentence        // ^\p{Latin}{2,}[.!?]$
)

// maxWord bounds a word, in letters. Longer ones are more likely encoded data;
// the longest words in use have about 40.
const maxWord = 48

// A token is what has been seen since the last white space.
type token struct {
	letters int
	stop    bool
	bad     bool
}

// rune takes one rune in.
func (t *token) rune(r rune, latin bool) {
	switch {
	case latin && !t.stop:
		t.letters++
	case r == ' ' || unicode.IsSpace(r):
		*t = token{}
	case (r == '.' || r == '!' || r == '?') && !t.stop:
		t.stop = true
	default:
		t.bad = true
	}
}

// word takes n letters of the Latin script in.
func (t *token) word(n int) {
	if t.stop {
		t.bad = true
		return
	}
	t.letters += n
}

// ends says what kind of point stands behind the token.
func (t *token) ends() ending {
	switch {
	case t.bad || t.letters < 2 || t.letters > maxWord:
		return endNone
	case t.stop:
		return endSentence
	}
	return endWord
}

// follows reports whether the rune after the space lets the point count: a
// letter after a word, an upper-case one after a sentence. Both of the Latin
// script, so that a frame never stands where two scripts meet.
func (t *token) follows(r rune) bool {
	if !isLatin(r) {
		return false
	}
	return !t.stop || unicode.IsUpper(r) || unicode.IsTitle(r)
}
