package fingerprint

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/avowai/avow/watermark"
)

func testShingler(t testing.TB, last byte) *Shingler {
	t.Helper()
	return NewShingler([32]byte{1, 2, 3, 31: last})
}

// words is made text of n different words.
func words(seed uint64, n int) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		for range 2 + r.IntN(8) {
			b.WriteByte("abcdefghijklmnopqrstuvwxyz"[r.IntN(26)])
		}
		out[i] = b.String()
	}
	return out
}

// foxHashes is what fox gives under the key of the test of keys.
const foxHashes = "[305ec6c884fc4742 649c6d5662a58a56 dd71dbc31d4b23d8]"

const fox = "the quick brown fox jumps over the lazy dog while twelve men look on"

// TestNormalisation: what a copy changes without changing the words changes no
// hash.
func TestNormalisation(t *testing.T) {
	s := testShingler(t, 1)
	for _, c := range []struct{ name, a, b string }{
		{"case", fox, strings.ToUpper(fox)}, {"punctuation", fox, "The quick, brown fox jumps over the \"lazy\" dog - while: twelve men; look on..."},
		{"white space", fox, strings.ReplaceAll(fox, " ", "\n\t ")}, {"no-break spaces", fox, strings.ReplaceAll(fox, " ", "\u00a0")},
		{"ideographic spaces", fox, strings.ReplaceAll(fox, " ", "\u3000")}, {"line separators", fox, strings.ReplaceAll(fox, " ", "\u2028")},
		{"markdown", fox, "# The **quick** brown *fox*\n\n> jumps over the `lazy` __dog__\n\n- while twelve ~~men~~ look on"},
		{"table", fox, "|the|quick|brown fox|\njumps over|the lazy dog|while|twelve men|look on|"}, {"brackets", fox, "the [quick] brown fox<>jumps over the lazy dog while twelve men look on"},
		{"dashes", fox, strings.Replace(strings.Replace(fox, "fox ", "fox—", 1), "dog ", "dog–", 1)}, {"slash", fox, strings.Replace(fox, "men ", "men/", 1)},
		{"full width", fox, strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r - 'a' + 'ａ'
			}
			return r
		}, fox)},
		{"ligature", "a fine official office file of five", "a ﬁne oﬃcial oﬃce ﬁle of ﬁve"}, {"apostrophes", "don't say it's what you can't do", "don’t say its what you can`t do"},
		{"composed", "le café était très éloigné déjà là", "le cafe\u0301 e\u0301tait tre\u0300s e\u0301loigne\u0301 de\u0301ja\u0300 la\u0300"},
		{"German upper case", "die große Straße heißt weiter Fußweg", "DIE GROSSE STRASSE HEISST WEITER FUSSWEG"},
		{"Greek sigma", "ο λόγος της πόλης είναι μέγας", "Ο ΛΌΓΟΣ ΤΗΣ ΠΌΛΗΣ ΕΊΝΑΙ ΜΈΓΑΣ"}, {"Cyrillic", "съешь ещё этих мягких французских булок", "СЪЕШЬ ЕЩЁ ЭТИХ МЯГКИХ ФРАНЦУЗСКИХ БУЛОК"},
		{"invisible", fox, strings.ReplaceAll(fox, "o", "o\u200b\u2060\ufeff\u00ad")}, {"selectors", fox, strings.ReplaceAll(fox, " ", strings.Repeat("\ufe01\ufe0d", 11)+" ")},
		{"wrapper", fox, fox + "\ufeff" + strings.Repeat("\ufe00\U000e0142", 900)}, {"joiners", fox, strings.ReplaceAll(fox, "ck", "c\u200dk\u034f")},
		{"emoji", fox, strings.ReplaceAll(fox, "fox", "🦊 fox 👩🏿‍💻")}, {"marks around it", fox, "“" + fox + "”…"},
		{"Chinese punctuation", "今天天气很好我们一起去公园散步吧朋友", "今天天气很好，我们 一起\n去公园散步吧！朋友。"}, {"half-width kana", "カタカナヲバラバラニカク", "ｶﾀｶﾅｦﾊﾞﾗﾊﾞﾗﾆｶｸ"},
		{"kana mark", "がぎぐげござじずぜぞ", "か\u3099き\u3099く\u3099け\u3099こ\u3099さ\u3099し\u3099す\u3099せ\u3099そ\u3099"}, {"Thai", "ภาษาไทยเป็นภาษาที่สวยงามมาก", "ภาษาไทย\u200bเป็น ภาษา\u200bที่สวยงามมาก"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := s.Text(c.a), s.Text(c.b)
			if len(a) == 0 || !slices.Equal(a, b) {
				t.Fatalf("%x\n%x", a, b)
			}
		})
	}
}

// TestWordsDiffer: what changes the words changes the hashes.
func TestWordsDiffer(t *testing.T) {
	s := testShingler(t, 1)
	a := s.Text(fox)
	for name, text := range map[string]string{
		"order": "fox the jumps quick over brown dog the lazy men while look twelve on", "joined": strings.ReplaceAll(fox, " ", ""),
		"other words": "a slow grey wolf crept under one sleepy cat before eleven women walked off",
	} {
		if n := s.Text(text).Shared(a); n != 0 {
			t.Errorf("%s: %d hashes shared", name, n)
		}
	}
	for _, short := range []string{"", "one two three four", "...", "\ufe00\ufe01", "你好世"} {
		if got := s.Text(short); len(got) != 0 {
			t.Errorf("%q: %x", short, got)
		}
	}
	if got := s.Text("one two three four five"); len(got) != 1 {
		t.Fatalf("five words give %d hashes, want 1", len(got))
	}
}

// TestSimpleIsNormal: the short way is the long way.
func TestSimpleIsNormal(t *testing.T) {
	n := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		got, class, ok := simple(r)
		if !ok || r < utf8.RuneSelf && r >= 'A' && r <= 'Z' {
			continue
		}
		n++
		all := []rune(string(normalise([]byte(string(r)))))
		if c := classOf(all[0]); c != class || class != classDrop && (len(all) != 1 || all[0] != got) {
			t.Fatalf("%U: %U, class %d; want %U, class %d", r, got, class, all, c)
		}
	}
	if n < 30000 {
		t.Fatalf("%d characters are simple", n)
	}
	pool := []rune("aZß é\u00a0«µЖžΣς—’\u200d\ufe03、がカー漢字한국어ﾊＡ！ ")
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(string(rapid.SliceOfN(rapid.SampledFrom(pool), 0, 30).Draw(t, "runes")))
		if !allSimple(text) {
			return
		}
		var folded []rune
		for _, r := range string(text) {
			f, _, _ := simple(r)
			folded = append(folded, f)
		}
		want := []rune(string(normalise(text)))
		drop := func(r rune) bool { return classOf(r) == classDrop }
		if !slices.Equal(slices.DeleteFunc(folded, drop), slices.DeleteFunc(want, drop)) {
			t.Fatalf("%q: %q, want %q", text, string(folded), string(want))
		}
	})
}

// TestCutsMakeNoDifference, not even inside characters, in any script.
func TestCutsMakeNoDifference(t *testing.T) {
	s := testShingler(t, 1)
	piece := rapid.SampledFrom([]string{"the ", "Grass grows. ", "naïve café ", "e\u0301", "漢字かな", "が", "か\u3099", "한국어 ", "\ufe00\ufe01\ufe0d", "—", "\u00a0",
		"ภาษา", "ß", "a/b", "\xff", "\xe6", "**", "word", "\n\n", "👩🏿‍💻", "ﷺ", strings.Repeat("long", 40), strings.Repeat("ü", 90), "1️⃣"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 80).Draw(t, "text"), "")
		w := s.NewWriter()
		for rest := text; rest != ""; {
			n := min(len(rest), rapid.SampledFrom([]int{0, 1, 1, 2, 3, 7, 50}).Draw(t, "n"))
			if rapid.Bool().Draw(t, "bytes") {
				w.WriteBytes([]byte(rest[:n]))
			} else {
				w.Write(rest[:n])
			}
			rest = rest[n:]
			if rapid.IntRange(0, 9).Draw(t, "sum") == 0 {
				w.Sum()
			}
		}
		if got, want := w.Sum(), s.Text(text); !slices.Equal(got, want) {
			t.Fatalf("%q: %x, want %x", text, got, want)
		}
	})
}

// TestSharedStretchesLeaveAHash: the promise of winnowing.
func TestSharedStretchesLeaveAHash(t *testing.T) {
	s := testShingler(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		all := words(rapid.Uint64().Draw(t, "seed"), 100)
		at := rapid.IntRange(0, 92).Draw(t, "at")
		shared := strings.Join(all[at:at+ShingleWords+Window-1], " ")
		other := strings.Join(words(rapid.Uint64().Draw(t, "other"), 20), " ") + " " + shared + " behind it"
		if s.Text(other).Shared(s.Text(strings.Join(all, " "))) == 0 {
			t.Fatal("no hash shared")
		}
	})
}

func TestKeysSeparate(t *testing.T) {
	text := strings.Join(words(7, 3000), " ")
	a, b := testShingler(t, 1).Text(text), testShingler(t, 2).Text(text)
	if n := a.Shared(b); n != 0 || len(a) < 1000 {
		t.Fatalf("%d of %d hashes are those of another key", n, len(a))
	}
	k, err := watermark.ParseKey("avow-key-1000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f4ef8b684")
	if err != nil {
		t.Fatal(err)
	}
	if TextKey(k) == k.Subkey("avow text mark 1: tag") {
		t.Fatal("the keys of marks and fingerprints are one")
	}
	spec, err := os.ReadFile("../../docs/spec/text-fingerprint.md")
	if err != nil || !strings.Contains(string(spec), "text   "+fox+"\nhashes "+strings.Trim(foxHashes, "[]")+"\n") {
		t.Fatalf("the specification has not the example: %v", err)
	}
	// Frozen: records are compared with texts for as long as they are kept.
	if got := fmt.Sprintf("%x", NewShingler(TextKey(k)).Text(fox)); got != foxHashes {
		t.Fatalf("hashes of the example are %s, want %s", got, foxHashes)
	}
}

// TestThinning: the hashes of a long text are bounded, and an excerpt of it is
// still found in them.
func TestThinning(t *testing.T) {
	s := testShingler(t, 1)
	all := words(3, 40000)
	long := s.Text(strings.Join(all, " "))
	if len(long) != MaxTextHashes || !slices.IsSorted(long) {
		t.Fatalf("%d hashes", len(long))
	}
	excerpt := s.Text(strings.Join(all[20000:22000], " "))
	n, m := excerpt.In(long)
	if m < 100 || m >= len(excerpt) || n < m-2 {
		t.Fatalf("%d of %d hashes, of %d", n, m, len(excerpt))
	}
	if n, m := long.In(excerpt); n > m || m != len(long) || n < 100 {
		t.Fatalf("the other way round %d of %d", n, m)
	}
	parts := Join(s.Text(strings.Join(all[:20000], " ")), s.Text(strings.Join(all[19996:], " ")))
	if n, m := parts.In(long); len(parts) != MaxTextHashes || n < m-4 {
		t.Fatalf("joined: %d of %d", n, m)
	}
	w := s.NewWriter()
	for range 200000 {
		w.Write("again and again and ")
	}
	if n := cap(w.run.hashes); n > 2*MaxTextHashes {
		t.Fatalf("room for %d hashes", n)
	}
}

func TestSpans(t *testing.T) {
	s := testShingler(t, 1)
	all := words(5, 60)
	record := s.Text(strings.Join(all, " "))
	before, part := strings.Join(words(6, 30), " ")+" ", strings.Join(all[10:40], " ")
	text := before + part + " " + strings.Join(words(8, 30), " ")
	spans := s.Spans(text, record)
	if len(spans) != 1 || spans[0].Start < len(before) || spans[0].End > len(before)+len(part) || spans[0].End-spans[0].Start < len(part)*2/3 {
		t.Fatalf("%v of %d to %d", spans, len(before), len(before)+len(part))
	}
	if got := s.Spans(before, record); got != nil {
		t.Fatalf("in foreign text: %v", got)
	}
}

func TestWithout(t *testing.T) {
	if got := (Text{1, 2, 3, 9}).Without(Text{2, 9, 11}); !slices.Equal(got, Text{1, 3}) {
		t.Fatal(got)
	}
}

func TestEncoding(t *testing.T) {
	for _, text := range []Text{nil, {0}, {1, 2, 1 << 63}, testShingler(t, 1).Text(fox)} {
		b, err := text.AppendBinary([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseText(b[len("before"):]); err != nil || !slices.Equal(got, text) {
			t.Fatalf("%x, %v, want %x", got, err, text)
		}
	}
	long := make(Text, MaxTextHashes+1)
	for i := range long {
		long[i] = uint64(i)
	}
	tooLong, _ := long.AppendBinary(nil)
	for name, b := range map[string][]byte{
		"version": {2, 0, 0, 0, 0, 0, 0, 0, 1}, "alone": {1}, "cut": {1, 0, 0}, "twice": append(append([]byte{1}, make([]byte, 8)...), make([]byte, 8)...), "too long": tooLong,
	} {
		if got, err := ParseText(b); !errors.Is(err, ErrEncoding) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func FuzzParseText(f *testing.F) {
	for _, t := range []Text{nil, {0}, {1, 2, 3}} {
		b, _ := t.AppendBinary(nil)
		f.Add(b)
	}
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := ParseText(b)
		if err != nil {
			return
		}
		if again, _ := text.AppendBinary(nil); !bytes.Equal(again, b) {
			t.Fatalf("%x was read, and written as %x", b, again)
		}
	})
}

func FuzzTextWriter(f *testing.F) {
	s := testShingler(f, 1)
	for _, text := range []string{fox, "漢字かな交じり文を書く人", "e\u0301\xff\ufe00", strings.Repeat("ü", 200), "ﷺ ﷺ ﷺ ﷺ ﷺ"} {
		f.Add(text, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		w := s.NewWriter()
		for rest := text; rest != ""; {
			k := min(len(rest), int(n)+1)
			w.Write(rest[:k])
			rest = rest[k:]
		}
		if got, want := w.Sum(), s.Text(text); !slices.Equal(got, want) {
			t.Fatalf("%x, want %x", got, want)
		}
		for _, span := range s.Spans(text, s.Text(text)) {
			if span.Start < 0 || span.Start > span.End || span.End > len(text) {
				t.Fatalf("span %v of %d", span, len(text))
			}
		}
	})
}

func BenchmarkText(b *testing.B) {
	for name, text := range map[string]string{"english": strings.Join(words(1, 320), " "), "russian": strings.Repeat("съешь ещё этих мягких французских булок ", 28), "chinese": strings.Repeat("今天天气很好，我们一起去公园散步吧朋友。", 35)} {
		b.Run(name, func(b *testing.B) {
			s := testShingler(b, 1)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				s.Text(text)
			}
		})
	}
}
