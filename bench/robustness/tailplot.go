package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/avowai/avow/watermark"
)

// tailPlot draws how many unmarked pieces exceed each z, beside the bound that
// the analysis gives.
func tailPlot(z []float64) string {
	const w, h, margin = 640, 400, 60
	const x0, x1, y0 = 3.0, 9.0, -7.0 // z, z, log10 of the share
	z = slices.Sorted(slices.Values(z))
	x := func(v float64) float64 { return margin + (v-x0)/(x1-x0)*(w-2*margin) }
	y := func(log float64) float64 { return margin + log/y0*(h-2*margin) }
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", w, h)
	fmt.Fprintf(&s, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", w, h)
	for v := x0; v <= x1; v++ {
		fmt.Fprintf(&s, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%.0f</text>`+"\n", x(v), margin, h-margin, x(v), h-margin+20, v)
	}
	for l := 0.0; l >= y0; l-- {
		fmt.Fprintf(&s, `<path d="M%d %.1f H%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">1e%.0f</text>`+"\n", margin, y(l), w-margin, margin-8, y(l)+4, l)
	}
	var seen, bound []string
	for i, v := range z {
		seen = append(seen, fmt.Sprintf("%.1f %.1f", x(max(v, x0)), y(math.Log10(float64(len(z)-i)/float64(len(z))))))
	}
	for v := x0; v <= x1; v += 0.05 {
		if l := math.Log10(watermark.PresentBound(v)); l >= y0 {
			bound = append(bound, fmt.Sprintf("%.1f %.1f", x(v), y(l)))
		}
	}
	fmt.Fprintf(&s, `<path d="M%s" fill="none" stroke="#0b62a4" stroke-width="2"/>`+"\n", strings.Join(thin(seen), " L"))
	fmt.Fprintf(&s, `<path d="M%s" fill="none" stroke="#b03a2e" stroke-width="2" stroke-dasharray="5 4"/>`+"\n", strings.Join(bound, " L"))
	fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="middle">template z</text>`+"\n", w/2, h-15)
	fmt.Fprintf(&s, `<text x="%d" y="25" text-anchor="middle">Share of unmarked pieces above z (blue) and the bound (red)</text>`+"\n</svg>\n", w/2)
	return s.String()
}

// thin keeps what a line needs: every hundredth point, and the last hundred.
func thin(all []string) []string {
	var out []string
	for i, p := range all {
		if i%100 == 0 || i >= len(all)-100 {
			out = append(out, p)
		}
	}
	return out
}
