package textmark

import "github.com/avowai/avow/internal/jsonscan"

// foreign stands for a selector outside our alphabet: U+FE0E, U+FE0F and the
// supplement U+E0100–E01EF.
const foreign = base

// A run is a maximal run of variation selectors. Its length is what keeps
// frames in step: k frames side by side are a run of 22 k.
type run struct {
	start, end int
	digits     []byte // values 0 to 13; reused by the next run
	pure       bool   // no selector outside our alphabet
}

// frames reports whether r has the length of whole frames.
func (r *run) frames() bool { return r.pure && len(r.digits)%FrameRunes == 0 }

// eachRun calls fn for every run of text, in order. With escaped set, JSON's
// \u escapes of selectors count as the selectors.
func eachRun[T string | []byte](text T, escaped bool, fn func(*run)) {
	r := run{pure: true}
	for i := 0; i < len(text); {
		value, size := selector(text, i, escaped)
		if value >= 0 {
			r.add(i, value, size)
			i += size
			continue
		}
		r.emit(fn)
		i += size
	}
	r.emit(fn)
}

func (r *run) add(at, value, size int) {
	if r.start == r.end {
		r.start = at
	}
	r.end = at + size
	if value == foreign {
		r.pure = false
		return
	}
	r.digits = append(r.digits, byte(value))
}

func (r *run) emit(fn func(*run)) {
	if r.start == r.end {
		return
	}
	fn(r)
	*r = run{digits: r.digits[:0], pure: true}
}

// selector returns the value of the selector at i and its length in bytes, or
// -1 and how far to go on.
func selector[T string | []byte](text T, i int, escaped bool) (value, size int) {
	switch c := text[i]; {
	case c == '\\' && escaped:
		return escapedSelector(text, i)
	case c == 0xef && i+2 < len(text) && text[i+1] == 0xb8 && text[i+2]&0xf0 == 0x80:
		return min(int(text[i+2]&15), foreign), 3
	case c == 0xf3 && supplement(text, i):
		return foreign, 4
	}
	return -1, 1
}

// supplement reports whether U+E0100–E01EF stands at i: F3 A0 84 80 to
// F3 A0 87 AF.
func supplement[T string | []byte](text T, i int) bool {
	if i+3 >= len(text) || text[i+1] != 0xa0 {
		return false
	}
	b, c := text[i+2], text[i+3]
	return b >= 0x84 && b <= 0x87 && c >= 0x80 && c <= 0xbf && (b < 0x87 || c <= 0xaf)
}

// escapedSelector reads \ufe0X or \udb40\uddXX. A backslash that escapes the
// next one takes it along, so that the text \\ufe00 is none.
func escapedSelector[T string | []byte](text T, i int) (value, size int) {
	if i+1 < len(text) && text[i+1] == '\\' {
		return -1, 2
	}
	switch u := unit(text, i); {
	case u >= 0xfe00 && u <= 0xfe0f:
		return min(u-0xfe00, foreign), 6
	case u == 0xdb40:
		if low := unit(text, i+6); low >= 0xdd00 && low <= 0xddef {
			return foreign, 12
		}
	}
	return -1, 1
}

// unit reads the six bytes of a JSON \u escape, or returns -1.
func unit[T string | []byte](text T, i int) int {
	if i+6 > len(text) || text[i] != '\\' || text[i+1] != 'u' {
		return -1
	}
	v := 0
	for j := i + 2; j < i+6; j++ {
		d := jsonscan.Hex(text[j])
		if d < 0 {
			return -1
		}
		v = v<<4 | d
	}
	return v
}
