package main

import (
	"fmt"
	"strings"

	"github.com/avowai/avow/disclose"
)

// A benchShape is one API shape: what is asked, a whole answer of some 1.4 KB,
// and one event of a stream.
type benchShape struct {
	name      string
	shape     disclose.Shape // of the stream
	path, ask string
	whole     string // "" where the shape is only streamed
	stream    string // media type
	event     func(text string) string
}

// chatRequest is a small first turn of a conversation.
const chatRequest = `{"model":"bench","messages":[{"role":"system","content":"You are helpful."},{"role":"user","content":"Tell me about lighthouses."}]}`

// prose is the text of every answer, longer than the threshold of text marks.
var prose = strings.TrimSpace(strings.Repeat("A lighthouse marks a coast and its lamp turns. ", 23))

const sse = "text/event-stream"

var benchShapes = []benchShape{
	{"openai_chat", disclose.ShapeOpenAIChat, "/v1/chat/completions", chatRequest, chatAnswer, sse, event},
	{"openai_responses", disclose.ShapeOpenAIResponses, "/v1/responses", `{"model":"bench","input":"Tell me about lighthouses."}`,
		fmt.Sprintf(`{"id":"resp_bench","object":"response","created_at":1795392000,"status":"completed","model":"bench","output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":%q,"annotations":[]}]}],"usage":{"input_tokens":19,"output_tokens":210,"total_tokens":229}}`, prose),
		sse, func(t string) string {
			return "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":17,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"" + t + "\"}\n\n"
		}},
	{"anthropic", disclose.ShapeAnthropic, "/v1/messages", `{"model":"bench","max_tokens":400,"messages":[{"role":"user","content":"Tell me about lighthouses."}]}`,
		fmt.Sprintf(`{"id":"msg_bench","type":"message","role":"assistant","model":"bench","content":[{"type":"text","text":%q}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":19,"output_tokens":210}}`, prose),
		sse, func(t string) string {
			return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" + t + "\"}}\n\n"
		}},
	{"gemini", disclose.ShapeGeminiStream, "/v1beta/models/bench:generateContent", `{"contents":[{"role":"user","parts":[{"text":"Tell me about lighthouses."}]}]}`,
		fmt.Sprintf(`{"candidates":[{"content":{"parts":[{"text":%q}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":19,"candidatesTokenCount":210,"totalTokenCount":229},"modelVersion":"bench","responseId":"r1"}`, prose),
		sse, func(t string) string {
			return `data: {"candidates":[{"content":{"parts":[{"text":"` + t + `"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":19},"modelVersion":"bench","responseId":"r1"}` + "\n\n"
		}},
	{"gemini, array", disclose.ShapeGeminiStream, "/v1beta/models/bench:streamGenerateContent", "", "", "application/json", func(t string) string {
		return `,{"candidates":[{"content":{"parts":[{"text":"` + t + `"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":19},"modelVersion":"bench","responseId":"r1"}` + "\r\n"
	}},
	{"ollama_chat", disclose.ShapeOllamaChat, "/api/chat", chatRequest,
		fmt.Sprintf(`{"model":"bench","created_at":"2026-11-23T10:00:00Z","message":{"role":"assistant","content":%q},"done":true,"done_reason":"stop","total_duration":5191566416,"eval_count":210}`, prose),
		"application/x-ndjson", func(t string) string {
			return `{"model":"bench","created_at":"2026-11-23T10:00:00.000000Z","message":{"role":"assistant","content":"` + t + `"},"done":false}` + "\n"
		}},
	{"ollama_generate", disclose.ShapeOllamaGenerate, "/api/generate", `{"model":"bench","prompt":"Tell me about lighthouses."}`,
		fmt.Sprintf(`{"model":"bench","created_at":"2026-11-23T10:00:00Z","response":%q,"done":true,"context":[1,2,3],"total_duration":5191566416}`, prose),
		"application/x-ndjson", func(t string) string {
			return `{"model":"bench","created_at":"2026-11-23T10:00:00.000000Z","response":"` + t + `","done":false}` + "\n"
		}},
	{"tgi", disclose.ShapeTGI, "/generate", `{"inputs":"Tell me about lighthouses."}`,
		fmt.Sprintf(`{"generated_text":%q}`, prose), sse, func(t string) string {
			return `data:{"index":17,"token":{"id":1234,"text":"` + t + `","logprob":-0.5,"special":false},"generated_text":null,"details":null}` + "\n\n"
		}},
	{"ui_message", disclose.ShapeUIMessage, "/api/ui", chatRequest, "", sse, func(t string) string {
		return `data: {"type":"text-delta","id":"0","delta":"` + t + `"}` + "\n\n"
	}},
}
