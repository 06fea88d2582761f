package watermark

import (
	"math"
	"sync"
)

// How visible a change of colour is: the colour model of butteraugli (Alakuijala
// et al., libjxl), linearised around a cell's mean colour. All of it is computed
// once, with every product rounded by itself, so that all platforms agree.

const (
	colourLevels = 16   // per channel, of the table
	colourFloor  = 40.0 // darker channels count as this: no speckle in the dark
	colourShy    = 0.1  // keeps the direction near that of least square error
	mostWeight   = 3.0  // of one channel
	redGreen     = 15.0 // what one unit of X weighs against one of Y
	blueYellow   = 0.5
	screenLight  = 80.0 // nits at white
)

// A tint is what a unit of mark does in one colour.
type tint struct {
	weight [3]int32 // per channel, in 1/1024; luma changes by 1
	cost   float64  // mean square error per channel
	vis    float64  // visibility
}

// tints holds the tints of colours and of greys.
var tints = sync.OnceValue(func() *tintTable {
	t := &tintTable{}
	for i := range t.colour {
		r, g, b := i/(colourLevels*colourLevels), i/colourLevels%colourLevels, i%colourLevels
		q := visibility(middle(r), middle(g), middle(b))
		t.colour[i] = tintOf(&q, direction(&q))
	}
	for i := range t.grey {
		q := visibility(float64(i), float64(i), float64(i))
		t.grey[i] = tintOf(&q, [3]float64{1, 1, 1})
	}
	return t
})

type tintTable struct {
	colour [colourLevels * colourLevels * colourLevels]tint
	grey   [256]tint
}

// of looks up the tint of a mean colour, 0 to 255.
func (t *tintTable) of(r, g, b int) *tint {
	const step = 256 / colourLevels
	return &t.colour[(r/step*colourLevels+g/step)*colourLevels+b/step]
}

func middle(level int) float64 { return (float64(level) + 0.5) * 256 / colourLevels }

var lumaWeights = [3]float64{0.299, 0.587, 0.114}

func tintOf(q *[3][3]float64, w [3]float64) tint {
	t := tint{vis: math.Sqrt(quadratic(q, w))}
	for i, v := range w {
		t.weight[i] = int32(float64(v*1024) + 0.5)
		t.cost += float64(v*v) / 3
	}
	return t
}

// quadratic is w^T Q w.
func quadratic(q *[3][3]float64, w [3]float64) float64 {
	sum := 0.0
	for i := range 3 {
		for j := range 3 {
			sum += float64(float64(w[i]*q[i][j]) * w[j])
		}
	}
	return sum
}

// visibility is Q: a change c of the three channels, in grey levels, is visible
// by sqrt(c^T Q c).
func visibility(r, g, b float64) (q [3][3]float64) {
	absorb := [3][3]float64{
		{0.29956550340058319, 0.63373087833825936, 0.077705617820981968},
		{0.22158691104574774, 0.69391388044116142, 0.0987313588422},
		{0.02, 0.02, 0.20480129041026129},
	}
	bias := [3]float64{1.7557483643287353, 1.7557483643287353, 12.226454707163354}
	var light, slope [3]float64
	for i, v := range [3]float64{r, g, b} {
		light[i], slope[i] = linearLight(max(v, colourFloor))
	}
	var s [3][3]float64 // d(L,M,S)/d(R,G,B)
	for i := range 3 {
		v := bias[i]
		for j := range 3 {
			v += float64(absorb[i][j] * light[j])
		}
		gain := (float64(19.245013259874995*logarithm(v+9.9710635769299145)) - 23.16046239805755) / v
		for j := range 3 {
			s[i][j] = float64(float64(gain*absorb[i][j]) * slope[j])
		}
	}
	for j := range 3 {
		for k := range 3 {
			x := float64((s[0][j]-s[1][j])*redGreen) * float64((s[0][k]-s[1][k])*redGreen)
			y := float64((s[0][j] + s[1][j]) * (s[0][k] + s[1][k]))
			b := float64(s[2][j]*blueYellow) * float64(s[2][k]*blueYellow)
			q[j][k] = float64(x) + y + float64(b)
		}
	}
	return q
}

// linearLight is the light of a channel's value in nits, and its slope (sRGB
// above its linear toe).
func linearLight(v float64) (light, slope float64) {
	base := logarithm((v/255 + 0.055) / 1.055)
	light = float64(screenLight * exponential(float64(2.4*base)))
	slope = float64(screenLight*2.4/1.055/255) * exponential(float64(1.4*base))
	return light, slope
}

// direction is the mark's colour: most luma for its visibility.
func direction(q *[3][3]float64) [3]float64 {
	a := *q
	for i := range a {
		a[i][i] += colourShy
	}
	w := solve3(a, lumaWeights)
	for range 2 {
		luma := 0.0
		for i := range w {
			w[i] = clamp(w[i], 0, mostWeight)
			luma += float64(w[i] * lumaWeights[i])
		}
		for i := range w {
			w[i] /= luma
		}
	}
	return w
}

// solve3 solves a x = y by elimination; a is symmetric and positive definite.
func solve3(a [3][3]float64, y [3]float64) [3]float64 {
	for i := range 3 {
		for j := i + 1; j < 3; j++ {
			f := a[j][i] / a[i][i]
			for k := i; k < 3; k++ {
				a[j][k] -= float64(f * a[i][k])
			}
			y[j] -= float64(f * y[i])
		}
	}
	for i := 2; i >= 0; i-- {
		for k := i + 1; k < 3; k++ {
			y[i] -= float64(a[i][k] * y[k])
		}
		y[i] /= a[i][i]
	}
	return y
}

// logarithm is the natural one, by the series of the inverse hyperbolic tangent.
func logarithm(x float64) float64 {
	m, e := math.Frexp(x)
	t := (m - 1) / (m + 1)
	square, term, sum := float64(t*t), t, 0.0
	for n := 1; n < 60; n += 2 {
		sum += term / float64(n)
		term = float64(term * square)
	}
	return float64(2*sum) + float64(float64(e)*math.Ln2)
}

// exponential is e^x by its series; |x| stays below 10 here.
func exponential(x float64) float64 {
	x /= 16
	sum, term := 1.0, 1.0
	for n := 1; n < 20; n++ {
		term = float64(term*x) / float64(n)
		sum += term
	}
	for range 4 {
		sum = float64(sum * sum)
	}
	return sum
}
