package textmark

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/avowai/avow/watermark"
)

// Two fixed keys, as their text form is written.
const (
	secretA = "avow-key-1000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f4ef8b684"
)

var idA = ID{0x9f, 0x3c, 0x52, 0xd0, 0x7a}

func testKey(t testing.TB) watermark.Key {
	t.Helper()
	k, err := watermark.ParseKey(secretA)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func otherKey(t testing.TB) watermark.Key {
	t.Helper()
	k, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// words are common English ones, the short ones more often, as in running text.
var words = strings.Fields(`the of and to in is that it was for on are as with his they at be this have from or had by
but not what all were we when your can said there use an each which she do how their if will up other about out many then
them these so some her would make like him into time has look two more write go see number no way could people my than
first water been call who its now find long down day did get come made may part the of and to in a I the of and a to in
different important government development information between through because sentence paragraph question understanding
language picture country school father mother children together without something example mountain river morning evening
university considerable particular experience international traditional comfortable extraordinary responsibility`)

// prose writes n sentences of made English, paragraphs long, deterministic.
func prose(seed uint64, n int) string {
	rng := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString([]string{" ", " ", " ", " ", "\n\n"}[rng.IntN(5)])
		}
		sentence(&b, rng)
	}
	return b.String()
}

func sentence(b *strings.Builder, rng *rand.Rand) {
	k := 5 + rng.IntN(18)
	for j := range k {
		w := words[rng.IntN(len(words))]
		if j == 0 {
			w = strings.ToUpper(w[:1]) + w[1:]
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		if j < k-1 && rng.IntN(12) == 0 {
			b.WriteByte(',')
		}
	}
	b.WriteByte(".....!?"[rng.IntN(7)])
}

// proseOf is prose of exactly n runes, one line, that ends with a word's letter.
func proseOf(n int) string {
	s := strings.ReplaceAll(prose(7, n/40+20), "\n\n", " ")[:n]
	return s[:n-5] + " only"
}

// streamed places frames as a caller does that gets the text in the given
// pieces and holds lone spaces where Wait says so.
func streamed(p *Placer, pieces []string) string {
	var b strings.Builder
	for i := 0; i < len(pieces); i++ {
		ahead := ""
		if p.Wait(pieces[i]) && i+1 < len(pieces) {
			ahead = pieces[i+1]
		}
		b.WriteString(splice(pieces[i], p.Next(pieces[i], ahead)))
	}
	return b.String()
}

// cutWords cuts text as tokenizers do: every piece starts with its space.
func cutWords(text string) []string {
	var out []string
	from := 0
	for i := 1; i < len(text); i++ {
		if text[i] == ' ' || text[i] == '\n' {
			out = append(out, text[from:i])
			from = i
		}
	}
	return append(out, text[from:])
}

// points returns how many runes of the plain text stand before each valid frame.
func points(marked string, d Detection) []int {
	var out []int
	for i, f := range d.Frames {
		if f.Valid {
			out = append(out, utf8.RuneCountInString(marked[:f.Start])-i*FrameRunes)
		}
	}
	return out
}
