package disclose

import (
	"slices"
	"strings"
	"testing"

	"github.com/avowai/avow/watermark/textmark"
)

// TestSecondHopAddsNothing: what one avow marked passes a second one with the
// same bytes but for the field, which is the second one's.
func TestSecondHopAddsNothing(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	long := quoteJSON(prose(60))
	whole := []golden{
		{name: "chat JSON", contentType: "application/json", shape: ShapeOpenAIChat, text: strings.Replace(chatAnswer, `"Hello"`, long, 1)},
		{name: "responses JSON", contentType: "application/json", shape: ShapeOpenAIResponses,
			text: `{"output":[{"type":"message","content":[{"type":"output_text","annotations":[{"start_index":0,"end_index":300}],"text":` + long + `}]}]}`},
		{name: "tgi JSON", contentType: "application/json", shape: ShapeTGI, text: `{"generated_text":` + long + `}`},
		{name: "text", contentType: "text/plain", shape: ShapeText, text: prose(60)},
	}
	for _, g := range slices.Concat(goldenStreams, longStreams(prose(60)), whole) {
		once, _, err := mark(t, m, g.output(), g.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		twice, _, err := mark(t, m, g.output(), once, 0)
		if err != nil || twice != once {
			t.Errorf("%s: %v\n%d and %d frames\n%.1500q\n%.1500q", g.name, err, len(textmark.Detect(once, key).Frames), len(textmark.Detect(twice, key).Frames), once, twice)
		}
	}
}

func TestCRLFStreamsDoNotDependOnWrites(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	for _, g := range append(goldenStreams, longStreams(prose(40))...) {
		for _, nl := range []string{"\r\n", "\r"} {
			if g.contentType != "text/event-stream" {
				continue
			}
			text := strings.ReplaceAll(g.text, "\n", nl)
			want, _, err := mark(t, m, g.output(), text, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 2, 3, 7, 64} {
				if got, _, _ := mark(t, m, g.output(), text, n); got != want {
					t.Errorf("%s %q: pieces of %d differ", g.name, nl, n)
				}
			}
		}
	}
}
