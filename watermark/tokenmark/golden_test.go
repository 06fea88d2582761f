package tokenmark

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
)

// Known answers of vLLM: tests/watermarking/watermarking_goldens.json at commit
// 01c268b, which its sampler generated and its detector scored. p is what vLLM's
// detector says, by its own formulas (see vllmP).
var goldens = []struct {
	name    string
	scheme  Scheme
	key     uint64
	width   int
	alpha   float64
	dedup   bool
	ids     string
	score   float64
	p       float64
	scored  int
	derived [2]uint64
}{
	{name: "gumbel/key 0, width 1", key: 0, width: 1, dedup: true, scored: 54, score: 236.2768211235414, p: 4.532248480235615e-47,
		ids: "24 42 66 26 51 107 36 25 63 24 6 48 65 124 117 85 45 112 48 101 19 22 89 88 63 77 115 104 65 61 32 20 95 98 30 58 86 50 39 113 122 62 69 40 29 92 113 120 52 112 108 1 25 96 3 95 84 65 76 3 68 71 81 56"},
	{name: "gumbel/key 42, width 4", key: 42, width: 4, dedup: true, scored: 64, score: 296.27295787856264, p: 7.128196280874065e-61, ids: gumbel42},
	{name: "gumbel/wrong key", key: 43, width: 4, dedup: true, scored: 64, score: 63.25096716585621, p: 0.5208447936891313, ids: gumbel42},
	{name: "gumbel/key 2^32, width 5, repeats scored", key: 1 << 32, width: 5, scored: 64, score: 263.04926919645095, p: 1.1027575381260964e-49,
		ids: "21 10 73 94 19 61 85 42 95 116 105 47 58 36 74 42 95 70 34 37 125 29 64 85 70 73 44 90 47 107 25 70 98 41 1 51 8 57 99 88 80 119 55 15 121 43 124 56 34 87 115 65 4 110 53 77 58 126 19 72 64 113 109 123"},
	{name: "gumbel/largest key, width 16, first tokens unmarked", key: math.MaxUint64, width: 16, dedup: true, scored: 64, score: 220.2767573421712, p: 6.166345567165398e-36,
		ids: "46 42 38 34 30 26 22 18 14 10 6 2 44 125 121 117 88 6 97 12 86 121 0 106 98 119 101 36 47 110 25 24 102 6 101 37 114 50 53 127 109 80 69 5 96 60 14 42 38 58 118 79 4 110 42 102 66 80 72 33 78 106 67 52"},
	{name: "gumbel/few words", key: 42, width: 4, dedup: true, scored: 58, score: 113.89758610123921, p: 2.772032243308163e-09, ids: fewWords},
	{name: "gumbel/few words, repeats scored", key: 42, width: 4, scored: 64, score: 127.21876922102206, p: 2.136704912577492e-10, ids: fewWords},
	{name: "gumbel/8 tokens", key: 42, width: 4, dedup: true, scored: 8, score: 19.672172609864035, p: 0.0009697880157637389, ids: "7 2 13 2 5 1 11 14"},
	{name: "gumbel/repetitive, width 1", key: 42, width: 1, dedup: true, scored: 15, score: 34.40948699058768, p: 6.97501804959627e-05,
		ids: "14 3 13 2 1 8 3 3 3 10 2 2 5 15 11 3 3 6 2 5 12 11 3 3 3 6 2 5 1 3 3 3 10 6 2 5 1 3 3 3 6 13 9 4 11 3 3 3"},
	{name: "gumbel/the first of two derived keys", key: 15691511769010696906, width: 1, dedup: true, scored: 55, score: 229.87923167230588, p: 2.7410983620034455e-44,
		ids: "81 91 84 122 37 118 11 3 116 56 66 37 44 40 85 31 102 73 126 16 40 93 11 85 81 77 41 12 118 61 57 53 38 111 115 5 1 99 113 28 87 55 83 51 47 57 124 31 116 112 30 43 89 110 60 10 9 58 114 125 68 78 106 56"},
	{name: "gumbel/the second of two derived keys", key: 7399018451426338514, width: 16, dedup: true, scored: 64, score: 270.9771333793902, p: 2.5582243247165326e-52,
		ids: "45 3 73 41 47 40 21 85 80 70 34 48 58 47 96 28 56 77 101 30 97 103 96 53 87 37 34 113 33 25 103 113 102 6 101 37 29 75 46 67 105 48 115 51 114 4 0 81 98 35 115 111 7 78 21 52 112 48 19 47 68 17 106 73"},
	{name: "dual/key 0, alpha 0.1", scheme: DualGumbel, key: 0, width: 4, alpha: 0.1, dedup: true, scored: 64, score: 241.81126265648692, p: 1.234132682420224e-51,
		derived: [2]uint64{15691511769010696906, 9736202488081271922},
		ids:     "70 56 91 90 72 68 17 78 21 116 104 62 15 100 82 13 88 70 112 62 79 57 11 113 88 80 23 90 79 42 18 60 10 73 94 64 96 71 35 56 38 93 37 54 82 127 0 45 37 75 19 92 68 127 28 56 45 69 8 1 110 39 127 56"},
	{name: "dual/key 42, verified with alpha 0.2", scheme: DualGumbel, key: 42, width: 4, alpha: 0.2, dedup: true, scored: 64, score: 215.24386344560963, p: 1.6569954931292397e-49,
		derived: [2]uint64{37150756557148556, 15826636237805488045},
		ids:     "46 56 6 122 30 100 121 67 63 116 13 65 90 47 25 88 120 31 2 37 40 34 92 28 45 126 94 90 18 36 74 102 10 13 101 51 29 29 46 81 63 2 29 78 121 89 124 109 123 34 30 93 4 110 28 34 105 41 5 48 81 120 60 70"},
	{name: "dual/key 2^32, width 5, alpha 0.5", scheme: DualGumbel, key: 1 << 32, width: 5, alpha: 0.5, dedup: true, scored: 64, score: 162.0665949787407, p: 6.733621085489817e-36,
		derived: [2]uint64{9864452095710749384, 10834826187781349534},
		ids:     "53 116 48 94 47 118 64 123 106 65 59 48 4 86 64 32 84 116 23 23 65 15 50 67 49 69 34 76 1 95 103 120 102 69 125 121 57 39 127 113 98 87 9 51 100 53 46 42 123 55 108 100 50 103 67 80 94 41 97 117 18 66 74 38"},
	{name: "dual/largest key, alpha 0.4", scheme: DualGumbel, key: math.MaxUint64, width: 4, alpha: 0.4, dedup: true, scored: 64, score: 177.98266424643373, p: 5.9713149418801004e-43,
		derived: [2]uint64{11075965703501209888, 7399018451426338514},
		ids:     "7 42 13 55 103 125 96 85 119 38 101 108 72 8 96 120 116 109 119 62 26 107 63 113 102 34 83 90 121 53 18 67 20 12 101 40 86 89 59 81 24 20 72 51 22 117 14 88 116 44 100 118 75 7 10 70 91 5 33 22 4 71 31 121"},
	{name: "dual/repetitive, width 1", scheme: DualGumbel, key: 42, width: 1, alpha: 0.1, dedup: true, scored: 13, score: 23.896456918277963, p: 0.002750266035191538,
		ids: "3 3 6 9 12 3 3 3 3 10 13 2 1 1 3 3 3 6 2 5 12 8 4 14 3 6 2 5 1 3 3 3 10 6 2 5 1 3 3 3 6 13 9 5 1 3 3 3"},
	{name: "sbw/key 0, width 1", scheme: SBW, key: 0, width: 1, dedup: true, scored: 52, score: 52, p: 2.775031740611356e-13,
		ids: "7 42 45 126 30 72 22 64 14 10 6 2 44 125 36 32 113 109 112 62 97 8 89 85 81 77 73 69 111 22 57 53 10 45 41 37 33 29 71 21 17 59 55 97 1 89 124 81 116 112 108 111 100 96 7 88 45 80 76 72 68 64 60 56"},
	{name: "sbw/key 42, width 4", scheme: SBW, key: 42, width: 4, dedup: true, scored: 64, score: 64, p: 6.220960574271819e-16, ids: sbw42},
	{name: "sbw/wrong key", scheme: SBW, key: 43, width: 4, dedup: true, scored: 64, score: 25, p: 0.9599408431361829, ids: sbw42},
	{name: "sbw/repetitive", scheme: SBW, key: 42, width: 4, dedup: true, scored: 25, score: 24, p: 2.1124547025028592e-06, ids: sbwRepetitive},
}

const (
	gumbel42      = "46 24 45 80 14 26 22 124 21 45 16 30 5 89 0 10 27 70 80 62 1 11 117 53 10 45 94 37 43 22 78 49 119 9 22 118 82 75 32 24 84 27 122 66 78 64 124 17 91 12 51 15 75 64 127 45 112 15 83 114 121 109 24 77"
	fewWords      = "7 2 2 5 5 4 4 0 3 2 6 2 5 1 7 3 6 6 5 5 7 0 3 0 3 6 5 5 1 7 7 3 6 2 2 5 1 4 2 3 5 2 5 4 3 4 0 6 6 5 5 7 0 3 7 3 2 2 5 4 4 0 3 2"
	sbw42         = "7 42 84 34 30 26 75 110 14 10 6 2 44 125 121 117 113 109 105 101 12 93 89 0 127 123 34 115 65 107 57 14 49 45 41 90 33 75 25 21 116 13 69 5 1 89 85 127 31 112 108 65 100 57 92 3 84 80 76 72 29 110 106 102"
	sbwRepetitive = "3 3 6 2 5 1 3 3 3 10 6 2 5 1 3 3 3 6 2 5 12 8 3 3 3 6 2 5 1 3 3 3 10 6 2 5 1 3 3 3 6 13 9 5 1 3 3 3"
)

func parseIDs(t *testing.T, text string) []int32 {
	t.Helper()
	var ids []int32
	for _, f := range strings.Fields(text) {
		n, err := strconv.ParseInt(f, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, int32(n))
	}
	return ids
}

// vllmScore is the loop of vLLM's detector (detector.py) over this package's
// scorers: every token counts, or the first of every context.
func vllmScore(p Profile, ids []int32, dedup bool) (score float64, scored int) {
	p, err := p.complete()
	if err != nil {
		panic(err)
	}
	s := newScorer(p)
	seen := map[string]bool{}
	padded := make([]uint32, p.ContextWidth)
	for i := range padded {
		padded[i] = padding
	}
	for i, id := range ids {
		context := padded[i : i+p.ContextWidth]
		if name := contextName(context); !dedup || !seen[name] {
			seen[name] = true
			if b, ok := s.(sbwScorer); ok {
				clear(b.drawn) // vLLM counts the same coin again
			}
			e, _ := s.score(context, uint32(id))
			score += e
			scored++
		}
		padded = append(padded, uint32(id))
	}
	return score, scored
}

func contextName(context []uint32) string {
	var b strings.Builder
	for _, c := range context {
		b.WriteString(strconv.Itoa(int(c)) + ",")
	}
	return b.String()
}

// vllmP is the p-value by vLLM's formulas: the gamma tail (gumbel.py), the gamma
// distribution fitted to two weighted ones, the normal approximation (sbw.py).
func vllmP(s Scheme, alpha, score float64, n int) float64 {
	switch s {
	case DualGumbel:
		v := (1-alpha)*(1-alpha) + alpha*alpha
		return math.Exp(logGammaTail(float64(n)/v, score/v))
	case SBW:
		z := (score - float64(n)/2) / math.Sqrt(float64(n)/4)
		return math.Erfc(z/math.Sqrt2) / 2
	}
	return math.Exp(logGammaTail(float64(n), score))
}

func near(a, b, rel float64) bool { return math.Abs(a-b) <= rel*math.Max(math.Abs(a), math.Abs(b)) }

func TestKnownAnswersOfVLLM(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			ids := parseIDs(t, g.ids)
			p := Profile{Scheme: g.scheme, Key: NewKey(g.key), ContextWidth: g.width, Alpha: g.alpha}
			score, scored := vllmScore(p, ids, g.dedup)
			if !near(score, g.score, 1e-12) || scored != g.scored {
				t.Fatalf("score, scored = %v, %d, want %v, %d", score, scored, g.score, g.scored)
			}
			if got := vllmP(g.scheme, g.alpha, score, scored); !near(got, g.p, 1e-9) {
				t.Fatalf("vLLM's p = %v, want %v", got, g.p)
			}
			if a, b := p.Key.derive("key_a").value, p.Key.derive("key_b").value; g.derived != [2]uint64{} && g.derived != [2]uint64{a, b} {
				t.Fatalf("derived keys = %d, %d, want %d", a, b, g.derived)
			}
		})
	}
}

// For Gumbel and its two-key form, Detect counts what vLLM counts.
func TestDetectAgreesWithKnownAnswers(t *testing.T) {
	for _, g := range goldens {
		if g.scheme == SBW || !g.dedup {
			continue
		}
		p := Profile{Scheme: g.scheme, Key: NewKey(g.key), ContextWidth: g.width, Alpha: g.alpha}
		r, err := Detect(parseIDs(t, g.ids), p)
		if err != nil {
			t.Fatal(err)
		}
		if !near(r[0].Score, g.score, 1e-12) || r[0].Scored != g.scored {
			t.Fatalf("%s: score, scored = %v, %d, want %v, %d", g.name, r[0].Score, r[0].Scored, g.score, g.scored)
		}
		if exact := g.scheme == Gumbel; exact && !near(r[0].P, g.p, 1e-9) {
			t.Fatalf("%s: p = %v, want %v", g.name, r[0].P, g.p)
		}
		if want := g.p <= Threshold; r[0].Found != want {
			t.Fatalf("%s: found = %v, want %v (p = %v)", g.name, r[0].Found, want, r[0].P)
		}
	}
}

// For SBW, Detect counts less than vLLM: of the tokens that vLLM counts, those
// with a coin of their own. How many these are is counted here by the slow
// definition.
func TestDetectFindsKnownSBW(t *testing.T) {
	for _, g := range goldens {
		if g.scheme != SBW {
			continue
		}
		ids := parseIDs(t, g.ids)
		r, err := Detect(ids, Profile{Scheme: SBW, Key: NewKey(g.key), ContextWidth: g.width})
		if err != nil {
			t.Fatal(err)
		}
		if want := slowCoins(int64(g.key), g.width, ids); r[0].Scored != want || want > g.scored || want == 0 {
			t.Errorf("%s: scored = %d, want %d, at most %d", g.name, r[0].Scored, want, g.scored)
		}
		// Where vLLM found green alone, so must Detect.
		if int(g.score) == g.scored && int(r[0].Score) != r[0].Scored {
			t.Errorf("%s: %v of %d are green, want all", g.name, r[0].Score, r[0].Scored)
		}
		if want := g.p <= Threshold; r[0].Found != want && g.name != "sbw/repetitive" {
			t.Errorf("%s: found = %v, want %v (p = %v)", g.name, r[0].Found, want, r[0].P)
		}
	}
}

// slowCoins counts the different (seed, token) among the first tokens after
// their contexts, with the seeds of SelfHash in whole numbers.
func slowCoins(key int64, width int, ids []int32) int {
	wrap := func(v *big.Int, bits uint) *big.Int { // two's complement
		half := new(big.Int).Lsh(big.NewInt(1), bits-1)
		v = new(big.Int).Add(v, half)
		v.Mod(v, new(big.Int).Lsh(half, 1))
		return v.Sub(v, half)
	}
	hash := func(token int64) *big.Int {
		v := big.NewInt(token + 1)
		xor := func(o *big.Int) { v = wrap(new(big.Int).Xor(v, o), 32) }
		sub := func(n uint) { v = wrap(new(big.Int).Sub(v, new(big.Int).Lsh(v, n)), 32) }
		sub(6)
		xor(new(big.Int).Rsh(v, 17))
		sub(9)
		xor(wrap(new(big.Int).Lsh(v, 4), 32))
		sub(3)
		xor(wrap(new(big.Int).Lsh(v, 10), 32))
		xor(new(big.Int).Rsh(v, 15))
		return v
	}
	contexts, coins := map[string]bool{}, map[string]bool{}
	context := make([]int64, width)
	for i := range context {
		context[i] = -1
	}
	for _, id := range ids {
		if name := fmt.Sprint(context); !contexts[name] {
			contexts[name] = true
			h := hash(int64(id))
			seed := wrap(new(big.Int).Mul(big.NewInt(key), new(big.Int).Mul(h, h)), 64)
			for _, c := range context[1:] {
				s := wrap(new(big.Int).Mul(big.NewInt(key), new(big.Int).Mul(hash(c), h)), 64)
				if s.Cmp(seed) < 0 {
					seed = s
				}
			}
			coins[fmt.Sprint(seed, id)] = true
		}
		context = append(context[1:], int64(id))
	}
	return len(coins)
}

// Random123's known answers, kat_vectors, Philox4x32-10: counter, key, output.
func TestPhiloxKnownAnswers(t *testing.T) {
	const f = 0xffffffff
	for _, v := range []struct{ in, key, want []uint32 }{
		{[]uint32{0, 0, 0, 0}, []uint32{0, 0}, []uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[]uint32{f, f, f, f}, []uint32{f, f}, []uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, []uint32{0xa4093822, 0x299f31d0}, []uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(block(v.in), v.key[0], v.key[1]); got != block(v.want) {
			t.Errorf("philox(%x, %x) = %x, want %x", v.in, v.key, got, v.want)
		}
	}
}

// vLLM's compatibility vectors of "philox4x32-10-v1": tests/watermarking/
// test_prf.py at commit 2c9c7b5.
func TestPRFKnownAnswers(t *testing.T) {
	f := newPRF(NewKey(42))
	for _, v := range []struct {
		context        []uint32
		token          uint32
		word, mantissa uint32
	}{
		{[]uint32{1, 2, 3, 4}, 7, 425429266, 1661833},
		{[]uint32{1, 2, 3, 4}, 8, 2706218805, 10571167},
		{[]uint32{4, 5, 6, 7}, 7, 2494036831, 9742331},
		{[]uint32{4, 5, 6, 7}, 8, 3424185538, 13375724},
	} {
		word := f.word(f.context(v.context), v.token)
		if word != v.word {
			t.Errorf("word(%v, %d) = %d, want %d", v.context, v.token, word, v.word)
		}
		if want := float32((float64(v.mantissa) + 1) / (1<<24 + 1)); uniform(word) != want {
			t.Errorf("uniform(%d) = %v, want %v", word, uniform(word), want)
		}
	}
}

func TestUniformStaysInside(t *testing.T) {
	if lo, hi := uniform(0), uniform(math.MaxUint32); !(lo > 0 && hi < 1) {
		t.Fatalf("uniform spans %v to %v, want inside 0 to 1", lo, hi)
	}
	if max := exponential(math.MaxUint32); !near(max, 24*math.Ln2, 1e-12) {
		t.Fatalf("largest evidence = %v, want 24 ln 2", max)
	}
}
