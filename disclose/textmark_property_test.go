package disclose

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avowai/avow/watermark/textmark"
)

// anyText draws prose, code, JSON and odd characters, some of it long.
func anyText(t *rapid.T, label string) string {
	var b strings.Builder
	for range rapid.IntRange(1, 6).Draw(t, label+" pieces") {
		switch rapid.IntRange(0, 4).Draw(t, label+" kind") {
		case 0:
			b.WriteString(prose(rapid.IntRange(1, 25).Draw(t, label+" sentences")) + "\n\n")
		case 1:
			b.WriteString("```\n" + strings.Repeat("Call the function again. Then stop.\n", rapid.IntRange(1, 40).Draw(t, label+" lines")) + "```\n\n")
		case 2:
			b.WriteString(`{"key": "` + prose(3) + `"}` + "\n\n")
		case 3:
			b.WriteString("See https://example.org/a/long/address and [a link](https://example.org/ Some title). " + prose(2) + "\n\n")
		default: // nothing that opens a block of code by itself
			b.WriteString(strings.NewReplacer("`", "'", "~", "-").Replace(rapid.String().Draw(t, label)) + "\n\n")
		}
	}
	return b.String()
}

// TestWhatProgramsReadStays: arguments of tools, constrained answers, code and
// addresses come through byte for byte, streamed and whole, in every shape.
func TestWhatProgramsReadStays(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	rapid.Check(t, func(t *rapid.T) {
		arguments, text := anyText(t, "arguments"), anyText(t, "text")
		for _, c := range []struct {
			out  Output
			text string
		}{
			{Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, `{"choices":[{"message":{"content":` + quoteJSON(text) + `,"tool_calls":[{"function":{"name":"f","arguments":` + quoteJSON(arguments) + `}}]}}]}`},
			{Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Constrained: ReasonJSONMode}, `{"choices":[{"message":{"content":` + quoteJSON(text) + `}}]}`},
			{Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat}, `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":` + quoteJSON(arguments) + "}}]}}]}\n\ndata: [DONE]\n\n"},
			{Output{ContentType: "application/json", Shape: ShapeOpenAIResponses}, `{"output":[{"type":"function_call","arguments":` + quoteJSON(arguments) + `},{"type":"reasoning","summary":[{"type":"summary_text","text":` + quoteJSON(text) + `}]}]}`},
			{Output{ContentType: "text/event-stream", Shape: ShapeOpenAIResponses}, `data: {"type":"response.function_call_arguments.delta","output_index":0,"delta":` + quoteJSON(arguments) + "}\n\n" + `data: {"type":"response.reasoning_text.delta","output_index":1,"content_index":0,"delta":` + quoteJSON(text) + "}\n\n"},
			{Output{ContentType: "application/json", Shape: ShapeAnthropic}, `{"content":[{"type":"thinking","thinking":` + quoteJSON(text) + `},{"type":"tool_use","input":{"a":` + quoteJSON(arguments) + `}}]}`},
			{Output{ContentType: "text/event-stream", Shape: ShapeAnthropic}, "event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":` + quoteJSON(arguments) + "}}\n\n" + `data: {"type":"content_block_delta","index":1,"delta":{"type":"thinking_delta","thinking":` + quoteJSON(text) + "}}\n\n"},
			{Output{ContentType: "application/json", Shape: ShapeGemini}, `{"candidates":[{"content":{"parts":[{"text":` + quoteJSON(text) + `,"thought":true},{"functionCall":{"name":"f","args":{"a":` + quoteJSON(arguments) + `}}},{"executableCode":{"code":` + quoteJSON(arguments) + `}}]}}]}`},
			{Output{ContentType: "application/json", Shape: ShapeOpenAILegacy, Constrained: ReasonCode}, `{"choices":[{"text":` + quoteJSON(text) + `}]}`},
			{Output{ContentType: "text/plain", Constrained: ReasonCode}, text},
		} {
			got, _, err := mark(t, m, c.out, c.text, 0)
			if err != nil {
				t.Fatal(err)
			}
			if back := withoutSplices(m, c.out, got); back != c.text && !strings.Contains(c.text, "disclosure") {
				t.Fatalf("%s %s: changed:\n%q\n%q", c.out.Shape, c.out.ContentType, c.text, back)
			}
		}
	})
}

// TestCodeInsideProseStays: fences, JSON and addresses inside a text that does
// carry marks.
func TestCodeInsideProseStays(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	rapid.Check(t, func(t *rapid.T) {
		text := prose(12) + "\n\n" + anyText(t, "text")
		var stream strings.Builder
		for rest := text; rest != ""; {
			n := min(len(rest), rapid.IntRange(1, 30).Draw(t, "piece"))
			for n < len(rest) && rest[n]&0xC0 == 0x80 {
				n++
			}
			fmt.Fprintf(&stream, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s}}]}\n\n", quoteJSON(rest[:n]))
			rest = rest[n:]
		}
		streamed := golden{"chat", "text/event-stream", ShapeOpenAIChat, stream.String(), "", 1}
		whole := Output{ContentType: "application/json", Shape: ShapeOpenAIChat}
		got, _, err := mark(t, m, whole, `{"choices":[{"message":{"content":`+quoteJSON(text)+`}}]}`, 0)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Choices []struct{ Message struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(got), &answer); err != nil {
			t.Fatal(err)
		}
		out, _, err := mark(t, m, streamed.output(), streamed.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		spoken, _ := saidBy(out)
		for name, marked := range map[string]string{"whole": answer.Choices[0].Message.Content, "streamed": spoken} {
			want := englishNotice + NoticeSeparator + text
			if textmark.Strip(marked, key) != want {
				t.Fatalf("%s: other text without its marks:\n%q\n%q", name, marked, want)
			}
			for i, part := range strings.Split(marked, "```") {
				if i%2 == 1 && strings.ContainsAny(part, "\ufe00\ufe01\ufe02\ufe03\ufe04\ufe05") && !strings.ContainsAny(text, "\ufe00\ufe01\ufe02\ufe03\ufe04\ufe05") {
					t.Fatalf("%s: a mark in a fence: %q\nof %q", name, part, text)
				}
			}
		}
	})
}

// saidBy returns the text of a chat stream.
func saidBy(stream string) (text string, events int) {
	for line := range strings.Lines(stream) {
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && json.Unmarshal([]byte(data), &chunk) == nil && len(chunk.Choices) > 0 {
			text += chunk.Choices[0].Delta.Content
			events++
		}
	}
	return text, events
}

// TestAStreamHoldsNothingBackButASpace: after every event that came in whole,
// all text but at most one lone space is out.
func TestAStreamHoldsNothingBackButASpace(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	var dst strings.Builder
	w := m.NewWriter(context.Background(), &dst, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat})
	sent, held := "", 0
	for _, d := range deltas(prose(80)) {
		_, _ = fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s}}]}\n\n", quoteJSON(d))
		sent += d
		text, _ := saidBy(dst.String())
		switch missing := strings.TrimPrefix(englishNotice+NoticeSeparator+sent, textmark.Strip(text, key)); missing {
		case "":
		case " ":
			held++
		default:
			t.Fatalf("held back: %q", missing)
		}
	}
	if held == 0 {
		t.Fatal("no space was ever held, so the case that matters was not seen")
	}
}

// BenchmarkStreamWithTextMarks: one delta of a text that carries marks.
func BenchmarkStreamWithTextMarks(b *testing.B) {
	m := newTestMarker(b, func(o *Options) { o.Key = newTestKey(b) })
	var events [][]byte
	for _, d := range deltas(prose(400)) {
		events = append(events, []byte("data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"+quoteJSON(d)+"},\"finish_reason\":null}]}\n\n"))
	}
	w := m.NewWriter(context.Background(), io.Discard, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := w.Write(events[i%len(events)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
