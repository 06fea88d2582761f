package disclose

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/avowai/avow/watermark"
)

// Names of the header fields on a marked response.
const (
	HeaderDisclosure = "AI-Disclosure"
	HeaderID         = "Avow-Id"
	HeaderOutcome    = "Avow-Outcome"
)

// HeaderAuthor is the response header in which an upstream says who wrote its
// answer; see [ParseAuthor]. No client ever sees or sets it.
const HeaderAuthor = "Avow-Author"

const (
	maxHeaderValue = 4096 // bytes of a header value that is parsed
	maxMember      = 128  // runes of a member that is written: 12 bytes each at most
)

// OwnHeader reports whether name is one of our names in any spelling: letter
// case and "_" for "-" make no difference, as some servers treat them alike.
func OwnHeader(name string) bool {
	name = strings.ReplaceAll(strings.TrimSpace(name), "_", "-")
	return strings.EqualFold(name, HeaderDisclosure) || strings.EqualFold(name, HeaderID) ||
		strings.EqualFold(name, HeaderOutcome) || strings.EqualFold(name, HeaderAuthor)
}

// HeaderValue is the Label as the value of AI-Disclosure: a Dictionary of RFC
// 9651 with the members of draft-abaris-aicdh-01, separated by commas. Names are
// cut after 128 runes.
func (l Label) HeaderValue() string {
	b := append(make([]byte, 0, 160), "mode="...)
	b = append(b, l.involvement()...)
	model := l.Generator
	if model == "" {
		model = l.System
	}
	b = appendMember(b, "model", model)
	b = appendMember(b, "provider", l.Provider)
	if !l.Time.IsZero() {
		b = append(b, ", date=@"...)
		b = strconv.AppendInt(b, l.Time.Unix(), 10)
	}
	return string(b)
}

// involvement is the mode that the header names.
func (l Label) involvement() Involvement {
	switch l.Involvement {
	case AIOriginated, AIModified:
		return l.Involvement
	}
	return MachineGenerated
}

// RequestHeader is the Label as the value of AI-Disclosure on a request that an
// agent sends: HeaderValue, with the principal as the member on-behalf-of where
// there is one. Readers of the draft pass over members they do not know (RFC
// 9651 section 1.2). It is a signal to programs, not a notice.
func (m *Marker) RequestHeader(l Label) string {
	return string(appendMember([]byte(l.HeaderValue()), "on-behalf-of", m.o.Principal))
}

// appendMember appends a string member: a String of RFC 9651 section 3.3.3, or
// a Display String (3.3.8) where the text is not printable ASCII.
func appendMember(b []byte, key, text string) []byte {
	if text == "" {
		return b
	}
	text = strings.ToValidUTF8(text, "\uFFFD") // a Display String is UTF-8, section 4.1.11
	if utf8.RuneCountInString(text) > maxMember {
		text = string([]rune(text)[:maxMember])
	}
	b = append(append(append(b, ", "...), key...), '=')
	if !printable(text) {
		return appendDisplayString(b, text)
	}
	b = append(b, '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, text[i])
	}
	return append(b, '"')
}

func printable(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}

func appendDisplayString(b []byte, text string) []byte {
	b = append(b, `%"`...)
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c > 0x7e || c == '%' || c == '"' {
			b = fmt.Appendf(b, "%%%02x", c)
			continue
		}
		b = append(b, text[i])
	}
	return append(b, '"')
}

// A Statement is what an AI-Disclosure header says.
type Statement struct {
	Mode, Model, Provider string
	Date                  time.Time
}

// Modes of draft-abaris-aicdh-01 that say that AI took part.
var modes = map[string]bool{"none": true, "ai-modified": true, "ai-originated": true, "machine-generated": true}

// ErrHeader is returned for a value that is not a disclosure.
var ErrHeader = errors.New("disclose: header is not an AI-Disclosure value")

// ParseHeader reads the value of AI-Disclosure. Members may be separated by
// commas, as RFC 9651 wants, or by semicolons, as the draft's own example has
// it. Unknown members are ignored; of several alike the last counts.
func ParseHeader(value string) (Statement, error) {
	var st Statement
	if len(value) > maxHeaderValue {
		return st, fmt.Errorf("%w: longer than %d bytes", ErrHeader, maxHeaderValue)
	}
	for rest := value; strings.TrimSpace(rest) != ""; {
		var member string
		var whole bool
		if member, rest, whole = cutMember(rest); !whole {
			return Statement{}, fmt.Errorf("%w: a string does not end", ErrHeader)
		}
		key, raw, _ := strings.Cut(strings.TrimSpace(member), "=")
		st.set(key, raw)
	}
	if !modes[st.Mode] {
		return st, fmt.Errorf("%w: no known mode", ErrHeader)
	}
	return st, nil
}

// cutMember cuts s after the first separator outside quotes; whole is false
// where a quote stays open. A backslash escapes in a String only: in a Display
// String it is a character like any other.
func cutMember(s string) (member, rest string, whole bool) {
	quoted, display := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && !display && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			display = i > 0 && s[i-1] == '%'
		case !quoted && (c == ',' || c == ';'):
			return s[:i], s[i+1:], true
		}
	}
	return s, "", !quoted
}

func (st *Statement) set(key, raw string) {
	switch key {
	case "mode":
		st.Mode = unquoteMember(raw)
	case "model":
		st.Model = unquoteMember(raw)
	case "provider":
		st.Provider = unquoteMember(raw)
	case "date":
		if sec, err := strconv.ParseInt(strings.TrimPrefix(raw, "@"), 10, 64); err == nil {
			st.Date = time.Unix(sec, 0).UTC()
		}
	}
}

func unquoteMember(raw string) string {
	display := strings.HasPrefix(raw, `%"`)
	text, ok := strings.CutPrefix(strings.TrimPrefix(raw, "%"), `"`)
	if !ok {
		return raw
	}
	text = strings.TrimSuffix(text, `"`)
	escape := byte('\\')
	if display {
		escape = '%'
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != escape || i+1 >= len(text) {
			out = append(out, text[i])
			continue
		}
		if !display {
			i++
			out = append(out, text[i])
			continue
		}
		n, err := strconv.ParseUint(text[i+1:min(i+3, len(text))], 16, 8)
		if err == nil {
			out = append(out, byte(n))
		}
		i += 2
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// FormatIDs is the value of Avow-Id: a comma-separated list.
func FormatIDs(ids []watermark.Payload) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = id.String()
	}
	return strings.Join(parts, ", ")
}

// ParseIDs reads the value of Avow-Id, at most 64 ids.
func ParseIDs(value string) ([]watermark.Payload, error) {
	if len(value) > maxHeaderValue {
		return nil, fmt.Errorf("%w: %s longer than %d bytes", ErrHeader, HeaderID, maxHeaderValue)
	}
	parts := strings.SplitN(value, ",", 65)
	ids := make([]watermark.Payload, 0, len(parts))
	for _, part := range parts {
		id, err := watermark.ParsePayload(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", HeaderID, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// OutcomeValue is the value of Avow-Outcome.
func OutcomeValue(r Result) string {
	switch r.Outcome {
	case OutcomeDegraded:
		names := make([]string, 0, len(r.Missing)+1)
		for _, c := range r.Missing {
			names = append(names, c.String())
		}
		if r.Unstamped {
			names = append(names, "timestamp")
		}
		if r.Unrecorded {
			names = append(names, "record")
		}
		return "degraded; missing=" + strings.Join(names, ",")
	case OutcomePassed:
		return "passed; reason=" + string(r.Reason)
	}
	return string(r.Outcome)
}
