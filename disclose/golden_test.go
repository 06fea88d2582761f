package disclose

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// Streams in the shapes that the APIs' documentation and sources give. Those of
// TGI, Automatic1111, Imagen, Replicate and Stability were written from the
// projects' own descriptions and not recorded from a running service.

const legacyStream = `data: {"id":"cmpl-1","object":"text_completion","choices":[{"text":"def ","index":0,"logprobs":null,"finish_reason":null}]}

data: [DONE]

`

const responsesStream = `event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","output":[]}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant"}}

event: response.content_part.added
data: {"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"text":""}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Wör"}

event: response.output_text.delta
data: {"delta":"ld.","type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0}

event: response.output_text.annotation.added
data: {"type":"response.output_text.annotation.added","sequence_number":5,"output_index":0,"content_index":0,"annotation":{"type":"url_citation","start_index":0,"end_index":5}}

event: response.output_text.done
data: {"type":"response.output_text.done","sequence_number":6,"item_id":"msg_1","output_index":0,"content_index":0,"text":"Wörld."}

event: response.content_part.done
data: {"type":"response.content_part.done","sequence_number":7,"item_id":"msg_1","part":{"type":"output_text","annotations":[{"type":"url_citation","start_index":0,"end_index":5}],"text":"Wörld."},"output_index":0,"content_index":0}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":8,"output_index":0,"item":{"id":"msg_1","content":[{"type":"output_text","annotations":[],"text":"Wörld."}],"type":"message","status":"completed","role":"assistant"}}

event: response.completed
data: {"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","object":"response","status":"completed","output":[{"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"text":"Wörld."}],"role":"assistant"}],"usage":{"total_tokens":3}}}

`

const anthropicStream = `event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"usage":{"input_tokens":3}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"index":1,"type":"content_block_delta","delta":{"text":"Wörld","type":"text_delta"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" ends"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}

event: message_stop
data: {"type":"message_stop"}

`

const geminiSSE = `data: {"candidates":[{"content":{"parts":[{"text":"Hm","thought":true},{"text":"Wörld"}],"role":"model"},"index":0}],"responseId":"r1"}

data: {"candidates":[{"content":{"parts":[{"text":" ends.","thoughtSignature":"CsE="}],"role":"model"},"finishReason":"STOP","index":0,"groundingMetadata":{"groundingSupports":[{"segment":{"endIndex":6,"text":"Wörld"},"groundingChunkIndices":[0]}]}}],"usageMetadata":{"totalTokenCount":9}}

`

const geminiArray = "[{\n  \"candidates\": [{\"content\": {\"parts\": [{\"text\": \"W\\u00f6rld }] \\\" [\"}], \"role\": \"model\"}}],\n  \"responseId\": \"r1\"\n}\n,\r\n" +
	"{\n  \"candidates\": [{\"content\": {\"parts\": [{\"text\": \" ends.\"}]}, \"finishReason\": \"STOP\"}]\n}\n]\n"

const tgiStream = `data:{"index":1,"token":{"id":42,"text":"Wör","logprob":-0.5,"special":false},"generated_text":null,"details":null}

data:{"index":2,"token":{"id":43,"text":"ld","logprob":-0.5,"special":false},"generated_text":null,"details":null}

data:{"index":3,"generated_text":"Wörld","token":{"id":2,"text":"</s>","logprob":-0.1,"special":true},"details":null}

`

const uiStream = `data: {"type":"start","messageId":"m1"}

data: {"type":"start-step"}

data: {"type":"reasoning-delta","id":"r","delta":"Hm"}

data: {"type":"text-start","id":"0"}

data: {"type":"text-delta","id":"0","delta":"Wörld"}

data: {"type":"text-delta","delta":" ends","id":"0"}

data: {"type":"text-end","id":"0"}

data: {"type":"finish"}

data: [DONE]

`

// golden is one stream and what is to be found in it.
type golden struct {
	name, contentType string
	shape             Shape
	text              string
	first             string // the first generated text, "" where no notice is due
	notices           int    // 0 means 1
}

var goldenStreams = []golden{
	{"sse/openai-chat", "text/event-stream", ShapeOpenAIChat, chatStream, "Wörld", 1},
	{"sse/azure", "text/event-stream; charset=utf-8", ShapeOpenAIChat, azureStream, "Hi", 1},
	{"sse/multi-line", "text/event-stream", ShapeOpenAIChat, multiLineStream, "two lines", 1},
	{"sse/openai-completions", "text/event-stream", ShapeOpenAILegacy, legacyStream, "", 0},
	{"sse/openai-responses", "text/event-stream", ShapeOpenAIResponses, responsesStream, "Wör", 5},
	{"sse/anthropic", "text/event-stream; charset=utf-8", ShapeAnthropic, anthropicStream, "Wörld", 1},
	{"sse/gemini", "text/event-stream", ShapeGeminiStream, geminiSSE, "Wörld", 1},
	{"array/gemini", "application/json; charset=UTF-8", ShapeGeminiStream, geminiArray, `W\u00f6rld`, 1},
	{"sse/tgi", "text/event-stream", ShapeTGI, tgiStream, "Wör", 2},
	{"sse/ui-message", "text/event-stream", ShapeUIMessage, uiStream, "Wörld", 1},
	{"ndjson/ollama-chat", "application/x-ndjson", ShapeOllamaChat, ollamaStream, "One", 1},
	{"ndjson/ollama-generate", "application/x-ndjson", ShapeOllamaGenerate,
		`{"response":"One","done":false}` + "\n" + `{"response":"","done":true,"context":[1,2]}`, "One", 1},
}

func (g golden) output() Output { return Output{ContentType: g.contentType, Shape: g.shape} }

// endings gives the stream as servers may write it.
func (g golden) endings() map[string]string {
	all := map[string]string{"lf": g.text, "crlf": strings.ReplaceAll(g.text, "\n", "\r\n"), "bom": "\ufeff" + g.text}
	if strings.HasPrefix(g.name, "array/") {
		all["crlf"] = strings.ReplaceAll(strings.ReplaceAll(g.text, "\r\n", "\n"), "\n", "\r\n")
	}
	return all
}

func TestStreams(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, g := range goldenStreams {
		for ending, text := range g.endings() {
			want, w, err := mark(t, m, g.output(), text, 0)
			if err != nil {
				t.Fatalf("%s/%s: %v", g.name, ending, err)
			}
			if g.first != "" && !strings.Contains(want, `"`+englishNotice+`\n\n`+g.first) && !strings.Contains(want, ` "`+englishNotice+`\n\n`+g.first) {
				t.Errorf("%s/%s: the notice does not stand before the first text:\n%s", g.name, ending, want)
			}
			if n := strings.Count(want, `"`+englishNotice+`\n\n`); n != g.notices {
				t.Errorf("%s/%s: %d notices, want %d:\n%s", g.name, ending, n, g.notices, want)
			}
			if n := strings.Count(want, `ai_disclosure"`); n != 1 {
				t.Errorf("%s/%s: %d fields, want 1", g.name, ending, n)
			}
			if res := w.Result(); g.first != "" && (res.Outcome != OutcomeMarked || !res.Notice) {
				t.Errorf("%s/%s: %+v", g.name, ending, res)
			}
			if got := unshifted(withoutSplices(m, g.output(), want)); got != unshifted(text) {
				t.Errorf("%s/%s: bytes outside the splices changed:\n%q\n%q", g.name, ending, got, text)
			}
			for n := 1; n < 40; n++ {
				if got, _, _ := mark(t, m, g.output(), text, n); got != want {
					t.Fatalf("%s/%s/chunk-%d: differs from the whole:\n%q\n%q", g.name, ending, n, got, want)
				}
			}
		}
	}
}

// unshifted undoes the shift of the golden streams' offsets.
func unshifted(text string) string {
	return strings.NewReplacer(`"start_index":53`, `"start_index":0`, `"end_index":58`, `"end_index":5`,
		`"startIndex":53,`, ``, `"endIndex":59`, `"endIndex":6`).Replace(text)
}

func TestStreamsAtEverySplitPoint(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, g := range goldenStreams {
		out := g.output()
		want, _, _ := mark(t, m, out, g.text, 0)
		out.Label.ID = testID
		for i := range len(g.text) {
			var dst strings.Builder
			w := m.NewWriter(context.Background(), &dst, out)
			_, _ = w.Write([]byte(g.text[:i]))
			_, _ = w.Write([]byte(g.text[i:]))
			if err := w.Close(); err != nil || dst.String() != want {
				t.Fatalf("%s split at %d: %v\n%q", g.name, i, err, dst.String())
			}
		}
	}
}

// TestUnframedStreamsHaveToEnd: a stream cut before its end is never whole.
func TestUnframedStreamsHaveToEnd(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, g := range goldenStreams {
		if g.name == "sse/multi-line" {
			continue // ends like the others
		}
		out := g.output()
		out.Unframed = true
		if _, _, err := mark(t, m, out, g.text, 7); err != nil {
			t.Errorf("%s: whole stream: %v", g.name, err)
		}
		cut := strings.Index(g.text, g.first) + len(g.first)
		if _, _, err := mark(t, m, out, g.text[:cut], 7); err == nil {
			t.Errorf("%s: cut stream counts as whole", g.name)
		}
	}
}

func TestStreamsOfALaterTurnKeepTheirText(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, g := range goldenStreams {
		out := g.output()
		out.Turn = LaterTurn
		got, _, err := mark(t, m, out, g.text, 0)
		if err != nil || strings.Contains(got, englishNotice+`\n\n`) || withoutSplices(m, out, got) != g.text {
			t.Errorf("%s: %v\n%s", g.name, err, got)
		}
	}
}

// wholeAnswers are answers that are not streamed, each with its first text.
var wholeAnswers = []golden{
	{"responses", "application/json", ShapeOpenAIResponses, `{"id":"resp_1","object":"response","output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm"}]},{"type":"message","content":[{"type":"refusal","refusal":"no"},{"type":"output_text","text":"Hi","annotations":[]}],"role":"assistant"}]}`, "Hi", 1},
	{"anthropic", "application/json", ShapeAnthropic, `{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"x"},{"type":"text","text":"Hi"}],"stop_reason":"end_turn"}`, "Hi", 1},
	{"gemini", "application/json", ShapeGemini, `{"candidates":[{"content":{"parts":[{"text":"Hm","thought":true},{"text":"Hi"}]}},{"index":1,"content":{"parts":[{"text":"Ho"}]}}]}`, "Hi", 2},
	{"tgi", "application/json", ShapeTGI, `{"generated_text":"Hi","details":{"tokens":[{"text":"Hi"}]}}`, "Hi", 1},
	{"chat parts", "application/json", ShapeOpenAIChat, `{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"Hi"}]}}]}`, "Hi", 1},
	{"ollama generate", "application/json", ShapeOllamaGenerate, `{"response":"Hi","thinking":"Hm","done":true}`, "Hi", 1},
	{"replicate", "application/json", ShapeReplicate, `{"id":"p1","input":{"prompt":"q"},"output":["Hi"," there"],"status":"succeeded"}`, "Hi", 1},
	{"mcp", "application/json", ShapeMCP, `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{}"}],"structuredContent":{}}}`, "", 0},
	{"mcp with metadata", "application/json", ShapeMCP, `{"result":{"_meta":{"a":1},"content":[]}}`, "", 0},
}

func TestWholeAnswers(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, g := range wholeAnswers {
		out := g.output()
		out.Choices = 2
		got, w, err := mark(t, m, out, g.text, 5)
		if err != nil || !json.Valid([]byte(got)) {
			t.Errorf("%s: %v\n%s", g.name, err, got)
			continue
		}
		if n := strings.Count(got, `"`+englishNotice+`\n\n`); n != g.notices || g.first != "" && !strings.Contains(got, `"`+englishNotice+`\n\n`+g.first) {
			t.Errorf("%s: %d notices\n%s", g.name, n, got)
		}
		if n := strings.Count(got, `ai_disclosure":{`); n != 1 || withoutSplices(m, out, got) != g.text {
			t.Errorf("%s: %d fields\n%s", g.name, n, got)
		}
		if res := w.Result(); res.Outcome != OutcomeMarked && g.first != "" {
			t.Errorf("%s: %+v", g.name, res)
		}
	}
}

// TestInspectGoldenStreams: what is put into every shape is found again, in a
// saved answer whose shape nothing tells.
func TestInspectGoldenStreams(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, g := range append(goldenStreams, wholeAnswers...) {
		out, _, err := mark(t, m, g.output(), g.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		r := mustInspect(t, DetectorOptions{}, []byte(out), Source{ContentType: g.contentType})
		if f := finding(r, CarrierField); f.Status != Present || f.ID != testID.String() {
			t.Errorf("%s: field %+v", g.name, f)
		}
		if f := finding(r, CarrierNotice); g.first != "" && g.shape != ShapeReplicate && f.Status != Present {
			t.Errorf("%s: notice %+v\n%s", g.name, f, out)
		}
		plain := mustInspect(t, DetectorOptions{}, []byte(g.text), Source{ContentType: g.contentType})
		if plain.Verdict != Absent {
			t.Errorf("%s unmarked: %s %s", g.name, plain.Verdict, plain.Reason)
		}
	}
}
