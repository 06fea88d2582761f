package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	noticeInEN = "You are interacting with an AI system, not a human.\n\n"
	noticeInDE = "Sie interagieren mit einem KI-System, nicht mit einem Menschen.\n\n"
)

// pending names what avow cannot mark yet: a shape, or one scenario of a shape.
// Its cases must not break a client, and those of a whole shape must arrive
// unchanged. An entry that is not needed any longer fails the test.
var pending = map[string]string{}

// textMarks is the entry in pending for invisible marks in long prose.
const textMarks = "text marks"

// What a scenario allows avow to do with the text.
type edit struct {
	notice bool // the notice stands before every choice's text
	frames bool // invisible marks may, and in long prose must, stand in it
	either bool // whether the notice is there depends on how the answer arrives
}

// edits has an entry for each scenario: free prose of a first turn gets the
// notice, anything that a program parses gets nothing.
var edits = map[string]edit{
	"short":       {notice: true},
	"german":      {notice: true},
	"two":         {notice: true},
	"usage":       {notice: true},
	"azure":       {notice: true},
	"reasoning":   {notice: true},
	"thinking":    {notice: true},
	"cited":       {notice: true},
	"images":      {notice: true},
	"image":       {notice: true},
	"incomplete":  {notice: true},
	"parts":       {notice: true},
	"logprobs":    {notice: true}, // but no frames: the tokens would not be the text's
	"long":        {notice: true, frames: true},
	"long-crlf":   {notice: true, frames: true},
	"escaped":     {notice: true, frames: true},
	"tool-loop":   {notice: true}, // in the answer after the tool's
	"text-tools":  {either: true}, // a stream's tool call comes after the text
	"tool-result": {either: true}, // in this answer where it was not in that one
	"json":        {},
	"tools":       {},
	"refusal":     {},
	"blocked":     {},
	"later":       {},
	"b64":         {},
	"several":     {},
	"predict":     {},
	"file":        {},
	"url":         {},
}

// A caseName is client/shape/scenario/way.
type caseName struct{ client, shape, scenario, way string }

func nameOf(s string) caseName {
	p := strings.SplitN(s, "/", 4)
	return caseName{p[0], p[1], p[2], p[3]}
}

func (n caseName) String() string {
	return strings.Join([]string{n.client, n.shape, n.scenario, n.way}, "/")
}

// entry returns the name under which the case is pending, or "".
func (n caseName) entry() string {
	for _, key := range []string{n.shape, n.shape + "/" + n.scenario} {
		if pending[key] != "" {
			return key
		}
	}
	return ""
}

func (n caseName) edit() edit {
	e := edits[n.scenario]
	if n.shape == "openai-legacy" {
		return edit{} // code infill more often than prose
	}
	return e
}

func (n caseName) notice() string {
	if n.scenario == "german" {
		return noticeInDE
	}
	return noticeInEN
}

// A pair is one case without avow and with it.
type pair struct{ base, got seen }

// noError fails where a client threw; the recorded answers themselves must be
// to its liking first.
func (p pair) noError(t *testing.T) {
	t.Helper()
	if _, ok := edits[p.base.name.scenario]; !ok {
		t.Fatalf("scenario %q has no entry in edits", p.base.name.scenario)
	}
	if e := p.base.doc["error"]; e != nil {
		t.Fatalf("the client does not read the recorded answer: %v", e)
	}
	if e := p.got.doc["error"]; e != nil {
		t.Fatalf("client error: %v", e)
	}
}

// helperAgrees checks that what a client's helper accumulated, and what later
// events of a stream repeat, is what its deltas said.
func (p pair) helperAgrees(t *testing.T) {
	t.Helper()
	for _, s := range []seen{p.base, p.got} {
		texts := stringsOf(s.doc["texts"])
		if s.doc["deltas"] != nil {
			for _, w := range differ("text of the helper", texts, padded(stringsOf(s.doc["deltas"]), len(texts))) {
				t.Error(w)
			}
		}
		for _, echo := range stringsOf(s.doc["echoes"]) {
			if echo != "" && echo != texts[0] {
				t.Errorf("a later event repeats %q, want %q", echo, texts[0])
			}
		}
	}
}

// judge returns what is wrong with the case.
func (p pair) judge() []string {
	wrong := p.texts()
	for key, want := range p.base.doc {
		switch key {
		case "texts", "deltas", "echoes":
		case "field":
			wrong = append(wrong, p.field()...)
		case "images":
			wrong = append(wrong, p.images()...)
		case "status", "message", "urls":
			wrong = append(wrong, p.refused()...)
		case "ids":
			if s, _ := p.got.doc["ids"].(string); len(s) < 16 {
				wrong = append(wrong, fmt.Sprintf("Avow-Id = %q", s))
			}
		default:
			wrong = append(wrong, differ(key, p.got.doc[key], want)...)
		}
	}
	return wrong
}

// texts compares the final text of every choice.
func (p pair) texts() []string {
	e, notice := p.base.name.edit(), p.base.name.notice()
	want, got := stringsOf(p.base.doc["texts"]), stringsOf(p.got.doc["texts"])
	if len(got) != len(want) {
		return differ("choices", len(got), len(want))
	}
	var wrong []string
	for i := range want {
		text := got[i]
		if e.frames {
			text = unmark(text)
		}
		plain := want[i]
		if e.notice || e.either && strings.HasPrefix(text, notice) {
			plain = notice + plain
		}
		wrong = append(wrong, differ("text", text, plain)...)
	}
	return wrong
}

// marked reports whether the case carries a frame in every text that is long
// enough, and whether it has such a text.
func (p pair) marked() (all, long bool) {
	want, got := stringsOf(p.base.doc["texts"]), stringsOf(p.got.doc["texts"])
	all = true
	for i := range want {
		if p.base.name.edit().frames && utf8.RuneCountInString(want[i]) > 800 && i < len(got) {
			long = true
			all = all && unmark(got[i]) != got[i]
		}
	}
	return all && long, long
}

func (p pair) field() []string {
	field, ok := p.got.doc["field"].(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("no ai_disclosure field: %v", p.got.doc["field"])}
	}
	wrong := differ("generated", field["generated"], true)
	if p.base.name.edit().notice {
		lang := map[string]string{noticeInEN: "en", noticeInDE: "de"}[p.base.name.notice()]
		wrong = append(wrong, differ("lang", field["lang"], lang)...)
	}
	return wrong
}

// images demands that every picture was marked and stayed a PNG of its size.
func (p pair) images() []string {
	n := len(stringsOf(p.base.doc["images"]))
	wrong := differ("images", len(stringsOf(p.got.doc["images"])), n)
	for i := 0; len(wrong) == 0 && i < n; i++ {
		was, now := imageBytes(p.base.doc, i), imageBytes(p.got.doc, i)
		if bytes.Equal(was, now) {
			wrong = append(wrong, fmt.Sprintf("image %d is unmarked", i))
			continue
		}
		want, err := png.DecodeConfig(bytes.NewReader(was))
		if err != nil {
			return []string{"recorded image: " + err.Error()}
		}
		got, err := png.Decode(bytes.NewReader(now))
		if err != nil {
			return []string{"marked image: " + err.Error()}
		}
		wrong = differ("size", got.Bounds().Size().String(), fmt.Sprintf("(%d,%d)", want.Width, want.Height))
	}
	return wrong
}

// refused: an image by URL alone cannot be marked; the strict profile says so
// in a way that the client can show.
func (p pair) refused() []string {
	wrong := differ("status", p.got.doc["status"], 502.0)
	if msg, _ := p.got.doc["message"].(string); !strings.Contains(msg, "b64_json") {
		wrong = append(wrong, fmt.Sprintf("message %q does not say to ask for b64_json", msg))
	}
	return wrong
}

// frame is a run of invisible marks: 22 of U+FE00 to U+FE0D, or a multiple.
var frame = regexp.MustCompile(`[\x{FE00}-\x{FE0D}]+`)

// unmark removes the invisible marks. What it does not recognise as one stays
// and makes the comparison fail.
func unmark(s string) string {
	return frame.ReplaceAllStringFunc(s, func(run string) string {
		if utf8.RuneCountInString(run)%22 == 0 {
			return ""
		}
		return run
	})
}

// A tally knows which pending entries are still needed.
type tally struct {
	cases map[string]int // by entry: cases seen
	wrong map[string]int // by entry: cases that break the rules
}

func newTally() *tally { return &tally{map[string]int{}, map[string]int{}} }

// note counts the case and returns what is wrong with it and not pending.
func (y *tally) note(n caseName, p pair, wrong []string) []string {
	entry := n.entry()
	if entry == "" {
		return append(wrong, y.noteMarks(p)...)
	}
	y.cases[entry]++
	if len(wrong) == 0 {
		return nil
	}
	y.wrong[entry]++
	if strings.Contains(entry, "/") {
		return nil
	}
	var changed []string
	for key, want := range p.base.doc {
		changed = append(changed, differ("unmarked "+key, p.got.doc[key], want)...)
	}
	return changed
}

func (y *tally) noteMarks(p pair) []string {
	all, long := p.marked()
	if !long {
		return nil
	}
	y.cases[textMarks]++
	if all {
		return nil
	}
	y.wrong[textMarks]++
	if pending[textMarks] != "" {
		return nil
	}
	return []string{"long prose without an invisible mark"}
}

// stale names every pending entry whose cases all follow the rules by now.
func (y *tally) stale() []string {
	var out []string
	for entry, why := range pending {
		if y.cases[entry] > 0 && y.wrong[entry] == 0 {
			out = append(out, fmt.Sprintf("%s is pending (%s), but its %d cases follow the rules: take it off the list", entry, why, y.cases[entry]))
		}
	}
	return out
}

func differ(name string, got, want any) []string {
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return []string{sprint(name, got, want)}
}

func sprint(name string, got, want any) string {
	cut := func(v any) string {
		s := fmt.Sprintf("%#v", v)
		if len(s) > 2000 {
			s = s[:1000] + " … " + s[len(s)-1000:]
		}
		return s
	}
	return fmt.Sprintf("%s = %s, want %s", name, cut(got), cut(want))
}

// stringsOf reads a list of strings, with "" for null.
func stringsOf(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i := range list {
		out[i], _ = list[i].(string)
	}
	return out
}

// padded adds empty texts: a choice without text has no deltas.
func padded(texts []string, n int) []string {
	for len(texts) < n {
		texts = append(texts, "")
	}
	return texts
}

func imageBytes(doc map[string]any, i int) []byte {
	raw, _ := base64.StdEncoding.DecodeString(stringsOf(doc["images"])[i])
	return raw
}
