package textmark

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/avowai/avow/watermark"
)

// TestFrameAndItsDigits: writing and reading are inverse, for every field.
func TestFrameAndItsDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := frame{head: version<<2 | rapid.ByteRange(0, 3).Draw(t, "hint"), index: rapid.ByteRange(0, 15).Draw(t, "index")}
		copy(f.id[:], rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(t, "id"))
		copy(f.tag[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "tag"))
		s := f.String()
		if utf8.RuneCountInString(s) != FrameRunes || len(s) != FrameBytes {
			t.Fatalf("a frame of %d runes, %d bytes", utf8.RuneCountInString(s), len(s))
		}
		eachRun(s, false, func(r *run) {
			if got, ok := parseFrame(r.digits); !ok || got != f || !r.frames() {
				t.Fatalf("read %+v, %v, want %+v", got, ok, f)
			}
		})
	})
}

func TestDetect(t *testing.T) {
	k, other := testKey(t), otherKey(t)
	a, b := newSigner(k), newSigner(other)
	one, two, foreign := a.frame(3, idA), a.frame(4, ID{1, 2, 3, 4, 5}), b.frame(0, idA)
	forged := []rune(one)
	forged[21] = firstSelector + (forged[21]-firstSelector+1)%base // the tag's last digit
	for _, c := range []struct {
		name, text string
		valid      int
		wellFormed int
		damaged    int
		runs       int
	}{
		{"none", "plain", 0, 0, 0, 0}, {"empty", "", 0, 0, 0, 0}, {"one", "a" + one + " b", 1, 1, 0, 1}, {"alone", one, 1, 1, 0, 1},
		{"two-apart", one + "x" + two, 2, 2, 0, 2}, {"two-together", one + two, 2, 2, 0, 2}, {"with-foreign", one + foreign, 1, 2, 0, 2},
		{"other-key", foreign, 0, 1, 0, 1}, {"forged", string(forged), 0, 1, 0, 1}, {"cut", one[:63], 0, 0, 1, 0}, {"longer", one + "\ufe00", 0, 0, 1, 0},
		{"one-and-half", one + two[:33], 0, 0, 1, 0}, {"beside-emoji-selector", one + "\ufe0f", 0, 0, 0, 0}, {"beside-supplement", "\U000E0101" + one, 0, 0, 0, 0},
		{"split-by-joiner", one[:33] + "\u200d" + one[33:], 0, 0, 2, 0}, {"all-zero-digits", strings.Repeat("\ufe00", 22), 0, 0, 0, 1}, {"single", "≨\ufe00", 0, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Detect(c.text, k)
			var valid, formed, damaged int
			for _, f := range d.Frames {
				valid += one01(f.Valid)
				formed += one01(f.WellFormed)
				damaged += one01(f.Damaged)
				if run := c.text[f.Start:f.End]; strings.Trim(run, "\ufe00\ufe01\ufe02\ufe03\ufe04\ufe05\ufe06\ufe07\ufe08\ufe09\ufe0a\ufe0b\ufe0c\ufe0d") != "" {
					t.Fatalf("frame at %q", run)
				}
			}
			if valid != c.valid || formed != c.wellFormed || damaged != c.damaged || d.Runs != c.runs {
				t.Fatalf("valid %d, well formed %d, damaged %d, runs %d, want %d, %d, %d, %d", valid, formed, damaged, d.Runs, c.valid, c.wellFormed, c.damaged, c.runs)
			}
			if d.Verified() != (c.valid > 0) || d.Present() != (c.wellFormed > 0) || len(d.IDs()) != c.valid {
				t.Fatalf("Verified %v, Present %v, IDs %v", d.Verified(), d.Present(), d.IDs())
			}
		})
	}
	if d := Detect(one+"x"+foreign, other, k, watermark.Key{}); d.Frames[0].KeyID != k.ID() || d.Frames[1].KeyID != other.ID() || d.FalsePositiveRate != 1e-9 {
		t.Fatalf("two keys: %+v", d)
	}
}

func one01(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestDetectOtherMarks(t *testing.T) {
	d := Detect("a" + windowsMark + "b" + windowsMark)
	if d.Windows != 2 || d.C2PA || !d.Present() || d.Verified() {
		t.Fatalf("Windows AI: %+v", d)
	}
	if d := Detect("a\u200b\u034f\u2060 \u200b"); d.Present() {
		t.Fatalf("not the Windows mark: %+v", d)
	}
	d = Detect("text" + c2paHead + bytesAsSelectors("\x01\x00\x00\x00\x04\xde\xad\xbe\xef"))
	if !d.C2PA || len(d.Frames) != 0 || !d.Present() {
		t.Fatalf("C2PA: %+v", d)
	}
	// 44 zero bytes in a wrapper are no run of frames.
	if d := Detect("text" + c2paHead + bytesAsSelectors(strings.Repeat("\x00", 44)+"\xff")); d.Runs != 0 {
		t.Fatalf("inside a wrapper: %d runs examined", d.Runs)
	}
	// The wrapper's head as in a vector of the C2PA test corpus.
	if want := "\xef\xbb\xbf\xf3\xa0\x84\xb3\xf3\xa0\x84\xa2\xf3\xa0\x85\x80\xf3\xa0\x84\xb1\xf3\xa0\x85\x84\xf3\xa0\x85\x88\xf3\xa0\x85\x84\xef\xb8\x80"; c2paHead != want {
		t.Fatalf("C2PA head = %x, want %x", c2paHead, want)
	}
}

// natural is text with every selector that occurs in practice.
var natural = []string{
	"☀️ ☁︎ ❤️‍🔥 ✂︎ 1️⃣ 2️⃣ #️⃣ *️⃣ ©️ ®︎ ™️ ⁉️ ↔︎ ▶️ ⏏︎ 🏳️‍🌈 🏳️‍⚧️ 👁️‍🗨️ 🕵🏽‍♀️ 👩🏿‍💻 👨‍👩‍👧‍👦",
	"🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F 🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F 🇩🇪🇫🇷",
	"葛\U000E0100飾区 葛\U000E0101城市 辻\U000E0100 邊\U000E0102 芦︀ 晴︀ 塚︀ 。︁ ！︀ ？︁", "≨︀ ≩︀ ⊊︀ ∩︀ ∪︀ ≲︀ ⋛︀ 0︀",
	"ꡖ︀ ꡗ︀ ꡘ︀ ꡢ︀ က︀ င︀ ᠠ᠋ ᠡ᠌ ᠢ᠍ 𓂑︀", "ہندوستان کی زبان هذا نص می\u200cخواهم بِسْمِ ٱللَّٰهِ", "क्\u200dष श्री ന്\u200d ক্\u200cষ ශ්\u200dරී தமிழ் ગુજરાતી",
	"שָׁלוֹם ภาษาไทย\u200bคำ ខ្មែរ\u200b ລາວ", "soft\u00adhyphen zero\u200bwidth \u2060join \ufeff bom \u200e\u200f e\u0301a\u0308",
}

// TestNoFalsePositives on unmarked text of every kind, alone and mixed.
func TestNoFalsePositives(t *testing.T) {
	k := testKey(t)
	check := func(t rapid.TB, text string) {
		if d := Detect(text, k); d.Present() || len(d.Frames) > 0 || d.Runs > 0 || d.FalsePositiveRate != 0 {
			t.Fatalf("%q: %+v", text, d)
		}
		if Strip(text, k) != text || Clean(text) != text || OwnRuns([]byte(text), k) != nil {
			t.Fatalf("%q is not left alone", text)
		}
	}
	for _, s := range natural {
		check(t, s)
		check(t, strings.Repeat(s, 200))
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, strings.Join(rapid.SliceOf(rapid.SampledFrom(natural)).Draw(t, "parts"), rapid.SampledFrom([]string{"", " ", "\n"}).Draw(t, "between")))
	})
}

// TestAcceptanceByChance: of runs of 22 random digits, the share that has the
// form of a frame is what the specification computes, and no tag holds.
func TestAcceptanceByChance(t *testing.T) {
	k := testKey(t)
	s, formed, state := newSigner(k), 0, uint64(1)
	const n = 400000
	digits := make([]byte, FrameRunes)
	for range n {
		for i := range digits {
			state = state*6364136223846793005 + 1442695040888963407
			digits[i] = byte((state >> 33) % base)
		}
		f, ok := parseFrame(digits)
		if !ok {
			continue
		}
		formed++
		if s.verifies(f) {
			t.Fatalf("random digits %v pass as a frame", digits)
		}
	}
	want := n * math.Exp2(78) / math.Pow(base, FrameRunes)
	if math.Abs(float64(formed)-want) > 5*math.Sqrt(want) {
		t.Fatalf("%d of %d random runs are well formed, want about %.0f", formed, n, want)
	}
}

func TestDecade(t *testing.T) {
	for _, c := range []struct{ rate, want float64 }{{0, 0}, {2.3e-10, 1e-9}, {1e-9, 1e-9}, {1.1e-9, 1e-8}, {0.5, 1}} {
		if got := decade(c.rate); math.Abs(got-c.want) > c.want*1e-9 {
			t.Fatalf("decade(%g) = %g, want %g", c.rate, got, c.want)
		}
	}
}

// TestOwnRuns: raw, escaped in both cases of letters, and mixed; a backslash
// before the escape's own makes it plain text.
func TestOwnRuns(t *testing.T) {
	k := testKey(t)
	one := newFrame(k)
	low, other := escape(one), newFrame(otherKey(t))
	up := strings.ReplaceAll(strings.ToUpper(low), `\U`, `\u`)
	for _, c := range []struct {
		name, raw, want string
	}{
		{"raw", "a" + one + " b", "a b"}, {"escaped", `"a` + low + ` b"`, `"a b"`}, {"upper", `"a` + up + ` b"`, `"a b"`},
		{"mixed", `"a` + one[:33] + low[66:] + ` b"`, `"a b"`}, {"two", `"` + low + one + `"`, `""`}, {"behind-backslash", `"\\` + low + `"`, `"\\"`},
		{"backslash-escaped", `"\` + low + `"`, `"\` + low + `"`}, {"other-key", `"` + other + escape(other) + `"`, `"` + other + escape(other) + `"`},
		{"beside-supplement", `"` + low + `\udb40\udd00"`, `"` + low + `\udb40\udd00"`}, {"cut", `"` + low[:126] + `"`, `"` + low[:126] + `"`},
		{"foreign-stays", `"\u200b\u034f\u2060\u200b` + low + `\ufe0e\n"`, `"\u200b\u034f\u2060\u200b` + low + `\ufe0e\n"`}, {"ends-in-escape", low + `\ufe`, `\ufe`},
	} {
		got := cutRanges(c.raw, OwnRuns([]byte(c.raw), k))
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(`\ufe0` + string("0123456789abcdef"[r-firstSelector]))
	}
	return b.String()
}

func cutRanges(raw string, cut [][2]int) string { return without(raw, cut) }

// TestOwnRunsInJSON: what is cut from a document's bytes is what Strip takes
// from the texts in it.
func TestOwnRunsInJSON(t *testing.T) {
	k := testKey(t)
	rapid.Check(t, func(t *rapid.T) {
		text := anyText(t) + newFrame(k) + prose(rapid.Uint64Range(0, 9).Draw(t, "seed"), 30)
		text = strings.ToValidUTF8(text, "?")
		raw, err := json.Marshal(map[string]string{"content": text})
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "ascii") {
			raw = []byte(asciiJSON(string(raw)))
		}
		var got map[string]string
		if err := json.Unmarshal([]byte(cutRanges(string(raw), OwnRuns(raw, k))), &got); err != nil {
			t.Fatal(err)
		}
		if want := Strip(text, k); got["content"] != want {
			t.Fatalf("content %q, want %q", got["content"], want)
		}
	})
}

// asciiJSON writes what is not ASCII as escapes, as many clients do.
func asciiJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			writeUnit(&b, 0xd800+r>>10)
			writeUnit(&b, 0xdc00+r&0x3ff)
		default:
			writeUnit(&b, r)
		}
	}
	return b.String()
}

func writeUnit(b *strings.Builder, u rune) {
	b.WriteString(`\u`)
	for shift := 12; shift >= 0; shift -= 4 {
		b.WriteByte("0123456789abcdef"[u>>shift&15])
	}
}

func TestClean(t *testing.T) {
	one := newFrame(otherKey(t))
	text := "a" + one + " b" + one[:33] + " c" + windowsMark + " d≨\ufe00 e☀\ufe0f" + c2paHead + bytesAsSelectors("\x01\xff")
	if got, want := Clean(text), "a b c d≨\ufe00 e☀\ufe0f"; got != want {
		t.Fatalf("Clean = %q, want %q", got, want)
	}
}

func FuzzDetect(f *testing.F) {
	k := testKey(f)
	one := newFrame(k)
	for _, s := range append(natural, one, one+one, escape(one), one[:40], "\xef\xb8", "\xf3\xa0\x84\x80\xf3\xa0\x87\xb0", c2paHead, windowsMark, `\udb40\udd`) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, fr := range Detect(text, k).Frames {
			if fr.Start < end || fr.End <= fr.Start || fr.End > len(text) {
				t.Fatalf("frame at [%d, %d) of %d bytes, the one before ended at %d", fr.Start, fr.End, len(text), end)
			}
			end = fr.End
		}
		last := 0
		for _, r := range OwnRuns([]byte(text), k) {
			if r[0] < last || r[1]-r[0] < FrameBytes || r[1] > len(text) {
				t.Fatalf("own run %v, the one before ended at %d", r, last)
			}
			last = r[1]
		}
		if d := Detect(Strip(text, k), k); d.Verified() {
			t.Fatalf("a valid frame is left by Strip of %q", text)
		}
		_ = Clean(text)
	})
}
