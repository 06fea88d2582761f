package main

import (
	"context"
	"fmt"
	"image"
	"math"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/internal/attack"
)

// searchAttacks take a mark away, or are strong; what is left of the picture is
// looked for as a whole.
var searchAttacks = []attack.Attack{
	{Name: "JPEG 30", Apply: attack.JPEG(30)},
	{Name: "JPEG 10", Apply: attack.JPEG(10)},
	{Name: "resize 0.5", Apply: attack.Resize(0.5, 0.5)},
	{Name: "resize 0.15", Apply: attack.Resize(0.15, 0.15)},
	{Name: "width 0.7", Apply: attack.Resize(0.7, 1)},
	{Name: "blur by 1 % of the side", Apply: blurred(.01)},
	{Name: "blur by 2 % of the side", Apply: blurred(.02)},
	{Name: "blur by 4 % of the side", Apply: blurred(.04)},
	{Name: "blur 3, resize 0.4, JPEG 30", Apply: attack.Chain(attack.Blur(3), attack.Resize(0.4, 0.4), attack.JPEG(30))},
	{Name: "median 7 x 7", Apply: attack.Median(3)},
	{Name: "noise 40", Apply: attack.Noise(40, 5)},
	{Name: "brightness 1.3", Apply: attack.Linear(1.3, 0)},
	{Name: "contrast 0.5", Apply: attack.Linear(0.5, 64)},
	{Name: "gamma 0.6", Apply: attack.Gamma(0.6)},
	{Name: "equalise", Apply: attack.Equalise},
	{Name: "grey", Apply: attack.Grey},
	{Name: "palette of 16", Apply: attack.Palette(16)},
	{Name: "caption over 10 %", Apply: attack.Caption(0.1)},
	{Name: "crop to 98 %", Apply: attack.Centre(0.98)},
	{Name: "crop to 95 %", Apply: attack.Centre(0.95)},
	{Name: "crop to 90 %", Apply: attack.Centre(0.9)},
	{Name: "rotate by 0.5 degrees", Apply: attack.Rotate(0.5)},
	{Name: "rotate by 2 degrees", Apply: attack.Rotate(2)},
	{Name: "mirror", Apply: attack.Mirror},
}

func blurred(share float64) attack.Func {
	return func(m image.Image) image.Image {
		b := m.Bounds()
		return attack.Blur(share * float64(min(b.Dx(), b.Dy())))(m)
	}
}

// search measures the global part alone.
func (b *bench) search(ctx context.Context) error {
	distances := make([][]float64, len(searchAttacks))
	n := 0
	for _, s := range b.samples() {
		if s.Bounds().Dx()*s.Bounds().Dy() > 3e6 {
			continue
		}
		n++
		recorded := b.imager.Image(s.Image)
		for i, a := range searchAttacks {
			distances[i] = append(distances[i], float64(recorded.Global.Distance(b.imager.Image(a.Apply(s.Image)).Global)))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	fmt.Printf("\n## Search without a mark\n\nDifferent bits of %d between %d pictures (of at most 3 megapixels, and their pieces) and\nwhat became of them; found: at most %d.\n\n", fingerprint.GlobalBits, n, fingerprint.SearchDistance)
	fmt.Println("| treatment | found | median | 90 % | 99 % |\n| --- | --- | --- | --- | --- |")
	for i, d := range distances {
		found := 0
		for _, v := range d {
			if v <= fingerprint.SearchDistance {
				found++
			}
		}
		fmt.Printf("| %s | %.1f %% | %.0f | %.0f | %.0f |\n", searchAttacks[i].Name, 100*float64(found)/float64(len(d)), quantile(d, .5), quantile(d, .9), quantile(d, .99))
	}
	return b.searchStrangers(ctx)
}

// searchStrangers compares all pairs of a large pool.
func (b *bench) searchStrangers(ctx context.Context) error {
	pool, err := b.pool(ctx, 2*b.members, 512, 384, 9, false)
	if err != nil {
		return err
	}
	distances := map[string][]float64{}
	for i, p := range pool {
		for _, q := range pool[:i] {
			if p.source != q.source && !p.print.IsZero() && !q.print.IsZero() {
				sort := p.sort(q)
				distances[sort] = append(distances[sort], float64(p.print.Global.Distance(q.print.Global)))
			}
		}
	}
	fmt.Printf("\nAll pairs of %d other pictures. By chance alone the standard deviation is %.2f bits.\n\n", len(pool), math.Sqrt(fingerprint.GlobalBits)/2)
	fmt.Println("| sort of pairs | pairs | found | mean | standard deviation | smallest | 0.001 % | 0.1 % | 1 % |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, sort := range sorts() {
		d := distances[sort]
		found := 0
		for _, v := range d {
			if v <= fingerprint.SearchDistance {
				found++
			}
		}
		mean, sd := moments(d)
		fmt.Printf("| %s | %d | %d | %.1f | %.2f | %.0f | %.0f | %.0f | %.0f |\n", sort, len(d), found, mean, sd, quantile(d, 0), quantile(d, 1e-5), quantile(d, 1e-3), quantile(d, 1e-2))
	}
	searchTail(distances[unlike])
	return nil
}

// searchTail extrapolates to a million records.
func searchTail(d []float64) {
	u, mean := lowTail(d, 1e-3)
	at, sd := moments(d)
	t := float64(fingerprint.SearchDistance) + .5
	cautious := 1e-3 * math.Exp((t-u)/mean)
	fmt.Printf("\nUnlike pairs: of the closest 0.1 %% all are below %.0f, on average by %.2f. An exponential\ntail from there, the cautious extrapolation, gives %.1g for a distance of at most %d, a normal\ndistribution of the same mean and deviation %.1g; it would take a threshold of %.0f for 1e-9 by\nthe first. One search among a million records: %.1g.\n",
		u, mean, cautious, fingerprint.SearchDistance, math.Erfc((at-t)/sd/math.Sqrt2)/2, u+mean*math.Log(1e-6)-.5, 1e6*cautious)
}
