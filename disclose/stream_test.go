package disclose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// Streams in the shapes that the APIs' documentation gives.
const chatStream = `data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Wörld"},"finish_reason":null}],"n":1.50}

data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" ends"},"finish_reason":null}]}

data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: [DONE]

`

const azureStream = `: a comment stays
data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}

event: message
id: 7
data: {"choices":[{"index":0,"delta":{"content":"Hi","role":"assistant"}}]}

data:{"choices":[{"index":0,"delta":{"content":"!"}}]}

data: [DONE]

`

const multiLineStream = "data: {\"choices\":\ndata: [{\"index\":0,\"delta\":{\"content\":\"two lines\"}}]}\n\ndata: [DONE]\n\n"

const ollamaStream = `{"model":"m","message":{"role":"assistant","content":"One"},"done":false}
{"model":"m","message":{"role":"assistant","content":" two"},"done":false}

{"model":"m","message":{"role":"assistant","content":""},"done":true,"total_duration":5191566416}
`

func TestStreamWithoutNotice(t *testing.T) {
	m := newTestMarker(t, nil)
	for name, out := range map[string]Output{
		"later turn": {Turn: LaterTurn},
		"json mode":  {Constrained: ReasonJSONMode},
	} {
		out.ContentType, out.Shape = "text/event-stream", ShapeOpenAIChat
		got, w, err := mark(t, m, out, chatStream, 0)
		if err != nil || strings.Contains(got, `"content":"`+englishNotice) || !strings.Contains(got, `"ai_disclosure"`) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		if res := w.Result(); out.Constrained != "" && (res.Outcome != OutcomePassed || res.Reason != ReasonJSONMode) {
			t.Errorf("%s: %v %v", name, res.Outcome, res.Reason)
		}
	}
}

func TestStreamOfToolCallsCarriesFieldOnly(t *testing.T) {
	m := newTestMarker(t, nil)
	stream := `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}` + "\n\n" +
		`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}` + "\n\ndata: [DONE]\n\n"
	got, w, err := mark(t, m, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat}, stream, 0)
	if err != nil || strings.Contains(got, `content":"You`) || !strings.Contains(got, `"ai_disclosure"`) {
		t.Fatalf("%v\n%s", err, got)
	}
	if res := w.Result(); res.Reason != ReasonToolCall || res.Outcome != OutcomePassed {
		t.Fatalf("result = %+v", res)
	}
}

func TestStreamOfSeveralChoices(t *testing.T) {
	m := newTestMarker(t, nil)
	event := func(i int, text string) string {
		return fmt.Sprintf("data: {\"choices\":[{\"index\":%d,\"delta\":{\"content\":%q}}]}\n\n", i, text)
	}
	stream := event(1, "b") + event(0, "a") + event(1, "c") + "data: [DONE]\n\n"
	got, _, err := mark(t, m, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat, Choices: 2}, stream, 0)
	if err != nil || strings.Count(got, `"content":"`+englishNotice) != 2 || !strings.Contains(got, `"content":"c"`) {
		t.Fatalf("%v\n%s", err, got)
	}
}

func TestUnframedStreamHasToEnd(t *testing.T) {
	m := newTestMarker(t, nil)
	out := Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat, Unframed: true}
	if _, _, err := mark(t, m, out, chatStream, 7); err != nil {
		t.Fatalf("whole stream: %v", err)
	}
	cut := strings.Index(chatStream, `"stop"`)
	got, w, err := mark(t, m, out, chatStream[:cut], 7)
	if !errors.Is(err, ErrTruncated) {
		t.Fatalf("cut stream: %v, want ErrTruncated", err)
	}
	if strings.Contains(got, "[DONE]") || w.Result().Outcome != OutcomeWithheld {
		t.Fatalf("an ending was invented: %s", got)
	}
}

func TestUpstreamFieldIsReplaced(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, payload := range []string{
		`{"ai_disclosure":{"id":"forged"},"choices":[{"message":{"content":"x"}}]}`,
		`{"choices":[{"message":{"content":"x"}}],"ai_disclosure":"forged"}`,
		`{"choices":[{"message":{"content":"x"}}] , "ai_disclosure":1,"\u0061i_disclosure":"forged"}`,
		`{"ai_disclosure":1,"choices":[{"message":{"content":"x"}}],"ai_disclosure":"forged"}`,
	} {
		got, _, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, payload, 0)
		if err != nil || strings.Contains(got, "forged") || strings.Count(got, "_disclosure") != 1 {
			t.Errorf("%s: %v\n%s", payload, err, got)
		}
		if readOK(got) != nil {
			t.Errorf("%s: no JSON any more: %s", payload, got)
		}
	}
}

func TestTwoHopsGiveOneNotice(t *testing.T) {
	m := newTestMarker(t, nil)
	out := Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat}
	once, _, _ := mark(t, m, out, chatStream, 0)
	twice, w, err := mark(t, m, out, once, 0)
	if err != nil || strings.Count(twice, `"content":"`+englishNotice) != 1 || strings.Count(twice, fieldName) != 1 {
		t.Fatalf("%v\n%s", err, twice)
	}
	if !w.Result().Notice {
		t.Error("the notice of the hop before does not count")
	}
}

func TestEventOverTheLimit(t *testing.T) {
	big := `data: {"type":"content_block_delta","index":9,"delta":{"type":"text_delta","text":"` + strings.Repeat("x", 5000) + `"}}` + "\n\n"
	stream := big + anthropicStream
	for profile, want := range map[Profile]bool{Strict: false, Standard: true} {
		m := newTestMarker(t, func(o *Options) { o.MaxHeld, o.Profile = 1000, profile })
		got, w, err := mark(t, m, Output{ContentType: "text/event-stream", Shape: ShapeAnthropic}, stream, 100)
		if (err == nil) != want {
			t.Errorf("%v: %v", profile, err)
		}
		if want && (!strings.HasPrefix(got, big) || !strings.Contains(got, `"`+englishNotice+`\n\nWörld`) || w.Result().Outcome != OutcomeDegraded) {
			t.Errorf("%v: %+v\n%s", profile, w.Result(), got)
		}
	}
}

func BenchmarkStreamAfterSplice(b *testing.B) {
	m := newTestMarker(b, nil)
	w := m.NewWriter(context.Background(), io.Discard, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat})
	event := []byte(`data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" ends"},"finish_reason":null}]}` + "\n\n")
	_, _ = w.Write(event)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Write(event); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTextCannotImitateTheEndOfAStream(t *testing.T) {
	m := newTestMarker(t, nil)
	cut := `data: {"choices":[{"index":0,"delta":{"content":"[DONE] \"finish_reason\":\"stop\" \ndata: [DONE]"}}]}` + "\n\n"
	for _, turn := range []Turn{FirstTurn, LaterTurn} {
		out := Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat, Unframed: true, Turn: turn}
		if _, _, err := mark(t, m, out, cut, 9); !errors.Is(err, ErrTruncated) {
			t.Errorf("turn %d: %v, want ErrTruncated", turn, err)
		}
		if _, _, err := mark(t, m, out, cut+"data: [DONE]\n\n", 9); err != nil {
			t.Errorf("turn %d, whole: %v", turn, err)
		}
	}
	two := `data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}` + "\n\n"
	out := Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat, Unframed: true, Choices: 2}
	if _, _, err := mark(t, m, out, two, 0); !errors.Is(err, ErrTruncated) {
		t.Errorf("one of two choices ended: %v, want ErrTruncated", err)
	}
}

func TestStreamedImagesDoNotLeaveUnmarkedUnderStrict(t *testing.T) {
	stream := "event: image_generation.completed\ndata: {\"b64_json\":\"AAAA\"}\n\n"
	for _, profile := range []Profile{Strict, Standard} {
		m := newTestMarker(t, func(o *Options) { o.Key, o.Profile = newTestKey(t), profile })
		got, w, err := mark(t, m, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIImages}, stream, 0)
		if profile == Strict && (err == nil || got != "") {
			t.Errorf("strict: %v, %q", err, got)
		}
		if value := OutcomeValue(w.Result()); profile == Standard && (withoutSplices(m, Output{}, got) != stream || value != "degraded; missing=image_mark,metadata") {
			t.Errorf("standard: %v, %s", err, value)
		}
	}
}

func TestRequiredNoticeIsNotLeftOut(t *testing.T) {
	m := newTestMarker(t, nil)
	require := NewCarrierSet(CarrierNotice)
	for name, out := range map[string]Output{
		"json mode": {ContentType: "application/json", Shape: ShapeOpenAIChat, Constrained: ReasonJSONMode},
		"legacy":    {ContentType: "application/json", Shape: ShapeOpenAILegacy},
		"unknown":   {ContentType: "application/json", Shape: ShapeUnknown},
	} {
		out.Require = require
		got, _, err := mark(t, m, out, chatAnswer, 0)
		var held *Withheld
		if !errors.As(err, &held) || held.Hint == "" || got != "" {
			t.Errorf("%s: %v, %q", name, err, got)
		}
	}
}
