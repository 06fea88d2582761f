package disclose

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestHeaderRoundTrip(t *testing.T) {
	date := time.Unix(1795392000, 0).UTC()
	for _, c := range []struct{ name, model, provider string }{
		{"plain", "m-1", "Example GmbH"}, {"quotes", `a"b\c`, `p"`}, {"separators", "a,b;c=d", "x;y"},
		{"umlaut", "Größe 100%", "Ünï"}, {"greek", "μοντέλο", "ΤΝ"}, {"line break", "a\r\nSet-Cookie: x", "p"},
		{"backslash last", `dir\`, "P"}, {"display backslash last", `modèle\`, "P"}, {"display backslash quote", `é\"x`, "P"},
		{"percent", "50%", "100 %22"}, {"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := Label{Generator: c.model, Provider: c.provider, Time: date}.HeaderValue()
			if strings.ContainsAny(v, "\r\n\x00") {
				t.Fatalf("value %q breaks the header", v)
			}
			st, err := ParseHeader(v)
			if err != nil {
				t.Fatalf("ParseHeader(%q): %v", v, err)
			}
			if want := (Statement{"machine-generated", c.model, c.provider, date}); st != want {
				t.Fatalf("ParseHeader(%q) = %+v, want %+v", v, st, want)
			}
		})
	}
}

func TestHeaderValueIsSystemWithoutGenerator(t *testing.T) {
	v := Label{System: "assistant"}.HeaderValue()
	if v != `mode=machine-generated, model="assistant"` {
		t.Fatal(v)
	}
}

func TestHeaderValueInvalidUTF8(t *testing.T) {
	// RFC 9651 section 4.1.11: a Display String is UTF-8; 4.2.10 fails to parse any other.
	v := Label{Generator: "a\xff"}.HeaderValue()
	if strings.Contains(v, "%ff") {
		t.Fatalf("%s is no Display String of RFC 9651", v)
	}
}

func TestHeaderValueStaysReadable(t *testing.T) {
	v := Label{Generator: strings.Repeat("é", 4096)}.HeaderValue()
	if _, err := ParseHeader(v); err != nil {
		t.Fatalf("own value of %d bytes: %v", len(v), err)
	}
}

func TestParseHeaderEdges(t *testing.T) {
	for _, c := range []struct{ name, value, mode, model string }{
		{"commas", `mode=ai-modified, model="m"`, "ai-modified", "m"},
		{"semicolons", `mode=ai-modified; model="m"`, "ai-modified", "m"},
		{"unknown member", `foo=1, mode=none, bar`, "none", ""},
		{"last wins", `mode=none, mode=machine-generated`, "machine-generated", ""},
		{"member with parameter", `mode=none;x=1, model="m";y="model=z"`, "none", "m"},
		{"tabs", "mode=none\t,\tmodel=\"m\"", "none", "m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st, err := ParseHeader(c.value)
			if err != nil || st.Mode != c.mode || st.Model != c.model {
				t.Fatalf("ParseHeader(%q) = %+v, %v", c.value, st, err)
			}
		})
	}
	for _, bad := range []string{"", "model=\"m\"", "mode", "mode=human", strings.Repeat("mode=none,", 1000), `mode=none, model="unterminated`} {
		if _, err := ParseHeader(bad); !errors.Is(err, ErrHeader) {
			t.Errorf("ParseHeader(%.40q): %v, want ErrHeader", bad, err)
		}
	}
}
