package disclose

import (
	"strings"
	"testing"

	"golang.org/x/text/language"
)

func TestNegotiateLanguageEdges(t *testing.T) {
	for _, c := range []struct{ accept, want string }{
		{"", "en"}, {"*", "en"}, {"xx", "en"}, {"zh-Hant", "en"}, {"th", "en"}, {"ja", "en"},
		{"de", "de"}, {"de-AT", "de"}, {"fr-CH, fr;q=0.9, en;q=0.8", "fr"}, {"en;q=0.1, pl", "pl"},
		{"de;q=0, fr", "fr"}, {"pt-BR", "pt"}, {"th, mt;q=0.2", "mt"}, {"de;q=abc", "en"}, {"\x00", "en"},
		{strings.Repeat("de,", 400), "en"}, // over the bound: not parsed
	} {
		t.Run(c.accept[:min(len(c.accept), 30)], func(t *testing.T) {
			if got := NegotiateLanguage(c.accept).String(); got != c.want {
				t.Fatalf("NegotiateLanguage(%.40q) = %s, want %s", c.accept, got, c.want)
			}
		})
	}
}

func TestNegotiateNeverGivesANeighboursLanguage(t *testing.T) {
	for _, accept := range []string{"ru", "uk", "be", "mk", "sr", "nb", "no", "eu", "gl", "br", "af", "mul"} {
		if got := NegotiateLanguage(accept); got != language.English {
			t.Errorf("NegotiateLanguage(%s) = %s, want en", accept, got)
		}
	}
	if got := NegotiateLanguage("uk, de;q=0.5"); got != language.German {
		t.Errorf("NegotiateLanguage(uk, de;q=0.5) = %s, want de", got)
	}
}

func TestLanguagesHaveDistinctNotices(t *testing.T) {
	if n := len(Languages()); n != 24 {
		t.Fatalf("%d languages, want 24", n)
	}
	seen := map[string]bool{}
	for _, tag := range Languages() {
		text := Notice(tag)
		if seen[text] {
			t.Fatalf("%s repeats a notice", tag)
		}
		seen[text] = true
		if err := CheckNotice(tag, text); err != nil {
			t.Fatalf("built-in notice of %s: %v", tag, err)
		}
		if got := NegotiateLanguage(tag.String()); got != tag {
			t.Fatalf("NegotiateLanguage(%s) = %s", tag, got)
		}
	}
	if Notice(language.Thai) != Notice(language.English) {
		t.Fatal("an unknown language does not fall back to English")
	}
}

func TestCheckNoticeRefuses(t *testing.T) {
	for _, c := range []struct{ name, lang, text string }{
		{"empty", "en", ""},
		{"two lines", "en", "You are talking to an AI system.\nNot a human."},
		{"markup", "en", "You are talking to an <b>AI</b> system."},
		{"no AI term", "en", "You are talking to a computer program."},
		{"ai inside a word", "en", "Please wait, you are chatting with Maia."},
		{"ai inside email", "en", "You are talking to us by email today."},
		{"acronym inside a word", "sl", "Pogovarjate se z robotom na naslovu guide."},
		{"irish is", "ga", "This is a chat with our team."},
		{"bidi control", "en", "You are talking to an AI system\u202e, not a human."},
		{"escape", "en", "You are talking to an AI system\x1b[2J."},
		{"line separator", "en", "You are talking to an AI system.\u2028Bye"},
		{"invalid utf8", "en", "You are talking to an AI system \xff."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := CheckNotice(language.MustParse(c.lang), c.text); err == nil {
				t.Fatalf("CheckNotice(%s, %q) accepted it", c.lang, c.text)
			}
		})
	}
}

func TestNoticeSetDeadOrColliding(t *testing.T) {
	if _, err := newPhrasebook(Options{Notices: map[string]string{"th": "You are talking to an AI system."}}); err == nil {
		t.Error("a text for th is accepted, though th is never negotiated")
	}
	if _, err := newPhrasebook(Options{Notices: map[string]string{"en": "You are talking to an AI system.", "en-GB": "You are chatting with an AI system."}}); err == nil {
		t.Error("en and en-GB collide silently")
	}
}
