package ledger

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"net/url"

	"github.com/avowai/avow/watermark"
)

// Rekey signs heads with another key from now on, as after a rotation; the zero Key
// signs none. Heads that were signed before stay as they are: to verify them, their
// keys have to be among Options.VerifyKeys. It does nothing to a ledger that is open
// for reading only.
func (l *Ledger) Rekey(k watermark.Key) {
	if l.w != nil {
		l.w.rekey(k)
	}
}

func (w *writer) rekey(k watermark.Key) {
	key := headKey(k)
	w.signing.Store(&key)
}

// key is what heads are signed with; nil for nothing.
func (w *writer) key() ed25519.PrivateKey { return *w.signing.Load() }

// Format prints options without the password of URL, for every verb.
func (o Options) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "ledger.Options{File:%q URL:%q Key:%s VerifyKeys:%d Writer:%q Retention:%s ReadOnly:%t}",
		o.File, redacted(o.URL), o.Key, len(o.VerifyKeys), o.Writer, o.Retention, o.ReadOnly)
}

// redacted is a database's address without user, password and settings.
func redacted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Format prints a name for every verb: a Ledger holds keys and a database's address.
func (l *Ledger) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ledger.Ledger") }
