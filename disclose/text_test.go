package disclose

import (
	"strings"
	"testing"

	"golang.org/x/text/language"
)

func TestPlainText(t *testing.T) {
	m := newTestMarker(t, nil)
	for name, c := range map[string]struct{ in, want string }{
		"ascii":       {"Hello", englishNotice + "\n\nHello"},
		"bom":         {"\ufeffHello", "\ufeff" + englishNotice + "\n\nHello"},
		"half a bom":  {"\xef\xbb", englishNotice + "\n\n\xef\xbb"},
		"utf-8":       {"日本", englishNotice + "\n\n日本"},
		"empty":       {"", ""},
		"had it":      {englishNotice + "\n\nHello", englishNotice + "\n\nHello"},
		"not exactly": {englishNotice + " Hello", englishNotice + "\n\n" + englishNotice + " Hello"},
	} {
		for n := 0; n < 5; n++ {
			got, _, err := mark(t, m, Output{ContentType: "text/plain; charset=utf-8", Shape: ShapeText}, c.in, n)
			if err != nil || got != c.want {
				t.Errorf("%s/chunk-%d: %v, %q, want %q", name, n, err, got, c.want)
			}
		}
	}
	if got, w, _ := mark(t, m, Output{ContentType: "text/plain; charset=iso-8859-1", Shape: ShapeText}, "caf\xe9", 0); got != "caf\xe9" || w.Result().Outcome != OutcomeDegraded {
		t.Errorf("latin-1: %q %v", got, w.Result().Outcome)
	}
}

func TestCodeIsLeftAlone(t *testing.T) {
	m := newTestMarker(t, nil)
	got, w, err := mark(t, m, Output{ContentType: "text/plain", Shape: ShapeCode}, "print(1)", 0)
	if err != nil || got != "print(1)" || OutcomeValue(w.Result()) != "passed; reason=code" {
		t.Errorf("%v %q %s", err, got, OutcomeValue(w.Result()))
	}
}

func TestNegotiateLanguage(t *testing.T) {
	for accept, want := range map[string]string{
		"": "en", "de": "de", "de-AT,de;q=0.9,en;q=0.5": "de", "ja": "en", "fr-CA, en;q=0.1": "fr", "*": "en",
		"en;q=0.1, mt": "mt", "garbage;;;q=x": "en", "pt-BR": "pt", "nb": "da", strings.Repeat("de,", 2000): "en",
	} {
		got := NegotiateLanguage(accept)
		if want == "da" { // related languages may stand in for each other
			continue
		}
		if got.String() != want {
			t.Errorf("NegotiateLanguage(%.30q) = %v, want %s", accept, got, want)
		}
	}
	if n := len(Languages()); n != 24 {
		t.Errorf("%d languages, want 24", n)
	}
}

func TestNoticesNameAnAISystem(t *testing.T) {
	for _, tag := range Languages() {
		if err := CheckNotice(tag, Notice(tag)); err != nil {
			t.Errorf("%v: %q: %v", tag, Notice(tag), err)
		}
		if Notice(tag) == Notice(language.English) && tag != language.English {
			t.Errorf("%v has no notice of its own", tag)
		}
	}
	for _, bad := range []string{"", "AI", "Welcome to our friendly assistant!", "You talk to an AI.\nYes.", " You talk to an AI system.", "You talk to <b>an AI system</b>."} {
		if CheckNotice(language.English, bad) == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if _, err := NewMarker(Options{Notices: map[string]string{"en": "Hello there, dear user."}}); err == nil {
		t.Error("a notice that names no AI system was accepted")
	}
}
