package logline

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestInjection: whatever a field holds, a record is one line, no field ends up as
// another, and nothing turns the direction of the text.
func TestInjection(t *testing.T) {
	hostile := "a\nlevel=ERROR msg=\"all is lost\"\r\n\x1b[31mred\x00\u202egnp.exe\u2028\u2029\u0085\xff\ufeff"
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		log := slog.New(New(handler(&b))).With("with", hostile).WithGroup("g")
		log.Info(hostile, "s", hostile, "e", errors.New(hostile), "any", []string{hostile}, "nil", nil, slog.Group("in", "m", hostile), hostile, 1)
		out := b.String()
		if strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "\n") {
			t.Errorf("%s: not one line:\n%q", name, out)
		}
		for _, bad := range []string{"\r", "\x1b", "\x00", "\u202e", "\u2028", "\u2029", "\u0085", "\xff", "\ufeff", `\n`, `\r`, `\u001b`, `\u202e`, `\x1b`} {
			if strings.Contains(out, bad) {
				t.Errorf("%s: %q came through:\n%q", name, bad, out)
			}
		}
		if name == "json" && !json.Valid(b.Bytes()) {
			t.Errorf("not JSON: %s", out)
		}
	}
}

func TestLengths(t *testing.T) {
	for _, s := range []string{strings.Repeat("x", 10_000), strings.Repeat("é", 5000), strings.Repeat("\x00", 5000), strings.Repeat("😀", 300), strings.Repeat("\xf0", 400)} {
		if got := clean(s, MaxField, false); len(got) > MaxField || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("%.8q: %d bytes, %q", s, len(got), got)
		}
	}
	whole := strings.Repeat("é", MaxField/2)
	if got := clean(whole, MaxField, false); got != whole {
		t.Errorf("what fits became %q", got)
	}
	stack := strings.Repeat("goroutine 1\n\tmain.go:1\n", 100)
	if got := text(stackKey, stack).String(); got != stack {
		t.Error("a stack was cut")
	}
}

func FuzzClean(f *testing.F) {
	f.Add("plain", 32)
	f.Add("a\n\u202e\xff", 20)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 8 + min(max(limit, 0), 4096)
		got := clean(s, limit, false)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00\u202e\u2028") {
			t.Fatalf("%q gave %q", s, got)
		}
	})
}
