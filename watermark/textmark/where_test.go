package textmark

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/avowai/avow/watermark"
)

// long is a paragraph of one line, long enough for frames anywhere in it.
var long = strings.Repeat("Plain words of running text follow one another here and go on. ", 20)

// notProse are contexts that never hold a frame. BODY stands for words that
// would hold one anywhere else.
var notProse = []struct{ name, text string }{
	{"fence", "```\nBODY\n```"}, {"fence-info", "```go\nBODY\n\nBODY\n```"}, {"fence-tilde", "~~~\nBODY\n```\nBODY\n~~~"},
	{"fence-longer", "````\n```\nBODY\n```\nBODY\n````"}, {"fence-indented", "   ```\n   BODY\n   ```"},
	{"fence-in-list", "- ```\n  BODY\n  ```"}, {"fence-in-numbered", "10. text\n\n    ```\n    BODY\n    ```"}, {"fence-in-quote", "> ```\n> BODY\n> ```"},
	{"fence-in-deep-list", "- a\n  - b\n\n    ```sh\n    BODY\n    ```"}, {"fence-open", "```\nBODY"}, {"fence-marker-open", "1. ```\n   BODY\n\n   BODY"}, {"fence-info-words", "~~~ BODY\n~~~"},
	{"fence-after-item", "- ```\n- item\n\n```\nBODY\n```"},
	{"indented", "    BODY"}, {"indented-tab", "\tBODY"}, {"indented-in-list", "-     BODY"}, {"indented-mixed", "  \tBODY"},
	{"code-span", "Use `BODY` here"}, {"code-span-lines", "Use `this\nBODY\nthat` here"}, {"code-span-double", "Use ``a ` BODY`` here"},
	{"url", "https://example.org/BODY"}, {"url-words", "https://example.org and BODY"}, {"www", "www.example.org and BODY"},
	{"email", "someone@example.org and BODY"}, {"autolink", "<https://example.org/a> BODY"},
	{"link-text", "[BODY](https://example.org)"}, {"link-text-lines", "[see\nBODY\nmore](https://example.org)"}, {"link-title", "[a](/b 'BODY')"},
	{"link-title-lines", "[a](/b \"one\nBODY\ntwo\")"}, {"link-reference", "[BODY][ref]"}, {"link-definition", "[ref]: /url\n\"BODY\""}, {"link-destination", "[a](<BODY>)"},
	{"image", "![BODY](/a.png)"}, {"footnote", "[^1]: BODY"}, {"table", "| a | b |\n|---|---|\n| BODY | c |"}, {"table-bare", "a | b\n--- | ---\nBODY | c"},
	{"html-block", "<div>\nBODY\n</div>"}, {"html-inline", "Some <b>BODY</b>"}, {"html-attribute", "<a title=\"BODY\">"}, {"html-attribute-lines", "Text <a\ntitle='x\nBODY'\n>"},
	{"html-pre", "<pre>\nBODY\n\nBODY\n</pre>"}, {"html-script", "<script>\nBODY\n\nBODY\n</script>"}, {"html-style", "<style>\n\nBODY\n</style>"},
	{"html-comment", "<!-- one\n\nBODY\n\n-->"}, {"html-comment-inline", "Text <!-- one\nBODY -->"}, {"html-cdata", "<![CDATA[\n\nBODY\n]]>"}, {"html-processing", "<?php\n\nBODY\n?>"},
	{"math-display", "$$\nBODY\n$$"}, {"math-inline", "so $BODY$ holds"}, {"math-bracket", "\\[\nBODY\n\n\\]"}, {"math-environment", "\\begin{align}\nBODY\n\nBODY\n\\end{align}"},
	{"heading", "# BODY"}, {"heading-six", "###### BODY"}, {"quote", "> BODY"}, {"quote-lazy", "> quoted\nBODY"}, {"task", "- [ ] BODY"}, {"definition", "Term\n: BODY"},
	{"json", "{\n  \"a\": \"BODY\"\n}"}, {"json-nested", "{\"a\": {\n\"b\": \"x\"},\n\n\"c\":\n\"BODY\"}"}, {"json-array", "[\n  \"BODY\",\n  \"BODY\"\n]"}, {"json-line", "{\"a\": \"BODY\"}"},
	{"yaml", "name: BODY"}, {"yaml-list", "- name: BODY"}, {"yaml-block", "text: |\n  BODY\n  BODY"}, {"toml", "text = \"BODY\""}, {"header", "Subject: BODY"},
	{"assignment", "x = BODY"}, {"comment", "// BODY"}, {"comment-block", "/* one\n BODY\n\n BODY\n*/"}, {"comment-sql", "-- BODY"}, {"path", "C:\\dir BODY"}, {"subtitles", "00:00:01,000 --> 00:00:02,000\nBODY"},
	{"numbers", strings.Repeat("12 345 6789 ", 80)}, {"hashes", strings.Repeat("9f3c52d07ab1e644 ", 60)}, {"identifiers", strings.Repeat("snake_case camelCase2 --flag ", 40)},
	{"paths", strings.Repeat("/usr/lib a/b/c ./x ", 60)}, {"letters-alone", strings.Repeat("a b c I ", 100)}, {"emphasis", strings.Repeat("**bold** *word* ~~gone~~ ", 40)},
	{"quoted-words", strings.Repeat("\"one\" 'two' (three) ", 50)}, {"hyphens", strings.Repeat("well-known state-of-the-art ", 40)}, {"marks", strings.Repeat("e\u0301te\u0301 x\ufe0f ", 80)},
	{"arabic", strings.Repeat("هذا نص طويل باللغة العربية ", 40)}, {"persian", strings.Repeat("می\u200cخواهم این را بنویسم ", 40)}, {"hindi", strings.Repeat("यह हिन्दी में लिखा हुआ पाठ है ", 40)},
	{"greek", strings.Repeat("Αυτό είναι ένα κείμενο ", 40)}, {"cyrillic", strings.Repeat("Это длинный русский текст. Ещё ", 40)}, {"hebrew", strings.Repeat("זה טקסט ארוך בעברית ", 40)},
	{"chinese", strings.Repeat("这是一段很长的中文。文字！", 60)}, {"japanese", strings.Repeat("これは長い日本語の文章です。", 60)}, {"korean", strings.Repeat("이것은 긴 한국어 글입니다. ", 50)}, {"thai", strings.Repeat("นี่คือข้อความยาว ", 50)},
	{"mixed-scripts", strings.Repeat("слово word עברית word 中文 ", 40)}, {"emoji", strings.Repeat("👩\u200d💻 1\ufe0f\u20e3 ☎\ufe0e 🏴\U000E0067\U000E0062\U000E007F ", 40)},
}

// TestNeverThere: whatever way the text comes, and whatever prose stands before
// and behind, these places stay as they are, and the prose is marked.
func TestNeverThere(t *testing.T) {
	k := testKey(t)
	for _, c := range notProse {
		t.Run(c.name, func(t *testing.T) {
			body := strings.ReplaceAll(c.text, "BODY", long)
			for name, text := range map[string]string{
				"alone": body, "behind-prose": long + long + "\n\n" + body, "before-prose": body + "\n\n" + long,
				"crlf": strings.ReplaceAll(long+long+"\n\n"+body, "\n", "\r\n"), "cr": strings.ReplaceAll(long+long+"\n\n"+body, "\n", "\r"),
			} {
				for how, got := range everyWay(text, k) {
					if bad := framesInside(got, text, body, k); bad != "" {
						t.Fatalf("%s, %s: a frame at %q", name, how, bad)
					}
				}
			}
		})
	}
}

// everyWay marks text as held, as one piece of a stream, and by the writer.
func everyWay(text string, k watermark.Key) map[string]string {
	held, _ := Embed(text, idA, k, Options{Distance: DenseDistance})
	o := Options{Distance: DenseDistance}
	early := NewPlacer(idA, k, o)
	early.next = 0 // a stream whose threshold lies behind it already
	return map[string]string{
		"held":   held,
		"stream": streamed(NewPlacer(idA, k, o), cutWords(text)),
		"early":  streamed(early, cutWords(text)),
	}
}

// framesInside returns what surrounds a frame that stands in body, or "".
func framesInside(got, text, body string, k watermark.Key) string {
	if strings.ReplaceAll(body, "\n", "") == "" {
		return ""
	}
	for _, nl := range []string{"\n", "\r\n", "\r"} {
		b := strings.ReplaceAll(body, "\n", nl)
		at := strings.Index(text, b)
		if at < 0 {
			continue
		}
		first, last := utf8.RuneCountInString(text[:at]), utf8.RuneCountInString(text[:at+len(b)])
		for i, p := range points(got, Detect(got, k)) {
			if p > first && p < last {
				f := Detect(got, k).Frames[i]
				return got[max(0, f.Start-40):f.Start] + "⟨" + got[f.End:min(len(got), f.End+40)]
			}
		}
		return ""
	}
	return "no body"
}

// TestProseAroundIsMarked: most of the places above do not keep frames out of the prose
// behind them, except where nobody can tell that they ended.
func TestProseAroundIsMarked(t *testing.T) {
	k := testKey(t)
	open := map[string]bool{"fence-open": true, "html-processing": true, "comment": true, "comment-block": true}
	for _, c := range notProse {
		text := strings.ReplaceAll(c.text, "BODY", "Some words stand here") + "\n\n" + long + "\n\n" + long
		got, skip := Embed(text, idA, k, Options{})
		if marked := got != text; marked == open[c.name] {
			t.Errorf("%s, then prose: marked %v, skip %q", c.name, marked, skip)
		}
	}
}

func TestProseIsMarked(t *testing.T) {
	k := testKey(t)
	for name, text := range map[string]string{
		"list":      strings.Repeat("- An item of a list with several words in it\n", 30),
		"numbered":  strings.Repeat("1. An item of a list with several words in it\n", 30),
		"nested":    strings.Repeat("- An item of a list\n  - with another one below it\n", 30),
		"emphasis":  strings.Repeat("This is **rather bold text** and *this is not so much* of it. ", 20),
		"dialogue":  strings.Repeat("\"Hello there,\" she said to the old man. \"You know it.\"\n\n", 30),
		"german":    strings.Repeat("Die Straße führt über den Fluß und weiter in die Berge. Ähnlich geht es dort. ", 20),
		"polish":    strings.Repeat("Zażółć gęślą jaźń oraz inne słowa języka polskiego. Łatwo je znaleźć. ", 20),
		"viet":      strings.Repeat("Tiếng Việt cũng được viết bằng chữ Latinh như các ngôn ngữ khác. ", 20),
		"verse":     strings.Repeat("And so the river goes along its way;\nThe mountain stands above it every day.\n", 20),
		"thematic":  "---\n\n" + long,
		"code-talk": strings.Repeat("The element `<script>` and the brace `{` and `[` are named here.\nOther lines name nothing of the kind at all.\n\n", 20),
		"prices":    strings.Repeat("It costs $5 today and more tomorrow, says the man.\n\nThe other one is of a different opinion.\n\n", 20),
		"code-some": strings.Repeat(long+"\n\n```go\nx := 1;\n```\n\n", 3),
	} {
		for how, got := range everyWay(text, k) {
			if got == text {
				t.Errorf("%s, %s: no frame", name, how)
			}
		}
	}
}

func TestSkipReasons(t *testing.T) {
	k := testKey(t)
	for _, c := range []struct {
		text string
		want Skip
	}{
		{strings.Repeat("Это длинный русский текст. ", 60), SkipScript}, {strings.Repeat("12 345 ", 200), SkipNoPoint},
		{"```\n" + long + "\n```", SkipCode}, {strings.Repeat("a b ", 300), SkipNoPoint}, {"short", SkipShortText}, {long, SkipNone},
	} {
		if _, got := Embed(c.text, idA, k, Options{}); got != c.want {
			t.Fatalf("Embed(%.20q): skip %q, want %q", c.text, got, c.want)
		}
		p := NewPlacer(idA, k, Options{})
		streamed(p, cutWords(c.text))
		if p.Skip() != c.want {
			t.Fatalf("stream of %.20q: skip %q, want %q", c.text, p.Skip(), c.want)
		}
	}
	if got := Skip(200).String(); got != "unknown" {
		t.Fatalf("Skip(200) = %q", got)
	}
}

// TestJSONStaysAsItIs: documents of any form, their strings full of prose.
func TestJSONStaysAsItIs(t *testing.T) {
	k := testKey(t)
	rapid.Check(t, func(t *rapid.T) {
		v := map[string]any{"first": anyValue(t, 3), "text": prose(rapid.Uint64Range(0, 99).Draw(t, "seed"), 30)}
		text, err := json.MarshalIndent(v, "", rapid.SampledFrom([]string{"", " ", "  ", "\t"}).Draw(t, "indent"))
		if rapid.Bool().Draw(t, "compact") {
			text, err = json.Marshal([]any{v, v})
		}
		if err != nil {
			t.Fatal(err)
		}
		for how, got := range everyWay(string(text), k) {
			if got != string(text) {
				t.Fatalf("%s: JSON changed: %s", how, got)
			}
		}
	})
}

func anyValue(t *rapid.T, depth int) any {
	if depth == 0 || rapid.Bool().Draw(t, "text") {
		return prose(rapid.Uint64Range(0, 99).Draw(t, "seed"), rapid.IntRange(1, 9).Draw(t, "n"))
	}
	if rapid.Bool().Draw(t, "array") {
		return []any{anyValue(t, depth-1), anyValue(t, depth-1), 12, true}
	}
	return map[string]any{"a key of words": anyValue(t, depth-1), "b": anyValue(t, depth-1)}
}

// TestProgramsStayAsTheyAre: the sources that come with Go, without fences.
func TestProgramsStayAsTheyAre(t *testing.T) {
	k := testKey(t)
	files := sources(t)
	changed := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		for strings.HasPrefix(text, "//") || strings.HasPrefix(text, "\n") { // what gives it away at once
			_, text, _ = strings.Cut(text, "\n")
		}
		for how, got := range everyWay(text, k) {
			if got != text && how != "early" {
				changed++
				d := Detect(got, k)
				f := d.Frames[0]
				t.Errorf("%s, %s: %d frames, the first at %q", file, how, len(d.Frames), got[max(0, f.Start-60):f.Start])
			}
		}
	}
	t.Logf("%d source files in two ways, %d changed", len(files), changed)
}

// sources are up to 400 program files of the Go distribution.
func sources(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := strings.TrimSpace(string(out))
	var files []string
	for _, ext := range []string{"go", "c", "h", "s", "py", "js", "bash", "pl", "json", "sh", "css", "html"} {
		for _, depth := range []string{"", "*/", "*/*/", "*/*/*/"} {
			found, _ := filepath.Glob(filepath.Join(root, depth+"*."+ext))
			files = append(files, found...)
		}
	}
	if len(files) < 100 {
		t.Fatalf("%d source files in %s, want at least 100", len(files), root)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	return files[:min(len(files), 400)]
}

func ExampleEmbed() {
	key, _ := watermark.ParseKey(secretA)
	marked, skip := Embed(strings.Repeat("Running text of many words. ", 40), ID{1, 2, 3, 4, 5}, key, Options{})
	d := Detect(marked, key)
	fmt.Println(skip == SkipNone, len(d.Frames), d.IDs(), d.FalsePositiveRate)
	// Output: true 3 [0102030405] 1e-09
}
