package textmark

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/avowai/avow/watermark"
)

func TestThreshold(t *testing.T) {
	k := testKey(t)
	for _, c := range []struct {
		runes int
		skip  Skip
	}{{100, SkipShortText}, {799, SkipShortText}, {800, SkipShortText}, {801, SkipNone}} {
		text := proseOf(c.runes)
		got, skip := Embed(text, idA, k, Options{})
		if skip != c.skip || (got != text) != (c.skip == SkipNone) {
			t.Fatalf("Embed of %d characters: skip %q, changed %v, want %q", c.runes, skip, got != text, c.skip)
		}
		wide := strings.Replace(text, "e", "é", 3) // characters, not bytes
		if _, skip := Embed(wide, idA, k, Options{}); skip != c.skip {
			t.Fatalf("Embed of %d characters with accents: skip %q, want %q", c.runes, skip, c.skip)
		}
	}
}

func TestThresholdOfStreams(t *testing.T) {
	k := testKey(t)
	for _, n := range []int{799, 800, 801, 802, 803} {
		text := proseOf(n-2) + " a" // the last point stands behind n-2 characters
		p := NewPlacer(idA, k, Options{})
		got := streamed(p, cutWords(text))
		want := n-2 >= Threshold
		if marked := got != text; marked != want {
			t.Fatalf("stream of %d characters: marked %v, want %v", n, marked, want)
		}
		wantSkip := SkipShortText
		switch {
		case want:
			wantSkip = SkipNone
		case n > Threshold:
			wantSkip = SkipNoPoint
		}
		if p.Skip() != wantSkip || p.Runes() != n {
			t.Fatalf("stream of %d characters: skip %q, %d runes, want %q", n, p.Skip(), p.Runes(), wantSkip)
		}
	}
}

// TestPlaces: the first frame behind 40 or 800, the others at the distance.
func TestPlaces(t *testing.T) {
	k, text := testKey(t), proseOf(5000)
	for _, c := range []struct {
		name     string
		o        Options
		first    int
		distance int
	}{
		{"held", Options{Long: true}, 40, 400},
		{"held-dense", Options{Long: true, Distance: DenseDistance}, 40, 200},
		{"held-closer-than-dense", Options{Long: true, Distance: 1}, 40, 200},
		{"stream", Options{}, 800, 400},
		{"stream-wide", Options{Distance: 1000}, 800, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := NewPlacer(idA, k, c.o)
			got := splice(text, p.Next(text, ""))
			d := Detect(got, k)
			at := points(got, d)
			if len(at) != p.Placed() || len(at) < 4 {
				t.Fatalf("%d frames found, %d placed", len(at), p.Placed())
			}
			from := c.first
			for i, a := range at {
				if a < from || a > from+40 {
					t.Fatalf("frame %d at %d, want soon after %d", i, a, from)
				}
				if d.Frames[i].Index != i%16 || d.Frames[i].ID != idA || d.Frames[i].KeyID != k.ID() {
					t.Fatalf("frame %d = %+v", i, d.Frames[i])
				}
				from = a + c.distance
			}
		})
	}
}

// TestStripUndoesEmbed, for every string.
func TestStripUndoesEmbed(t *testing.T) {
	k, tried, changed := testKey(t), 0, 0
	rapid.Check(t, func(t *rapid.T) {
		tried++
		text := anyText(t)
		o := Options{Distance: rapid.SampledFrom([]int{0, 200}).Draw(t, "distance")}
		got, skip := Embed(text, idA, k, o)
		if back := Strip(got, k); back != text {
			t.Fatalf("Strip(Embed(%q)) = %q", text, back)
		}
		if (got == text) != (skip != SkipNone) {
			t.Fatalf("changed %v, skip %q", got != text, skip)
		}
		if again, skip := Embed(got, idA, k, o); got != text && (again != got || skip != SkipMarked) {
			t.Fatalf("marking twice: skip %q, changed %v", skip, again != got)
		}
		if got != text {
			changed++
		}
	})
	if tried >= 100 && changed < 10 { // -short tries fewer
		t.Fatalf("%d of %d texts were marked at all, want at least 10", changed, tried)
	}
}

func FuzzStripUndoesEmbed(f *testing.F) {
	for _, s := range []string{"", proseOf(900), proseOf(801) + "\xff\xfe", strings.Repeat("```\n", 300), "\ufe00\ufe01" + proseOf(1000),
		strings.Repeat("Word and ", 200) + "\u200b\u034f\u2060", c2paHead + proseOf(900), strings.Repeat("a\x80b word ", 100)} {
		f.Add(s, true)
	}
	k := testKey(f)
	f.Fuzz(func(t *testing.T, text string, long bool) {
		if back := Strip(text, k); back != text {
			t.Skip("carries a valid frame")
		}
		got, _ := Embed(text, idA, k, Options{})
		if !long {
			got = splice(text, NewPlacer(idA, k, Options{}).Next(text, ""))
		}
		if back := Strip(got, k); back != text {
			t.Fatalf("Strip of the marked text = %q, want %q", back, text)
		}
	})
}

// anyText draws texts of every kind: prose, markup, other scripts, broken bytes.
func anyText(t *rapid.T) string {
	piece := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string {
			return prose(rapid.Uint64Range(0, 50).Draw(t, "seed"), rapid.IntRange(1, 12).Draw(t, "n"))
		}),
		rapid.String(),
		rapid.StringOf(rapid.SampledFrom([]rune("ab \n.*_`#|[]()<>-+~$\\\t\ufe00\ufe0d\ufe0f\u200d\u200b中é"))),
		rapid.SampledFrom([]string{"\xff", "\xef\xb8", "\xf3\xa0\x84", "```\n", "\n\n", "    code\n", "- ", "1. ", windowsMark, "\r\n", "> ", "👩\u200d💻", "1\ufe0f\u20e3"}),
	)
	parts := rapid.SliceOfN(piece, 0, 20).Draw(t, "parts")
	return strings.Join(parts, "")
}

// TestChunking: the Writer's outcome, and a Placer's that may wait, does not
// depend on how the text is cut; at most one space and a part of a rune is held.
func TestChunking(t *testing.T) {
	k := testKey(t)
	rapid.Check(t, func(t *rapid.T) {
		text := anyText(t) + prose(rapid.Uint64Range(0, 99).Draw(t, "prose"), 20)
		want := splice(text, NewPlacer(idA, k, Options{}).Next(text, ""))
		var out strings.Builder
		w := NewWriter(&out, idA, k, Options{})
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), rapid.SampledFrom([]int{1, 4, 40, 4096}).Draw(t, "max"))).Draw(t, "n")
			if m, err := w.Write([]byte(rest[:n])); m != n || err != nil {
				t.Fatalf("Write = %d, %v", m, err)
			}
			if len(w.held) > 4 || strings.Count(string(w.held), " ") > 1 {
				t.Fatalf("%q held", w.held)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Fatalf("streamed %q, want %q", out.String(), want)
		}
	})
}

// TestDeltas: single runes, each a delta, held only where Wait says so, come to
// the same, and so do whole lines of a text known to be long.
func TestDeltas(t *testing.T) {
	k := testKey(t)
	for seed := range uint64(20) {
		text := prose(seed, 60)
		for name, pieces := range map[string][]string{"runes": strings.Split(text, ""), "words": cutWords(text)} {
			want := splice(text, NewPlacer(idA, k, Options{}).Next(text, ""))
			if got := streamed(NewPlacer(idA, k, Options{}), pieces); got != want {
				t.Fatalf("%s of prose %d: frames at other places", name, seed)
			}
		}
		want, _ := Embed(text, idA, k, Options{})
		if got := streamed(NewPlacer(idA, k, Options{Long: true}), strings.SplitAfter(text, "\n")); got != want {
			t.Fatalf("lines of prose %d: frames at other places than in the held text", seed)
		}
		if got := streamed(NewPlacer(idA, k, Options{Long: true}), cutWords(text)); got != want {
			t.Fatalf("words of prose %d, known to be long: frames at other places than in the held text", seed)
		}
	}
}

// TestPiecesWithTrailingSpaces: what cannot be held is passed over, and every
// frame still stands where the rule allows one.
func TestPiecesWithTrailingSpaces(t *testing.T) {
	k, text := testKey(t), prose(3, 80)
	pieces := strings.SplitAfter(text, " ")
	if got := streamed(NewPlacer(idA, k, Options{}), pieces); got != text {
		t.Fatal("a frame was placed though no follower was ever known")
	}
	p := NewPlacer(idA, k, Options{})
	var b strings.Builder
	for i := 0; i < len(pieces); i += 3 {
		s := strings.Join(pieces[i:min(i+3, len(pieces))], "")
		b.WriteString(splice(s, p.Next(s, "")))
	}
	if Strip(b.String(), k) != text || p.Placed() == 0 {
		t.Fatalf("%d frames placed", p.Placed())
	}
}

func TestWait(t *testing.T) {
	k := testKey(t)
	p := NewPlacer(idA, k, Options{})
	for i, c := range []struct {
		before, piece string
		want          bool
	}{
		{"Word", " ", false}, {strings.Repeat(" x1", 300) + " word", " ", true}, {"", "  ", false}, {"", "x ", false}, {"", "\n", false},
		{"x1", " ", false}, {"\nword", " ", true}, {"\nword.", " ", true}, {"\n(word", " ", false}, {"\n`x` word", " ", false}, {"\n# word", " ", false},
	} {
		p.Next(c.before, "")
		if got := p.Wait(c.piece); got != c.want {
			t.Fatalf("%d: Wait(%q) = %v, want %v", i, c.piece, got, c.want)
		}
	}
	p.Next("\nwords", "")
	if ins := p.Next(" ", "follow"); len(ins) != 1 || ins[0].At != 0 {
		t.Fatalf("Next of a space that waited = %v", ins)
	}
	p.Stop()
	p.Next(proseOf(900), "")
	if p.Wait(" ") || p.Placed() != 1 {
		t.Fatalf("after Stop: waits %v, %d placed", p.Wait(" "), p.Placed())
	}
}

func TestAlreadyMarked(t *testing.T) {
	k, text := testKey(t), proseOf(3000)
	s := newSigner(k)
	other := newSigner(otherKey(t))
	for _, c := range []struct {
		name, mark string
		skip       Skip
	}{
		{"own", s.frame(0, idA), SkipMarked}, {"two-own", s.frame(0, idA) + s.frame(1, idA), SkipMarked},
		{"windows", windowsMark, SkipMarked}, {"c2pa", c2paHead + "\U000E0101", SkipMarked},
		{"other-key", other.frame(0, idA), SkipNone}, {"damaged", s.frame(0, idA)[:60], SkipNone},
		{"selector", "\ufe00", SkipNone}, {"zwsp", "\u200b\u200b\u034f", SkipNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			marked := text[:300] + c.mark + text[300:]
			got, skip := Embed(marked, idA, k, Options{})
			if skip != c.skip || (got == marked) != (c.skip == SkipMarked) {
				t.Fatalf("Embed: skip %q, changed %v, want %q", skip, got != marked, c.skip)
			}
			for name, pieces := range map[string][]string{"runes": strings.Split(marked, ""), "one": {marked}} {
				p := NewPlacer(idA, k, Options{})
				if got := streamed(p, pieces); p.Skip() != c.skip || (got == marked) != (c.skip == SkipMarked) {
					t.Fatalf("stream of %s: skip %q, changed %v, want %q", name, p.Skip(), got != marked, c.skip)
				}
			}
			if c.skip == SkipNone && !strings.Contains(Strip(got, k), c.mark) {
				t.Fatal("a foreign mark was taken out")
			}
		})
	}
	late := text[:2000] + windowsMark + text[2000:]
	p := NewPlacer(idA, k, Options{})
	got := streamed(p, strings.Split(late, ""))
	if p.Placed() != 3 || p.Skip() != SkipNone || strings.Contains(got[strings.Index(got, windowsMark):], selectorLead) {
		t.Fatalf("a mark seen at 2000: %d frames, skip %q, want 3 before it and none behind", p.Placed(), p.Skip())
	}
}

func TestZeroKey(t *testing.T) {
	if got, _ := Embed(proseOf(2000), idA, watermark.Key{}, Options{}); utf8.RuneCountInString(got) != 2000 {
		t.Fatal("a zero key wrote frames, which anyone could")
	}
	if d := Detect(newFrame(watermark.Key{}), watermark.Key{}); d.Verified() {
		t.Fatal("a zero key confirms frames")
	}
}

func newFrame(k watermark.Key) string { s := newSigner(k); return s.frame(0, idA) }

// TestWriterErrors: an error of the destination stays, Close twice is fine.
func TestWriterErrors(t *testing.T) {
	w := NewWriter(failing{}, idA, testKey(t), Options{})
	if _, err := w.Write([]byte("text")); err == nil {
		t.Fatal("no error of the destination")
	}
	if err := w.Close(); err != (failing{}) {
		t.Fatalf("Close = %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("second Close = %v", err)
	}
	if _, err := w.Write([]byte("x")); err != ErrClosed {
		t.Fatalf("Write after Close = %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, failing{} }
func (failing) Error() string             { return "destination failed" }

// TestLettersAtOnce: letters that are taken in many at once leave what they leave one
// by one.
func TestLettersAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var fast, slow Placer
		for _, s := range rapid.SliceOf(rapid.StringMatching(`[a-zA-Z]{1,60}|[wW]{2,4}|[ .:/<\r\n]{1,3}`)).Draw(t, "pieces") {
			for i, r := range s {
				slow.step(r, s[i:i+1])
			}
			if letters(s) == len(s) {
				fast.letters(s)
				continue
			}
			for i, r := range s {
				fast.step(r, s[i:i+1])
			}
		}
		if !reflect.DeepEqual(fast, slow) {
			t.Fatalf("at once %+v, one by one %+v", fast, slow)
		}
	})
}

// TestLongLineAtOnce: what is kept of a line ends at the same byte.
func TestLongLineAtOnce(t *testing.T) {
	for _, before := range []int{maxLine - 3, maxLine - 2, maxLine, maxLine + 1} {
		var fast, slow line
		fast.word(strings.Repeat("a", before))
		fast.word("bc")
		for _, r := range strings.Repeat("a", before) + "bc" {
			slow.rune(r, string(r))
		}
		if fast.text() != slow.text() || fast.full != slow.full || fast.last != slow.last {
			t.Errorf("%d letters: %d kept, full %v; one by one %d, %v", before+2, len(fast.buf), fast.full, len(slow.buf), slow.full)
		}
	}
}
