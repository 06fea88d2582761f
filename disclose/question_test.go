package disclose

import (
	"strings"
	"testing"

	"github.com/avowai/avow/internal/jsonscan"
)

func TestAsksForDisclosure(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, c := range []struct {
		said string
		want bool
	}{
		{"Are you human?", true}, {"hey, are you a real person??", true}, {"ARE YOU AN AI", true}, {"Am I talking to a human?", true},
		{"am i chatting with a bot", true}, {"you're a bot, right?", true},
		{"Bist du ein Mensch?", true}, {"Spreche ich mit einem echten Menschen?", true}, {"Sind Sie eine KI?", true},
		{"Êtes-vous un robot ?", true}, {"etes vous un robot", true}, {"¿Eres humano?", true}, {"Sei un’IA?", true}, {"sei una persona reale?", true},
		{"Jesteś człowiekiem?", true}, {"jestes botem", true}, {"Ты человек?", false}, {"човек ли си?", true}, {"Είσαι άνθρωπος;", true}, {"ΕΊΣΑΙ ΡΟΜΠΌΤ", true},
		{"Oletko ihminen?", true}, {"Är du en människa?", true}, {"Kas sa oled inimene?", true}, {"Inti bniedem?", true}, {"An duine thú?", true},
		{"Are you hungry?", false}, {"Write a poem about a robot.", false}, {"humanity", false}, {"are you", false}, {"", false}, {"???", false},
		{strings.Repeat("word ", 1000) + "Are you human?", true}, {"Are you human? " + strings.Repeat("word ", 1000), true},
		{strings.Repeat("a", 5000), false}, {"\xff are you human", true},
	} {
		body := `{"model":"m","messages":[{"role":"user","content":"first"},{"role":"assistant","content":"Are you human?"},{"role":"user","content":` + quoteJSON(c.said) + `}]}`
		if got := m.ReadRequest(ShapeOpenAIChat, []byte(body)).AsksForDisclosure(); got != c.want {
			t.Errorf("%.60q: %v, want %v", c.said, got, c.want)
		}
	}
}

func TestEveryPhraseIsRecognised(t *testing.T) {
	for _, w := range wordings {
		for _, q := range strings.Split(phraseLines(phrasesTSV)[w.tag.String()][8], "|") {
			if asked := strings.ToUpper(strings.ReplaceAll(q, "*", "such")); !asksIn("So: " + asked + "?") {
				t.Errorf("%s: %q is not recognised", w.tag, asked)
			}
		}
	}
}

func TestWhereRequestsAsk(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, c := range []struct {
		shape Shape
		body  string
		want  bool
	}{
		{ShapeOpenAIResponses, `{"input":"Are you human?"}`, true},
		{ShapeOpenAIResponses, `{"input":[{"role":"user","content":[{"type":"input_text","text":"Are you human?"}]}]}`, true},
		{ShapeAnthropic, `{"messages":[{"role":"user","content":"Are you human?"}]}`, true},
		{ShapeGemini, `{"contents":[{"parts":[{"text":"Are you human?"}]}]}`, true},
		{ShapeGemini, `{"contents":[{"role":"model","parts":[{"text":"Are you human?"}]}]}`, false},
		{ShapeOllamaGenerate, `{"prompt":"Are you human?"}`, true},
		{ShapeTGI, `{"inputs":"Are you human?"}`, true},
		{ShapeOpenAIChat, `{"messages":[{"role":"system","content":"Are you human?"}]}`, false},
		{ShapeOpenAIChat, `{"messages":[{"role":"user","content":"Are you human?"},{"role":"user","content":"Never mind."}]}`, false},
		{ShapeOpenAIChat, `{"messages":[{"role":"user","content":"Are you human?"},{"role":"tool","content":"x"}]}`, true},
		{ShapeOpenAIChat, `{"messages":`, false},
	} {
		if got := m.ReadRequest(c.shape, []byte(c.body)).AsksForDisclosure(); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.shape, c.body, got, c.want)
		}
	}
}

func FuzzAsksForDisclosure(f *testing.F) {
	for _, s := range []string{"are you human", `\u0061re you human`, "\\", "\xff\xfe", strings.Repeat("\u0301", 2000)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := Request{said: raw}.AsksForDisclosure()
		if len(raw) > maxAsked {
			return
		}
		if text := jsonscan.Unquote(raw, maxAsked); got != asksIn("So. "+text+" (Well.)") {
			t.Errorf("%q: %v, and the other way round inside a sentence", text, got)
		}
	})
}

func BenchmarkAsksForDisclosure(b *testing.B) {
	for name, said := range map[string]string{"short": "Please write me a short poem about the sea.", "long": strings.Repeat("Some words of a long paste. ", 400)} {
		b.Run(name, func(b *testing.B) {
			r := Request{said: []byte(said)}
			b.ReportAllocs()
			for b.Loop() {
				if r.AsksForDisclosure() {
					b.Fatal("asks")
				}
			}
		})
	}
}

// BenchmarkReadRequest reads a conversation of 20 turns whose first answer has
// the notice.
func BenchmarkReadRequest(b *testing.B) {
	m := newTestMarker(b, func(o *Options) { o.Principal = "Example GmbH" })
	var body strings.Builder
	_, _ = body.WriteString(`{"model":"m","messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":` + quoteJSON(m.notices.text(wordings[0].tag)+"\n\nHi") + `}`)
	for range 20 {
		_, _ = body.WriteString(`,{"role":"user","content":"You there, tell me more about it."},{"role":"assistant","content":` + quoteJSON("You asked. "+strings.Repeat("A lighthouse marks a coast. ", 20)) + `}`)
	}
	_, _ = body.WriteString(`]}`)
	data := []byte(body.String())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if m.ReadRequest(ShapeOpenAIChat, data).Turn != LaterTurn {
			b.Fatal("the notice is not seen")
		}
	}
}
