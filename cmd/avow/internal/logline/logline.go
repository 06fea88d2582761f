// Package logline bounds what reaches the log: the length of each field, and the
// characters in it. What strangers send gets into errors, and errors into the log.
package logline

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a field, in bytes.
const (
	MaxField = 256
	// MaxStack is for "stack", the calls that led to a panic.
	MaxStack = 16 << 10

	stackKey = "stack"
)

// A Handler passes records on with their fields bounded. Control and format
// characters, line and paragraph separators and what is no UTF-8 become U+FFFD, so
// that no field looks like a line of its own or turns the text around it.
type Handler struct{ next slog.Handler }

// New returns a Handler in front of next.
func New(next slog.Handler) *Handler { return &Handler{next} }

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, clean(r.Message, MaxField, false), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(bound(a))
		return true
	})
	return h.next.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	bounded := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		bounded[i] = bound(a)
	}
	return &Handler{h.next.WithAttrs(bounded)}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler { return &Handler{h.next.WithGroup(name)} }

func bound(a slog.Attr) slog.Attr {
	a.Key = clean(a.Key, MaxField, false)
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		a.Value = text(a.Key, v.String())
	case slog.KindAny:
		if v.Any() == nil {
			return slog.String(a.Key, "")
		}
		a.Value = text(a.Key, fmt.Sprint(v.Any()))
	case slog.KindGroup:
		var members []slog.Attr
		for _, m := range v.Group() {
			members = append(members, bound(m))
		}
		a.Value = slog.GroupValue(members...)
	default:
		a.Value = v
	}
	return a
}

func text(key, s string) slog.Value {
	if key == stackKey {
		return slog.StringValue(clean(s, MaxStack, true))
	}
	return slog.StringValue(clean(s, MaxField, false))
}

// clean cuts s to limit bytes and replaces what does not belong into a line.
func clean(s string, limit int, lines bool) string {
	const cut = "…"
	long := len(s) > limit
	if long {
		s = s[:limit-len(cut)]
		for i := 0; i < utf8.UTFMax && !utf8.ValidString(s[max(0, len(s)-utf8.UTFMax):]) && len(s) > 0; i++ {
			s = s[:len(s)-1] // half a character
		}
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return utf8.RuneError
		}
		return r
	}, s)
	if len(s) > limit || long && len(s) > limit-len(cut) { // what was replaced has grown
		s, long = strings.ToValidUTF8(s[:limit-len(cut)], ""), true
	}
	if long {
		s += cut
	}
	return s
}
