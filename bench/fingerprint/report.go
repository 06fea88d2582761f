package main

import (
	"math"
	"slices"
)

// quantile sorts v.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return v[min(int(q*float64(len(v))), len(v)-1)]
}

// A tail collects values of which the largest matter.
type tail struct{ v []float64 }

func (t *tail) add(x float64) { t.v = append(t.v, x) }

func (t *tail) n() int { return len(t.v) }

func (t *tail) sd() float64 {
	var s, s2 float64
	for _, x := range t.v {
		s += x
		s2 += x * x
	}
	n := float64(len(t.v))
	return math.Sqrt(s2/n - s*s/n/n)
}

func (t *tail) list() (out []float64) {
	for _, q := range []float64{.5, .9, .99, .999, .9999, .99999, 1} {
		out = append(out, math.Round(100*quantile(t.v, q))/100)
	}
	return out
}
