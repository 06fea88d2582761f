package disclose

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// labelCore is what the Code of Practice asks for in every language.
const labelCore = "AI"

// LabelText is the visible label of a text: "AI", and what it means in a
// language; English where there is no wording.
func LabelText(tag language.Tag) string {
	short := find(tag).short
	if hasWord(short, labelCore) {
		return short
	}
	return labelCore + " – " + short
}

// FooterText is one line for the end of a text that leaves the place where its
// notice was seen: the label, then what is known of the system, the ID by which
// the text can be asked for, and the address of the verification page. Empty
// fields and a nil detector are left out.
func FooterText(tag language.Tag, l Label, detector *url.URL) string {
	parts := []string{LabelText(tag)}
	add := func(s string) {
		if s = plain(s); s != "" {
			parts = append(parts, s)
		}
	}
	add(strings.TrimSpace(l.System + " " + l.Version))
	add(l.Provider)
	if !l.Time.IsZero() {
		add(l.Time.UTC().Format(time.DateOnly))
	}
	if !l.ID.IsZero() {
		add(l.ID.String())
	}
	if detector != nil {
		add(detector.Redacted())
	}
	return strings.Join(parts, " · ")
}

// plain is s without what does not show or would break the line.
func plain(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}

// WithHeadline returns text with a label and a blank line before its first line,
// behind a byte order mark. Text without content, and text that begins with the
// label already, stays as it is.
func WithHeadline(text, label string) string {
	rest := strings.TrimPrefix(text, string(utf8BOM))
	if label == "" || strings.TrimSpace(rest) == "" {
		return text
	}
	first, _, _ := strings.Cut(rest, "\n")
	if strings.TrimSpace(first) == label {
		return text
	}
	end := "\n"
	if strings.HasSuffix(first, "\r") {
		end = "\r\n"
	}
	return text[:len(text)-len(rest)] + label + end + end + rest
}

// WithFooter returns text with a footer behind a blank line, the way chat
// interfaces sign the messages that are copied out of them. Line ends are those
// of the text. Text without content, and text that ends with the footer already,
// stays as it is.
func WithFooter(text, footer string) string {
	e := ending{footer: footer}
	e.see([]byte(text))
	return text + e.missing()
}

// A FooterWriter passes a text on as it comes and puts a footer behind it: for
// downloads that are not held in memory. It is not safe for concurrent use.
type FooterWriter struct {
	dst  io.Writer
	end  ending
	err  error
	done bool
}

// NewFooterWriter returns a FooterWriter; see [FooterText] and [WithFooter].
func NewFooterWriter(dst io.Writer, footer string) *FooterWriter {
	return &FooterWriter{dst: dst, end: ending{footer: footer}}
}

// Write passes p on.
func (w *FooterWriter) Write(p []byte) (int, error) {
	if w.done {
		return 0, io.ErrClosedPipe
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.dst.Write(p)
	w.end.see(p[:n])
	w.err = err
	return n, err
}

// Close writes the footer, once; it does not close the destination. A text that
// broke off is not to be closed. After an error it does nothing but return it.
func (w *FooterWriter) Close() error {
	if w.err != nil || w.done {
		return w.err
	}
	w.done = true
	if s := w.end.missing(); s != "" {
		_, w.err = io.WriteString(w.dst, s)
	}
	return w.err
}

// maxBlank is how much white space behind a footer is looked at, in bytes.
const maxBlank = 64

// An ending remembers of a text what its footer depends on.
type ending struct {
	footer string
	tail   []byte // the last bytes, enough to find the footer in
	text   bool   // there is something besides white space
	crlf   bool   // the last line ended in CR LF
}

func (e *ending) see(p []byte) {
	e.text = e.text || len(bytes.TrimSpace(p)) > 0
	if i := bytes.LastIndexByte(p, '\n'); i > 0 {
		e.crlf = p[i-1] == '\r'
	} else if i == 0 {
		e.crlf = bytes.HasSuffix(e.tail, []byte("\r"))
	}
	keep := len(e.footer) + maxBlank + 1
	p = p[max(0, len(p)-keep):]
	e.tail = append(e.tail, p...)
	e.tail = append(e.tail[:0], e.tail[max(0, len(e.tail)-keep):]...)
}

// signed reports whether text, without the white space behind it, has the footer
// as its last line.
func (e *ending) signed(text []byte) bool {
	before, ok := bytes.CutSuffix(text, []byte(e.footer))
	return ok && (len(before) == 0 || before[len(before)-1] == '\n')
}

// missing is what has to follow the text.
func (e *ending) missing() string {
	last := bytes.TrimRight(e.tail, " \t\r\n")
	if e.footer == "" || !e.text || e.signed(last) {
		return ""
	}
	end := "\n"
	if e.crlf {
		end = "\r\n"
	}
	switch blank := e.tail[len(last):]; {
	case !bytes.HasSuffix(blank, []byte("\n")):
		return end + end + e.footer
	case bytes.Count(blank, []byte("\n")) == 1:
		return end + e.footer + end
	}
	return e.footer + end
}
