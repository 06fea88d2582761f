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
	if !slices.IsSorted(v) {
		slices.Sort(v)
	}
	return v[min(int(q*float64(len(v))), len(v)-1)]
}

func moments(v []float64) (mean, sd float64) {
	var s, s2 float64
	for _, x := range v {
		s += x
		s2 += x * x
	}
	n := float64(len(v))
	return s / n, math.Sqrt(s2/n - s*s/n/n)
}

// lowTail is the quantile q, and how far below it the values are, on average, that
// are below it.
func lowTail(v []float64, q float64) (u, mean float64) {
	u = quantile(v, q)
	n := 0.0
	for _, x := range v {
		if x > u {
			break
		}
		mean += u - x
		n++
	}
	return u, max(mean/n, 1e-9)
}
