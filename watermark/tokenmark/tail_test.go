package tokenmark

import (
	"math"
	"math/big"
	"testing"
)

const prec = 1200 // bits

func bigF(x float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(x) }

func bigInt(n int64) *big.Float { return new(big.Float).SetPrec(prec).SetInt64(n) }

// bigExpNeg is e^-x: the power series at x/2^k, then k squarings.
func bigExpNeg(x *big.Float) *big.Float {
	k := max(0, x.MantExp(nil)) + 20
	y := new(big.Float).SetMantExp(x, -k)
	y.Neg(y)
	sum, term := bigInt(1), bigInt(1)
	for i := int64(1); i < 90; i++ {
		term.Mul(term, y).Quo(term, bigInt(i))
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return sum
}

// bigGammaTail is e^-x sum_{k<n} x^k/k!.
func bigGammaTail(n int, x *big.Float) *big.Float {
	sum, term := bigInt(0), bigInt(1)
	for k := range n {
		sum.Add(sum, term)
		term.Mul(term, x).Quo(term, bigInt(int64(k+1)))
	}
	return sum.Mul(sum, bigExpNeg(x))
}

// bigLn is the natural logarithm of a number that may be far below float64.
func bigLn(x *big.Float) float64 {
	mant := new(big.Float)
	exp := x.MantExp(mant)
	m, _ := mant.Float64()
	return math.Log(m) + float64(exp)*math.Ln2
}

// sameTail compares logarithms of chances: an absolute error there is a relative
// one of the chance.
func sameTail(t *testing.T, what string, got, want float64) {
	t.Helper()
	if tol := 1e-11 + 4e-15*math.Abs(want); !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %.16g, want %.16g (off by %.2g)", what, got, want, got-want)
	}
}

func TestGammaTailAgainstExactSums(t *testing.T) {
	for _, n := range []int{1, 2, 3, 15, 16, 17, 64, 200, 1000, 3000} {
		for _, times := range []float64{0.01, 0.3, 0.8, 0.99, 1, 1.01, 1.1, 1.3, 2, 3.7, 10, 50} {
			x := times * float64(n)
			sameTail(t, "ln gamma tail", logGammaTail(float64(n), x), bigLn(bigGammaTail(n, bigF(x))))
		}
	}
}

// Tables: M. Abramowitz, I. Stegun, 26.7 (chi-squared, Q(m/2, x/2)), and
// e^-2, e^-700.
func TestGammaTailAgainstTables(t *testing.T) {
	for _, c := range []struct{ shape, x, want float64 }{
		{1, 2, 0.13533528323661269}, {1, 700, 9.8596765437597708e-305},
		{0.5, 0.5 * 3.8414588206941285, 0.05}, {2.5, 0.5 * 11.070497693516355, 0.05},
	} {
		if got := math.Exp(logGammaTail(c.shape, c.x)); !near(got, c.want, 1e-12) {
			t.Errorf("gamma tail(%v, %v) = %v, want %v", c.shape, c.x, got, c.want)
		}
	}
	for _, x := range []float64{0, -1, math.NaN()} {
		if got := logGammaTail(3, x); got != 0 {
			t.Errorf("ln gamma tail(3, %v) = %v, want 0", x, got)
		}
	}
}

// bigBinomialTail sums exact terms; p is a float64, hence a binary fraction.
func bigBinomialTail(k, n int, p float64) *big.Float {
	q := bigInt(1)
	q.Sub(q, bigF(p))
	term := bigInt(1) // p^i q^(n-i) C(n, i), from i = 0
	for range n {
		term.Mul(term, q)
	}
	sum := bigInt(0)
	for i := 0; i <= n; i++ {
		if i >= k {
			sum.Add(sum, term)
		}
		term.Mul(term, bigF(p)).Quo(term, q).Mul(term, bigInt(int64(n-i))).Quo(term, bigInt(int64(i+1)))
	}
	return sum
}

func TestBinomialTailAgainstExactSums(t *testing.T) {
	for _, n := range []int{1, 2, 7, 30, 64, 500, 2000} {
		for _, p := range []float64{1073741823.0 / (1 << 31), 0.25, 0.01, 0.9} {
			for _, k := range []int{0, 1, n / 4, n / 2, n/2 + 1, n * 3 / 4, n - 1, n} {
				sameTail(t, "ln binomial tail", logBinomialTail(k, n, p), bigLn(bigBinomialTail(k, n, p)))
			}
		}
	}
	if got := logBinomialTail(5, 4, 0.5); !math.IsInf(got, -1) {
		t.Errorf("5 of 4 = %v, want -Inf", got)
	}
}

// bigWeightedTail is the tail of u X + v Y by partial fractions, a way apart from
// the mixture: with q = v/u, the coefficient of (1-ut)^-(n-i) is
// (1-q)^-n (-1)^i C(n+i-1, i) (q/(1-q))^i, and likewise with u and v exchanged.
func bigWeightedTail(n int, u, v, s float64) *big.Float {
	sum := bigInt(0)
	for _, w := range [][2]float64{{u, v}, {v, u}} {
		q := new(big.Float).SetPrec(prec).Quo(bigF(w[1]), bigF(w[0]))
		rest := bigInt(1)
		rest.Sub(rest, q)
		x := new(big.Float).SetPrec(prec).Quo(bigF(s), bigF(w[0]))
		c := bigInt(1)
		for range n {
			c.Quo(c, rest)
		}
		for i := range n {
			sum.Add(sum, new(big.Float).SetPrec(prec).Mul(c, bigGammaTail(n-i, x)))
			c.Neg(c).Mul(c, q).Quo(c, rest).Mul(c, bigInt(int64(n+i))).Quo(c, bigInt(int64(i+1)))
		}
	}
	return sum
}

func TestWeightedTailAgainstPartialFractions(t *testing.T) {
	for _, n := range []int{1, 2, 5, 20, 64, 150} {
		for _, alpha := range []float64{0.01, 0.1, 0.25, 0.4, 0.8, 0.99} {
			for _, times := range []float64{0.2, 0.9, 1, 1.2, 2, 4, 15} {
				s := times * float64(n)
				got := logWeightedTail(n, 1-alpha, alpha, s)
				want := bigLn(bigWeightedTail(n, 1-alpha, alpha, s))
				if math.Abs(got-want) > 1e-9 {
					t.Errorf("n %d, alpha %v, s %v: ln tail = %.14g, want %.14g", n, alpha, s, got, want)
				}
			}
		}
	}
}

func TestWeightedTailAtTheEdges(t *testing.T) {
	sameTail(t, "equal weights", logWeightedTail(50, 0.5, 0.5, 80), logGammaTail(100, 160))
	for _, n := range []int{1 << 10, MaxTokens} {
		for _, times := range []float64{0.5, 1, 1.05, 3, 16} {
			got := logWeightedTail(n, 0.9, 0.1, times*float64(n))
			// Bounds: at least the heavier part alone, at most both at its scale.
			low := logGammaTail(float64(n), times*float64(n)/0.9)
			high := logGammaTail(2*float64(n), times*float64(n)/0.9)
			if !(got >= low-1e-9 && got <= high+1e-9) {
				t.Errorf("n %d, s %v n: ln tail = %v, want %v to %v", n, times, got, low, high)
			}
		}
	}
	if got := logWeightedTail(0, 0.9, 0.1, 5); got != 0 {
		t.Errorf("nothing scored: ln tail = %v, want 0", got)
	}
}

// The fitted gamma distribution that vLLM uses says too little: this much at the
// threshold, with 200 tokens and alpha 0.1.
func TestFittedTailIsTooLight(t *testing.T) {
	for n, want := range map[int]float64{50: 1.36, 200: 1.19} {
		low, high := float64(n), 4*float64(n)
		for range 60 { // to the score whose exact chance is the threshold
			mid := (low + high) / 2
			if math.Exp(logWeightedTail(n, 0.9, 0.1, mid)) > Threshold {
				low = mid
			} else {
				high = mid
			}
		}
		exact, fitted := math.Exp(logWeightedTail(n, 0.9, 0.1, high)), vllmP(DualGumbel, 0.1, high, n)
		if ratio := exact / fitted; math.Abs(ratio-want) > 0.01 {
			t.Errorf("%d ids: exact/fitted = %v/%v = %v, want %v", n, exact, fitted, ratio, want)
		}
	}
}
