package tokenmark

import "math"

// Tails of distributions, as logarithms, right to a relative error of about
// 1e-10 of the chance itself however small it is: a chance of 1e-400 still
// orders texts, and a threshold divided by many tests still holds.

// logGammaTail is ln P(X >= x) for X of the gamma distribution with the given
// shape and scale 1. Below the mean it takes the complement of the power series,
// which has only positive terms; above, the continued fraction of Legendre by
// Lentz's method (W. H. Press et al., Numerical Recipes, 3rd edition, 6.2).
func logGammaTail(shape, x float64) float64 {
	switch {
	case shape <= 0 || !(x > 0):
		return 0
	case x < shape+1:
		return math.Log1p(-math.Exp(logGammaDensity(shape, x)) * gammaSeries(shape, x))
	}
	return logGammaDensity(shape, x) + math.Log(shape) + math.Log(gammaFraction(shape, x))
}

// logGammaDensity is ln(x^a e^-x / Gamma(a+1)), without the cancellation of its
// three large terms: C. Loader, "Fast and accurate computation of binomial
// probabilities", 2000.
func logGammaDensity(a, x float64) float64 {
	return -deviance(a, x) - stirlingError(a) - 0.5*math.Log(2*math.Pi*a)
}

// gammaSeries is the sum over k >= 0 of x^k / ((a+1)...(a+k)).
func gammaSeries(a, x float64) float64 {
	sum, term := 1.0, 1.0
	for k := a + 1; term > sum*1e-17; k++ {
		term *= x / k
		sum += term
	}
	return sum
}

// gammaFraction is the continued fraction 1/(x+1-a- 1(1-a)/(x+3-a- ...)).
func gammaFraction(a, x float64) float64 {
	const tiny = 1e-300
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for i := 1.0; ; i++ {
		an := -i * (i - a)
		b += 2
		d = 1 / nonZero(an*d+b, tiny)
		c = nonZero(b+an/c, tiny)
		h *= d * c
		if math.Abs(d*c-1) < 1e-15 || i > 1e7 {
			return h
		}
	}
}

func nonZero(v, tiny float64) float64 {
	if math.Abs(v) < tiny {
		return tiny
	}
	return v
}

// deviance is a ln(a/x) + x - a, without cancellation where a is near x.
func deviance(a, x float64) float64 {
	if d := x - a; math.Abs(d) < 0.1*(x+a) {
		// With v = (a-x)/(a+x): ln(a/x) = 2 atanh v = 2 (v + v^3/3 + ...).
		v := -d / (x + a)
		sum := -d * v
		for term, k := 2*a*v*v*v, 3.0; ; k += 2 {
			next := sum + term/k
			if next == sum {
				return sum
			}
			sum, term = next, term*v*v
		}
	}
	return a*math.Log(a/x) + x - a
}

// stirlingError is ln n! minus Stirling's formula for it.
func stirlingError(n float64) float64 {
	if n < 16 {
		lg, _ := math.Lgamma(n + 1)
		return lg - (n+0.5)*math.Log(n) + n - 0.5*math.Log(2*math.Pi)
	}
	q := n * n
	return (1.0/12 - (1.0/360-(1.0/1260-(1.0/1680-1.0/1188/q)/q)/q)/q) / n
}

// logBinomialTail is ln P(X >= k) for X of n trials with chance p each.
func logBinomialTail(k, n int, p float64) float64 {
	switch {
	case k <= 0:
		return 0
	case k > n:
		return math.Inf(-1)
	case float64(k) <= float64(n)*p: // X <= k-1 is n-k+1 failures or more
		return math.Log1p(-math.Exp(logBinomialUpper(n-k+1, n, 1-p)))
	}
	return logBinomialUpper(k, n, p)
}

// logBinomialUpper sums the tail upwards from k, where the terms fall.
func logBinomialUpper(k, n int, p float64) float64 {
	sum, term := 1.0, 1.0
	for i := k; i < n && term > sum*1e-17; i++ {
		term *= float64(n-i) / float64(i+1) * p / (1 - p)
		sum += term
	}
	return logBinomial(float64(k), float64(n), p) + math.Log(sum)
}

// logBinomial is ln P(X = k), by Loader's expansion.
func logBinomial(k, n, p float64) float64 {
	switch k {
	case 0:
		return n * math.Log1p(-p)
	case n:
		return n * math.Log(p)
	}
	return stirlingError(n) - stirlingError(k) - stirlingError(n-k) -
		deviance(k, n*p) - deviance(n-k, n*(1-p)) + 0.5*math.Log(n/(2*math.Pi*k*(n-k)))
}

// logWeightedTail is ln P(u X + v Y >= s) for independent X, Y of Gamma(n, 1).
//
// Let r = v/u <= 1. A gamma variable of scale u is one of scale v whose shape
// grew by a negative binomial number: from (1-ut)^-n = r^n (1-vt)^-n
// (1-(1-r)/(1-vt))^-n follows u X + v Y = v Gamma(2n+K), P(K = k) =
// C(n+k-1, k) r^n (1-r)^k (P. G. Moschopoulos, Ann. Inst. Statist. Math. 37,
// 1985, for two terms). All terms are positive, so nothing cancels. vLLM fits a
// gamma distribution to mean and variance instead, which is too light in the
// tail: at 1e-6 by a fifth for 200 tokens, far out by powers of ten.
func logWeightedTail(n int, u, v, s float64) float64 {
	if n <= 0 || !(s > 0) {
		return 0
	}
	if u < v {
		u, v = v, u
	}
	w := mixture{shape: float64(n), r: v / u, x: s / v}
	return w.logSum()
}

// mixture is the sum over k of P(K = k) Q(2n+k, x), where Q(m, x), the tail of
// Gamma(m, 1), grows by x^m e^-x / m! from m to m+1.
type mixture struct{ shape, r, x float64 }

// logSum sums from k = 0. The chances of K, the tails and their sum may all be
// far below what a float64 holds, so each is kept with a logarithm of its scale.
// Both factors are log-concave in k, hence so is the product: once it falls, the
// rest is below a geometric series.
func (m mixture) logSum() float64 {
	const big = 1e100
	shape := 2 * m.shape
	logW, logQ := m.shape*math.Log(m.r), logGammaTail(shape, m.x)
	weight, tail := 1.0, 1.0
	step := math.Exp(logGammaDensity(shape, m.x) - logQ)
	sum, scale := 0.0, 0 // scale counts powers of big, for adding up their logarithms rounds every time
	for k := 0.0; ; k++ {
		product := weight * tail
		sum += product
		weight *= (m.shape + k) / (k + 1) * (1 - m.r)
		tail += step
		step *= m.x / (shape + k + 1)
		if ratio := weight * tail / product; ratio < 1 && product*ratio < (1-ratio)*sum*1e-16 {
			return logW + logQ + float64(scale)*math.Log(big) + math.Log(sum)
		}
		if weight > big {
			weight, sum, scale = weight/big, sum/big, scale+1
		}
		if weight < 1/big { // far from the bulk of K, and the product still grows
			weight, sum, scale = weight*big, sum*big, scale-1
		}
		if tail > big {
			tail, step, sum, scale = tail/big, step/big, sum/big, scale+1
		}
	}
}
