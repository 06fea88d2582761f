package disclose

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avowai/avow/watermark/textmark"
)

// TestStretchesNameWhatTheyNamed: however a text is cut into deltas, its echoes
// say what the deltas said, and every stretch names the words it named.
func TestStretchesNameWhatTheyNamed(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	rapid.Check(t, func(t *rapid.T) {
		text := prose(rapid.IntRange(1, 60).Draw(t, "sentences"))
		if rapid.Bool().Draw(t, "wide") {
			text = strings.NewReplacer("the", "thé", "light", "li😀ght", ". ", ".\n\n").Replace(text)
		}
		runes := []rune(text)
		var s strings.Builder
		for rest := text; rest != ""; {
			n := rapid.SampledFrom([]int{1, 1, 2, 5, 9, 40, 400}).Draw(t, "piece")
			piece := string([]rune(rest)[:min(n, len([]rune(rest)))])
			fmt.Fprintf(&s, "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":%s}\n\n", quoteJSON(piece))
			rest = rest[len(piece):]
			switch rapid.IntRange(0, 9).Draw(t, "between") {
			case 0:
				s.WriteString(": ping\n\n")
			case 1:
				s.WriteString("data: {\"type\":\"ping\"}\n\n")
			}
		}
		start := rapid.IntRange(0, len(runes)).Draw(t, "start")
		end := rapid.IntRange(start, len(runes)).Draw(t, "end")
		fmt.Fprintf(&s, "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"annotations\":[{\"end_index\":%d,\"start_index\":%d}],\"text\":%s}]}]}}\n\n",
			end, start, asciiOrNot(t, text))
		out := Output{ContentType: "text/event-stream", Shape: ShapeOpenAIResponses}
		if rapid.Bool().Draw(t, "later") {
			out.Turn = LaterTurn
		}
		got, _, err := mark(t, m, out, s.String(), rapid.SampledFrom([]int{0, 1, 17}).Draw(t, "writes"))
		if err != nil {
			t.Fatal(err)
		}
		said, whole, a := saidAndCited(t, got)
		if said != whole {
			t.Fatalf("the deltas say\n%q, the response\n%q", said, whole)
		}
		marked := []rune(whole)
		if a[0] > a[1] || a[1] > len(marked) {
			t.Fatalf("stretch %v of %d", a, len(marked))
		}
		if cited := string(marked[a[0]:a[1]]); textmark.Strip(cited, m.o.Key) != string(runes[start:end]) ||
			strings.HasPrefix(cited, "\ufe00") || strings.Contains(cited, englishNotice) {
			t.Fatalf("stretch %d-%d became %q, was %q", start, end, cited, string(runes[start:end]))
		}
	})
}

func asciiOrNot(t *rapid.T, text string) string {
	if !rapid.Bool().Draw(t, "escaped") {
		return quoteJSON(text)
	}
	b, _ := json.Marshal(text)
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// saidAndCited reads a stream of Responses with one text and one annotation.
func saidAndCited(t *rapid.T, stream string) (said, whole string, stretch [2]int) {
	for _, line := range strings.Split(stream, "\n") {
		payload, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var e struct {
			Delta    string
			Response struct {
				Output []struct {
					Content []struct {
						Text        string
						Annotations []struct {
							Start int `json:"start_index"`
							End   int `json:"end_index"`
						}
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(payload), &e); err != nil {
			t.Fatal(err)
		}
		said += e.Delta
		for _, o := range e.Response.Output {
			whole = o.Content[0].Text
			stretch = [2]int{o.Content[0].Annotations[0].Start, o.Content[0].Annotations[0].End}
		}
	}
	return said, whole, stretch
}
