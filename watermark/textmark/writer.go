package textmark

import (
	"errors"
	"io"
	"unicode/utf8"

	"github.com/avowai/avow/watermark"
)

// ErrClosed is returned for a Write after Close.
var ErrClosed = errors.New("textmark: write after close")

// A Writer marks a text on its way. What is written goes on at once, but for a
// lone space before which a frame may be due and a rune of which bytes are
// missing: at most 4 bytes are held, and no timer runs.
//
// The outcome is the same however the text is cut into writes. With
// [Options.Long] that holds for writes that end with their lines.
type Writer struct {
	dst    io.Writer
	placer *Placer
	held   []byte
	err    error
}

// NewWriter returns a Writer of plain text to dst. The caller closes it when,
// and only when, the text is complete; dst stays open.
func NewWriter(dst io.Writer, id ID, key watermark.Key, o Options) *Writer {
	return &Writer{dst: dst, placer: NewPlacer(id, key, o)}
}

// Placer is the Writer's Placer, for what it counted.
func (w *Writer) Placer() *Placer { return w.placer }

// Write marks p and writes it to the destination.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	text := string(w.held) + string(p)
	keep := w.keep(text)
	w.held = append(w.held[:0], text[len(text)-keep:]...)
	if err := w.place(text[:len(text)-keep]); err != nil {
		return 0, err
	}
	// A space at the end of what went into the placer decides only now.
	if string(w.held) == " " && !w.placer.Wait(" ") {
		w.held = w.held[:0]
		if err := w.place(" "); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// keep returns how many bytes at the end of text wait for what follows: an
// incomplete rune, and a space before it.
func (w *Writer) keep(text string) int {
	n := partial(text)
	if rest := text[:len(text)-n]; rest != "" && rest[len(rest)-1] == ' ' {
		n++
	}
	return n
}

// partial returns the length of the incomplete rune at the end of s.
func partial(s string) int {
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if c := s[len(s)-n]; utf8.RuneStart(c) {
			if utf8.FullRuneInString(s[len(s)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}

func (w *Writer) place(text string) error {
	if text == "" {
		return nil
	}
	_, w.err = io.WriteString(w.dst, splice(text, w.placer.Next(text, "")))
	return w.err
}

// Close writes what is held. It invents nothing: no last frame, no ending.
func (w *Writer) Close() error {
	if errors.Is(w.err, ErrClosed) {
		return nil
	}
	err := w.err
	if err == nil {
		err = w.place(string(w.held))
	}
	w.held, w.err = nil, ErrClosed
	return err
}
