package disclose

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/avowai/avow/watermark/textmark"
)

// chatEvent is one event of a chat stream with a piece of text.
func chatEvent(text string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s}}]}\n\n", quoteJSON(text))
}

// heldEvents is a chat stream whose last event waits for the next one.
func heldEvents(t *testing.T, m *Marker, out Output) (stream string) {
	t.Helper()
	for _, word := range strings.Fields(prose(60)) {
		stream += chatEvent(word)
		w := m.NewWriter(context.Background(), &bytes.Buffer{}, out)
		_, _ = w.Write([]byte(stream + chatEvent(" ")))
		if w.sink.(*streamSink).held != nil {
			return stream + chatEvent(" ")
		}
		stream += chatEvent(" ")
	}
	t.Fatal("no event was ever held")
	return ""
}

// TestHeldEventLeavesBeforeAnEventOverTheLimit: nothing overtakes it.
func TestHeldEventLeavesBeforeAnEventOverTheLimit(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key, o.Profile, o.MaxHeld = newTestKey(t), Standard, 1000 })
	out := Output{ContentType: "text/event-stream", Shape: ShapeAnthropic}
	stream := strings.NewReplacer("{\"choices\":[{\"index\":0,\"delta\":{\"content\":", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":`,
		"}}]}\n", "}}\n").Replace(heldEvents(t, m, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat}))
	stream += "data: " + strings.Repeat("x", 5000) + "\n\n" + "data: end\n\n"
	for _, n := range []int{1, 7, 100, 0} {
		got, _, err := mark(t, m, out, stream, n)
		if err != nil || withoutSplices(m, out, textmark.Strip(got, m.o.Key)) != stream {
			t.Errorf("pieces of %d: %v, events out of order:\n%q", n, err, got[max(0, len(got)-200):])
		}
	}
}

// TestLimitOfAnEventDoesNotDependOnWrites: the same event, the same outcome.
func TestLimitOfAnEventDoesNotDependOnWrites(t *testing.T) {
	stream := strings.Replace(anthropicStream, "Wörld", strings.Repeat("x", 1000), 1)
	for _, profile := range []Profile{Strict, Standard} {
		m := newTestMarker(t, func(o *Options) { o.MaxHeld, o.Profile = 500, profile })
		out := Output{ContentType: "text/event-stream", Shape: ShapeAnthropic}
		want, _, wantErr := mark(t, m, out, stream, 1)
		for _, n := range []int{0, 3, 600} {
			got, w, err := mark(t, m, out, stream, n)
			if (err == nil) != (wantErr == nil) || err == nil && got != want || !strings.Contains(fmt.Sprint(w.Result().Skipped), "too_large") {
				t.Errorf("%v: pieces of %d give %v %v, single bytes %v", profile, n, err, w.Result().Skipped, wantErr)
			}
		}
	}
}

// TestElementOverTheLimitEndsWhereItEnds: an escape that is cut in two is one.
func TestElementOverTheLimitEndsWhereItEnds(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.MaxHeld, o.Profile = 100, Standard })
	out := Output{ContentType: "application/json", Shape: ShapeGeminiStream}
	stream := `[{"x":"` + strings.Repeat(`\"}`, 100) + `"},` + "\r\n" + `{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}]`
	want, _, _ := mark(t, m, out, stream, 0)
	for _, n := range []int{1, 2, 3, 5} {
		got, _, err := mark(t, m, out, stream, n)
		if err != nil || got != want || !strings.Contains(got, `"text":"`+englishNotice) {
			t.Errorf("pieces of %d: %v\n%s", n, err, got)
		}
	}
}

// TestHeldEventDoesNotDependOnItsLineBreak: the LF of a CRLF may come late.
func TestHeldEventDoesNotDependOnItsLineBreak(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	out := Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat}
	stream := strings.ReplaceAll(heldEvents(t, m, out)+chatEvent("next")+chatEvent(" word"), "\n", "\r\n")
	want, _, _ := mark(t, m, out, stream, 0)
	if got, _, _ := mark(t, m, out, stream, 1); got != want {
		t.Error("single bytes give other frames than one write")
	}
}

// TestEscapedKeysDoNotHidePictures: a picture is found however its key is
// spelled, and also when nothing else is due.
func TestEscapedKeysDoNotHidePictures(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	for shape, event := range map[Shape]string{
		ShapeOpenAIChat:      `{"choices":[{"delta":{"images":[{"im\u0061ge_url":{"url":"data:image/png;base64,AAAA"}}]}}]}`,
		ShapeOpenAIResponses: `{"type":"response.x","p\u0061rtial_im\u0061ge_b64":"AAAA"}`,
		ShapeGeminiStream:    `{"candidates":[{"content":{"parts":[{"i\u006elineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}`,
		ShapeOllamaGenerate:  `{"im\u0061ge":"AAAA"}`,
		ShapeUIMessage:       `{"type":"f\u0069le","mediaType":"image/png","url":"data:image/png;base64,AAAA"}`,
	} {
		out := Output{ContentType: "text/event-stream", Shape: shape, Turn: LaterTurn, NoFrames: ReasonOffsets}
		first := "data: {\"type\":\"start\",\"choices\":[],\"candidates\":[]}\n\n"
		got, _, err := mark(t, m, out, first+"data: "+event+"\n\n", 0)
		if err == nil || strings.Contains(got, "AAAA") {
			t.Errorf("%s: %v, the picture left unmarked: %s", shape, err, got)
		}
	}
}

// TestPicturesInEventsThatCannotBeRead: other readers are more generous than
// ours, so what passes unseen is counted as missing its marks.
func TestPicturesInEventsThatCannotBeRead(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	deep := strings.Repeat("[", 600) + strings.Repeat("]", 600)
	stream := "data: {\"type\":\"x\"}\n\ndata: {\"b64_json\":\"AAAA\",\"x\":" + deep + "}\n\n"
	_, w, err := mark(t, m, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIImages}, stream, 0)
	if res := w.Result(); err == nil && res.Outcome == OutcomeMarked {
		t.Errorf("outcome %v, missing %v", res.Outcome, res.Missing)
	}
}

// TestResumedStreamOfAStoredAnswer: a stream that goes on in the middle of a
// text gets no notice there.
func TestResumedStreamOfAStoredAnswer(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Records = NewMemoryRecords(10) })
	_, tail, _ := strings.Cut(responsesStream, `"delta":"Wör"}`+"\n\n")
	out := Output{ContentType: "text/event-stream", Shape: ShapeOpenAIResponses, Stored: true}
	got, w, err := mark(t, m, out, tail, 0)
	if err != nil || strings.Contains(got, englishNotice+`\n\n`) || !strings.Contains(fmt.Sprint(w.Result().Skipped), "ledger_down") {
		t.Errorf("%v %v\n%s", err, w.Result().Skipped, got)
	}
}

// TestLineBreakLooksNoFartherThanItHasTo: a stream of lone CRs costs no more
// than its length.
func TestLineBreakLooksNoFartherThanItHasTo(t *testing.T) {
	for _, c := range []struct {
		at   int
		text string
	}{
		{0, "\rx\n"}, {-1, "abc"}, {3, "abc\n"}, {300, strings.Repeat("x", 300) + "\r\n"}, {700, strings.Repeat("x", 700) + "\n\r"}, {256, strings.Repeat("x", 256) + "\r"},
	} {
		if got := lineBreak([]byte(c.text)); got != c.at {
			t.Errorf("lineBreak(%.5q…) = %d, want %d", c.text, got, c.at)
		}
	}
}

func BenchmarkFramesOfLoneReturns(b *testing.B) {
	data := bytes.Repeat([]byte("\r"), 1<<18)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for rest := data; len(rest) > 0; {
			rest = rest[nextEvent(&scan{}, rest):]
		}
	}
}
