package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
)

// A Cadence says in which answers of a conversation, beside its first, the
// notice is given.
type Cadence string

// The cadences. Every one gives the notice on the first turn.
const (
	// CadenceFirst, the zero value, gives it on the first turn alone, which the
	// request's own history tells.
	CadenceFirst Cadence = ""
	// CadenceAlways gives it in every answer.
	CadenceAlways Cadence = "always"
	// Cadence3h gives it again once the last was given 3 hours ago.
	Cadence3h Cadence = "3h"
	// Cadence7d gives it again after 7 days without an answer.
	Cadence7d Cadence = "7d"
	// CadenceOnDemand gives it again when the last thing a person says asks
	// whether they talk to a machine (see disclose.Request.AsksForDisclosure), or
	// the request's query has a parameter ai-disclosure.
	CadenceOnDemand Cadence = "on_demand"
)

const (
	repeatAfter = 3 * time.Hour
	idleAfter   = 7 * 24 * time.Hour
	demandQuery = "ai-disclosure"
	maxSession  = 4096 // bytes of a value that names a session
)

// Notice says when the notice is given. The zero value gives it on the first
// turn of a conversation.
type Notice struct {
	// Cadence is the rule. The timed ones need Session; an answer to a request
	// without that value, or of a session that is not known, gets the notice.
	Cadence Cadence
	// Session names what tells conversations apart, "header:NAME" or
	// "cookie:NAME", where the application has such a thing. A pseudonym of the
	// value is remembered, never the value. Clients choose what they send: who
	// sends another value each time gets the notice each time.
	Session string
	// Store remembers sessions; nil means Disclose.Records where they are
	// Sessions, else the process's memory.
	Store disclose.Sessions
}

// Check says what is wrong with the rule.
func (n Notice) Check() error {
	if !slices.Contains([]Cadence{CadenceFirst, CadenceAlways, Cadence3h, Cadence7d, CadenceOnDemand}, n.Cadence) {
		return fmt.Errorf("no cadence is called %.32q; choose always, 3h, 7d or on_demand, or leave it empty for the first turn", string(n.Cadence))
	}
	_, err := parseSession(n.Session)
	return err
}

// repeats reports whether the rule gives the notice again on a later turn.
func (c Cadence) repeats(now time.Time, t talk) bool {
	switch c {
	case CadenceAlways:
		return true
	case Cadence3h:
		return !t.known || now.Sub(t.session.Noticed) >= repeatAfter
	case Cadence7d:
		return !t.known || now.Sub(t.session.Seen) >= idleAfter
	case CadenceOnDemand:
		return t.asked
	}
	return false
}

// timed reports whether the rule needs to know the session.
func (c Cadence) timed() bool { return c == Cadence3h || c == Cadence7d }

// A sessionName is where a request names its session.
type sessionName struct{ header, cookie string }

func parseSession(spec string) (s sessionName, err error) {
	if spec == "" {
		return s, nil
	}
	kind, name, _ := strings.Cut(spec, ":")
	switch {
	case !isToken(name):
	case kind == "header":
		return sessionName{header: name}, nil
	case kind == "cookie":
		return sessionName{cookie: name}, nil
	}
	return s, errors.New(`session has to be "header:NAME" or "cookie:NAME", for example "cookie:chat_session"`)
}

// isToken reports whether name is a token (RFC 9110 section 5.6.2), as the names
// of headers and of cookies are.
func isToken(name string) bool {
	for _, c := range []byte(name) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && !('0' <= c && c <= '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return name != ""
}

// of returns the value that a request names its session by, "" for none.
func (s sessionName) of(r *http.Request) string {
	value := ""
	switch {
	case s.header != "":
		value = r.Header.Get(s.header)
	case s.cookie != "":
		if c, err := r.Cookie(s.cookie); err == nil {
			value = c.Value
		}
	}
	if len(value) > maxSession {
		return ""
	}
	return value
}

// demanded reports whether the query asks for the notice.
func demanded(r *http.Request) bool {
	return strings.Contains(r.URL.RawQuery, demandQuery) && r.URL.Query().Has(demandQuery)
}
