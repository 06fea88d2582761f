package disclose

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark/textmark"
)

// prose makes n sentences of plain English.
func prose(n int) string {
	words := strings.Fields("the light over every harbour moves across water before ships that come home know where land begins and people who keep it learn how wind writes on waves")
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(" ")
		}
		for j := range 8 + rng.IntN(9) {
			w := words[rng.IntN(len(words))]
			if j == 0 {
				w = strings.ToUpper(w[:1]) + w[1:]
			} else {
				b.WriteString(" ")
			}
			b.WriteString(w)
		}
		b.WriteString(".")
	}
	return b.String()
}

// deltas cuts a text as a tokenizer does: a space leads its word, or stands
// alone now and then.
func deltas(text string) []string {
	rng := rand.New(rand.NewPCG(1, 2))
	var out []string
	for _, w := range strings.SplitAfter(text, " ") {
		word := strings.TrimSuffix(w, " ")
		switch {
		case word == "":
		case len(out) > 0 && rng.IntN(3) > 0:
			out = append(out, " "+word)
		case len(out) > 0:
			out = append(out, " ", word)
		default:
			out = append(out, word)
		}
	}
	return out
}

// longStreams gives a long text as a stream of every shape that carries marks.
func longStreams(text string) []golden {
	var chat, responses, anthropic, gem, array, tgiS, ui, ollama, generate strings.Builder
	q := quoteJSON
	responses.WriteString("data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"output\":[]}}\n\n")
	anthropic.WriteString("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n")
	ui.WriteString("data: {\"type\":\"start\"}\n\n")
	for i, d := range deltas(text) {
		fmt.Fprintf(&chat, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%s},\"finish_reason\":null}]}\n\n", q(d))
		fmt.Fprintf(&responses, "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":%d,\"item_id\":\"m\",\"output_index\":0,\"content_index\":0,\"delta\":%s}\n\n", i, q(d))
		fmt.Fprintf(&anthropic, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":%s}}\n\n", q(d))
		fmt.Fprintf(&gem, "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":%s}]},\"index\":0}]}\n\n", q(d))
		fmt.Fprintf(&array, "%c{\"candidates\":[{\"content\":{\"parts\":[{\"text\":%s}]}}]}\r\n", "[,"[min(i, 1)], q(d))
		fmt.Fprintf(&tgiS, "data:{\"index\":%d,\"token\":{\"id\":1,\"text\":%s,\"special\":false},\"generated_text\":null}\n\n", i, q(d))
		fmt.Fprintf(&ui, "data: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":%s}\n\n", q(d))
		fmt.Fprintf(&ollama, "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":%s},\"done\":false}\n", q(d))
		fmt.Fprintf(&generate, "{\"response\":%s,\"done\":false}\n", asciiJSON(d))
	}
	part := `{"type":"output_text","annotations":[{"type":"url_citation","start_index":900,"end_index":1000}],"text":` + q(text) + `}`
	fmt.Fprintf(&responses, "data: {\"type\":\"response.output_text.done\",\"output_index\":0,\"content_index\":0,\"text\":%s}\n\n", q(text))
	fmt.Fprintf(&responses, "data: {\"type\":\"response.content_part.done\",\"output_index\":0,\"content_index\":0,\"part\":%s}\n\n", part)
	fmt.Fprintf(&responses, "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"output\":[{\"type\":\"reasoning\",\"summary\":[]},{\"type\":\"message\",\"content\":[%s]}]}}\n\n",
		strings.Replace(part, `"output_index"`, "", 1))
	chat.WriteString("data: [DONE]\n\n")
	array.WriteString("]\n")
	fmt.Fprintf(&tgiS, "data:{\"index\":9,\"token\":{\"id\":2,\"text\":\"</s>\",\"special\":true},\"generated_text\":%s}\n\n", q(text))
	return []golden{
		{"chat", "text/event-stream", ShapeOpenAIChat, chat.String(), "", 1},
		{"responses", "text/event-stream", ShapeOpenAIResponses, strings.Replace(responses.String(), `{"type":"reasoning","summary":[]},`, "", 1), "", 1},
		{"anthropic", "text/event-stream", ShapeAnthropic, anthropic.String(), "", 1},
		{"gemini", "text/event-stream", ShapeGeminiStream, gem.String(), "", 1},
		{"gemini array", "application/json", ShapeGeminiStream, array.String(), "", 1},
		{"tgi", "text/event-stream", ShapeTGI, tgiS.String(), "", 1},
		{"ui", "text/event-stream", ShapeUIMessage, ui.String(), "", 1},
		{"ollama", "application/x-ndjson", ShapeOllamaChat, ollama.String(), "", 1},
		{"generate", "application/x-ndjson", ShapeOllamaGenerate, generate.String(), "", 1},
	}
}

// said returns the text of a stream's pieces, and the texts it says whole.
func said(t testing.TB, g golden, stream string) (text string, whole []string) {
	t.Helper()
	in := inspection{data: []byte(stream), report: &Report{ContentType: g.contentType}}
	for _, payload := range in.payloads() {
		if payload[0] != '{' {
			continue
		}
		var f found
		s := jsonscan.New(payload)
		d := drivers[g.shape]
		if err := s.Object(func(key jsonscan.Span) error { return d.member(s, key.Of(payload), &f) }); err != nil {
			t.Fatalf("%s: %v in %s", g.name, err, payload)
		}
		if d.settle != nil {
			d.settle(payload, &f)
		}
		for _, x := range f.texts {
			said := jsonscan.Unquote(x.span.Of(payload), 1<<20)
			if x.whole {
				whole = append(whole, said)
				continue
			}
			text += said
		}
	}
	return text, whole
}

// TestLongStreamsCarryFrames: a long text carries text marks, which come off
// again to the exact text; what the stream says again is what it said.
func TestLongStreamsCarryFrames(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	plain := prose(60)
	for _, g := range longStreams(plain) {
		want, w, err := mark(t, m, g.output(), g.text, 0)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		text, whole := said(t, g, want)
		if stripped := textmark.Strip(text, key); stripped != englishNotice+NoticeSeparator+plain {
			t.Fatalf("%s: not the text and the notice:\n%q", g.name, stripped)
		}
		for _, again := range whole {
			if again != text {
				t.Errorf("%s: what is said again is not what was said:\n%q\n%q", g.name, again, text)
			}
		}
		d := textmark.Detect(text, key)
		if n := len(d.Frames); n < (utf8.RuneCountInString(plain)-textmark.Threshold)/textmark.DefaultDistance/2 {
			t.Errorf("%s: %d frames in %d characters", g.name, n, utf8.RuneCountInString(plain))
		}
		for _, f := range d.Frames {
			if !f.Valid || f.ID != textmark.ID(testID[:5]) {
				t.Errorf("%s: frame %+v", g.name, f)
			}
		}
		if !hasMark(w, CarrierTextMark) {
			t.Errorf("%s: marks %+v", g.name, w.Result().Marks)
		}
		for _, n := range []int{1, 17, 1000} {
			if got, _, _ := mark(t, m, g.output(), g.text, n); got != want {
				t.Fatalf("%s: pieces of %d bytes give another stream", g.name, n)
			}
		}
	}
}

func hasMark(w *Writer, c Carrier) bool {
	for _, m := range w.Result().Marks {
		if m.Carrier == c && m.Reason == ReasonNone {
			return true
		}
	}
	return false
}

// TestOffsetsMoveWithFrames: a citation still covers the words it covered.
func TestOffsetsMoveWithFrames(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	plain := prose(60)
	want := string([]rune(plain)[900:1000])
	for _, g := range longStreams(plain) {
		if g.shape != ShapeOpenAIResponses {
			continue
		}
		got, _, err := mark(t, m, g.output(), g.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := said(t, g, got)
		n := 0
		for rest := got; ; n++ {
			at := strings.Index(rest, `"start_index":`)
			if at < 0 {
				break
			}
			var start, end int
			if _, err := fmt.Sscanf(rest[at:], `"start_index":%d,"end_index":%d`, &start, &end); err != nil {
				t.Fatal(err)
			}
			if covered := textmark.Strip(string([]rune(text)[start:end]), key); covered != want {
				t.Errorf("[%d,%d) covers %q, want %q", start, end, covered, want)
			}
			rest = rest[at+1:]
		}
		if n != 2 {
			t.Errorf("%d citations, want 2", n)
		}
	}
}

// TestLongAnswersCarryFrames: an answer that is there at once.
func TestLongAnswersCarryFrames(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	long, short := prose(30), "Short."
	for _, g := range wholeAnswers {
		if g.first == "" {
			continue
		}
		for _, plain := range []string{long, short} {
			text := strings.Replace(g.text, `"Hi"`, quoteJSON(plain), 1)
			got, w, err := mark(t, m, g.output(), text, 0)
			if err != nil {
				t.Fatalf("%s: %v", g.name, err)
			}
			if back := withoutSplices(m, g.output(), string(withoutFrames([]byte(got), m))); back != text {
				t.Errorf("%s: changed outside the splices:\n%q\n%q", g.name, back, text)
			}
			marked := hasMark(w, CarrierTextMark)
			if marked != (plain == long) {
				t.Errorf("%s: %d characters, text mark %v, skipped %v", g.name, len(plain), marked, w.Result().Skipped)
			}
			if plain == short && (!strings.Contains(fmt.Sprint(w.Result().Skipped), "short_text") || w.Result().Outcome != OutcomeMarked) {
				t.Errorf("%s: short: %+v", g.name, w.Result())
			}
		}
	}
}

// withoutFrames removes our text marks from JSON.
func withoutFrames(data []byte, m *Marker) []byte {
	return jsonscan.Apply(data, m.ownFrames(data))
}

// TestNoFramesWhere: JSON mode, logprobs, tool calls and code stay without.
func TestNoFramesWhere(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	long := quoteJSON(prose(30))
	for name, c := range map[string]struct {
		out    Output
		answer string
		reason Reason
	}{
		"json mode": {Output{Constrained: ReasonJSONMode}, `{"choices":[{"message":{"content":` + long + `}}]}`, ReasonJSONMode},
		"logprobs":  {Output{NoFrames: ReasonOffsets}, `{"choices":[{"message":{"content":` + long + `}}]}`, ReasonOffsets},
		"tool call": {Output{}, `{"choices":[{"message":{"content":` + long + `,"tool_calls":[{"id":"a"}]}}]}`, ReasonToolCall},
		"citations": {Output{}, `{"choices":[{"message":{"content":` + long + `,"annotations":[{"url_citation":{"start_index":1,"end_index":9}}]}}]}`, ReasonOffsets},
		"code":      {Output{}, `{"choices":[{"message":{"content":` + quoteJSON("```go\n"+strings.Repeat("func main() { return }\n", 60)+"```\n") + `}}]}`, ReasonCode},
		"script":    {Output{}, `{"choices":[{"message":{"content":` + quoteJSON(strings.Repeat("Маяк показывает путь кораблям. ", 60)) + `}}]}`, ReasonScript},
		"same key":  {Output{}, `{"choices":[{"message":{"content":` + long + `,"content":` + long + `}}]}`, ReasonNone},
	} {
		c.out.ContentType, c.out.Shape = "application/json", ShapeOpenAIChat
		got, w, err := mark(t, m, c.out, c.answer, 0)
		if err != nil || len(withoutFrames([]byte(got), m)) != len(got) {
			t.Errorf("%s: %v, frames in\n%s", name, err, got)
		}
		if c.reason != ReasonNone && !strings.Contains(fmt.Sprint(w.Result().Skipped), string(c.reason)) {
			t.Errorf("%s: skipped %v, want %s", name, w.Result().Skipped, c.reason)
		}
		if w.Result().Outcome == OutcomeDegraded {
			t.Errorf("%s: degraded", name)
		}
	}
}

// TestStoredAnswerShowsTheSame: an answer asked for again by its id is the same.
func TestStoredAnswerShowsTheSame(t *testing.T) {
	key := newTestKey(t)
	records := NewMemoryRecords(10)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Records = key, records })
	plain := prose(60)
	g := longStreams(plain)[1]
	streamed, _, err := mark(t, m, g.output(), g.text, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := said(t, g, streamed)
	body := `{"id":"resp_1","object":"response","output":[{"type":"message","content":[{"type":"output_text","text":` + quoteJSON(plain) + `}]}]}`
	out := Output{ContentType: "application/json", Shape: ShapeOpenAIResponses, Stored: true, Turn: LaterTurn}
	var dst strings.Builder
	w := m.NewWriter(t.Context(), &dst, out)
	_, _ = w.Write([]byte(body))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(dst.String(), quoteJSON(want)) || w.Result().Label.ID != testID {
		t.Errorf("the stored answer differs (label %s):\n%.300s", w.Result().Label.ID, dst.String())
	}
	queued := `{"id":"resp_3","object":"response","status":"queued","output":[]}`
	if _, _, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIResponses}, queued, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 { // asked for again and again, it says the same
		got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIResponses, Stored: true}, strings.Replace(body, "resp_1", "resp_3", 1), 0)
		if err != nil || !w.Result().Notice || !strings.Contains(got, englishNotice+`\n\n`) {
			t.Errorf("an answer that was queued: %v %+v", err, w.Result())
		}
	}
	unknown := strings.Replace(body, "resp_1", "resp_2", 1)
	got, w2, err := mark(t, m, out, unknown, 0)
	if err != nil || withoutSplices(m, out, got) != unknown || !strings.Contains(fmt.Sprint(w2.Result().Skipped), "ledger_down") {
		t.Errorf("without a record: %v %+v\n%.300s", err, w2.Result(), got)
	}
}

// TestFramesComeBackOff: what a client sends back reaches the model without our
// text marks, byte for byte, in whatever form its JSON spells them.
func TestFramesComeBackOff(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	plain := prose(30)
	marked, _ := textmark.Embed(plain, textmark.ID(testID[:5]), key, textmark.Options{})
	if marked == plain {
		t.Fatal("no frame in the text")
	}
	for _, quote := range []func(string) string{quoteJSON, asciiJSON} {
		body := `{"model":"m","messages":[{"role":"assistant","content":` + quote(marked) + `},{"role":"user","content":` + quote("You said: "+marked) + `}]}`
		want := `{"model":"m","messages":[{"role":"assistant","content":` + quote(plain) + `},{"role":"user","content":` + quote("You said: "+plain) + `}]}`
		if req := m.ReadRequest(ShapeOpenAIChat, []byte(body)); string(req.Body) != want {
			t.Errorf("got  %q\nwant %q", req.Body, want)
		}
	}
}

// TestInspectFrames: what is put in is found, with the words for what it shows.
func TestInspectFrames(t *testing.T) {
	key := newTestKey(t)
	records := NewMemoryRecords(10)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Records = key, records })
	plain := prose(60)
	keys := DetectorOptions{Keys: []VerifyKey{{Key: key}}}
	for _, g := range longStreams(plain) {
		got, _, err := mark(t, m, g.output(), g.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		r := mustInspect(t, keys, []byte(got), Source{ContentType: g.contentType})
		f := finding(r, CarrierTextMark)
		if r.Verdict != Present || r.Reason != CauseKeyMatches || f.KeyID != key.ID() || f.IDPrefix != testID.String()[:10] || f.FalsePositiveRate <= 0 {
			t.Errorf("%s: %s %s %+v", g.name, r.Verdict, r.Reason, f)
		}
	}
	text, _, err := mark(t, m, Output{ContentType: "text/plain", Whole: true}, plain, 0)
	if err != nil {
		t.Fatal(err)
	}
	asked, other := keys, DetectorOptions{Keys: []VerifyKey{{Key: key}}, Records: NewMemoryRecords(1)}
	asked.Records = records
	_, foreign, _ := strings.Cut(text, "\n\n")
	for name, c := range map[string]struct {
		o       DetectorOptions
		text    string
		verdict Status
		reason  Cause
	}{
		"recorded":           {asked, text, Verified, CauseRecordMatches},
		"without the notice": {asked, foreign, Verified, CauseRecordMatches},
		"no record":          {other, text, Present, CauseNoRecord},
		"no ledger":          {keys, text, Present, CauseKeyMatches},
		"no key":             {DetectorOptions{}, foreign, Present, CauseTemplateOnly},
		"revoked":            {DetectorOptions{Keys: []VerifyKey{{Key: key, Revoked: true}}}, text, Present, CauseRevokedKey},
		"Windows AI":         {keys, "Some words.\u200b\u034f\u2060\u200b", Present, CauseStatementOnly},
		"C2PA":               {keys, "Some words.\ufeff\U000E0133\U000E0122\U000E0140\U000E0131\U000E0144\U000E0148\U000E0144\ufe00", Present, CauseStatementOnly},
		"stripped":           {keys, textmark.Strip(foreign, key), Absent, CauseNothingFound},
		"inside HTML":        {keys, "<!doctype html><html><body><p>" + foreign + "</p></body></html>", Present, CauseKeyMatches},
		"half a frame":       {keys, foreign[:strings.Index(foreign, "\ufe00")+12], Absent, CauseNothingFound},
	} {
		r := mustInspect(t, c.o, []byte(c.text), Source{})
		if r.Verdict != c.verdict || r.Reason != c.reason {
			t.Errorf("%s: %s %s, want %s %s: %+v", name, r.Verdict, r.Reason, c.verdict, c.reason, finding(r, CarrierTextMark))
		}
	}
}

// TestTwoHops: an avow behind an avow adds nothing a second time, in any shape,
// and foreign marks stay.
func TestTwoHops(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	foreign := "Some words.\u200b\u034f\u2060\u200b "
	for _, g := range append(longStreams(prose(60)), longStreams(foreign+prose(60))...) {
		once, _, err := mark(t, m, g.output(), g.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		twice, w, err := mark(t, m, g.output(), once, 0)
		if err != nil || twice != once {
			t.Errorf("%s: the second hop changed the stream: %v", g.name, err)
		}
		if !w.Result().Notice {
			t.Errorf("%s: the first hop's notice does not count", g.name)
		}
		before, _ := said(t, g, g.text)
		if text, _ := said(t, g, once); strings.Count(text, foreign) != strings.Count(before, foreign) {
			t.Errorf("%s: a foreign mark was changed", g.name)
		}
	}
	for _, g := range goldenStreams {
		once, _, _ := mark(t, m, g.output(), g.text, 0)
		if twice, _, err := mark(t, m, g.output(), once, 0); err != nil || unshifted(twice) != unshifted(once) {
			t.Errorf("%s: the second hop changed the stream: %v\n%s\n%s", g.name, err, once, twice)
		}
	}
}
