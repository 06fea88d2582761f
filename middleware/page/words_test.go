package page

import (
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
)

// plain is a page as a person reads it.
func plain(page string) string {
	page = regexp.MustCompile(`(?s)<svg.*?</svg>|data-[a-z]+="[^"]*"`).ReplaceAllString(page, "")
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " "))
}

var brace = regexp.MustCompile(`\{[a-z]+\}`)

// TestStrings reads strings.tsv as its reader does not: every line has every
// column, every translation the same braces, and no claim that is never made.
func TestStrings(t *testing.T) {
	lines := strings.Split(strings.TrimRight(stringsTSV, "\n"), "\n")
	head := strings.Split(lines[0], "\t")
	if len(head) < 2 || head[1] != "en" {
		t.Fatalf("head = %q", head)
	}
	for _, lang := range head[1:] {
		if !slices.Contains(disclose.Languages(), language.Make(lang)) {
			t.Errorf("%s has no notice", lang)
		}
	}
	if len(head)-1 != len(disclose.Languages()) {
		t.Errorf("%d languages, want %d", len(head)-1, len(disclose.Languages()))
	}
	seen := map[string]bool{}
	for _, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != len(head) {
			t.Errorf("%s has %d columns, want %d", f[0], len(f), len(head))
			continue
		}
		if seen[f[0]] {
			t.Errorf("%s stands twice", f[0])
		}
		seen[f[0]] = true
		for i, text := range f[1:] {
			if text == "" || text != strings.TrimSpace(text) || !slices.Equal(brace.FindAllString(text, -1), brace.FindAllString(f[1], -1)) {
				t.Errorf("%s, %s: %q", f[0], head[i+1], text)
			}
		}
	}
}

// TestStringsAreUsed: what is not shown is not translated.
func TestStringsAreUsed(t *testing.T) {
	sources := ""
	for _, name := range []string{"view.go", "words.go", "assets/page.tmpl"} {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources += string(body)
	}
	for key := range wordsByLanguage()["en"].texts {
		made := strings.HasPrefix(key, "p_") || strings.HasPrefix(key, "part_") || strings.HasPrefix(key, "rate_") || isCarrier(key)
		if !made && !strings.Contains(sources, "."+key) && !strings.Contains(sources, `"`+key+`"`) {
			t.Errorf("%s is never shown", key)
		}
	}
}

func isCarrier(key string) bool {
	return slices.ContainsFunc(disclose.Carriers(), func(c disclose.Carrier) bool { return c.String() == key })
}

func TestLanguages(t *testing.T) {
	h := New(newAsked(t), Options{})
	for _, c := range []struct{ path, accept, want string }{
		{"/avow/verify", "", "en"},
		{"/avow/verify?lang=en", "de", "en"},
		{"/avow/verify?lang=<script>", "", "en"},
		{"/avow/verify", "fr-CA,fr;q=0.9", "fr"},
		{"/avow/verify?lang=mt", "de", "mt"},
		{"/avow/verify", "ru", "en"},
		{"/avow/verify", strings.Repeat("x-", 400) + ",de", "en"},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		r.Header.Set("Accept-Language", c.accept)
		w := do(h, r)
		if !strings.Contains(w.Body.String(), `<html lang="`+c.want+`" dir="ltr">`) || w.Header().Get("Content-Language") != c.want {
			t.Errorf("%s, %q: %q", c.path, c.accept, w.Header().Get("Content-Language"))
		}
		if w.Header().Get("Vary") != "Accept-Language" {
			t.Errorf("Vary = %q", w.Header().Get("Vary"))
		}
	}
}

// TestSentencesSayTheirLanguage: what is not in the page's language is marked so
// (WCAG 2.2, success criterion 3.1.2).
func TestSentencesSayTheirLanguage(t *testing.T) {
	r := report(states["nothing_found"])
	r.Summary, r.Limits = "Keine Marke gefunden.", "Das beweist nichts."
	page := do(New(fixed{r, language.German}, Options{}), form(t, field{name: "text", value: "x"})).Body.String()
	if !strings.Contains(page, `lang="de">Keine Marke gefunden.</h2>`) || !strings.Contains(page, `lang="de">Das beweist nichts.</p>`) {
		t.Error(page)
	}
}

// TestHostileStrings puts what attackers write into every place that a report
// takes from outside.
func TestHostileStrings(t *testing.T) {
	hostile := []string{
		`"><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `javascript:alert(1)`, "'-alert(1)-'", "{{.T}}", "</bdi></title><svg onload=alert(1)>",
		"a\u202egpj.exe", "a\u2066b\u2069", "\x00\x1b[31m", "\ufeff\u200b", strings.Repeat("W", 10_000),
	}
	for _, bad := range hostile {
		r := report(states["record_matches"])
		r.Input, r.Tool.Version, r.Record.System, r.Record.Time, r.Record.Status, r.SHA256 = bad, bad, bad, bad, bad, bad
		for i := range r.Findings {
			r.Findings[i].Detail, r.Findings[i].KeyID, r.Findings[i].ID, r.Findings[i].IDPrefix = bad, bad, bad, bad
			r.Findings[i].Status = disclose.Present
		}
		h := New(fixed{r, language.Und}, Options{Provider: bad, System: bad, Contact: bad[:min(len(bad), 64)]}) // the operator's own
		page := do(h, form(t, field{"file", bad, "image/png", "x"})).Body.String()
		shown := regexp.MustCompile(`data:[a-z/]+;base64,[^"]*`).ReplaceAllString(page, "")
		for _, never := range []string{"<script>", "<img src=x", "<svg onload", `href="javascript:`, "\u202e", "\u2066", "\x00", "\x1b", "\u200b", strings.Repeat("W", 257)} {
			if strings.Contains(shown, never) {
				t.Errorf("%q comes out as %q", bad, never)
			}
		}
	}
}

// fixed always answers the same.
type fixed struct {
	r   *disclose.Report
	tag language.Tag
}

func (f fixed) Ask(http.ResponseWriter, *http.Request) (*Answer, *Problem) {
	return &Answer{Report: f.r, Language: f.tag, KeyIDs: []string{f.r.SHA256}}, nil
}

func (fixed) Feedback(http.ResponseWriter, *http.Request, Feedback) *Problem { return nil }

// FuzzPage: whatever a file or a report says, it adds no element and no attribute.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{"cat.png", `"><script>`, "</bdi></title>", "a\u202eb", "{{.T}}", "\x00\xff", "&#60;b&#62;", "{n}{who}"} {
		f.Add(seed, uint8(len(seed)))
	}
	base := report(states["record_matches"])
	f.Fuzz(func(t *testing.T, said string, lang uint8) {
		tag := disclose.Languages()[int(lang)%len(disclose.Languages())]
		show := func(said string) string {
			r := *base
			r.Findings = slices.Clone(r.Findings)
			r.Summary, r.Limits, r.Record.System, r.Tool.Version = said, said, said, said
			for i := range r.Findings {
				r.Findings[i].Detail, r.Findings[i].KeyID, r.Findings[i].ID = said, said, said
			}
			return do(New(fixed{&r, tag}, Options{Provider: said, System: said}), form(t, field{name: "text", value: "x"})).Body.String()
		}
		got, want := show("x"+said), show("x")
		for _, c := range []string{"<", ">", `"`} {
			if strings.Count(got, c) != strings.Count(want, c) {
				t.Errorf("%q changes the number of %s:\n%s", said, c, got)
			}
		}
	})
}
