package disclose

import (
	"fmt"
	"strings"
	"testing"

	"github.com/avowai/avow/internal/jsonscan"
)

// TestEmptyStretchesStayInOrder: an annotation of nothing may not end before it
// begins.
func TestEmptyStretchesStayInOrder(t *testing.T) {
	m := newTestMarker(t, nil)
	moved := len(englishNotice) + len(NoticeSeparator)
	for body, want := range map[string]string{
		`{"choices":[{"message":{"content":"Hi","annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":0}}]}}]}`: fmt.Sprintf(`"start_index":%d,"end_index":%d`, moved, moved),
		`{"choices":[{"message":{"content":"Hi","annotations":[{"type":"url_citation","url_citation":{"end_index":2,"start_index":2}}]}}]}`: fmt.Sprintf(`"end_index":%d,"start_index":%d`, moved+2, moved+2),
	} {
		if got, _, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, body, 0); err != nil || !strings.Contains(got, want) {
			t.Errorf("%v, want %s\n%s", err, want, got)
		}
	}
	body := `{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"groundingMetadata":{"groundingSupports":[{"segment":{"endIndex":0}}]}}]}`
	if got, _, _ := mark(t, m, Output{ContentType: "application/json", Shape: ShapeGemini}, body, 0); !strings.Contains(got, fmt.Sprintf(`"startIndex":%d,"endIndex":%d`, moved, moved)) {
		t.Errorf("gemini: %s", got)
	}
}

// TestTextsBeyondTheMemoryStayWithoutFrames: a text that is not remembered
// cannot be said again with the same frames.
func TestTextsBeyondTheMemoryStayWithoutFrames(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	var s strings.Builder
	for i := range maxRunning {
		fmt.Fprintf(&s, "data: {\"type\":\"response.output_text.delta\",\"output_index\":%d,\"delta\":\"a\"}\n\n", i)
	}
	tail := fmt.Sprintf("data: {\"type\":\"response.output_text.delta\",\"output_index\":%d,\"delta\":%s}\n\n", maxRunning, quoteJSON(prose(60)))
	got, _, err := mark(t, m, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIResponses}, s.String()+tail, 0)
	if err != nil || !strings.HasSuffix(got, tail) {
		t.Errorf("%v: frames in a text that is not remembered", err)
	}
}

// TestTwinsOfEveryLevelGetTheNotice: readers take the last of two members of
// one name, wherever they stand.
func TestTwinsOfEveryLevelGetTheNotice(t *testing.T) {
	m := newTestMarker(t, nil)
	for shape, bodies := range map[Shape][]string{
		ShapeOpenAIChat: {`{"choices":[{"message":{"content":"a"}}],"choices":[{"message":{"content":"bc"}}]}`,
			`{"choices":[{"message":{"content":"a"},"message":{"content":"bc"}}]}`},
		ShapeAnthropic:      {`{"content":[{"type":"text","text":"a"}],"content":[{"type":"text","text":"bc"}]}`},
		ShapeOllamaGenerate: {`{"response":"a","response":"bc"}`},
		ShapeOllamaChat:     {`{"message":{"content":"a"},"message":{"content":"bc"}}`},
		ShapeGemini:         {`{"candidates":[{"content":{"parts":[{"text":"a"}]},"content":{"parts":[{"text":"bc"}]}}]}`},
	} {
		for _, body := range bodies {
			got, _, err := mark(t, m, Output{ContentType: "application/json", Shape: shape}, body, 0)
			if err != nil || !strings.Contains(got, englishNotice+`\n\na`) || !strings.Contains(got, englishNotice+`\n\nbc`) {
				t.Errorf("%s: %v\n%s", shape, err, got)
			}
		}
	}
}

func BenchmarkEditsOfAnEscapedText(b *testing.B) {
	raw := []byte(strings.Repeat(`word\n `, 1<<16))
	r := &running{}
	for i := range 1 << 10 {
		r.insert(length{bytes: i * 300}, "x")
	}
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if edits := r.editsFrom(0, 0, raw, 0, nil); len(edits) != 1<<10 {
			b.Fatal(len(edits))
		}
	}
}

// TestEditsOfAnEscapedText: places are found one behind the other.
func TestEditsOfAnEscapedText(t *testing.T) {
	text := "a\nb é 😀 \"c\" d"
	for _, raw := range []string{`a\nb é 😀 \"c\" d`, `\u0061\u000ab\u0020\u00e9 \ud83d\ude00 \u0022c\" d`} {
		r := &running{}
		for at := range text {
			r.insert(length{bytes: at}, "|")
		}
		got := jsonscan.Apply([]byte(raw), r.editsFrom(0, 0, []byte(raw), 0, nil))
		want := ""
		for _, c := range text {
			want += "|" + string(c)
		}
		if s := jsonscan.Unquote(got, 1<<10); s != want {
			t.Errorf("%s: %q, want %q", raw, s, want)
		}
	}
}

// TestInsertionsNeverPartASurrogatePair: not even in a text of the same length
// that is another one.
func TestInsertionsNeverPartASurrogatePair(t *testing.T) {
	r := &running{}
	r.insert(length{bytes: 1}, "|")
	r.text = length{4, 1}
	raw := []byte(`\ud83d\ude00`)
	if got := string(jsonscan.Apply(raw, r.repeat(raw, 0, nil))); got != `\ud83d\ude00|` {
		t.Errorf("%s", got)
	}
}

// BenchmarkManyTwins: a message with one key many times costs what it is long.
func BenchmarkManyTwins(b *testing.B) {
	m := newTestMarker(b, nil)
	body := `{"choices":[{"message":{"content":"a"` + strings.Repeat(`,"content":"a"`, 20_000) + `}}]}`
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, _, err := mark(b, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, body, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// TestStretchesAheadOfTheirText: some servers send citations first. They move by
// the notice that will come, and their text stays without frames, which nobody
// could count yet.
func TestStretchesAheadOfTheirText(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	cite := "data: {\"choices\":[{\"index\":1,\"delta\":{\"role\":\"assistant\",\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":%d,\"end_index\":%d}}]}}]}\n\n"
	text := strings.ReplaceAll(chatEvent(prose(60)), `"index":0`, `"index":1`)
	for turn, n := range map[Turn]int{FirstTurn: len(englishNotice) + len(NoticeSeparator), LaterTurn: 0} {
		got, w, err := mark(t, m, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat, Choices: 2, Turn: turn}, fmt.Sprintf(cite, 0, 900)+text, 0)
		if err != nil || !strings.Contains(got, fmt.Sprintf(`"start_index":%d,"end_index":%d}`, n, 900+n)) {
			t.Errorf("turn %d: %v\n%.600s", turn, err, got)
		}
		if hasMark(w, CarrierTextMark) || !strings.Contains(fmt.Sprint(w.Result().Skipped), "offsets") {
			t.Errorf("turn %d: frames behind a citation: %v", turn, w.Result().Skipped)
		}
	}
}
