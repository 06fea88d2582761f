package disclose

import "bytes"

// A skipper passes over a comment or a raw text of any length, keeping nothing
// but the last bytes where they may be the start of its end.
type skipper struct {
	kind   skipKind
	end    string // what ends it; of a raw text "</" and its name in lower case
	fresh  bool   // at the first byte of a comment
	script scriptMode
}

type skipKind uint8

const (
	skipNone    skipKind = iota
	skipUntil            // up to and with end
	skipComment          // up to and with "-->" or what stands for it
	skipRaw              // up to the end tag, without it
)

// scriptMode is the part of a script's tokenizer state that decides which
// </script> ends it (WHATWG HTML, sections 13.2.5.15 to 13.2.5.31).
type scriptMode uint8

const (
	scriptPlain   scriptMode = iota
	scriptEscaped            // behind "<!--"
	scriptDouble             // behind "<script" there: its end tag does not count
)

// find returns how many bytes of buf can be passed, and whether the end is
// reached with them.
func (s *skipper) find(buf []byte) (n int, done bool) {
	switch {
	case s.kind == skipComment:
		return s.comment(buf)
	case s.kind == skipUntil:
		return until(buf, s.end)
	case s.end == "</plaintext":
		return len(buf), false
	case s.end == "</script":
		return s.scriptText(buf)
	}
	for at := 0; ; at++ {
		i := bytes.IndexByte(buf[at:], '<')
		if i < 0 {
			return len(buf), false
		}
		at += i
		switch matchTag(buf[at:], s.end) {
		case matchYes:
			return at, true
		case matchMaybe:
			return at, false
		}
	}
}

// until finds the first of some ends and goes behind it.
func until(buf []byte, ends ...string) (n int, done bool) {
	n = -1
	for _, end := range ends {
		if i := bytes.Index(buf, []byte(end)); i >= 0 && (n < 0 || i+len(end) < n) {
			n = i + len(end)
		}
	}
	if n >= 0 {
		return n, true
	}
	n = len(buf)
	for _, end := range ends {
		n = min(n, len(buf)-tail(buf, end))
	}
	return n, false
}

// tail is how many of the last bytes of buf may be the start of end.
func tail(buf []byte, end string) int {
	for k := min(len(end)-1, len(buf)); k > 0; k-- {
		if string(buf[len(buf)-k:]) == end[:k] {
			return k
		}
	}
	return 0
}

// comment finds the end of a comment: "-->" or "--!>", and at its very start
// also ">" and "->" (sections 13.2.5.43 to 13.2.5.51).
func (s *skipper) comment(buf []byte) (n int, done bool) {
	if s.fresh {
		switch {
		case bytes.HasPrefix(buf, []byte(">")):
			return 1, true
		case bytes.HasPrefix(buf, []byte("->")):
			return 2, true
		case len(buf) == 0 || string(buf) == "-":
			return 0, false
		}
		s.fresh = false
	}
	return until(buf, "-->", "--!>")
}

// scriptText finds the </script> that ends a script. After "<!--" and a further
// "<script" it is not the next one.
func (s *skipper) scriptText(buf []byte) (n int, done bool) {
	for at := 0; ; {
		i := bytes.IndexAny(buf[at:], "<-")
		if i < 0 {
			return len(buf), false
		}
		at += i
		if s.script == scriptPlain && buf[at] == '-' {
			at++
			continue
		}
		switch move, m := s.turn(buf[at:]); {
		case m == matchMaybe:
			return at, false
		case m == matchYes && move == 0:
			return at, true
		default:
			at += max(move, 1)
		}
	}
}

// A scriptRule says what a text inside a script leads to.
type scriptRule struct {
	text string
	tag  bool // it is the start of a tag, so its name has to end there
	to   scriptMode
	move int // bytes to go on behind; 0 where the script ends
}

// scriptRules are those of each mode. The dashes of "<!--" may be those of "-->".
var scriptRules = [...][]scriptRule{
	scriptPlain:   {{"</script", true, scriptPlain, 0}, {"<!--", false, scriptEscaped, 2}},
	scriptEscaped: {{"</script", true, scriptPlain, 0}, {"-->", false, scriptPlain, 3}, {"<script", true, scriptDouble, 7}},
	scriptDouble:  {{"</script", true, scriptEscaped, 8}, {"-->", false, scriptPlain, 3}},
}

// turn changes the mode by what stands at the start of buf. matchYes with a move
// of 0 is the end of the script.
func (s *skipper) turn(buf []byte) (move int, m match) {
	maybe := matchNo
	for _, r := range scriptRules[s.script] {
		got := matchText(buf, r.text)
		if r.tag {
			got = matchTag(buf, r.text)
		}
		switch got {
		case matchYes:
			s.script = r.to
			return r.move, matchYes
		case matchMaybe:
			maybe = matchMaybe
		}
	}
	return 0, maybe
}

type match uint8

const (
	matchNo    match = iota
	matchMaybe       // once more bytes are there
	matchYes
)

func matchText(buf []byte, text string) match {
	switch {
	case bytes.HasPrefix(buf, []byte(text)):
		return matchYes
	case startOf([]byte(text), buf):
		return matchMaybe
	}
	return matchNo
}

// matchTag compares with the start of a tag in lower case, up to the byte that
// ends its name.
func matchTag(buf []byte, tag string) match {
	n := min(len(buf), len(tag))
	switch {
	case !bytes.EqualFold(buf[:n], []byte(tag[:n])):
		return matchNo
	case len(buf) <= len(tag):
		return matchMaybe
	case isSpace(buf[n]) || buf[n] == '/' || buf[n] == '>':
		return matchYes
	}
	return matchNo
}
