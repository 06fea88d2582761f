package tokenmark

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestSpecificationVectors compares the vectors in docs/spec/token-mark.md with
// the code.
func TestSpecificationVectors(t *testing.T) {
	doc, err := os.ReadFile("../../docs/spec/token-mark.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```vectors\n")
	block, _, _ := strings.Cut(rest, "```")
	lines := strings.Split(strings.TrimSpace(block), "\n")
	if len(lines) < 9 {
		t.Fatalf("%d vectors, want at least 9", len(lines))
	}
	for _, line := range lines {
		f := strings.Fields(line)
		v := map[string]string{}
		for _, pair := range f[1:] {
			name, value, _ := strings.Cut(pair, "=")
			v[name] = value
		}
		key, err := ParseKey(v["key"])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		context, token := contextOf(t, v["context"]), uint32(number(t, v["token"]))
		switch f[0] {
		case "prf":
			prf := newPRF(key)
			if got := prf.word(prf.context(context), token); int64(got) != number(t, v["word"]) {
				t.Errorf("%s: got %d", line, got)
			}
		case "sbw":
			p := Profile{Scheme: SBW, Key: key, ContextWidth: len(context)}
			if v["seeding"] == "lefthash" {
				p.Seeding = LeftHash
			}
			checkCoin(t, line, p, context, token, number(t, v["seed"]), number(t, v["green"]))
		default:
			t.Errorf("%s: what is that", line)
		}
	}
}

func checkCoin(t *testing.T, line string, p Profile, context []uint32, token uint32, seed, green int64) {
	t.Helper()
	p, err := p.complete()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	s := newScorer(p).(sbwScorer)
	if got := int64(s.seed(context, token)); got != seed {
		t.Errorf("%s: seed %d", line, got)
	}
	if got, ok := s.score(context, token); int64(got) != green || !ok {
		t.Errorf("%s: green %v, %v", line, got, ok)
	}
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func contextOf(t *testing.T, text string) []uint32 {
	t.Helper()
	var out []uint32
	for _, f := range strings.Split(text, ",") {
		out = append(out, uint32(number(t, f)))
	}
	return out
}
