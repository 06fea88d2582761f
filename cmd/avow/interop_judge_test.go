package main

import (
	"strings"
	"testing"
)

// The rules of the matrix have to refuse each kind of damage that a client
// could suffer, and let pass what avow is meant to do.
func TestInteropRules(t *testing.T) {
	long := strings.Repeat("The keeper climbs the stairs. ", 40)
	framed := strings.Replace(long, "stairs.", "stairs."+frameOf(0), 1)
	field := map[string]any{"generated": true, "lang": "en"}
	doc := func(text any, more ...any) map[string]any {
		d := map[string]any{"texts": []any{text}, "finish": "stop"}
		for i := 0; i < len(more); i += 2 {
			d[more[i].(string)] = more[i+1]
		}
		return d
	}
	for name, c := range map[string]struct {
		scenario  string
		base, got map[string]any
		right     bool
	}{
		"notice":              {"short", doc("A"), doc(noticeInEN + "A"), true},
		"no notice":           {"short", doc("A"), doc("A"), false},
		"notice twice":        {"short", doc("A"), doc(noticeInEN + noticeInEN + "A"), false},
		"other language":      {"german", doc("A"), doc(noticeInEN + "A"), false},
		"text lost":           {"short", doc("AB"), doc(noticeInEN + "A"), false},
		"notice in JSON":      {"json", doc("{}"), doc(noticeInEN + "{}"), false},
		"notice again":        {"later", doc("A"), doc(noticeInEN + "A"), false},
		"text beside tools":   {"text-tools", doc("A"), doc("A"), true},
		"frames":              {"long", doc(long), doc(noticeInEN + framed), true},
		"frame cut short":     {"long", doc(long), doc(noticeInEN + strings.Replace(framed, frameOf(0)[:3], "", 1)), false},
		"frames in JSON":      {"json", doc(long), doc(framed), false},
		"frames with tokens":  {"logprobs", doc(long), doc(noticeInEN + framed), false},
		"finish reason lost":  {"short", doc("A"), map[string]any{"texts": []any{noticeInEN + "A"}, "finish": nil}, false},
		"choice lost":         {"two", doc("A"), map[string]any{"texts": []any{}, "finish": "stop"}, false},
		"offsets not moved":   {"cited", doc("A", "cited", "A"), doc(noticeInEN+"A", "cited", "Y"), false},
		"field":               {"short", doc("A", "field", nil), doc(noticeInEN+"A", "field", field), true},
		"no field":            {"short", doc("A", "field", nil), doc(noticeInEN+"A", "field", nil), false},
		"image unmarked":      {"b64", map[string]any{"images": []any{"aGk="}}, map[string]any{"images": []any{"aGk="}}, false},
		"image no image":      {"b64", map[string]any{"images": []any{"aGk="}}, map[string]any{"images": []any{"aG8="}}, false},
		"image by URL":        {"url", map[string]any{"status": 200.0, "urls": "u"}, map[string]any{"status": 200.0, "urls": "u"}, false},
		"image by URL denied": {"url", map[string]any{"status": 200.0, "urls": "u"}, map[string]any{"status": 502.0, "message": "ask for b64_json"}, true},
	} {
		n := caseName{"client", "openai-chat", c.scenario, "json"}
		wrong := pair{base: seen{n, c.base}, got: seen{n, c.got}}.judge()
		if (len(wrong) == 0) != c.right {
			t.Errorf("%s: judged %v, right = %v", name, wrong, c.right)
		}
	}
}

// What is pending may not break or change anything, and not stay on the list
// longer than needed.
func TestInteropPending(t *testing.T) {
	held := pending
	defer func() { pending = held }()
	pending = map[string]string{"shape": "no driver", "other/cited": "not moved"}
	text := func(s string) map[string]any { return map[string]any{"texts": []any{s}} }
	y := newTally()
	note := func(shape, scenario, base, got string) []string {
		n := caseName{"client", shape, scenario, "json"}
		p := pair{base: seen{n, text(base)}, got: seen{n, text(got)}}
		return y.note(n, p, p.judge())
	}
	if wrong := note("shape", "short", "A", "A"); len(wrong) != 0 {
		t.Errorf("passed through: %v", wrong)
	}
	if wrong := note("shape", "short", "A", "B"); len(wrong) == 0 {
		t.Error("a changed answer of a pending shape went unseen")
	}
	if wrong := note("other", "short", "A", "A"); len(wrong) == 0 {
		t.Error("a scenario beside the pending one went unseen")
	}
	if note("other", "cited", "A", "A"); y.wrong["other/cited"] != 1 || y.wrong["shape"] != 2 {
		t.Errorf("cases that break the rules = %v", y.wrong)
	}
	if got := y.stale(); len(got) != 0 {
		t.Errorf("stale = %v, want none", got)
	}
	y = newTally()
	note("shape", "short", "A", noticeInEN+"A")
	if got := y.stale(); len(got) != 1 {
		t.Errorf("stale = %v, want the entry of a shape that follows the rules", got)
	}
}
