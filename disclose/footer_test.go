package disclose

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/text/language"
	"pgregory.net/rapid"
)

func TestLabelTextSaysAIInEveryLanguage(t *testing.T) {
	seen := map[string]language.Tag{}
	for _, tag := range Languages() {
		text := LabelText(tag)
		if !hasWord(text, "AI") || strings.ContainsAny(text, "\n<>") {
			t.Errorf("%v: %q does not say AI on one line", tag, text)
		}
		if other, twice := seen[text]; twice {
			t.Errorf("%v and %v share %q", tag, other, text)
		}
		seen[text] = tag
	}
	for tag, want := range map[language.Tag]string{
		language.English: "AI-generated", language.German: "AI – KI-generiert",
		language.Japanese: "AI-generated", language.Und: "AI-generated",
	} {
		if got := LabelText(tag); got != want {
			t.Errorf("LabelText(%v) = %q, want %q", tag, got, want)
		}
	}
}

func TestFooterText(t *testing.T) {
	detector := &url.URL{Scheme: "https", Host: "ai.example", Path: "/avow/verify"}
	full := Label{ID: testID, System: "assistant", Version: "1.4", Provider: "Example\r\n GmbH\u202e", Time: time.Unix(1795392000, 0)}
	for _, c := range []struct {
		l    Label
		d    *url.URL
		want string
	}{
		{full, detector, "AI-generated · assistant 1.4 · Example GmbH · 2026-11-23 · 9f3c52d07ab1e644 · https://ai.example/avow/verify"},
		{Label{Version: "2"}, nil, "AI-generated · 2"},
		{Label{}, nil, "AI-generated"},
		{Label{Provider: "\x00\n"}, nil, "AI-generated"},
	} {
		if got := FooterText(language.English, c.l, c.d); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestWithFooter(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Hello", "Hello\n\nAI"},
		{"Hello\n", "Hello\n\nAI\n"},
		{"Hello\n\n", "Hello\n\nAI\n"},
		{"Hello\n \n", "Hello\n \nAI\n"},
		{"Hello\r\nyou", "Hello\r\nyou\r\n\r\nAI"},
		{"Hello\r\n", "Hello\r\n\r\nAI\r\n"},
		{"a\r\nb\n", "a\r\nb\n\nAI\n"},
		{"made by AI", "made by AI\n\nAI"},
		{"Hello\n\nAI\n\n", "Hello\n\nAI\n\n"},
		{"AI", "AI"},
		{"", ""},
		{" \n\t", " \n\t"},
		{"Hello\n" + strings.Repeat("\n", 200), "Hello\n" + strings.Repeat("\n", 200) + "AI\n"},
	} {
		if got := WithFooter(c.text, "AI"); got != c.want {
			t.Errorf("WithFooter(%q) = %q, want %q", c.text, got, c.want)
		}
	}
	if got := WithFooter("Hello", ""); got != "Hello" {
		t.Errorf("no footer: %q", got)
	}
}

func TestWithHeadline(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Title\ntext", "AI\n\nTitle\ntext"},
		{"\ufeffTitle\r\ntext", "\ufeffAI\r\n\r\nTitle\r\ntext"},
		{"AI\n\nTitle", "AI\n\nTitle"},
		{"AI is here", "AI\n\nAI is here"},
		{"", ""},
		{"\ufeff\n", "\ufeff\n"},
	} {
		if got := WithHeadline(c.text, "AI"); got != c.want {
			t.Errorf("WithHeadline(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

// However a text is cut into pieces, the writer does what WithFooter does; a
// second footer is never added, and the text stays as it was.
func TestFooterWriter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOf(rapid.StringMatching(`[aAI \r\n]{0,100}`)).Draw(rt, "pieces")
		footer := rapid.SampledFrom([]string{"", "AI", "AI · a", strings.Repeat("AI ", 40) + "."}).Draw(rt, "footer")
		var dst bytes.Buffer
		w := NewFooterWriter(&dst, footer)
		for _, p := range pieces {
			if n, err := io.WriteString(w, p); n != len(p) || err != nil {
				rt.Fatal(n, err)
			}
		}
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			rt.Fatal(err)
		}
		text := strings.Join(pieces, "")
		got := dst.String()
		if got != WithFooter(text, footer) {
			rt.Fatalf("%q, in one piece %q", got, WithFooter(text, footer))
		}
		if !strings.HasPrefix(got, text) || WithFooter(got, footer) != got {
			rt.Fatalf("%q of %q, again %q", got, text, WithFooter(got, footer))
		}
		if _, err := w.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			rt.Fatalf("write after close: %v", err)
		}
	})
}

func TestFooterWriterAfterAnError(t *testing.T) {
	var dst bytes.Buffer
	w := NewFooterWriter(iotest.TruncateWriter(&dst, 100), "AI")
	bad := errors.New("broken pipe")
	w.dst = writerFunc(func(p []byte) (int, error) { return 2, bad })
	if n, err := w.Write([]byte("Hello")); n != 2 || err != bad {
		t.Fatal(n, err)
	}
	if err := w.Close(); err != bad || dst.Len() != 0 {
		t.Fatalf("%v, wrote %q", err, dst.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
