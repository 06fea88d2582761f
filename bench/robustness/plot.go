package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// A point is one strength of the mark: what it costs and what it survives.
type point struct {
	strength    float64
	psnr, ssim  float64 // means
	norm3, most float64 // butteraugli's, means; 0 where it was not measured
	calm        float64
	share       float64 // of exact payloads
}

const (
	panelWide, panelHigh = 560, 400
	panelMargin          = 60
)

// A panel draws the share of exact payloads over one measure of cost.
type panel struct {
	left, x0, x1, step, y0 float64
	text                   *strings.Builder
}

// plot draws the curve over PSNR, and over butteraugli where that was measured,
// as an SVG file.
func plot(file string, curve []point) error {
	if len(curve) < 2 {
		return fmt.Errorf("a plot needs at least two -strengths")
	}
	costs := []func(point) float64{func(p point) float64 { return p.psnr }}
	titles, steps := []string{"PSNR of the marked picture, dB"}, []float64{1}
	if curve[0].norm3 > 0 {
		costs = append(costs, func(p point) float64 { return p.norm3 })
		titles, steps = append(titles, "butteraugli, 3-norm (about 1: just noticeable)"), append(steps, 0.1)
	}
	var s strings.Builder
	wide := panelWide * len(costs)
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", wide, panelHigh)
	fmt.Fprintf(&s, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", wide, panelHigh)
	for i, cost := range costs {
		p := panel{left: float64(i * panelWide), step: steps[i], text: &s}
		p.draw(curve, cost, titles[i])
	}
	fmt.Fprintf(&s, `<text x="%d" y="25" text-anchor="middle">Payloads read back exactly, over all pictures and attacks, by strength</text>`+"\n</svg>\n", wide/2)
	return os.WriteFile(file, []byte(s.String()), 0o644)
}

func (p *panel) x(v float64) float64 {
	return p.left + panelMargin + (v-p.x0)/(p.x1-p.x0)*(panelWide-2*panelMargin)
}

func (p *panel) y(v float64) float64 {
	return panelHigh - panelMargin - (v-p.y0)/(1-p.y0)*(panelHigh-2*panelMargin)
}

func (p *panel) draw(curve []point, cost func(point) float64, title string) {
	curve = slices.SortedFunc(slices.Values(curve), func(a, b point) int {
		if cost(a) < cost(b) {
			return -1
		}
		return 1
	})
	p.x0 = math.Floor(cost(curve[0])/p.step) * p.step
	p.x1 = math.Ceil(cost(curve[len(curve)-1])/p.step) * p.step
	least := 1.0
	for _, c := range curve {
		least = min(least, c.share)
	}
	p.y0 = math.Floor(least*20) / 20
	p.grid()
	var path []string
	for _, c := range curve {
		x, y := p.x(cost(c)), p.y(c.share)
		path = append(path, fmt.Sprintf("%.1f %.1f", x, y))
		fmt.Fprintf(p.text, `<circle cx="%.1f" cy="%.1f" r="4" fill="#0b62a4"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#0b62a4">%g</text>`+"\n", x, y, x, y-10, c.strength)
	}
	fmt.Fprintf(p.text, `<path d="M%s" fill="none" stroke="#0b62a4" stroke-width="2"/>`+"\n", strings.Join(path, " L"))
	fmt.Fprintf(p.text, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", p.left+panelWide/2, panelHigh-15, title)
}

func (p *panel) grid() {
	for v := p.x0; v <= p.x1+p.step/2; v += p.step {
		fmt.Fprintf(p.text, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n",
			p.x(v), panelMargin, panelHigh-panelMargin, p.x(v), panelHigh-panelMargin+20, math.Round(v*10)/10)
	}
	for v := p.y0; v < 1.001; v += 0.05 {
		fmt.Fprintf(p.text, `<path d="M%.1f %.1f H%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%.0f %%</text>`+"\n",
			p.left+panelMargin, p.y(v), p.left+panelWide-panelMargin, p.left+panelMargin-8, p.y(v)+4, 100*v)
	}
}
