package disclose

import "testing"

// TestServersOwnGrammarsAreKept: what binds an answer to a form has a name of
// its own in each server, and what lists an answer's tokens, too.
func TestServersOwnGrammarsAreKept(t *testing.T) {
	m := newTestMarker(t, nil)
	for body, want := range map[string]Reason{
		`{"guided_json":{"type":"object"}}`:         ReasonJSONMode,
		`{"guided_choice":["a","b"]}`:               ReasonJSONMode,
		`{"structured_outputs":{"regex":"a+"}}`:     ReasonJSONMode,
		`{"grammar":"root ::= \"a\""}`:              ReasonJSONMode,
		`{"json_schema":{"type":"object"},"n":1}`:   ReasonJSONMode,
		`{"regex":"a+"}`:                            ReasonJSONMode,
		`{"grammar":"","guided_json":null,"n":1}`:   ReasonNone,
		`{"response_format":{"type":"text"},"n":1}`: ReasonNone,
	} {
		if got := m.ReadRequest(ShapeOpenAIChat, []byte(body)).Constrained; got != want {
			t.Errorf("%s: constrained %q, want %q", body, got, want)
		}
	}
	if got := m.ReadRequest(ShapeOllamaChat, []byte(`{"logprobs":true}`)).NoFrames; got != ReasonOffsets {
		t.Errorf("ollama: %q", got)
	}
	if got := m.ReadRequest(ShapeGemini, []byte(`{"generation_config":{"response_logprobs":true}}`)).NoFrames; got != ReasonOffsets {
		t.Errorf("gemini: %q", got)
	}
}
