package disclose

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
)

// A BackendKind names the inference server behind a route.
type BackendKind string

// The inference servers whose own statistical mark a request can switch on.
const (
	BackendVLLM   BackendKind = "vllm"
	BackendSGLang BackendKind = "sglang"
	BackendTGI    BackendKind = "tgi"
)

// A BackendMark says how requests to a backend are edited so that the backend
// marks the text while it samples it, and so that no client can prevent that.
// The mark itself (algorithm and key) is configured in the backend; package
// watermark/tokenmark verifies it.
//
// A client can still starve the mark in ways that no list ends: a low
// temperature, a bias, a grammar that leaves one token. Speculative decoding and
// custom samplers are the engine's settings, out of a request's reach. Seeds do
// not matter: the mark replaces the draw. What a request asked for is therefore
// no proof that its answer is marked: verify the answer's token ids.
type BackendMark struct {
	Kind BackendKind
	// Force replaces settings of the client that leave the mark nothing to
	// choose from. That changes answers: without Force they are only reported.
	Force bool
	// Temperature is put in place of a greedy one by Force, 0.01 to 2. 0 means
	// 0.7.
	Temperature float64
	// Greedy says that the backend's algorithm marks greedy output too, as
	// vLLM's sbw does, so that such settings are left alone. TGI's always does.
	Greedy bool
	// TokenIDs asks the backend for the ids of the generated tokens. The answer
	// then holds them whether or not the client asked.
	TokenIDs bool
}

// A RequestChange names what was changed in a request, or why its answer may be
// without a mark. The set is closed, so that it can label a metric.
type RequestChange string

// The changes, and the warnings, which leave the request as it was.
const (
	ChangeMarkOn          RequestChange = "mark_on"               // the mark was not asked for
	ChangeOptOut          RequestChange = "opt_out_refused"       // the client had switched it off
	ChangeMarkSettings    RequestChange = "mark_settings_refused" // the client had set a key or another setting of the mark
	ChangeSampling        RequestChange = "sampling_forced"       // temperature, top_k, top_p or min_p left no choice
	ChangeBeamSearch      RequestChange = "beam_search_off"
	ChangeReplay          RequestChange = "replay_off"           // the client had dictated the tokens
	ChangeLogitsProcessor RequestChange = "logits_processor_off" // the client's own code had a say in the tokens
	ChangeTokenIDs        RequestChange = "token_ids_asked"
	WarnSampling          RequestChange = "warn_sampling"
	WarnBeamSearch        RequestChange = "warn_beam_search"
	WarnReplay            RequestChange = "warn_replay"
	WarnLogitsProcessor   RequestChange = "warn_logits_processor"
	WarnRoute             RequestChange = "warn_route"     // the backend never marks what it sends on this route
	WarnTokenIDs          RequestChange = "warn_token_ids" // the backend refuses to send ids with such an answer
	WarnUnread            RequestChange = "warn_unread"    // the request could not be read, so nothing was switched on
)

// RequestChanges returns the closed set.
func RequestChanges() []RequestChange {
	return []RequestChange{
		ChangeMarkOn, ChangeOptOut, ChangeMarkSettings, ChangeSampling, ChangeBeamSearch,
		ChangeReplay, ChangeLogitsProcessor, ChangeTokenIDs, WarnSampling, WarnBeamSearch,
		WarnReplay, WarnLogitsProcessor, WarnRoute, WarnTokenIDs, WarnUnread,
	}
}

// Warning reports whether c left the request as it was.
func (c RequestChange) Warning() bool { return strings.HasPrefix(string(c), "warn_") }

// Errors of BackendMark.
var (
	// ErrBackend is returned for a BackendMark that cannot be.
	ErrBackend = errors.New("disclose: unusable backend mark")
	// ErrRequestBody is returned for a body that cannot be edited. Forwarded as
	// it is, it could have the mark switched off.
	ErrRequestBody = errors.New("disclose: the backend's mark cannot be switched on in this request's body; " +
		"send one JSON object without content coding, or take the route out of backend marking")
)

// Edit returns the body of a request with the mark switched on, and what that
// took: every name at most once, in the order of their fields. Bytes outside the
// edits stay as they were; without edits out is body itself. Errors: ErrBackend,
// ErrRequestBody.
//
// A member that stands more than once is edited everywhere, and a value that a
// lenient backend may take for another ("false", 0) counts as that other.
func (b BackendMark) Edit(body []byte) (out []byte, changes []RequestChange, err error) {
	read, finish, err := b.driver()
	if err != nil {
		return nil, nil, err
	}
	e := requestEditor{BackendMark: b, s: jsonscan.New(body)}
	e.s.Kind() // skips white space
	err = e.object(&e.top, func(key []byte) error { return read(&e, key) })
	if err == nil {
		err = e.s.End()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrRequestBody, err)
	}
	finish(&e)
	return jsonscan.Apply(body, e.edits), e.changes, nil
}

// Check returns the ErrBackend that Edit would, so that a configuration can be
// refused before the first request.
func (b BackendMark) Check() error {
	_, _, err := b.driver()
	return err
}

// driver returns what looks at every member of the backend's requests and what
// adds those that are missing.
func (b BackendMark) driver() (member func(*requestEditor, []byte) error, finish func(*requestEditor), err error) {
	if t := b.Temperature; t != 0 && !(t >= leastTemperature && t <= 2) {
		return nil, nil, fmt.Errorf("%w: temperature %v, want %v to 2", ErrBackend, t, leastTemperature)
	}
	switch b.Kind {
	case BackendVLLM:
		return (*requestEditor).vllmMember, (*requestEditor).vllmFinish, nil
	case BackendSGLang:
		if b.Greedy {
			return nil, nil, fmt.Errorf("%w: sglang never marks greedy output", ErrBackend)
		}
		return (*requestEditor).sglangMember, (*requestEditor).sglangFinish, nil
	case BackendTGI:
		return (*requestEditor).tgiMember, (*requestEditor).tgiFinish, nil
	}
	return nil, nil, fmt.Errorf("%w: kind %q, want %q, %q or %q", ErrBackend, b.Kind, BackendVLLM, BackendSGLang, BackendTGI)
}

// A requestEditor is one pass over one body.
type requestEditor struct {
	BackendMark
	s       *jsonscan.Scanner
	edits   []jsonscan.Edit
	changes []RequestChange

	top    paramScope
	params []paramScope    // the objects that hold sampling parameters, besides the top
	ids    []jsonscan.Span // values of return_token_ids
	text   bool            // asks in messages or a prompt: an OpenAI route
	chat   bool            // in messages
	native bool            // asks in inputs: TGI's own route
	stream bool
}

// A paramScope is an object into which a member can be put.
type paramScope struct {
	at      int  // after the opening brace
	members int  // of the client's
	put     int  // members put in
	marked  bool // the mark's member is there
}

// object reads an object and has fn look at every member.
func (e *requestEditor) object(sc *paramScope, fn func(key []byte) error) error {
	sc.at = e.s.Pos() + 1
	return e.s.Object(func(key jsonscan.Span) error {
		sc.members++
		return fn(key.Of(e.s.Data()))
	})
}

const maxParams = 4096

// objects reads an object, or the objects of an array, that hold parameters.
func (e *requestEditor) objects(fn func(sc *paramScope, key []byte) error) error {
	switch e.s.Kind() {
	case jsonscan.Object:
		if len(e.params) == maxParams { // each may grow to many times its size
			return fmt.Errorf("more than %d sets of sampling parameters; send smaller batches", maxParams)
		}
		sc := paramScope{}
		err := e.object(&sc, func(key []byte) error { return fn(&sc, key) })
		e.params = append(e.params, sc)
		return err
	case jsonscan.Array:
		return e.s.Array(func(int) error {
			if e.s.Kind() != jsonscan.Object {
				return nil
			}
			return e.objects(fn)
		})
	}
	return nil
}

// value reads a value whole.
func (e *requestEditor) value() (jsonscan.Span, []byte, error) {
	e.s.Kind()
	start := e.s.Pos()
	err := e.s.Skip()
	span := jsonscan.Span{Start: start, End: e.s.Pos()}
	return span, span.Of(e.s.Data()), err
}

func (e *requestEditor) note(c RequestChange) {
	if !slices.Contains(e.changes, c) {
		e.changes = append(e.changes, c)
	}
}

func (e *requestEditor) replace(at jsonscan.Span, with string, c RequestChange) {
	e.edits = append(e.edits, jsonscan.Edit{At: at.Start, Del: at.End - at.Start, Ins: []byte(with)})
	e.note(c)
}

// insert puts a member at the start of sc, after those put there before.
func (e *requestEditor) insert(sc *paramScope, member string, c RequestChange) {
	switch sc.put++; {
	case sc.members > 0:
		member += ","
	case sc.put > 1:
		member = "," + member
	}
	e.edits = append(e.edits, jsonscan.Edit{At: sc.at, Ins: []byte(member)})
	e.note(c)
}

// override replaces a setting that stands in the mark's way, or reports it.
func (e *requestEditor) override(at jsonscan.Span, with string, done, warn RequestChange) {
	if e.Force {
		e.replace(at, with, done)
	} else {
		e.note(warn)
	}
}

// readFlag reads a mark's switch, which is to be true.
func (e *requestEditor) readFlag(sc *paramScope) error {
	at, raw, err := e.value()
	sc.marked = true
	switch string(raw) {
	case "true":
	case "null":
		e.replace(at, "true", ChangeMarkOn)
	default:
		e.replace(at, "true", ChangeOptOut)
	}
	return err
}

// askIDs sets a member to true that asks for token ids.
func (e *requestEditor) askIDs(sc *paramScope, member string) {
	for _, at := range e.ids {
		if string(at.Of(e.s.Data())) != "true" {
			e.replace(at, "true", ChangeTokenIDs)
		}
	}
	if len(e.ids) == 0 {
		e.insert(sc, member, ChangeTokenIDs)
	}
}

func (e *requestEditor) readIDs() error {
	at, _, err := e.value()
	e.ids = append(e.ids, at)
	return err
}

// shape notes what kind of request the member belongs to.
func (e *requestEditor) shape(key []byte) error {
	switch {
	case jsonscan.Is(key, "messages"):
		e.text, e.chat = true, true
	case jsonscan.Is(key, "prompt"):
		e.text = true
	case jsonscan.Is(key, "inputs"):
		e.native = true
	case jsonscan.Is(key, "stream"):
		_, raw, err := e.value()
		e.stream = string(raw) != "false" && string(raw) != "null"
		return err
	}
	return nil
}
