package textmark

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/avowai/avow/watermark"
)

// makeVectors writes the vectors of this version. It exists to say how they
// were made; frozen files are not made again.
var makeVectors = flag.Bool("make-vectors", false, "write the vectors of this version of the text mark")

const (
	vectorDir = "testdata/vectors"
	secretB   = "avow-key-1f0e0d0c0b0a090807060504030201000f1e1d1c1b1a1918171615141312111013ff353bc"
)

// A frameVector is one frame, from the key to the text.
type frameVector struct {
	Key    string `json:"key"`
	ID     string `json:"id"`
	Index  int    `json:"index"`
	Subkey string `json:"subkey"` // of the tag
	Head   byte   `json:"head"`   // version and key hint
	Tag    string `json:"tag"`
	Digits []int  `json:"digits"`
	Frame  string `json:"frame"`
}

// An embedVector is a text and what it becomes, held or streamed.
type embedVector struct {
	Name     string `json:"name"`
	Key      string `json:"key"`
	ID       string `json:"id"`
	Distance int    `json:"distance"`
	Stream   bool   `json:"stream"`
	Text     string `json:"text"`
	Marked   string `json:"marked"`
	Skip     string `json:"skip"`
}

// A detectVector is a text and what it carries.
type detectVector struct {
	Name   string   `json:"name"`
	Keys   []string `json:"keys"`
	Text   string   `json:"text"`
	Valid  []string `json:"valid"` // ids, in order
	Formed int      `json:"well_formed"`
	Damage int      `json:"damaged"`
	Window int      `json:"windows"`
	C2PA   bool     `json:"c2pa"`
	Runs   int      `json:"runs"`
	Rate   float64  `json:"false_positive_rate"`
	Strip  string   `json:"stripped"`
}

// A jsonVector is raw JSON and what is left of it without own frames.
type jsonVector struct {
	Name string `json:"name"`
	Key  string `json:"key"`
	Raw  string `json:"raw"`
	Left string `json:"left"`
}

func vectorKey(t *testing.T, secret string) watermark.Key {
	t.Helper()
	k, err := watermark.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestVectors: what a release wrote stays readable, and is written again.
func TestVectors(t *testing.T) {
	vectors(t, "frames", frameVectors, func(v frameVector) frameVector {
		return frameOf(t, v.Key, v.ID, v.Index)
	})
	vectors(t, "embed", embedVectors, func(v embedVector) embedVector {
		v.Marked, v.Skip = embedOf(t, v)
		return v
	})
	vectors(t, "detect", detectVectors, func(v detectVector) detectVector { return detectOf(t, v) })
	vectors(t, "json", jsonVectors, func(v jsonVector) jsonVector {
		v.Left = without(v.Raw, OwnRuns([]byte(v.Raw), vectorKey(t, v.Key)))
		return v
	})
}

// TestSpecificationShowsAFrame: the frame written out in the specification.
func TestSpecificationShowsAFrame(t *testing.T) {
	spec, err := os.ReadFile(filepath.Join("..", "..", "docs", "spec", "text-mark.md"))
	if err != nil {
		t.Fatal(err)
	}
	v := frameOf(t, secretA, idA.String(), 0)
	digits := strings.Trim(fmt.Sprint(v.Digits), "[]")
	for _, line := range []string{"key    " + v.Key, "tag's  " + v.Subkey, fmt.Sprintf("id     %s   index 0   head %04b   tag %s", v.ID, v.Head, v.Tag), "digits " + digits} {
		if !strings.Contains(string(spec), "\n"+line+"\n") {
			t.Errorf("the specification lacks %q", line)
		}
	}
}

// vectors reads a file of vectors and compares each with what again computes.
func vectors[V any](t *testing.T, name string, make func(*testing.T) []V, again func(V) V) {
	t.Run(name, func(t *testing.T) {
		path := filepath.Join(vectorDir, name+".json")
		if *makeVectors {
			all := make(t)
			for i := range all {
				all[i] = again(all[i])
			}
			writeVectors(t, path, all)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var all []V
		if err := json.Unmarshal(raw, &all); err != nil || len(all) < 3 {
			t.Fatalf("%d vectors, %v", len(all), err)
		}
		for i, v := range all {
			if got := again(v); !reflect.DeepEqual(got, v) {
				t.Errorf("vector %d: %+v, want %+v", i, got, v)
			}
		}
	})
}

// writeVectors writes ASCII, so that what is invisible can be read.
func writeVectors(t *testing.T, path string, all any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(all); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(asciiJSON(b.String())), 0o644); err != nil {
		t.Fatal(err)
	}
}

func frameOf(t *testing.T, secret, id string, index int) frameVector {
	k := vectorKey(t, secret)
	s, raw := newSigner(k), parseID(t, id)
	sub := k.Subkey("avow text mark 1: tag")
	tag := s.tag(byte(index&15), raw)
	v := frameVector{secret, id, index, hex.EncodeToString(sub[:]), s.head, hex.EncodeToString(tag[:]), nil, s.frame(index, raw)}
	for _, r := range v.Frame {
		v.Digits = append(v.Digits, int(r-firstSelector))
	}
	return v
}

func parseID(t *testing.T, s string) ID {
	t.Helper()
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(ID{}) {
		t.Fatalf("id %q", s)
	}
	return ID(raw)
}

func embedOf(t *testing.T, v embedVector) (string, string) {
	k, o := vectorKey(t, v.Key), Options{Distance: v.Distance}
	if !v.Stream {
		got, skip := Embed(v.Text, parseID(t, v.ID), k, o)
		return got, skip.String()
	}
	var b strings.Builder
	w := NewWriter(&b, parseID(t, v.ID), k, o)
	for i := range len(v.Text) {
		_, _ = w.Write([]byte{v.Text[i]})
	}
	_ = w.Close()
	return b.String(), w.Placer().Skip().String()
}

func detectOf(t *testing.T, v detectVector) detectVector {
	var keys []watermark.Key
	for _, k := range v.Keys {
		keys = append(keys, vectorKey(t, k))
	}
	d := Detect(v.Text, keys...)
	out := detectVector{Name: v.Name, Keys: v.Keys, Text: v.Text, Valid: []string{}, Window: d.Windows, C2PA: d.C2PA, Runs: d.Runs,
		Rate: d.FalsePositiveRate, Strip: Strip(v.Text, keys...)}
	for _, f := range d.Frames {
		if f.Valid {
			out.Valid = append(out.Valid, f.ID.String())
		}
		out.Formed += one01(f.WellFormed)
		out.Damage += one01(f.Damaged)
	}
	return out
}

func frameVectors(*testing.T) []frameVector {
	var out []frameVector
	for _, k := range []string{secretA, secretB} {
		for i, id := range []string{"9f3c52d07a", "0000000000", "ffffffffff", "0102030405"} {
			out = append(out, frameVector{Key: k, ID: id, Index: i * 5})
		}
	}
	return out
}

func embedVectors(*testing.T) []embedVector {
	text, mixed := prose(11, 25), "# A heading of words\n\n"+prose(12, 8)+"\n\n```go\nfunc words of code here\n```\n\n- "+prose(13, 4)+"\n- See https://example.org for more\n\n"+prose(14, 9)+"\n\n| a table | of words |\n\n"+prose(15, 8)
	var out []embedVector
	for _, v := range []embedVector{
		{Name: "held", Text: text}, {Name: "held-dense", Text: text, Distance: 200}, {Name: "stream", Text: text, Stream: true},
		{Name: "mixed-held", Text: mixed}, {Name: "mixed-stream", Text: mixed, Stream: true, Distance: 200},
		{Name: "800", Text: proseOf(800)}, {Name: "801", Text: proseOf(801)}, {Name: "stream-801", Text: proseOf(801), Stream: true},
		{Name: "code", Text: "```\n" + text + "\n```"}, {Name: "script", Text: strings.Repeat("Это длинный русский текст. ", 40)},
		{Name: "windows", Text: text + windowsMark},
	} {
		v.Key, v.ID = secretA, "9f3c52d07a"
		out = append(out, v)
	}
	return out
}

func detectVectors(t *testing.T) []detectVector {
	a, b := newFrame(vectorKey(t, secretA)), newFrame(vectorKey(t, secretB))
	both, one := []string{secretA, secretB}, []string{secretA}
	return []detectVector{
		{Name: "none", Keys: one, Text: natural[0]}, {Name: "one", Keys: one, Text: "Some words" + a + " here"}, {Name: "side by side", Keys: both, Text: a + b},
		{Name: "other key", Keys: one, Text: "Some words" + b + " here"}, {Name: "no key", Keys: []string{}, Text: a}, {Name: "cut", Keys: one, Text: a[:63]},
		{Name: "longer", Keys: one, Text: a + "\ufe03"}, {Name: "beside an emoji's selector", Keys: one, Text: a + "\ufe0f"}, {Name: "beside the supplement", Keys: one, Text: "\U000E0100" + a},
		{Name: "windows", Keys: one, Text: "Some words" + windowsMark + " here"}, {Name: "c2pa", Keys: one, Text: "text" + c2paHead + bytesAsSelectors("\x01\x00\x00\x00\x00")},
		{Name: "digits", Keys: one, Text: strings.Repeat("\ufe00\ufe01", 11)},
	}
}

func jsonVectors(t *testing.T) []jsonVector {
	a := newFrame(vectorKey(t, secretA))
	var out []jsonVector
	for _, v := range [][2]string{
		{"raw", `{"content":"word` + a + ` more"}`}, {"escaped", `{"content":"word` + escape(a) + ` more"}`}, {"upper", `{"content":"word` + strings.ReplaceAll(strings.ToUpper(escape(a)), `\U`, `\u`) + ` more"}`},
		{"mixed", `"` + a[:30] + escape(a)[60:] + `"`}, {"behind two backslashes", `"\\` + escape(a) + `"`}, {"backslash and text", `"\` + escape(a) + `"`}, {"cut", `"` + escape(a)[6:] + `"`},
	} {
		out = append(out, jsonVector{Name: v[0], Key: secretA, Raw: v[1]})
	}
	return out
}
