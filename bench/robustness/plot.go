package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// A point is one strength of the mark: what it costs and what it survives.
type point struct{ strength, psnr, share float64 }

// plot draws the share of exact payloads over PSNR as an SVG file.
func plot(file string, curve []point) error {
	const w, h, margin = 640, 400, 60
	curve = slices.SortedFunc(slices.Values(curve), func(a, b point) int {
		if a.psnr < b.psnr {
			return -1
		}
		return 1
	})
	if len(curve) < 2 {
		return fmt.Errorf("a plot needs at least two -strengths")
	}
	x0, x1 := float64(int(curve[0].psnr)), float64(int(curve[len(curve)-1].psnr)+1)
	least := 1.0
	for _, p := range curve {
		least = min(least, p.share)
	}
	y0 := float64(int(least*20)) / 20
	x := func(v float64) float64 { return margin + (v-x0)/(x1-x0)*(w-2*margin) }
	y := func(v float64) float64 { return h - margin - (v-y0)/(1-y0)*(h-2*margin) }
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", w, h)
	fmt.Fprintf(&s, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", w, h)
	for v := x0; v <= x1; v++ {
		fmt.Fprintf(&s, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%.0f</text>`+"\n", x(v), margin, h-margin, x(v), h-margin+20, v)
	}
	for v := y0; v < 1.001; v += 0.05 {
		fmt.Fprintf(&s, `<path d="M%d %.1f H%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f %%</text>`+"\n", margin, y(v), w-margin, margin-8, y(v)+4, 100*v)
	}
	var path []string
	for _, p := range curve {
		path = append(path, fmt.Sprintf("%.1f %.1f", x(p.psnr), y(p.share)))
		fmt.Fprintf(&s, `<circle cx="%.1f" cy="%.1f" r="4" fill="#0b62a4"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#0b62a4">%g</text>`+"\n", x(p.psnr), y(p.share), x(p.psnr), y(p.share)-10, p.strength)
	}
	fmt.Fprintf(&s, `<path d="M%s" fill="none" stroke="#0b62a4" stroke-width="2"/>`+"\n", strings.Join(path, " L"))
	fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="middle">PSNR of the marked picture, dB (numbers at the points: strength)</text>`+"\n", w/2, h-15)
	fmt.Fprintf(&s, `<text x="%d" y="25" text-anchor="middle">Payloads read back exactly, over all pictures and attacks</text>`+"\n</svg>\n", w/2)
	return os.WriteFile(file, []byte(s.String()), 0o644)
}
