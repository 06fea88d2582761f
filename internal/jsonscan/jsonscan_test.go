package jsonscan

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var accepted = []string{
	`{}`, `[]`, `""`, `0`, `-0`, `1.0E+2`, `1e400`, `123456789012345678901234567890`, `true`, `false`, `null`,
	` { "a" : [ 1 , { "b" : null } ] } `, "\"\xff\xfe\"", `"\ud800"`, `"\u0000"`, `"\/"`, `[[[[[]]]]]`,
	`{"a":1,"a":2}`, `{"":0}`, "\t\r\n1\n", `"😀\uD83D\uDE00"`, `[-1.5e-3,0e0]`,
}

var rejected = []string{
	``, ` `, `{`, `[`, `"`, `"\`, `"\u12`, `"\x"`, `{a:1}`, `{'a':1}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `[1,]`, `[,]`,
	`[1 2]`, `01`, `-`, `+1`, `1.`, `.5`, `1e`, `1e+`, `0x10`, `NaN`, `Infinity`, `tru`, `nul`, `True`, "\"\n\"", "\"\x00\"",
	`{} {}`, `[]]`, `{"a":1]`, "\ufeff{}", `/*c*/1`, `1//c`, `{"a":1 "b":2}`, `["a":1]`, `--1`, `"\u{12}"`,
}

func TestValid(t *testing.T) {
	for _, text := range accepted {
		if err := Valid([]byte(text)); err != nil {
			t.Errorf("accept/%q: %v", text, err)
		}
	}
	for _, text := range rejected {
		if Valid([]byte(text)) == nil {
			t.Errorf("reject/%q was accepted", text)
		}
	}
}

func TestErrEndMeansThatMoreCouldComplete(t *testing.T) {
	whole := `{"a":[1,true,"x\u00e9",{"b":null}],"c":false}`
	for i := range len(whole) {
		if err := Valid([]byte(whole[:i])); !errors.Is(err, ErrEnd) {
			t.Errorf("%q: %v, want ErrEnd", whole[:i], err)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	bomb := strings.Repeat("[", 1<<20)
	if err := Valid([]byte(bomb)); !errors.Is(err, ErrDepth) {
		t.Fatalf("a bomb of brackets: %v, want ErrDepth", err)
	}
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	if err := Valid([]byte(deep)); err != nil {
		t.Fatalf("%d levels: %v", MaxDepth, err)
	}
}

func TestObjectSeesDuplicatesAndSkipsWhatIsLeft(t *testing.T) {
	data := []byte(`{"a":1,"x":{"y":[1,2]},"\u0061":"two"}`)
	s := New(data)
	var seen []string
	err := s.Object(func(key Span) error {
		if Is(key.Of(data), "a") {
			seen = append(seen, string(key.Of(data)))
		}
		return nil
	})
	if err != nil || s.End() != nil {
		t.Fatal(err, s.End())
	}
	if strings.Join(seen, ",") != `a,\u0061` {
		t.Fatalf("keys = %q", seen)
	}
}

func TestMatchPrefix(t *testing.T) {
	for raw, want := range map[string]int{
		`d’IA x`:           6,
		`d\u2019IA x`:      9,
		`\u0064\u2019IA`:   14,
		`d\u2019I`:         -1,
		`D’IA`:             -1,
		`d’\u0049\u0041\n`: 16,
	} {
		n, ok := MatchPrefix([]byte(raw), "d’IA")
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("MatchPrefix(%s) = %d, want %d", raw, n, want)
		}
	}
	if n, ok := MatchPrefix([]byte(`\ud83d\ude00!`), "😀"); !ok || n != 12 {
		t.Errorf("surrogate pair: %d, %v", n, ok)
	}
}

func TestStringsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		quoted := append(AppendString([]byte{'"'}, text), '"')
		var back string
		if err := json.Unmarshal(quoted, &back); err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		if back != text {
			t.Fatalf("AppendString(%q) reads back as %q", text, back)
		}
		if got := Unquote(quoted[1:len(quoted)-1], 1<<20); got != text {
			t.Fatalf("Unquote(%s) = %q, want %q", quoted, got, text)
		}
		std, _ := json.Marshal(text)
		if n, ok := MatchPrefix(std[1:len(std)-1], text); !ok || n != len(std)-2 {
			t.Fatalf("MatchPrefix(%s, %q) = %d, %v", std, text, n, ok)
		}
	})
}

func TestPlainRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\"\\ \x1f\x20\x80\xa2\xff"))), 0, 40).Draw(t, "data")
		want := 0
		for want < len(data) && data[want] != '"' && data[want] != '\\' && data[want] >= 0x20 {
			want++
		}
		if got := plainRun(data); got != want {
			t.Fatalf("plainRun(%q) = %d, want %d", data, got, want)
		}
	})
}

func TestApply(t *testing.T) {
	src := []byte("0123456789")
	got := Apply(src, []Edit{{At: 5, Ins: []byte("b")}, {At: 2, Del: 2}, {At: 5, Ins: []byte("c")}, {At: 10, Ins: []byte("!")}})
	if string(got) != "014bc56789!" {
		t.Fatalf("Apply = %s", got)
	}
	if got := Apply(src, nil); &got[0] != &src[0] {
		t.Fatal("Apply without edits copied")
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range append(accepted, rejected...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := Valid(data)
		if errors.Is(got, ErrDepth) {
			return
		}
		if want := json.Valid(data); (got == nil) != want {
			t.Fatalf("Valid(%q) = %v, encoding/json says %v", data, got, want)
		}
	})
}

func BenchmarkSkip(b *testing.B) {
	data := []byte(`{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("lighthouse ", 110) + `"}}]}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Valid(data); err != nil {
			b.Fatal(err)
		}
	}
}
