package textmark

// A watch looks for marks in the text that passes: a frame of our key, the mark
// of Windows AI, the head of a C2PA wrapper.
type watch struct {
	signer  *signer
	windows int // runes of the Windows mark so far
	c2pa    int // runes of the C2PA head so far
	digits  [FrameRunes]byte
	n       int  // selectors in the run
	mixed   bool // the run holds foreign ones
	valid   bool // a frame in the run is ours
}

var (
	windowsRunes = []rune(windowsMark)
	c2paRunes    = []rune(c2paHead)
)

// busy reports whether the watch is in the middle of something.
func (w *watch) busy() bool { return w.n > 0 || w.windows > 0 || w.c2pa > 0 }

// rune takes one rune in and reports whether a mark has just been seen.
func (w *watch) rune(r rune) bool {
	windows := match(&w.windows, windowsRunes, r)
	c2pa := match(&w.c2pa, c2paRunes, r)
	return w.selector(r) || windows || c2pa
}

// match moves n, the number of runes of mark that have been matched, on. No
// proper part of either mark is a beginning of it but its first rune.
func match(n *int, mark []rune, r rune) bool {
	switch {
	case mark[*n] == r:
		*n++
	case mark[0] == r:
		*n = 1
	default:
		*n = 0
	}
	if *n == len(mark) {
		*n = 0
		return true
	}
	return false
}

// selector follows a run of selectors; it reports true at the end of a run that
// held a frame of ours.
func (w *watch) selector(r rune) bool {
	switch {
	case r >= firstSelector && r < firstSelector+base:
		w.digits[w.n%FrameRunes] = byte(r - firstSelector)
		w.n++
		if w.n%FrameRunes == 0 {
			f, ok := parseFrame(w.digits[:])
			w.valid = w.valid || ok && w.signer.verifies(f)
		}
	case r == 0xfe0e || r == 0xfe0f || r >= 0xe0100 && r <= 0xe01ef:
		w.n++
		w.mixed = true
	default:
		found := w.valid && !w.mixed && w.n%FrameRunes == 0
		w.n, w.mixed, w.valid = 0, false, false
		return found
	}
	return false
}
