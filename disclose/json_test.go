package disclose

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/internal/jsonscan"
)

func readOK(text string) error { return jsonscan.Valid([]byte(text)) }

const chatAnswer = `{"id":"c1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"total_tokens":3}}`

func TestJSONAnswer(t *testing.T) {
	m := newTestMarker(t, nil)
	got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, chatAnswer, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"ai_disclosure":{"notice":"` + englishNotice + `","lang":"en","id":"9f3c52d07ab1e644","generated":true,"provider":"Example GmbH","system":"assistant"},` +
		strings.Replace(chatAnswer[1:], "Hello", englishNotice+`\n\nHello`, 1)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	res := w.Result()
	if n, ok := w.Length(); !ok || n != int64(len(got)) || res.Outcome != OutcomeMarked || !res.Notice || !w.Changed() {
		t.Errorf("length %d %v, result %+v", n, ok, res)
	}
}

// TestJSONFidelity: outside the splices the answer is the upstream's, however
// odd.
func TestJSONFidelity(t *testing.T) {
	m := newTestMarker(t, nil)
	out := Output{ContentType: "application/json", Shape: ShapeOpenAIChat}
	for _, text := range []string{
		`{"choices":[{"message":{"content":"x"}}],"n":1e400,"m":1.0E+2,"big":123456789012345678901234567890}`,
		"{\"choices\":[{\"message\":{\"content\":\"\xff\xfe bad \\ud800\"}}]}",
		` { "z" : 1 , "a" : 2 , "choices" : [ { "message" : { "content" : "<&>\u003c" } } ] } ` + "\n",
		`{"\u0063hoices":[{"message":{"\u0063ontent":"escaped keys"}}]}`,
		`{"choices":[{"message":{"content":"first","content":"second"}}]}`,
		`{"choices":[{"message":{"content":"a"},"index":1},{"message":{"content":"b"},"index":0}]}`,
		`{"choices":[{"message":{"content":"with empty tools","tool_calls":[],"function_call":null}}]}`,
	} {
		got, _, err := mark(t, m, out, text, 3)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if back := withoutSplices(m, out, got); back != text {
			t.Errorf("changed outside the splices:\n%q\n%q", back, text)
		}
		if !strings.Contains(got, englishNotice+`\n\n`) || readOK(got) != nil {
			t.Errorf("no notice, or no JSON: %s", got)
		}
	}
}

// TestJSONLeftAlone: what is no answer of the shape leaves byte for byte.
func TestJSONLeftAlone(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, text := range []string{
		``, `[]`, `"text"`, `{"choices":`, `{"choices":[}`, `{bad}`, `{"error":{"message":"x"}}`, "\x00", `{"choices":[]}{}`,
		strings.Repeat("[", 100000), `{"choices":` + strings.Repeat("[", 100000),
	} {
		got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, text, 0)
		if err != nil || got != text {
			t.Errorf("%.40q: %v\n%.80q", text, err, got)
		}
		if res := w.Result(); res.Outcome != OutcomeDegraded || OutcomeValue(res) != "degraded; missing=notice,field" {
			t.Errorf("%.40q: %s", text, OutcomeValue(res))
		}
		_, _, err = mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Require: NewCarrierSet(CarrierField)}, text, 0)
		var held *Withheld
		if !errors.As(err, &held) || held.Reason != ReasonUnknownShape {
			t.Errorf("%.40q where the field is required: %v", text, err)
		}
	}
}

func TestJSONToolCall(t *testing.T) {
	m := newTestMarker(t, nil)
	for _, text := range []string{
		`{"choices":[{"message":{"content":null,"tool_calls":[{"id":"a"}]}}]}`,
		`{"choices":[{"message":{"content":"beside","tool_calls":[{"id":"a"}]}}]}`,
		`{"choices":[{"message":{"function_call":{"name":"f"},"content":"beside"}}]}`,
	} {
		got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, text, 0)
		if err != nil || !strings.HasSuffix(got, text[1:]) || OutcomeValue(w.Result()) != "passed; reason=tool_call" {
			t.Errorf("%v %s\n%s", err, OutcomeValue(w.Result()), got)
		}
	}
}

func TestUnframedJSONHasToEnd(t *testing.T) {
	m := newTestMarker(t, nil)
	out := Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Unframed: true}
	for i := 1; i < len(chatAnswer); i++ {
		got, _, err := mark(t, m, out, chatAnswer[:i], 0)
		if !errors.Is(err, ErrTruncated) || got != "" {
			t.Fatalf("cut at %d: %v, %q", i, err, got)
		}
	}
}

func TestHeldOutputOverTheLimit(t *testing.T) {
	for _, profile := range []Profile{Strict, Standard} {
		m := newTestMarker(t, func(o *Options) { o.MaxHeld, o.Profile = 64, profile })
		got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, chatAnswer, 10)
		if profile == Strict && (err == nil || got != "") {
			t.Errorf("strict: %v, %q", err, got)
		}
		if profile == Standard && (err != nil || got != chatAnswer || w.Result().Outcome != OutcomeDegraded) {
			t.Errorf("standard: %v, %q", err, got)
		}
	}
}

// images returns an Images answer with the given pictures.
func imagesAnswer(pictures ...[]byte) string {
	var parts []string
	for _, p := range pictures {
		parts = append(parts, `{"b64_json":"`+base64.StdEncoding.EncodeToString(p)+`","revised_prompt":"x"}`)
	}
	return `{"created":1,"data":[` + strings.Join(parts, ",") + `],"usage":{"n":1.0}}`
}

func TestJSONImages(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	text := imagesAnswer(testPNG(t, 320, 256, 1), testPNG(t, 256, 320, 2))
	got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIImages}, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	res := w.Result()
	if len(res.IDs) != 3 || res.IDs[0] != testID || res.Outcome != OutcomeMarked {
		t.Fatalf("result = %+v", res)
	}
	var answer struct {
		Disclosure struct{ Images []string } `json:"ai_disclosure"`
		Data       []struct {
			B64 []byte `json:"b64_json"`
		}
	}
	if err := json.Unmarshal([]byte(got), &answer); err != nil {
		t.Fatal(err)
	}
	d, err := NewDetector(DetectorOptions{Keys: []VerifyKey{{Key: key}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range answer.Data {
		r, err := d.Inspect(context.Background(), bytes.NewReader(e.B64), Source{})
		if err != nil || r.Verdict != Verified {
			t.Fatalf("image %d: %v %+v", i, err, r)
		}
		if id := r.Findings[CarrierImageMark].ID; id != res.IDs[i+1].String() || id != answer.Disclosure.Images[i] || id != r.Findings[CarrierMetadata].ID {
			t.Errorf("image %d carries %s, metadata %s; header %s, field %s", i, id, r.Findings[CarrierMetadata].ID, res.IDs[i+1], answer.Disclosure.Images[i])
		}
	}
}

func TestJSONImageFailures(t *testing.T) {
	key := newTestKey(t)
	whole := testPNG(t, 320, 256, 1)
	for name, c := range map[string]struct {
		text     string
		strict   Reason // withheld, or none
		standard string
	}{
		"url only":   {`{"data":[{"url":"https://example.org/x.png"}]}`, ReasonURLOnly, "passed; reason=url_only"},
		"no base64":  {`{"data":[{"b64_json":"***"}]}`, ReasonUndecodable, "degraded; missing=image_mark,metadata"},
		"no image":   {`{"data":[{"b64_json":"aGVsbG8="}]}`, ReasonUndecodable, "degraded; missing=image_mark,metadata"},
		"cut image":  {imagesAnswer(whole[:len(whole)/2]), ReasonUndecodable, "degraded; missing=image_mark,metadata"},
		"bomb":       {imagesAnswer(hugeHeader(whole)), ReasonTooLarge, "degraded; missing=image_mark"},
		"too small":  {imagesAnswer(testPNG(t, 60, 60, 1)), ReasonNone, "degraded; missing=image_mark"},
		"foreign":    {imagesAnswer(withManifest(whole)), ReasonNone, "passed; reason=foreign_manifest"},
		"empty list": {`{"data":[]}`, ReasonNone, "marked"},
	} {
		for _, profile := range []Profile{Strict, Standard} {
			m := newTestMarker(t, func(o *Options) { o.Key, o.Profile = key, profile })
			got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIImages}, c.text, 0)
			var held *Withheld
			if profile == Strict && c.strict != ReasonNone {
				if !errors.As(err, &held) || held.Reason != c.strict || held.Hint == "" || got != "" {
					t.Errorf("%s/strict: %v, %q", name, err, got)
				}
				continue
			}
			if err != nil || OutcomeValue(w.Result()) != c.standard {
				t.Errorf("%s/%v: %v, %s, want %s", name, profile, err, OutcomeValue(w.Result()), c.standard)
			}
			if name == "foreign" && withoutSplices(m, Output{ContentType: "application/json", Shape: ShapeOpenAIImages}, got) != c.text && !strings.HasSuffix(got, c.text[1:]) {
				t.Errorf("%s/%v: an image with a manifest was changed", name, profile)
			}
		}
	}
}

// hugeHeader claims 30,000 x 30,000 pixels.
func hugeHeader(file []byte) []byte {
	out := bytes.Clone(file)
	copy(out[16:], []byte{0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30})
	return out
}

// withManifest puts a caBX chunk, as C2PA has it, behind IHDR.
func withManifest(file []byte) []byte {
	chunk := []byte{0, 0, 0, 4, 'c', 'a', 'B', 'X', 1, 2, 3, 4}
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return append(append(bytes.Clone(file[:33]), chunk...), file[33:]...)
}

func TestPanicWhileMarkingIsAFailedMark(t *testing.T) {
	for _, profile := range []Profile{Strict, Standard} {
		m := newTestMarker(t, func(o *Options) {
			o.Profile = profile
			o.Observe = func(string, time.Duration) { panic("boom") }
		})
		got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeOpenAIChat}, chatAnswer, 0)
		if profile == Strict && (err == nil || got != "") {
			t.Errorf("strict: %v %q", err, got)
		}
		if profile == Standard && (got != chatAnswer || OutcomeValue(w.Result()) != "degraded; missing=notice,field") {
			t.Errorf("standard: %q %s", got, OutcomeValue(w.Result()))
		}
	}
}

func quoteJSON(s string) string {
	return `"` + string(jsonscan.AppendString(nil, s)) + `"`
}

// asciiJSON escapes every character.
func asciiJSON(s string) string {
	b, _ := json.Marshal(s)
	var out strings.Builder
	for _, r := range string(b[1 : len(b)-1]) {
		if r < 0x80 {
			out.WriteRune(r)
			continue
		}
		out.WriteString(`\u` + string("0123456789abcdef"[r>>12&15]) + string("0123456789abcdef"[r>>8&15]) + string("0123456789abcdef"[r>>4&15]) + string("0123456789abcdef"[r&15]))
	}
	return `"` + out.String() + `"`
}

func FuzzJSONSplice(f *testing.F) {
	for _, s := range []string{chatAnswer, `{}`, `{"ai_disclosure":1}`, `{"choices":[{"message":{"content":"a","content":"b"}}]}`, `{"data":[{"b64_json":"AA=="}]}`, `{"choices":[{"delta":{"content":"\ud800"}}]}`, `{"message":{"content":"x"},"response":"y"}`} {
		f.Add(s)
	}
	m := newTestMarker(f, nil)
	f.Fuzz(func(t *testing.T, text string) {
		for shape := range drivers {
			got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: shape}, text, 0)
			if err != nil {
				continue
			}
			if (readOK(text) == nil) != (readOK(got) == nil) {
				t.Fatalf("%s: validity changed: %q -> %q", shape, text, got)
			}
			if !w.Changed() && got != text {
				t.Fatalf("%s: changed without saying so: %q -> %q", shape, text, got)
			}
			if !strings.Contains(text, "disclosure") && len(got) < len(text) {
				t.Fatalf("%s: bytes were lost: %q -> %q", shape, text, got)
			}
			m.ReadRequest(shape, []byte(text))
		}
	})
}

func FuzzStreams(f *testing.F) {
	for i, g := range goldenStreams {
		f.Add(g.text, 5, i)
	}
	f.Add("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r\rdata:\r\n\r\n", 1, 0)
	for i, g := range longStreams(prose(20)) {
		same := func(o golden) bool { return o.shape == g.shape && o.contentType == g.contentType }
		f.Add(strings.ReplaceAll(g.text, "\n\n", "\r\n\r\n"), i+1, slices.IndexFunc(goldenStreams, same))
	}
	m := newTestMarker(f, func(o *Options) { o.Key = newTestKey(f) })
	f.Fuzz(func(t *testing.T, text string, n, shape int) {
		out := goldenStreams[uint(shape)%uint(len(goldenStreams))].output()
		whole, _, err := mark(t, m, out, text, 0)
		if err != nil || strings.Contains(text, "disclosure") || strings.Contains(text, "interacting") {
			return
		}
		if got := unshifted(withoutSplices(m, out, string(withoutFrames([]byte(whole), m)))); got != unshifted(text) && !strings.Contains(text, "ndex") {
			t.Fatalf("%s: bytes outside the splices changed:\n%q\n%q", out.Shape, text, got)
		}
		if n < 1 || len(text)/n > 2000 {
			return
		}
		if pieces, _, _ := mark(t, m, out, text, n); pieces != whole {
			t.Fatalf("%s: chunks of %d differ:\n%q\n%q", out.Shape, n, pieces, whole)
		}
	})
}

func BenchmarkChatJSON(b *testing.B) {
	m := newTestMarker(b, nil)
	answer := []byte(strings.Replace(chatAnswer, "Hello", strings.Repeat("A lighthouse marks a coast. ", 44), 1))
	ask := []byte(`{"model":"m","messages":[{"role":"user","content":"Tell me about lighthouses."}]}`)
	b.ReportAllocs()
	for b.Loop() {
		req := m.ReadRequest(ShapeOpenAIChat, ask)
		w := m.NewWriter(context.Background(), io.Discard, Output{ContentType: "application/json", Shape: ShapeOpenAIChat, Turn: req.Turn})
		if _, err := w.Write(answer); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
