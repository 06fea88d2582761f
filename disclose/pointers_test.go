package disclose

import (
	"errors"
	"strings"
	"testing"
)

func TestPointers(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, c := range []struct {
		text   []string
		body   string
		before string // the first marked text, "" for none
	}{
		{[]string{"/answer"}, `{"answer":"Hi","question":"Who?"}`, `"answer":"`},
		{[]string{"/a~1b/~0c"}, `{"a/b":{"~c":"Hi"}}`, `"~c":"`},
		{[]string{"/list/*/text"}, `{"list":[{"no":"x"},{"text":"Hi"},{"text":"Ho"}]}`, `{"text":"`},
		{[]string{"/list/1"}, `{"list":["x","Hi"]}`, `"x","`},
		{[]string{"/by/*"}, `{"by":{"name":"Hi"}}`, `"name":"`},
		{[]string{"/answer"}, `{"answer":{"text":"Hi"}}`, ""},
		{[]string{"/answer"}, `{"other":"Hi"}`, ""},
	} {
		p, err := NewPointers(c.text, nil)
		if err != nil {
			t.Fatal(err)
		}
		out := Output{ContentType: "application/json", Shape: ShapeCustom, Pointers: p}
		got, w, err := mark(t, m, out, c.body, 3)
		if err != nil || c.before != "" && !strings.Contains(got, c.before+englishNotice+`\n\n`+"Hi") {
			t.Errorf("%s: %v\n%s", c.body, err, got)
		}
		if back := withoutSplices(m, out, got); back != c.body {
			t.Errorf("%s: changed outside the splices: %s", c.body, back)
		}
		if c.before == "" && w.Result().Notice {
			t.Errorf("%s: a notice without a text", c.body)
		}
	}
}

func TestPointersInAStream(t *testing.T) {
	m := newTestMarker(t, nil)
	p, err := NewPointers([]string{"/piece"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream := "data: {\"piece\":\"Hel\"}\n\ndata: {\"piece\":\"lo\"}\n\ndata: [DONE]\n\n"
	out := Output{ContentType: "text/event-stream", Shape: ShapeCustom, Pointers: p}
	got, _, err := mark(t, m, out, stream, 4)
	if err != nil || withoutSplices(m, out, got) != stream || !strings.Contains(got, englishNotice+`\n\nHel`) {
		t.Fatalf("%v\n%s", err, got)
	}
}

func TestBadPointers(t *testing.T) {
	for _, text := range [][]string{nil, {""}, {"answer"}, {"/*"}, {"/a", "/a"}, {strings.Repeat("/x", maxTokens+1)}, make([]string, maxPointers+1)} {
		if _, err := NewPointers(text, nil); !errors.Is(err, ErrPointer) {
			t.Errorf("%q: %v, want ErrPointer", text, err)
		}
	}
}

func FuzzPointers(f *testing.F) {
	f.Add("/answer", `{"answer":"Hi"}`)
	f.Add("/a/*/b", `{"a":[{"b":"x"},[{"b":1}]]}`)
	f.Add("/a~1~0/0", `{"a/~":["x"]}`)
	m := newTestMarker(f, nil)
	f.Fuzz(func(t *testing.T, pointer, text string) {
		p, err := NewPointers([]string{pointer}, []string{pointer + "/image"})
		if err != nil {
			return
		}
		out := Output{ContentType: "application/json", Shape: ShapeCustom, Pointers: p}
		got, _, err := mark(t, m, out, text, 0)
		if err == nil && (readOK(text) == nil) != (readOK(got) == nil) {
			t.Fatalf("%q: validity changed: %q -> %q", pointer, text, got)
		}
	})
}
