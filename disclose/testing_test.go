package disclose

import (
	"bytes"
	"context"
	"image/png"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

const englishNotice = "You are interacting with an AI system, not a human."

// newTestMarker returns a Marker with a fixed clock; change may alter options.
func newTestMarker(t testing.TB, change func(*Options)) *Marker {
	t.Helper()
	o := Options{Provider: "Example GmbH", System: "assistant", Version: "1.4",
		Now: func() time.Time { return time.Unix(1795392000, 0) }}
	if change != nil {
		change(&o)
	}
	m, err := NewMarker(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newTestKey(t testing.TB) watermark.Key {
	t.Helper()
	k, err := watermark.ParseKey("avow-key-1000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f4ef8b684")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var testID = watermark.Payload{0x9f, 0x3c, 0x52, 0xd0, 0x7a, 0xb1, 0xe6, 0x44}

// mark writes text through a Writer in pieces of n bytes (0: all at once) and
// returns what came out.
func mark(t interface{ Helper() }, m *Marker, out Output, text string, n int) (string, *Writer, error) {
	t.Helper()
	out.Label.ID = testID
	var dst bytes.Buffer
	w := m.NewWriter(context.Background(), &dst, out)
	for rest := text; rest != ""; {
		k := len(rest)
		if n > 0 {
			k = min(n, k)
		}
		if _, err := w.Write([]byte(rest[:k])); err != nil {
			return dst.String(), w, err
		}
		rest = rest[k:]
	}
	err := w.Close()
	return dst.String(), w, err
}

// A field that names images has ids that are drawn at random.
var imagesField = regexp.MustCompile(`"[a-z./]*ai_disclosure":\{[^{}]*"images":\[[^]]*\]\},?`)

// withoutSplices removes the fields and the notices that mark put in.
func withoutSplices(m *Marker, out Output, text string) string {
	w := m.NewWriter(context.Background(), nil, out)
	w.label.ID = testID
	field := string(w.fieldJSON(nil))
	for _, f := range []string{
		`,"messageMetadata":{` + field + `}`,
		`"_meta":{"` + mcpKey + field[len(fieldName)+1:] + `},`, `"` + mcpKey + field[len(fieldName)+1:] + `,`,
		field + ",", field,
	} {
		text = strings.Replace(text, f, "", 1)
	}
	text = strings.Replace(imagesField.ReplaceAllString(text, ""), `"_meta":{},`, "", 1)
	return strings.ReplaceAll(text, englishNotice+`\n\n`, "")
}

func testPNG(t testing.TB, w, h int, seed uint64) []byte {
	t.Helper()
	var buf bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(&buf, corpus.Made(w, h, seed)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
