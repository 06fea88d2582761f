package disclose

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/text/language"
	"pgregory.net/rapid"
)

const (
	englishEmotion   = "An artificial intelligence system is used here to recognise your emotions."
	englishBiometric = "An artificial intelligence system is used here to assign you to categories on the basis of your biometric data."
	englishHandOver  = "A person answers from here on."
)

func TestPhrasesAreWholeInEveryLanguage(t *testing.T) {
	lines := phraseLines(phrasesTSV)
	if len(lines) != len(wordings)+1 {
		t.Fatalf("%d lines, want one per language and a heading", len(lines))
	}
	seen := map[string]string{}
	for _, w := range wordings {
		lang := w.tag.String()
		if n := len(lines[lang]); n != 9 {
			t.Fatalf("%s: %d columns, want 9", lang, n)
		}
		for _, text := range []string{w.text, w.plain, w.emotion, w.biometric, w.handOver} {
			if other := seen[text]; other != "" || text == "" || strings.TrimSpace(text) != text || strings.ContainsFunc(text, invisible) {
				t.Errorf("%s: %q is empty, not clean, or also said in %s", lang, text, other)
			}
			seen[text] = lang
		}
		for _, text := range []string{w.text, w.plain} {
			if err := CheckNotice(w.tag, text); err != nil {
				t.Errorf("%s: %q: %v", lang, text, err)
			}
		}
		for _, text := range []string{w.plain, w.emotion, w.biometric} {
			if hasWord(text, w.acronym) || !startsWord(fold(text), w.spelled) {
				t.Errorf("%s: %q does not spell the term out", lang, text)
			}
		}
		if startsWord(fold(w.handOver), w.spelled) || strings.Count(w.behalf, "%") != 1 || !strings.Contains(w.behalf, "%s") {
			t.Errorf("%s: %q %q", lang, w.handOver, w.behalf)
		}
		if len(w.questions) < 8 {
			t.Errorf("%s: %d questions", lang, len(w.questions))
		}
	}
}

func TestCheckNoticeWantsAnInteraction(t *testing.T) {
	for _, c := range []struct{ lang, text, want string }{
		{"en", "Our AI system was made with great care.", "must say that one interacts"},
		{"en", "This is an AI chatbot by Example GmbH.", "must say that one interacts"},
		{"en", "You are talking to a computer.", "must name an AI system"},
		{"de", "Unser KI-System ist für Sie da.", "must say that one interacts"},
		{"de", "Hier sprechen Sie mit unserer KI.", ""},
		{"de", "You are talking to an AI system.", ""},
		{"fr", "Vous discutez avec une intelligence artificielle.", ""},
		{"fr", "Ce service utilise l’intelligence artificielle.", "must say that one interacts"},
		{"el", "ΣΥΝΟΜΙΛΕΊΤΕ ΜΕ ΤΕΧΝΗΤΉ ΝΟΗΜΟΣΎΝΗ.", ""},
		{"pl", "Rozmawiasz ze sztuczna inteligencja.", ""}, // without its marks
	} {
		err := CheckNotice(language.MustParse(c.lang), c.text)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %q: %v", c.lang, c.text, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), Notice(language.MustParse(c.lang)))):
			t.Errorf("%s %q: %v, want %q and the built-in sentence", c.lang, c.text, err, c.want)
		}
	}
}

func TestPrincipalAndAudience(t *testing.T) {
	for _, bad := range []string{" x", "x ", "a\nb", "<b>", "a\u202eb", "a\x00", "\xff", strings.Repeat("x", 121)} {
		if _, err := NewMarker(Options{Principal: bad}); err == nil {
			t.Errorf("principal %q is accepted", bad)
		}
	}
	if _, err := NewMarker(Options{Audience: "children"}); err == nil {
		t.Error("an unknown audience is accepted")
	}
	m := newTestMarker(t, func(o *Options) { o.Principal, o.Audience = "Ærø & Søn", AudiencePlain })
	want := "You are talking to a computer system that uses artificial intelligence. You are not talking to a human. It acts on behalf of Ærø & Søn."
	if got := m.notices.text(language.English); got != want {
		t.Errorf("notice %q, want %q", got, want)
	}
	if got := m.notices.text(language.German); !strings.HasSuffix(got, "Es handelt im Auftrag von Ærø & Søn.") {
		t.Errorf("German notice %q", got)
	}
	if got := m.notices.text(language.Thai); got != want {
		t.Errorf("notice of an unknown language %q", got)
	}
	own := newTestMarker(t, func(o *Options) {
		o.Notices = map[string]string{"en": "You are talking to Ada, an AI system."}
		o.Audience, o.Principal = AudienceMinors, "Example GmbH"
	})
	if got := own.notices.text(language.English); got != "You are talking to Ada, an AI system. It acts on behalf of Example GmbH." {
		t.Errorf("own wording %q", got)
	}
	inc := newTestMarker(t, func(o *Options) { o.Principal = "Example Inc." })
	if got := inc.notices.text(language.English); got != englishNotice+" It acts on behalf of Example Inc." {
		t.Errorf("notice %q", got)
	}
	if a, b := m.PolicyHash(), newTestMarker(t, nil).PolicyHash(); a == b {
		t.Error("audience and principal do not change the policy's hash")
	}
	if got := m.RequestHeader(Label{Provider: "P"}); got != `mode=machine-generated, provider="P", on-behalf-of=%"%c3%86r%c3%b8 & S%c3%b8n"` {
		t.Errorf("RequestHeader = %s", got)
	}
	if st, err := ParseHeader(m.RequestHeader(Label{Provider: "P"})); err != nil || st.Provider != "P" {
		t.Errorf("ParseHeader: %+v %v", st, err)
	}
}

func TestObservesIsNeverMerged(t *testing.T) {
	both := NoticeEmotion | NoticeBiometric
	all := englishNotice + "\n\n" + englishEmotion + "\n\n" + englishBiometric + "\n\n"
	off := NewCarrierSet(CarrierHeader)
	field := NewCarrierSet(CarrierHeader, CarrierField)
	json := func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }
	for _, c := range []struct {
		name string
		out  Output
		text string
		want []string
		not  string
	}{
		{"text", Output{ContentType: "text/plain", Observes: both}, "Hello", []string{all + "Hello"}, ""},
		{"text-off", Output{ContentType: "text/plain", Observes: NoticeEmotion, Carriers: &off}, "Hello", []string{englishEmotion + "\n\nHello"}, englishNotice},
		{"text-later", Output{ContentType: "text/plain", Observes: both, Turn: LaterTurn, Given: NoticeEmotion}, "Hello", []string{englishBiometric + "\n\nHello"}, englishEmotion},
		{"html", Output{ContentType: "text/html", Observes: NoticeEmotion}, "<html><body><p>x", []string{">" + englishNotice + "</div>", ">" + englishEmotion + "</div><p>"}, ""},
		{"json", Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Observes: both}, chatAnswer,
			[]string{json(all), `"notices":[{"id":"emotion_recognition","text":"` + englishEmotion + `"},{"id":"biometric_categorisation","text":"` + englishBiometric + `"}]`}, ""},
		{"json-later", Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Observes: both, Turn: LaterTurn, Given: both, Carriers: &field}, chatAnswer,
			[]string{`"lang":"en","notices":[`}, json(englishEmotion + "\n\n")},
		{"none", Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, chatAnswer, []string{json(englishNotice + "\n\n")}, `"notices"`},
	} {
		for _, n := range []int{0, 1, 7} {
			got, w, err := mark(t, newTestMarker(t, nil), c.out, c.text, n)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s/%d: no %q in\n%s", c.name, n, want, got)
				}
			}
			if c.not != "" && strings.Contains(got, c.not) {
				t.Errorf("%s/%d: %q in\n%s", c.name, n, c.not, got)
			}
			if r := w.Result(); r.Notice != (r.Notices != 0) {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
}

// Every stream has the further paragraphs wherever it has the notice.
func TestObservesInStreams(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Principal = "Example GmbH" })
	paragraphs := strings.Join([]string{englishNotice + " It acts on behalf of Example GmbH.", englishEmotion, ""}, `\n\n`)
	for _, g := range goldenStreams {
		for _, n := range []int{0, 1, 13} {
			out := Output{ContentType: g.contentType, Shape: g.shape, Observes: NoticeEmotion}
			got, _, err := mark(t, m, out, g.text, n)
			if err != nil {
				t.Fatalf("%s: %v", g.name, err)
			}
			if k := strings.Count(got, `"`+paragraphs); k != g.notices {
				t.Errorf("%s/%d: %d times, want %d:\n%s", g.name, n, k, g.notices, got)
			}
		}
	}
}

func TestObservesInRecordsAndAgain(t *testing.T) {
	records := NewMemoryRecords(0)
	m := newTestMarker(t, func(o *Options) { o.Records = records })
	out := Output{ContentType: "application/json", Shape: ShapeOpenAIResponses, Observes: NoticeBiometric}
	answer := `{"id":"resp_1","object":"response","output":[{"type":"message","content":[{"type":"output_text","text":"Hello."}]}]}`
	first, _, err := mark(t, m, out, answer, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := records.ByID(context.Background(), testID)
	if err != nil || strings.Join(r.Notices, ",") != "interaction,biometric_categorisation" || r.Language != "en" {
		t.Fatalf("record %+v %v", r, err)
	}
	again, _, err := mark(t, m, Output{ContentType: out.ContentType, Shape: out.Shape, Observes: NoticeBiometric, Stored: true}, answer, 0)
	if err != nil || again != first {
		t.Errorf("given again:\n%s\nfirst:\n%s\n%v", again, first, err)
	}
}

func TestParseObserves(t *testing.T) {
	n, err := ParseObserves("emotion_recognition", "biometric_categorisation")
	if err != nil || n != NoticeEmotion|NoticeBiometric {
		t.Errorf("ParseObserves = %v, %v", n, err)
	}
	for _, bad := range [][]string{{"emotion"}, {"interaction"}, {"hand_over"}, {"emotion_recognition", "emotion_recognition"}} {
		if _, err := ParseObserves(bad...); err == nil {
			t.Errorf("ParseObserves(%q) is accepted", bad)
		}
	}
}

// Whatever sequence of our notices a history has in front of a text, the model
// sees the text alone.
func TestSequencesOfNoticesAreRemoved(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Principal = "Example GmbH" })
	rapid.Check(t, func(t *rapid.T) {
		var front strings.Builder
		var is Notices
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(m.ownTexts.all)-1), 0, 5).Draw(t, "notices") {
			_, _ = front.WriteString(m.ownTexts.all[i].text + NoticeSeparator)
			is |= m.ownTexts.all[i].is
		}
		text := rapid.SampledFrom([]string{"Hi", "", "\n\nHi", "Ich", `say "x"`}).Draw(t, "text")
		body := func(s string) string {
			return `{"messages":[{"role":"assistant","content":` + quoteJSON(s) + `},{"role":"user","content":"x"}]}`
		}
		req := m.ReadRequest(ShapeOpenAIChat, []byte(body(front.String()+text)))
		if got, want := string(req.Body), body(text); got != want {
			t.Fatalf("body %s, want %s", got, want)
		}
		if (req.Turn == LaterTurn) != (is&NoticeInteraction != 0) || req.Given != is&noticesObserving {
			t.Fatalf("turn %v, given %v of %v", req.Turn, req.Given.IDs(), is.IDs())
		}
	})
}

func TestAnotherAvowsNoticeIsNotRepeated(t *testing.T) {
	m := newTestMarker(t, nil)
	answer := strings.Replace(chatAnswer, `"content":"`, `"content":"`+englishNotice+`\n\n`, 1)
	got, _, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Observes: NoticeEmotion}, answer, 0)
	if err != nil || strings.Count(got, englishNotice+`\n\n`) != 1 || strings.Count(got, englishEmotion+`\n\n`) != 1 {
		t.Errorf("%v\n%s", err, got)
	}
	// The sentence of a hand-over does not pass for a notice.
	answer = strings.Replace(chatAnswer, `"content":"`, `"content":"`+englishHandOver+`\n\n`, 1)
	if got, _, _ = mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, answer, 0); !strings.Contains(got, englishNotice+`\n\n`) {
		t.Errorf("no notice in\n%s", got)
	}
}

func TestAuthors(t *testing.T) {
	out := Output{ContentType: "application/json", Shape: ShapeOpenAIChat}
	records := NewMemoryRecords(0)
	m := newTestMarker(t, func(o *Options) { o.Records = records })
	human := out
	human.Author = AuthorHuman
	got, w, err := mark(t, m, human, chatAnswer, 0)
	if err != nil || got != chatAnswer || OutcomeValue(w.Result()) != "passed; reason=not_ai" || len(w.Result().Marks) != 0 {
		t.Errorf("human: %v %s\n%s", err, OutcomeValue(w.Result()), got)
	}
	human.HandOver = true
	got, w, err = mark(t, m, human, chatAnswer, 0)
	if want := strings.Replace(chatAnswer, `"content":"`, `"content":"`+englishHandOver+`\n\n`, 1); err != nil || got != want || w.Result().Notice || len(w.Result().Marks) != 0 {
		t.Errorf("hand-over: %v %+v\n%s", err, w.Result(), got)
	}
	for _, bad := range []string{`{"other":1}`, `{`, ``} {
		if got, w, err := mark(t, m, human, bad, 0); err != nil || got != bad || OutcomeValue(w.Result()) != "passed; reason=not_ai" {
			t.Errorf("human %q: %v %q %s", bad, err, got, OutcomeValue(w.Result()))
		}
	}
	if _, err := records.ByID(context.Background(), testID); err == nil {
		t.Error("a person's own answer is recorded")
	}
	reviewed := out
	reviewed.Author = AuthorReviewed
	got, w, err = mark(t, m, reviewed, chatAnswer, 0)
	if err != nil || strings.Contains(got, englishNotice) || !strings.Contains(got, `"generated":true`) || w.Result().Notice {
		t.Errorf("reviewed: %v\n%s", err, got)
	}
	if r := w.Result(); !strings.HasPrefix(r.Label.HeaderValue(), "mode=ai-originated") || OutcomeValue(r) != "marked" || len(r.Skipped) != 1 || r.Skipped[0] != ReasonExempt {
		t.Errorf("reviewed: %s %s %v", r.Label.HeaderValue(), OutcomeValue(r), r.Skipped)
	}
	for _, a := range []Author{AuthorAI, AuthorHuman, AuthorReviewed} {
		if got, ok := ParseAuthor(a.String()); !ok || got != a {
			t.Errorf("ParseAuthor(%q) = %v, %v", a.String(), got, ok)
		}
	}
	if _, ok := ParseAuthor("robot"); ok || Author(9).String() != "unknown" {
		t.Error("an unknown author has a name")
	}
}

func TestHumanPicturesStayAsTheyAre(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	picture := string(testPNG(t, 300, 300, 1))
	got, w, err := mark(t, m, Output{ContentType: "image/png", Shape: ShapeImage, Author: AuthorHuman}, picture, 4096)
	if err != nil || got != picture || w.Result().Reason != ReasonNotAI {
		t.Errorf("%v, %d bytes of %d", err, len(got), len(picture))
	}
}

func TestFieldWithNoticesIsJSON(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Principal = `A "quoted" name` })
	w := m.NewWriter(context.Background(), nil, Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Observes: noticesObserving})
	var v map[string]map[string]any
	if err := json.Unmarshal(append(append([]byte("{"), w.fieldJSON(nil)...), '}'), &v); err != nil || len(v[fieldName]["notices"].([]any)) != 2 {
		t.Errorf("%v %v", err, v)
	}
}
