package disclose

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark"
)

// printing returns a Marker that keeps fingerprints, and its records.
func printing(t testing.TB, change func(*Options)) (*Marker, *MemoryRecords) {
	t.Helper()
	records := NewMemoryRecords(100)
	return newTestMarker(t, func(o *Options) {
		o.Key, o.Records = newTestKey(t), records
		if change != nil {
			change(o)
		}
	}), records
}

func recordedText(t testing.TB, r *MemoryRecords) fingerprint.Text {
	t.Helper()
	rec, err := r.ByID(context.Background(), testID)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Fingerprint.Text
}

func chatJSON(texts ...string) string {
	var choices []string
	for i, text := range texts {
		choices = append(choices, fmt.Sprintf(`{"index":%d,"message":{"role":"assistant","content":%s}}`, i, quoteJSON(text)))
	}
	return `{"id":"c1","choices":[` + strings.Join(choices, ",") + `]}`
}

// TestRecordsHoldTheText of every shape: what the model said, however it was cut,
// without notice and frames, and no byte of the output differs for it.
func TestRecordsHoldTheText(t *testing.T) {
	plain := "Grüße. " + prose(60)
	want := newShingler(newTestKey(t)).Text(plain)
	cases := append(longStreams(plain),
		golden{"held", "application/json", ShapeOpenAIChat, chatJSON(plain), "", 1}, golden{"text", "text/plain", ShapeText, plain, "", 1})
	for _, g := range cases {
		for name, change := range map[string]func(*Output){
			"marks": func(*Output) {}, "no frames": func(o *Output) { o.NoFrames = ReasonOffsets }, "later turn": func(o *Output) { o.Turn = LaterTurn },
			"nothing": func(o *Output) { o.Turn, o.Carriers = LaterTurn, new(CarrierSet) }, "whole": func(o *Output) { o.Whole = true },
		} {
			for _, n := range []int{0, 1, 97} {
				out := g.output()
				change(&out)
				m, records := printing(t, nil)
				got, w, err := mark(t, m, out, g.text, n)
				if err != nil {
					t.Fatal(err)
				}
				if print := recordedText(t, records); !slices.Equal(print, want) {
					t.Errorf("%s, %s, pieces of %d: %d hashes, %d of the %d", g.name, name, n, len(print), print.Shared(want), len(want))
				}
				off, offRecords := printing(t, func(o *Options) { o.NoFingerprints = true })
				bare, wBare, err := mark(t, off, out, g.text, n)
				if err != nil || bare != got || w.Changed() != wBare.Changed() || len(recordedText(t, offRecords)) != 0 {
					t.Errorf("%s, %s, pieces of %d: the output differs without fingerprints: %v", g.name, name, n, err)
				}
			}
		}
	}
}

// TestWhatIsNotFingerprinted: where nobody asked for it, where there is no key, and
// what is made for programs.
func TestWhatIsNotFingerprinted(t *testing.T) {
	plain := prose(30)
	withTool := strings.Replace(chatJSON(plain), `"role"`, `"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":`+quoteJSON(plain)+`}}],"role"`, 1)
	chat := Output{ContentType: "application/json", Shape: ShapeOpenAIChat}
	for name, c := range map[string]struct {
		change func(*Options)
		out    Output
		text   string
	}{
		"off":       {func(o *Options) { o.NoFingerprints = true }, chat, chatJSON(plain)},
		"no key":    {func(o *Options) { o.Key = watermark.Key{} }, chat, chatJSON(plain)},
		"JSON mode": {nil, Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Constrained: ReasonJSONMode}, chatJSON(plain)},
		"tools":     {nil, chat, withTool}, "code": {nil, Output{ContentType: "text/plain", Shape: ShapeCode}, plain},
		"HTML": {nil, Output{ContentType: "text/html"}, "<!doctype html><body>" + plain}, "short": {nil, chat, chatJSON("Yes, it is.")},
	} {
		m, records := printing(t, c.change)
		if _, _, err := mark(t, m, c.out, c.text, 0); err != nil {
			t.Fatal(err)
		}
		rec, err := records.ByID(context.Background(), testID)
		if err != nil || !rec.Fingerprint.IsZero() || rec.Fingerprint.KeyID != "" {
			t.Errorf("%s: %v, %+v", name, err, rec.Fingerprint)
		}
	}
}

// TestManyTextsAreOneFingerprint: alternatives that come in turn do not mix.
func TestManyTextsAreOneFingerprint(t *testing.T) {
	a, b := prose(30), prose(31)
	s := newShingler(newTestKey(t))
	want := fingerprint.Join(s.Text(a), s.Text(b))
	var stream strings.Builder
	da, db := deltas(a), deltas(b)
	for i := range max(len(da), len(db)) {
		for voice, d := range [][]string{da, db} {
			if i < len(d) {
				fmt.Fprintf(&stream, "data: {\"id\":\"c\",\"choices\":[{\"index\":%d,\"delta\":{\"content\":%s},\"finish_reason\":null}]}\n\n", voice, quoteJSON(d[i]))
			}
		}
	}
	for _, c := range []struct{ contentType, text string }{{"application/json", chatJSON(a, b)}, {"text/event-stream", stream.String()}} {
		for _, none := range []bool{false, true} {
			m, records := printing(t, nil)
			out := Output{ContentType: c.contentType, Shape: ShapeOpenAIChat, Choices: 2}
			if none {
				out.Turn, out.Carriers = LaterTurn, new(CarrierSet)
			}
			if _, _, err := mark(t, m, out, c.text, 0); err != nil {
				t.Fatal(err)
			}
			if got := recordedText(t, records); !slices.Equal(got, want) {
				t.Errorf("%s, %v: %d hashes, want %d", c.contentType, none, len(got), len(want))
			}
		}
	}
}

// TestBrokenOffTextIsFingerprinted as far as it went.
func TestBrokenOffTextIsFingerprinted(t *testing.T) {
	plain := prose(60)
	m, records := printing(t, nil)
	w := m.NewWriter(context.Background(), new(strings.Builder), Output{ContentType: "text/plain", Label: Label{ID: testID}})
	if _, err := w.Write([]byte(plain[:1500])); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if got, want := recordedText(t, records), newShingler(newTestKey(t)).Text(plain[:1500]); !slices.Equal(got, want) {
		t.Fatalf("%d hashes, want %d", len(got), len(want))
	}
}

// TestLargeEventsPassTheListener: what is only listened to is not held to the limit
// of an event.
func TestLargeEventsPassTheListener(t *testing.T) {
	m, _ := printing(t, func(o *Options) { o.MaxEvent = 2000 })
	line := func(text string) string {
		return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":" + quoteJSON(text) + "}}\n\n"
	}
	stream := line("word ") + line("word ") + line(prose(60)) + line("word ")
	for _, n := range []int{0, 1, 700} {
		out := Output{ContentType: "text/event-stream", Shape: ShapeAnthropic, Turn: LaterTurn, Carriers: new(CarrierSet)}
		if got, w, err := mark(t, m, out, stream, n); err != nil || got != stream || w.Changed() {
			t.Errorf("pieces of %d: %v, changed %v", n, err, w.Changed())
		}
	}
}

// TestListeningChangesNothing: any stream in which nothing is due is the same,
// whatever is in it.
func TestListeningChangesNothing(t *testing.T) {
	m, _ := printing(t, nil)
	off, _ := printing(t, func(o *Options) { o.NoFingerprints = true })
	events := rapid.SampledFrom([]string{
		"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}]}\n\n", "data: {\"id\":\"c\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"\\u0061b\"}}]}\r\n\r\n",
		"data: {\"ai_disclosure\":{\"id\":\"x\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n", ": ping\n\n", "data: [DONE]\n\n", "data: {broken\n\n", "\n", "data: 7\ndata: 8\n\n", "data: {\"choices\":",
		"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"word\"}}\n\n", "data: {\"token\":{\"id\":1,\"text\":\" word\"}}\n\n",
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"{}\"}}],\"content\":\"t\"}}]}\n\n",
	})
	rapid.Check(t, func(t *rapid.T) {
		stream := strings.Join(rapid.SliceOfN(events, 1, 20).Draw(t, "events"), "")
		out := Output{ContentType: "text/event-stream", Shape: rapid.SampledFrom([]Shape{ShapeOpenAIChat, ShapeOpenAIResponses, ShapeAnthropic, ShapeTGI}).Draw(t, "shape"), Turn: LaterTurn, Carriers: new(CarrierSet)}
		n := rapid.IntRange(0, 40).Draw(t, "n")
		want, bare, err := mark(t, off, out, stream, n)
		got, w, err2 := mark(t, m, out, stream, n)
		if got != want || w.Changed() != bare.Changed() || fmt.Sprint(err, bare.Result().Skipped) != fmt.Sprint(err2, w.Result().Skipped) {
			t.Fatalf("%v %v, changed %v\n%q\n%q", err, err2, w.Changed(), got, want)
		}
	})
}
