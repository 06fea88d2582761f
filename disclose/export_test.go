package disclose

import (
	"strings"
	"testing"

	"github.com/avowai/avow/watermark/textmark"
)

// TestExportsGetAFooter: a saved text is signed where the label is on, once.
func TestExportsGetAFooter(t *testing.T) {
	label, err := NewVisibleLabel(VisibleLabelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := newTestMarker(t, func(o *Options) { o.VisibleLabel = label })
	plain := newTestMarker(t, nil)
	footer := "AI-generated · assistant 1.4 · Example GmbH · 2026-11-23 · 9f3c52d07ab1e644"
	for _, whole := range []bool{false, true} {
		out := Output{ContentType: "text/plain", Export: true, Whole: whole, Turn: LaterTurn}
		for _, n := range []int{0, 1, 3} {
			got, _, err := mark(t, m, out, "An answer.\n", n)
			if err != nil || got != "An answer.\n\n"+footer+"\n" {
				t.Errorf("whole %v, pieces of %d: %v %q", whole, n, err, got)
			}
			if again, _, _ := mark(t, m, out, got, n); again != got {
				t.Errorf("signed twice: %q", again)
			}
		}
		if got, _, _ := mark(t, plain, out, "An answer.\n", 0); got != "An answer.\n" {
			t.Errorf("label off: %q", got)
		}
		out.Export = false
		if got, _, _ := mark(t, m, out, "An answer.\n", 0); got != "An answer.\n" {
			t.Errorf("no export: %q", got)
		}
	}
}

// TestPlainTextCarriesFrames: streamed and whole, in any pieces, behind the
// notice and a byte order mark.
func TestPlainTextCarriesFrames(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	text := "\ufeff" + prose(60)
	want := "\ufeff" + englishNotice + NoticeSeparator + prose(60)
	for _, whole := range []bool{false, true} {
		out := Output{ContentType: "text/plain; charset=utf-8", Whole: whole}
		first, w, err := mark(t, m, out, text, 0)
		if err != nil || textmark.Strip(first, key) != want {
			t.Fatalf("whole %v: %v\n%q", whole, err, first)
		}
		if d := textmark.Detect(first, key); !d.Verified() || !hasMark(w, CarrierTextMark) {
			t.Errorf("whole %v: %+v", whole, d)
		}
		for _, n := range []int{1, 5, 64} {
			if got, _, _ := mark(t, m, out, text, n); got != first {
				t.Errorf("whole %v: pieces of %d bytes give another text", whole, n)
			}
		}
	}
	for text, reason := range map[string]Reason{"Too short.": ReasonShortText, strings.Repeat("Маяк показывает путь кораблям. ", 60): ReasonScript} {
		got, w, err := mark(t, m, Output{ContentType: "text/plain", Turn: LaterTurn}, text, 0)
		if err != nil || got != text || !strings.Contains(strings.Join(skippedOf(w), " "), string(reason)) {
			t.Errorf("%.20q: %v, skipped %v, want %s", text, err, skippedOf(w), reason)
		}
	}
}

func skippedOf(w *Writer) (out []string) {
	for _, r := range w.Result().Skipped {
		out = append(out, string(r))
	}
	return out
}
