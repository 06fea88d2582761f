package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Is reports whether the content of a JSON string, escapes as written, says
// name. Escaped spellings count: "\u0069d" says id.
func Is(raw []byte, name string) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == name
	}
	n, ok := MatchPrefix(raw, name)
	return ok && n == len(raw)
}

// MatchPrefix reports whether the content of a JSON string, escapes as written,
// begins with prefix, and how many bytes of raw say it.
func MatchPrefix(raw []byte, prefix string) (n int, ok bool) {
	var unit [utf8.UTFMax]byte
	for prefix != "" {
		size, text := decode(raw[n:], unit[:0])
		if size == 0 || len(text) > len(prefix) || prefix[:len(text)] != string(text) {
			return 0, false
		}
		n += size
		prefix = prefix[len(text):]
	}
	return n, true
}

// Unquote returns the text that the content of a JSON string says, at most max
// bytes of it. A lone surrogate becomes U+FFFD.
func Unquote(raw []byte, max int) string {
	if len(raw) <= max && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	out := make([]byte, 0, min(len(raw), max))
	var unit [utf8.UTFMax]byte
	for len(raw) > 0 {
		if n := min(plainRun(raw), max-len(out)); n > 0 {
			out, raw = append(out, raw[:n]...), raw[n:]
			continue
		}
		size, text := decode(raw, unit[:0])
		if size == 0 || len(out)+len(text) > max {
			break
		}
		out = append(out, text...)
		raw = raw[size:]
	}
	return string(out)
}

// decode reads one unit of string content: an escape, a surrogate pair, or one
// plain byte. It returns the unit's size in raw and its text, appended to buf.
func decode(raw, buf []byte) (size int, text []byte) {
	if len(raw) == 0 {
		return 0, buf
	}
	if raw[0] != '\\' {
		return 1, append(buf, raw[0])
	}
	if len(raw) < 2 {
		return 0, buf
	}
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), raw[1]); i >= 0 {
		return 2, append(buf, "\"\\/\b\f\n\r\t"[i])
	}
	r, ok := codeUnit(raw)
	if !ok {
		return 0, buf
	}
	if utf16.IsSurrogate(r) {
		if low, ok := codeUnit(raw[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return 12, utf8.AppendRune(buf, pair)
			}
		}
	}
	return 6, utf8.AppendRune(buf, r)
}

// codeUnit reads a \uXXXX escape at the start of raw.
func codeUnit(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range raw[2:6] {
		h := Hex(c)
		if h < 0 {
			return 0, false
		}
		r = r<<4 | rune(h)
	}
	return r, true
}

// AppendString appends text to dst as the content of a JSON string, without
// the quotes. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, text string) []byte {
	const digits = "0123456789abcdef"
	plain := 0
	for plain < len(text) && text[plain] >= 0x20 && text[plain] < utf8.RuneSelf && text[plain] != '"' && text[plain] != '\\' {
		plain++
	}
	dst = append(dst, text[:plain]...)
	for _, r := range text[plain:] {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r < 0x20 || r == 0x2028 || r == 0x2029:
			dst = append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// Length is the length of the text, in bytes of UTF-8, that the content of a
// JSON string says.
func Length(raw []byte) int {
	if bytes.IndexByte(raw, '\\') < 0 {
		return len(raw)
	}
	_, n := walk(raw, len(raw))
	return n
}

// Offset returns where in raw, the content of a JSON string, byte n of the text
// that it says begins; the end of raw where the text is shorter.
func Offset(raw []byte, n int) int {
	if bytes.IndexByte(raw, '\\') < 0 {
		return min(n, len(raw))
	}
	at, _ := walk(raw, n)
	return at
}

// walk reads raw until the text has n bytes or raw ends.
func walk(raw []byte, n int) (at, text int) {
	var unit [utf8.UTFMax]byte
	for at < len(raw) && text < n {
		if run := min(plainRun(raw[at:]), n-text); run > 0 {
			at, text = at+run, text+run
			continue
		}
		size, t := decode(raw[at:], unit[:0])
		if size == 0 {
			break
		}
		at += size
		text += len(t)
	}
	return at, text
}
