package fingerprint

import "slices"

// maxToken bounds the bytes between two separators that are looked at together:
// what is longer is cut. It leaves a long word room for a text mark behind it.
const maxToken = 128

const (
	usualToken   = 24 // bytes of most words, and the punctuation around them
	bytesPerHash = 16 // of English prose
)

// A Writer makes the fingerprint of a text that comes in pieces. How the text is
// cut makes no difference. An open Writer takes about 250 bytes, and 8 more for
// each hash, of which it holds at most 6,144. It is not safe for concurrent use.
type Writer struct {
	run   winnower
	token []byte // since the last separator, in lower case where it is ASCII
	wide  bool   // there is more than ASCII in it
	at    int    // bytes written
	start int    // where token begins
}

// NewWriter returns a Writer for one text.
func (s *Shingler) NewWriter() *Writer { return &Writer{run: winnower{s: s}} }

// Write takes the next piece of the text, in UTF-8, which may end inside a
// character.
func (w *Writer) Write(piece string) { write(w, piece) }

// WriteBytes is Write for bytes, of which nothing is kept.
func (w *Writer) WriteBytes(piece []byte) { write(w, piece) }

func write[T string | []byte](w *Writer, piece T) {
	if w.token == nil {
		w.token = make([]byte, 0, usualToken)
		if n := len(piece) / bytesPerHash; n > 0 { // most of the text, if not all
			w.run.hashes = make([]uint64, 0, min(n, MaxTextHashes)+1)
		}
	}
	for i := range len(piece) {
		c := asciiWord[piece[i]]
		switch {
		case c == partWide:
			c = piece[i]
			w.wide = true
		case c == partGap:
			w.endToken(w.at + i)
			continue
		case c == partNone:
			continue
		}
		if n := len(w.token); n == 0 {
			w.start = w.at + i
		} else if n >= maxToken && (c&0xc0 != 0x80 || n >= maxToken+4) {
			w.endToken(w.at + i)
			w.start, w.wide = w.at+i, c >= 0x80
		}
		w.token = append(w.token, c)
	}
	w.at += len(piece)
}

// endToken has the words of the token counted, which ends before byte end.
func (w *Writer) endToken(end int) {
	switch {
	case len(w.token) == 0:
	case w.wide:
		w.run.wideToken(w.token, w.start, end)
	default:
		w.run.word(w.token, w.start, end)
	}
	w.token, w.wide = w.token[:0], false
}

// Sum returns the fingerprint of what was written so far. More may be written
// after it.
func (w *Writer) Sum() Text {
	end := *w
	end.run.hashes = slices.Clone(w.run.hashes)
	end.token = slices.Clone(w.token)
	return end.finish()
}

// finish is Sum for a Writer that is not used again.
func (w *Writer) finish() Text {
	w.endToken(w.at)
	w.run.rest()
	return thin(w.run.hashes)
}

// A Span is a stretch of a text, in bytes.
type Span struct{ Start, End int }

// maxSpans bounds the stretches that Spans tells apart.
const maxSpans = 1024

// Spans returns the stretches of text whose hashes are those of a record, in
// order; stretches that touch are one. In scripts without spaces they are as
// coarse as the pieces between two spaces, of at most 128 bytes.
func (s *Shingler) Spans(text string, record Text) []Span {
	var out []Span
	w := s.NewWriter()
	w.run.places = &places{picked: func(h uint64, at Span) {
		if _, ok := slices.BinarySearch(record, h); !ok {
			return
		}
		if n := len(out); n > 0 && (at.Start <= out[n-1].End+1 || n == maxSpans) {
			out[n-1].End = max(out[n-1].End, at.End)
			return
		}
		out = append(out, at)
	}}
	w.Write(text)
	w.finish()
	return out
}
