package disclose

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
)

// vLLM (vllm/entrypoints/openai/chat_completion/protocol.py at commit 002032e;
// docs/features/watermarking.md at 01c268b): watermarking, omitted or true, asks
// for the mark; false is any client's opt-out. Greedy sampling, beam search and
// trace replay go without a mark, and only the server's log says so. The route of
// tokens in, tokens out has all this in sampling_params and always answers with
// ids.

func (e *requestEditor) vllmMember(key []byte) error {
	if jsonscan.Is(key, "return_token_ids") {
		return e.readIDs()
	}
	if jsonscan.Is(key, "sampling_params") && e.s.Kind() == jsonscan.Object {
		return e.objects(e.vllmParam)
	}
	if err := e.vllmParam(&e.top, key); err != nil {
		return err
	}
	return e.shape(key)
}

func (e *requestEditor) vllmParam(sc *paramScope, key []byte) error {
	switch {
	case jsonscan.Is(key, "watermarking"):
		return e.readFlag(sc)
	case jsonscan.Is(key, "use_beam_search"):
		at, raw, err := e.value()
		if string(raw) != "false" && string(raw) != "null" {
			e.override(at, "false", ChangeBeamSearch, WarnBeamSearch)
		}
		return err
	case jsonscan.Is(key, "trace_decode_token_ids"):
		return e.readUnwanted(ChangeReplay, WarnReplay)
	case jsonscan.Is(key, "logits_processors"):
		return e.readUnwanted(ChangeLogitsProcessor, WarnLogitsProcessor)
	}
	return e.readSampling(key, "null")
}

func (e *requestEditor) vllmFinish() {
	const member = `"watermarking":true`
	own := !e.text && len(e.params) > 0
	if !own && !e.top.marked {
		e.insert(&e.top, member, ChangeMarkOn)
	}
	for i := range e.params {
		if own && !e.params[i].marked {
			e.insert(&e.params[i], member, ChangeMarkOn)
		}
	}
	if e.TokenIDs && !own {
		e.askIDs(&e.top, `"return_token_ids":true`)
	}
}

// SGLang (python/sglang/srt/sampling/watermarking: core.py at commit 26cd7e8,
// README.md at 00a39af; pull request 30917 for the ids): watermark is an object,
// at the top or, on its own route, in sampling_params. A key in it marks with that
// key, which is the client's. Greedy sampling is never marked. Beam search with a
// mark is refused aloud, as is a mark on a server that was not started for it.
// Its own route always answers with ids; a streamed chat that asks is refused.

func (e *requestEditor) sglangMember(key []byte) error {
	switch {
	case jsonscan.Is(key, "return_token_ids"):
		return e.readIDs()
	case jsonscan.Is(key, "sampling_params"):
		return e.objects(func(sc *paramScope, key []byte) error { return e.sglangParam(sc, key, "-1") })
	}
	if err := e.sglangParam(&e.top, key, "null"); err != nil {
		return err
	}
	return e.shape(key)
}

func (e *requestEditor) sglangParam(sc *paramScope, key []byte, all string) error {
	switch {
	case jsonscan.Is(key, "watermark"):
		return e.readWatermark(sc)
	case jsonscan.Is(key, "custom_logit_processor"):
		return e.readUnwanted(ChangeLogitsProcessor, WarnLogitsProcessor)
	}
	return e.readSampling(key, all)
}

const watermarkOn = `{"enabled":true}`

// readWatermark reads SGLang's object, which is to hold enabled: true alone.
func (e *requestEditor) readWatermark(sc *paramScope) error {
	sc.marked = true
	kind, start := e.s.Kind(), e.s.Pos()
	off, others, on := kind != jsonscan.Object && kind != jsonscan.Null, false, false
	err := func() error {
		if kind != jsonscan.Object {
			return e.s.Skip()
		}
		return e.s.Object(func(key jsonscan.Span) error {
			if !jsonscan.Is(key.Of(e.s.Data()), "enabled") {
				others = true
				return nil
			}
			_, raw, err := e.value()
			on = on || string(raw) == "true"
			off = off || string(raw) != "true" && string(raw) != "null"
			return err
		})
	}()
	at := jsonscan.Span{Start: start, End: e.s.Pos()}
	if err == nil && off {
		e.note(ChangeOptOut)
	}
	switch {
	case err != nil || on && !off && !others:
	case others:
		e.replace(at, watermarkOn, ChangeMarkSettings)
	case off:
		e.replace(at, watermarkOn, ChangeOptOut)
	default:
		e.replace(at, watermarkOn, ChangeMarkOn)
	}
	return err
}

func (e *requestEditor) sglangFinish() {
	const member = `"watermark":` + watermarkOn
	own := !e.text && len(e.params) > 0
	if !e.top.marked && !own {
		e.insert(&e.top, member, ChangeMarkOn)
	}
	for i := range e.params {
		if own && !e.top.marked && !e.params[i].marked {
			e.insert(&e.params[i], member, ChangeMarkOn)
		}
	}
	switch {
	case !e.TokenIDs || !e.text:
	case e.chat && e.stream:
		e.note(WarnTokenIDs)
	default:
		e.askIDs(&e.top, `"return_token_ids":true`)
	}
}

// TGI (router/src/lib.rs at commit 014d3fd; server/text_generation_server/utils/
// tokens.py at 01e61bf): parameters.watermark on its own routes, which ask in
// inputs; its OpenAI routes have no such field. Its mark is a bias, put on before
// greedy sampling too. parameters.details brings the ids.

func (e *requestEditor) tgiMember(key []byte) error {
	if !jsonscan.Is(key, "parameters") {
		return e.shape(key)
	}
	e.top.marked = true
	if e.s.Kind() == jsonscan.Null {
		at, _, err := e.value()
		e.replace(at, e.tgiParameters(), ChangeMarkOn)
		return err
	}
	return e.objects(func(sc *paramScope, key []byte) error {
		switch {
		case jsonscan.Is(key, "watermark"):
			return e.readFlag(sc)
		case jsonscan.Is(key, "details"):
			return e.readIDs()
		}
		return nil
	})
}

func (e *requestEditor) tgiParameters() string {
	if e.TokenIDs {
		return `{"watermark":true,"details":true}`
	}
	return `{"watermark":true}`
}

func (e *requestEditor) tgiFinish() {
	if !e.native {
		e.edits, e.changes = nil, []RequestChange{WarnRoute}
		return
	}
	for i := range e.params {
		if !e.params[i].marked {
			e.insert(&e.params[i], `"watermark":true`, ChangeMarkOn)
		}
	}
	if !e.top.marked {
		e.insert(&e.top, `"parameters":`+e.tgiParameters(), ChangeMarkOn)
	}
	switch {
	case !e.TokenIDs:
	case len(e.params) > 0:
		e.askIDs(&e.params[0], `"details":true`)
	default:
		e.note(ChangeTokenIDs) // with the parameters
	}
	if e.text {
		e.note(WarnRoute)
	}
}

// Bounds beyond which a setting leaves the likeliest token alone.
const (
	leastTemperature = 0.01 // vLLM takes smaller ones for this one
	leastTopP        = 0.01
	mostMinP         = 0.99
)

// readSampling reads the settings of sampling. Where Force opens top_k it becomes
// all, the route's way to say that there is no limit.
func (e *requestEditor) readSampling(key []byte, all string) error {
	var greedy func(v float64) bool
	with := "1"
	switch {
	case e.Greedy:
		return nil
	case jsonscan.Is(key, "temperature"):
		greedy, with = func(v float64) bool { return v >= 0 && v < leastTemperature }, e.temperature()
	case jsonscan.Is(key, "top_k"):
		greedy, with = func(v float64) bool { return v == 1 }, all
	case jsonscan.Is(key, "top_p"):
		greedy = func(v float64) bool { return v >= 0 && v < leastTopP }
	case jsonscan.Is(key, "min_p"):
		greedy, with = func(v float64) bool { return v > mostMinP }, "0"
	default:
		return nil
	}
	at, raw, err := e.value()
	if err != nil || string(raw) == "null" {
		return err
	}
	if v, ok := lenientNumber(raw); !ok || greedy(v) {
		e.override(at, with, ChangeSampling, WarnSampling)
	}
	return nil
}

func (e *requestEditor) temperature() string {
	if e.Temperature == 0 {
		return "0.7"
	}
	return strconv.FormatFloat(e.Temperature, 'g', -1, 64)
}

// lenientNumber reads a value as pydantic does: a number, a string that says one,
// or a truth value. What is none of these is not ok.
func lenientNumber(raw []byte) (v float64, ok bool) {
	const longest = 64 // bytes of a string; no honest one is near
	switch text := string(raw); {
	case text == "true":
		return 1, true
	case text == "false":
		return 0, true
	case text[0] == '"':
		if len(raw) > longest {
			return 0, false
		}
		raw = []byte(strings.TrimSpace(jsonscan.Unquote(raw[1:len(raw)-1], longest)))
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil // v is infinite, or 0
	}
	return v, err == nil && !math.IsNaN(v)
}

// readUnwanted reads a member that may dictate tokens, which is to be null.
func (e *requestEditor) readUnwanted(done, warn RequestChange) error {
	at, raw, err := e.value()
	if string(raw) != "null" {
		e.override(at, "null", done, warn)
	}
	return err
}
