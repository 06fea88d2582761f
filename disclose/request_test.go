package disclose

import (
	"strings"
	"testing"
)

func TestHistoryRoundTrip(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Notices = map[string]string{"fr": "Ceci est une IA, et vous lui parlez."} })
	for _, own := range m.ownTexts.all {
		notice := own.text
		for _, quoted := range []string{quoteJSON(notice + "\n\nHi"), asciiJSON(notice + "\n\nHi")} {
			for _, content := range []string{quoted, `[{"type":"text","text":` + quoted + `}]`} {
				body := `{"model":"m","messages":[{"role":"user","content":"q"},{"content":` + content + `,"role":"assistant"},{"role":"user","content":"r"}],"x":1.0}`
				req := m.ReadRequest(ShapeOpenAIChat, []byte(body))
				want := strings.Replace(body, quoted, `"Hi"`, 1)
				turn := FirstTurn
				if own.is == NoticeInteraction {
					turn = LaterTurn
				}
				if string(req.Body) != want || req.Turn != turn || req.Given != own.is&noticesObserving || req.Model != "m" {
					t.Fatalf("got  %s\nwant %s (turn %v, given %v)", req.Body, want, req.Turn, req.Given.IDs())
				}
			}
		}
	}
}

func TestHistoryOfEveryShape(t *testing.T) {
	m := newTestMarker(t, nil)
	said := quoteJSON(englishNotice + "\n\nHi")
	for shape, body := range map[Shape]string{
		ShapeOpenAIResponses: `{"input":[{"role":"user","content":"q"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":` + said + `}]}]}`,
		ShapeAnthropic:       `{"messages":[{"role":"assistant","content":[{"type":"text","text":` + said + `}]},{"role":"user","content":"q"}]}`,
		ShapeGemini:          `{"contents":[{"role":"model","parts":[{"text":` + said + `}]},{"role":"user","parts":[{"text":"q"}]}]}`,
		ShapeUIMessage:       `{"id":"c","messages":[{"role":"assistant","parts":[{"type":"step-start"},{"type":"text","text":` + said + `}]},{"role":"user","parts":[]}]}`,
		ShapeAuto:            `{"messages":[{"role":"assistant","content":` + said + `}]}`,
		ShapeOllamaChat:      `{"messages":[{"role":"assistant","content":` + said + `}]}`,
	} {
		req := m.ReadRequest(shape, []byte(body))
		if want := strings.Replace(body, said, `"Hi"`, 1); string(req.Body) != want || req.Turn != LaterTurn {
			t.Errorf("%s: turn %v\n%s", shape, req.Turn, req.Body)
		}
	}
}

func TestHistoryLeavesOthersAlone(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, body := range []string{
		`{"messages":[{"role":"user","content":"` + englishNotice + `\n\nHi"}]}`,
		`{"messages":[{"role":"assistant","content":"So: ` + englishNotice + `\n\nHi"}]}`,
		`{"messages":[{"role":"assistant","content":"` + englishNotice + ` Hi"}]}`,
		`{"messages":[{"role":"assistant","content":null}]}`, `{"messages":`, `[]`, ``,
	} {
		req := m.ReadRequest(ShapeOpenAIChat, []byte(body))
		if string(req.Body) != body || req.Turn != FirstTurn || req.Choices != 1 {
			t.Errorf("%s: %+v", body, req)
		}
	}
}

func TestRequests(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, c := range []struct {
		shape Shape
		body  string
		want  Request
	}{
		{ShapeOpenAIChat, `{"response_format":{"type":"json_schema"}}`, Request{Constrained: ReasonJSONMode, Choices: 1}},
		{ShapeOpenAIChat, `{"response_format":{"type":"text"},"n":3}`, Request{Choices: 3}},
		{ShapeOpenAIChat, `{"n":100000}`, Request{Choices: maxChoices}},
		{ShapeOllamaChat, `{"format":"json"}`, Request{Constrained: ReasonJSONMode, Choices: 1}},
		{ShapeOllamaChat, `{"format":""}`, Request{Choices: 1}},
		{ShapeOllamaGenerate, `{"context":[1,2],"suffix":"}"}`, Request{Constrained: ReasonCode, Choices: 1, Turn: LaterTurn}},
		{ShapeOpenAILegacy, `{"prompt":"x"}`, Request{Constrained: ReasonCode, Choices: 1}},
		{ShapeOpenAIImages, `{"response_format":"url"}`, Request{URLOnly: true, Choices: 1}},
		{ShapeOpenAIChat, `{"logprobs":true}`, Request{NoFrames: ReasonOffsets, Choices: 1}},
		{ShapeOpenAIChat, `{"logprobs":false}`, Request{Choices: 1}},
		{ShapeOpenAIResponses, `{"text":{"format":{"type":"json_schema"}}}`, Request{Constrained: ReasonJSONMode, Choices: 1}},
		{ShapeOpenAIResponses, `{"text":{"format":{"type":"text"}},"include":["message.output_text.logprobs"]}`, Request{NoFrames: ReasonOffsets, Choices: 1}},
		{ShapeOpenAIResponses, `{"previous_response_id":"resp_1"}`, Request{Turn: LaterTurn, Choices: 1}},
		{ShapeOpenAIResponses, `{"conversation":{"id":"c"}}`, Request{Turn: LaterTurn, Choices: 1}},
		{ShapeOpenAIResponses, `{"previous_response_id":null,"input":"Hi"}`, Request{Choices: 1}},
		{ShapeOpenAIResponses, `{"input":[{"type":"item_reference","id":"msg_1"}]}`, Request{Turn: LaterTurn, Choices: 1}},
		{ShapeAnthropic, `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"{"}]}`, Request{Constrained: ReasonJSONMode, Choices: 1}},
		{ShapeAnthropic, `{"output_config":{"format":{"type":"json_schema"}}}`, Request{Constrained: ReasonJSONMode, Choices: 1}},
		{ShapeGemini, `{"generationConfig":{"responseMimeType":"application/json"}}`, Request{Constrained: ReasonJSONMode, Choices: 1}},
		{ShapeGeminiStream, `{"generationConfig":{"candidateCount":3}}`, Request{Choices: 3}},
		{ShapeTGI, `{"inputs":"q","parameters":{"details":true}}`, Request{NoFrames: ReasonOffsets, Choices: 1}},
		{ShapeTGI, `{"inputs":"q","parameters":{"grammar":{"type":"json"}}}`, Request{Constrained: ReasonJSONMode, Choices: 1}},
	} {
		got := m.ReadRequest(c.shape, []byte(c.body))
		got.Body = nil
		if got.Turn != c.want.Turn || got.Constrained != c.want.Constrained || got.Choices != c.want.Choices || got.URLOnly != c.want.URLOnly || got.NoFrames != c.want.NoFrames {
			t.Errorf("%s: %+v, want %+v", c.body, got, c.want)
		}
	}
}

// TestModelNames: a name goes into records for years, so no sentence passes for one.
func TestModelNames(t *testing.T) {
	for raw, want := range map[string]string{
		"hf.co/org/Llama-3.1-8B:Q4_K_M": "hf.co/org/Llama-3.1-8B:Q4_K_M", "a\\u0000b": "ab", "": "",
		"Ann Example, 12 Elm Street": "", "tell me\\na secret": "", "one\u00a0two": "",
	} {
		if got := modelName([]byte(raw)); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}
