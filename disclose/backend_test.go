package disclose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avowai/avow/internal/jsonscan"
)

var (
	vllmOnly    = BackendMark{Kind: BackendVLLM}
	sglangOnly  = BackendMark{Kind: BackendSGLang}
	tgiOnly     = BackendMark{Kind: BackendTGI}
	vllmForce   = BackendMark{Kind: BackendVLLM, Force: true, TokenIDs: true}
	sglangForce = BackendMark{Kind: BackendSGLang, Force: true, TokenIDs: true}
	tgiIDs      = BackendMark{Kind: BackendTGI, TokenIDs: true}
)

// backendEdits are requests before and after; out is "" where it is in.
var backendEdits = []backendEdit{
	{"vllm/on", `{"messages":[]}`, `{"watermarking":true,"messages":[]}`, vllmOnly, []RequestChange{ChangeMarkOn}},
	{"vllm/empty", ` { } `, ` {"watermarking":true } `, vllmOnly, []RequestChange{ChangeMarkOn}},
	{"vllm/already", `{"messages":[],"watermarking":true}`, "", vllmOnly, nil},
	{"vllm/null", `{"watermarking":null}`, `{"watermarking":true}`, vllmOnly, []RequestChange{ChangeMarkOn}},
	{"vllm/opt out", `{"a": 1.0e0, "watermarking" : false }`, `{"a": 1.0e0, "watermarking" : true }`, vllmOnly, []RequestChange{ChangeOptOut}},
	{"vllm/opt out, lenient", `{"watermarking":"off"}`, `{"watermarking":true}`, vllmOnly, []RequestChange{ChangeOptOut}},
	{"vllm/opt out, escaped", `{"watermark\u0069ng":0}`, `{"watermark\u0069ng":true}`, vllmOnly, []RequestChange{ChangeOptOut}},
	{"vllm/opt out, twice", `{"watermarking":true,"watermarking":false}`, `{"watermarking":true,"watermarking":true}`, vllmOnly, []RequestChange{ChangeOptOut}},
	{"vllm/ids", `{"prompt":"x","watermarking":true}`, `{"return_token_ids":true,"prompt":"x","watermarking":true}`, vllmForce, []RequestChange{ChangeTokenIDs}},
	{"vllm/ids refused", `{"prompt":"x","watermarking":true,"return_token_ids":false}`, `{"prompt":"x","watermarking":true,"return_token_ids":true}`, vllmForce, []RequestChange{ChangeTokenIDs}},
	{"vllm/ids already", `{"prompt":"x","watermarking":true,"return_token_ids":true}`, "", vllmForce, nil},
	{"vllm/both", `{}`, `{"watermarking":true,"return_token_ids":true}`, vllmForce, []RequestChange{ChangeMarkOn, ChangeTokenIDs}},
	{"vllm/greedy", `{"watermarking":true,"temperature":0}`, "", vllmOnly, []RequestChange{WarnSampling}},
	{"vllm/greedy, forced", `{"watermarking":true,"temperature":0}`, `{"watermarking":true,"temperature":0.7}`, BackendMark{Kind: BackendVLLM, Force: true}, []RequestChange{ChangeSampling}},
	{"vllm/greedy, marked by sbw", `{"watermarking":true,"temperature":0,"top_k":1}`, "", BackendMark{Kind: BackendVLLM, Force: true, Greedy: true}, nil},
	{"vllm/temperature", `{"watermarking":true,"temperature":"0.0"}`, `{"watermarking":true,"temperature":1.25}`, BackendMark{Kind: BackendVLLM, Force: true, Temperature: 1.25}, []RequestChange{ChangeSampling}},
	{"vllm/narrow", `{"watermarking":true,"top_k":1,"top_p":1e-9,"min_p":1}`, `{"watermarking":true,"top_k":null,"top_p":1,"min_p":0}`, BackendMark{Kind: BackendVLLM, Force: true}, []RequestChange{ChangeSampling}},
	{"vllm/wide", `{"watermarking":true,"temperature":0.01,"top_k":2,"top_p":0.01,"min_p":0.99,"seed":1,"n":3}`, "", BackendMark{Kind: BackendVLLM, Force: true}, nil},
	{"vllm/beam", `{"watermarking":true,"use_beam_search":true}`, "", vllmOnly, []RequestChange{WarnBeamSearch}},
	{"vllm/beam, forced", `{"watermarking":true,"use_beam_search":true}`, `{"watermarking":true,"use_beam_search":false}`, BackendMark{Kind: BackendVLLM, Force: true}, []RequestChange{ChangeBeamSearch}},
	{"vllm/no beam", `{"watermarking":true,"use_beam_search":false,"logits_processors":null}`, "", vllmOnly, nil},
	{"vllm/processors", `{"watermarking":true,"logits_processors":["x.y"]}`, "", vllmOnly, []RequestChange{WarnLogitsProcessor}},
	{"vllm/tokens in and out", `{"token_ids":[1],"sampling_params":{"temperature":0,"trace_decode_token_ids":[5]}}`,
		`{"token_ids":[1],"sampling_params":{"watermarking":true,"temperature":0.7,"trace_decode_token_ids":null}}`, vllmForce, []RequestChange{ChangeSampling, ChangeReplay, ChangeMarkOn}},
	{"vllm/stray sampling_params", `{"messages":[],"sampling_params":{"watermarking":false}}`,
		`{"watermarking":true,"return_token_ids":true,"messages":[],"sampling_params":{"watermarking":true}}`, vllmForce, []RequestChange{ChangeOptOut, ChangeMarkOn, ChangeTokenIDs}},
	{"vllm/own route, twice", `{"sampling_params":{},"sampling_params":{"n":1}}`, `{"sampling_params":{"watermarking":true},"sampling_params":{"watermarking":true,"n":1}}`, vllmOnly, []RequestChange{ChangeMarkOn}},
	{"vllm/inside a message", `{"watermarking":true,"messages":[{"content":"x","watermarking":false,"temperature":0}]}`, "", vllmOnly, nil},

	{"sglang/on", `{"messages":[]}`, `{"watermark":{"enabled":true},"messages":[]}`, sglangOnly, []RequestChange{ChangeMarkOn}},
	{"sglang/already", `{"watermark": {"enabled" : true}}`, "", sglangOnly, nil},
	{"sglang/opt out", `{"watermark":{"enabled":false}}`, `{"watermark":{"enabled":true}}`, sglangOnly, []RequestChange{ChangeOptOut}},
	{"sglang/no object", `{"watermark":false}`, `{"watermark":{"enabled":true}}`, sglangOnly, []RequestChange{ChangeOptOut}},
	{"sglang/null", `{"watermark":null}`, `{"watermark":{"enabled":true}}`, sglangOnly, []RequestChange{ChangeMarkOn}},
	{"sglang/empty", `{"watermark":{}}`, `{"watermark":{"enabled":true}}`, sglangOnly, []RequestChange{ChangeMarkOn}},
	{"sglang/own key", `{"watermark":{"enabled":true,"key":"ff"}}`, `{"watermark":{"enabled":true}}`, sglangOnly, []RequestChange{ChangeMarkSettings}},
	{"sglang/both ways", `{"watermark":{"enabled":true,"enabled":false,"context_window":1}}`, `{"watermark":{"enabled":true}}`, sglangOnly, []RequestChange{ChangeOptOut, ChangeMarkSettings}},
	{"sglang/own route", `{"text":"x","sampling_params":{"top_k":1}}`, `{"text":"x","sampling_params":{"watermark":{"enabled":true},"top_k":-1}}`, sglangForce, []RequestChange{ChangeSampling, ChangeMarkOn}},
	{"sglang/own route, batch", `{"text":["x","y"],"sampling_params":[{"watermark":{"enabled":false}},{}, 7]}`,
		`{"text":["x","y"],"sampling_params":[{"watermark":{"enabled":true}},{"watermark":{"enabled":true}}, 7]}`, sglangForce, []RequestChange{ChangeOptOut, ChangeMarkOn}},
	{"sglang/own route, plain", `{"text":"x"}`, `{"watermark":{"enabled":true},"text":"x"}`, sglangForce, []RequestChange{ChangeMarkOn}},
	{"sglang/streamed chat", `{"stream":true,"messages":[],"watermark":{"enabled":true}}`, "", sglangForce, []RequestChange{WarnTokenIDs}},
	{"sglang/streamed completion", `{"stream":true,"prompt":"x","watermark":{"enabled":true}}`, `{"return_token_ids":true,"stream":true,"prompt":"x","watermark":{"enabled":true}}`, sglangForce, []RequestChange{ChangeTokenIDs}},
	{"sglang/processor", `{"watermark":{"enabled":true},"custom_logit_processor":"x"}`, `{"watermark":{"enabled":true},"custom_logit_processor":null}`, sglangForce, []RequestChange{ChangeLogitsProcessor}},

	{"tgi/on", `{"inputs":"x"}`, `{"parameters":{"watermark":true},"inputs":"x"}`, tgiOnly, []RequestChange{ChangeMarkOn}},
	{"tgi/in parameters", `{"inputs":"x","parameters":{"top_k":1}}`, `{"inputs":"x","parameters":{"watermark":true,"top_k":1}}`, tgiOnly, []RequestChange{ChangeMarkOn}},
	{"tgi/opt out", `{"inputs":"x","parameters":{"watermark":false}}`, `{"inputs":"x","parameters":{"watermark":true}}`, tgiOnly, []RequestChange{ChangeOptOut}},
	{"tgi/null", `{"inputs":"x","parameters":null}`, `{"inputs":"x","parameters":{"watermark":true,"details":true}}`, tgiIDs, []RequestChange{ChangeMarkOn, ChangeTokenIDs}},
	{"tgi/details", `{"inputs":"x","parameters":{"details":false,"watermark":true}}`, `{"inputs":"x","parameters":{"details":true,"watermark":true}}`, tgiIDs, []RequestChange{ChangeTokenIDs}},
	{"tgi/openai route", `{"messages":[],"parameters":{"watermark":false}}`, "", tgiIDs, []RequestChange{WarnRoute}},
}

type backendEdit struct {
	name, in, out string
	mark          BackendMark
	changes       []RequestChange
}

func TestBackendEdit(t *testing.T) {
	for _, c := range backendEdits {
		t.Run(c.name, func(t *testing.T) {
			want := c.out
			if want == "" {
				want = c.in
			}
			got, changes, err := c.mark.Edit([]byte(c.in))
			if err != nil || string(got) != want || !slices.Equal(changes, c.changes) {
				t.Fatalf("got  %s %v, %v\nwant %s %v", got, changes, err, want, c.changes)
			}
			if err := c.mark.Check(); err != nil {
				t.Fatal(err)
			}
			// What was edited needs no second edit.
			again, rest, err := c.mark.Edit(got)
			if err != nil || !bytes.Equal(again, got) || slices.ContainsFunc(rest, func(c RequestChange) bool { return !c.Warning() }) {
				t.Fatalf("again: %s %v, %v, want no change", again, rest, err)
			}
		})
	}
}

// Whatever a lenient backend takes for a greedy setting is found, and nothing
// that leaves a choice is touched.
func TestBackendReadsNumbersLeniently(t *testing.T) {
	mark := BackendMark{Kind: BackendVLLM}
	for text, greedy := range map[string]bool{
		`0`: true, `-0.0`: true, `0e9`: true, `1e-400`: true, `0.009`: true, `"0"`: true, `" 0 "`: true, `false`: true,
		`"nan"`: true, `"zero"`: true, `[]`: true, `{}`: true, `"0.7` + strings.Repeat("0", 80) + `e-400"`: true,
		`0.01`: false, `0.7`: false, `2`: false, `1e400`: false, `"0.5"`: false, `true`: false, `null`: false, `-1`: false,
	} {
		_, changes, err := mark.Edit([]byte(`{"watermarking":true,"temperature":` + text + `}`))
		if err != nil || slices.Contains(changes, WarnSampling) != greedy {
			t.Errorf("temperature %s: %v, %v, want greedy %v", text, changes, err, greedy)
		}
	}
}

func TestBackendRefuses(t *testing.T) {
	for _, body := range []string{"", " ", "null", "[]", `"x"`, "{", `{"a"}`, `{"a":1}x`, `{"temperature":`, `{"watermarking":fal`, "\x1f\x8b\x08", `{"watermarking":NaN}`, strings.Repeat(`{"a":`, 600)} {
		for _, mark := range []BackendMark{vllmForce, sglangForce, tgiIDs} {
			out, changes, err := mark.Edit([]byte(body))
			if !errors.Is(err, ErrRequestBody) || out != nil || changes != nil {
				t.Errorf("%s %.40q: %s %v %v, want ErrRequestBody", mark.Kind, body, out, changes, err)
			}
		}
	}
	batch := `{"sampling_params":[{}` + strings.Repeat(`,{}`, maxParams) + `]}`
	if _, _, err := sglangForce.Edit([]byte(batch)); !errors.Is(err, ErrRequestBody) || !strings.Contains(err.Error(), "smaller batches") {
		t.Errorf("a batch of %d: %v, want ErrRequestBody and what to do", maxParams+1, err)
	}
	for _, mark := range []BackendMark{
		{}, {Kind: "triton"}, {Kind: BackendVLLM, Temperature: 3}, {Kind: BackendVLLM, Temperature: 0.001},
		{Kind: BackendVLLM, Temperature: math.NaN()}, {Kind: BackendSGLang, Greedy: true},
	} {
		if _, _, err := mark.Edit([]byte(`{}`)); !errors.Is(err, ErrBackend) || !errors.Is(mark.Check(), ErrBackend) {
			t.Errorf("%+v: %v, want ErrBackend", mark, err)
		}
	}
}

func TestRequestChangesAreClosed(t *testing.T) {
	seen := map[RequestChange]bool{}
	for _, c := range RequestChanges() {
		if seen[c] || c == "" || strings.ToLower(string(c)) != string(c) {
			t.Errorf("change %q is no metric label of its own", c)
		}
		seen[c] = true
		if c.Warning() != strings.HasPrefix(string(c), "warn_") {
			t.Errorf("%q: warning %v", c, c.Warning())
		}
	}
	if len(seen) != 15 {
		t.Errorf("%d changes, want 15", len(seen))
	}
}

// Between the edits every byte of the client's is still there, in its order: the
// body with all edited members taken out is the same before and after.
func TestBackendKeepsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfN(rapid.SampledFrom([]string{
			`"messages" : [ {"role":"user","content":"\ud83d\ude00 <&>"} ]`, `"x":1.0E+2`, `"x":123456789012345678901234567890`,
			`"stream":true`, `"prompt":"\u0041"`, `"inputs":"i"`, `"n":2`,
		}), 0, 6).Draw(t, "members")
		touched := rapid.SampledFrom([]string{``, `"watermarking":false`, `"temperature":0`, `"return_token_ids":0`, `"watermark":{}`}).Draw(t, "touched")
		if touched != "" {
			members = append(members, touched)
		}
		body := "{ " + strings.Join(members, " ,\n") + "\t}\r\n"
		kind := rapid.SampledFrom([]BackendKind{BackendVLLM, BackendSGLang, BackendTGI}).Draw(t, "kind")
		out, _, err := BackendMark{Kind: kind, Force: true, TokenIDs: true}.Edit([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		rest := string(out)
		for _, m := range members {
			if m == touched {
				continue
			}
			at := strings.Index(rest, m)
			if at < 0 {
				t.Fatalf("%q is gone from %s", m, out)
			}
			rest = rest[at+len(m):]
		}
		if !strings.HasSuffix(string(out), "\t}\r\n") {
			t.Fatalf("the end of %q is not the client's", out)
		}
	})
}

// FuzzBackendEdit: the result is JSON whenever the body was, a second edit changes
// nothing, and what a decoder reads in the result has the mark on.
func FuzzBackendEdit(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `{"messages":[],"temperature":0,"watermarking":false}`, `{"token_ids":[1],"sampling_params":{"top_k":1}}`,
		`{"text":["a"],"sampling_params":[{"watermark":{"enabled":false,"key":"ff"}}]}`, `{"inputs":"x","parameters":null}`,
		`{"watermark":{"enabled":true,"enabled":0}}`, `{"temperature":"` + strings.Repeat("0", 70) + `"}`, `{"\u0074op_p":0}`, `{"temperature":`,
	} {
		for kind := range uint8(3) {
			f.Add([]byte(body), kind, true, false)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, kind uint8, force, greedy bool) {
		mark := BackendMark{Kind: []BackendKind{BackendVLLM, BackendSGLang, BackendTGI}[kind%3], Force: force, TokenIDs: true}
		mark.Greedy = greedy && mark.Kind != BackendSGLang
		was := bytes.Clone(body)
		out, changes, err := mark.Edit(body)
		if !bytes.Equal(was, body) {
			t.Fatal("the body was written to")
		}
		if err != nil {
			return
		}
		if err := jsonscan.Valid(out); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if len(changes) == 0 && !bytes.Equal(out, body) {
			t.Fatalf("changed without a word: %s", out)
		}
		again, _, err := mark.Edit(out)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("a second edit of %s gives %s, %v", out, again, err)
		}
		if slices.Contains(changes, WarnRoute) {
			return
		}
		if msg := markIsOn(mark.Kind, out); msg != "" {
			t.Fatalf("%s in %s", msg, out)
		}
	})
}

// markIsOn reads a request as the backend does and says what is wrong.
func markIsOn(kind BackendKind, body []byte) string {
	var top map[string]any
	if json.Unmarshal(body, &top) != nil {
		return "" // deeper than encoding/json goes, or numbers it cannot hold
	}
	inner, _ := top["sampling_params"].(map[string]any)
	switch kind {
	case BackendVLLM:
		if top["watermarking"] != true && inner["watermarking"] != true {
			return "watermarking is not true"
		}
	case BackendSGLang:
		for _, params := range []map[string]any{top, inner} {
			if w, ok := params["watermark"]; ok && fmt.Sprint(w) != "map[enabled:true]" {
				return fmt.Sprintf("watermark is %v", w)
			}
		}
		if inner != nil && top["watermark"] == nil && inner["watermark"] == nil || top["sampling_params"] == nil && top["watermark"] == nil {
			return "no watermark"
		}
	case BackendTGI:
		if p, ok := top["parameters"].(map[string]any); ok && p["watermark"] != true {
			return "parameters.watermark is not true"
		}
	}
	return ""
}

// A client that would rather have no mark, and greedy output, gets neither.
func ExampleBackendMark_Edit() {
	mark := BackendMark{Kind: BackendVLLM, Force: true, TokenIDs: true}
	body, changes, err := mark.Edit([]byte(`{"model": "m", "messages": [], "temperature": 0, "watermarking": false}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n%s\n", body, changes)
	// Output:
	// {"return_token_ids":true,"model": "m", "messages": [], "temperature": 0.7, "watermarking": true}
	// [sampling_forced opt_out_refused token_ids_asked]
}

func BenchmarkBackendEdit(b *testing.B) {
	body := []byte(`{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("lighthouse ", 400) + `"}],"temperature":0,"stream":true}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := vllmForce.Edit(body); err != nil {
			b.Fatal(err)
		}
	}
}
