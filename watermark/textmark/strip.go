package textmark

import (
	"bytes"
	"strings"

	"github.com/avowai/avow/watermark"
)

// Strip returns text without the frames that the keys confirm. Foreign marks,
// frames of other keys, damaged runs and single selectors stay as they came.
func Strip(text string, keys ...watermark.Key) string {
	if !strings.Contains(text, selectorLead) {
		return text
	}
	return without(text, ownRuns(text, false, signers(keys)))
}

// OwnRuns returns where frames that the keys confirm stand in raw, in bytes, as
// [start, end) in order. raw is UTF-8 or JSON: a client that writes ASCII sends
// each selector as \ufe0X, and both forms are matched, also mixed.
func OwnRuns(raw []byte, keys ...watermark.Key) [][2]int {
	if !bytes.Contains(raw, []byte(selectorLead)) && !escapes(raw) {
		return nil
	}
	return ownRuns(raw, true, signers(keys))
}

// escapes reports whether raw may hold \ufe0X, in any case of its letters.
func escapes(raw []byte) bool {
	for {
		i := bytes.Index(raw, []byte(`\u`))
		if i < 0 || i+5 >= len(raw) {
			return false
		}
		if raw = raw[i+2:]; raw[0]|0x20 == 'f' && raw[1]|0x20 == 'e' && raw[2] == '0' {
			return true
		}
	}
}

func ownRuns[T string | []byte](text T, escaped bool, keys []signer) [][2]int {
	var out [][2]int
	eachRun(text, escaped, func(r *run) {
		if !r.frames() {
			return
		}
		at := r.start
		for k := range len(r.digits) / FrameRunes {
			end := skip(text, at, escaped)
			if f, ok := read(r.digits[k*FrameRunes:][:FrameRunes], keys); ok && f.Valid {
				out = append(out, [2]int{at, end})
			}
			at = end
		}
	})
	return out
}

// skip returns where the frame that starts at byte i ends.
func skip[T string | []byte](text T, i int, escaped bool) int {
	for range FrameRunes {
		_, size := selector(text, i, escaped)
		i += size
	}
	return i
}

// Clean returns a copy for comparing: without frames of any key, damaged runs,
// the marks of Windows AI and C2PA wrappers. It is not for output: marks that
// others wrote are to stay where they are.
func Clean(text string) string {
	if strings.Contains(text, windowsMark) {
		text = strings.ReplaceAll(text, windowsMark, "")
	}
	if !strings.Contains(text, selectorLead) {
		return text
	}
	var cut [][2]int
	eachRun(text, false, func(r *run) {
		head := max(r.start-len("\ufeff"), 0)
		switch {
		case strings.HasPrefix(text[head:], c2paHead):
			cut = append(cut, [2]int{head, r.end})
		case r.pure && len(r.digits) > 1:
			cut = append(cut, [2]int{r.start, r.end})
		}
	})
	return without(text, cut)
}

// without returns text less the ranges, which are in order.
func without(text string, cut [][2]int) string {
	if len(cut) == 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	from := 0
	for _, c := range cut {
		b.WriteString(text[from:c[0]])
		from = c[1]
	}
	b.WriteString(text[from:])
	return b.String()
}
