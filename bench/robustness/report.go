package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
)

// small is the size below which pictures are counted apart.
const small = 0.2 // megapixels

// report prints the tables, and draws the plot where one is asked for.
func (o *options) report(w io.Writer, pictures []corpus.Picture, attacks []attack.Attack, j *journal) error {
	var curve []point
	for _, s := range o.strengths {
		fmt.Fprintf(w, "## Strength %g\n\n", s)
		q := collect(pictures, s, j)
		q.print(w)
		share := table(w, pictures, attacks, s, j)
		curve = append(curve, point{s, mean(q.psnr), mean(q.ssim), mean(q.norm3), mean(q.most), mean(q.calm), share})
	}
	if len(curve) > 1 {
		fmt.Fprint(w, "| strength | PSNR dB | SSIM | butteraugli 3-norm | butteraugli max | calm parts, grey levels | exact % |\n"+
			"| --- | --- | --- | --- | --- | --- | --- |\n")
		for _, p := range curve {
			fmt.Fprintf(w, "| %g | %.2f | %.4f | %.3f | %.2f | %.2f | %.2f |\n", p.strength, p.psnr, p.ssim, p.norm3, p.most, p.calm, 100*p.share)
		}
	}
	if o.plot != "" {
		return plot(o.plot, curve)
	}
	return nil
}

// qualities collects how far marked pictures are from their originals.
type qualities struct {
	psnr, ssim, calm, most, norm3, ssimulacra, speed []float64
}

func collect(pictures []corpus.Picture, strength float64, j *journal) qualities {
	var q qualities
	for _, p := range pictures {
		r, ok := j.get(identity{p.Name, "", strength, 0})
		if !ok {
			continue
		}
		q.psnr, q.ssim = append(q.psnr, r.PSNR), append(q.ssim, r.SSIM)
		if r.Calm > 0 {
			q.calm = append(q.calm, r.Calm)
		}
		q.speed = append(q.speed, r.Millis/r.Mega)
		if r.Norm3 > 0 {
			q.most, q.norm3 = append(q.most, r.Butteraugli), append(q.norm3, r.Norm3)
			q.ssimulacra = append(q.ssimulacra, r.Ssimulacra)
		}
	}
	return q
}

func (q *qualities) print(w io.Writer) {
	fmt.Fprintf(w, "PSNR mean %.2f dB, lowest %.2f; SSIM mean %.4f, lowest %.4f; embedding %.0f ms per megapixel (median)\n",
		mean(q.psnr), slices.Min(q.psnr), mean(q.ssim), slices.Min(q.ssim), median(q.speed))
	if len(q.calm) > 0 {
		fmt.Fprintf(w, "Change of luma in calm parts, RMS in grey levels: mean %.2f, largest %.2f (%d pictures have such parts)\n", mean(q.calm), slices.Max(q.calm), len(q.calm))
	}
	if len(q.norm3) > 0 {
		fmt.Fprintf(w, "Butteraugli 3-norm mean %.3f, worst %.3f; max mean %.2f, worst %.2f; SSIMULACRA mean %.4f, worst %.4f\n",
			mean(q.norm3), slices.Max(q.norm3), mean(q.most), slices.Max(q.most), mean(q.ssimulacra), slices.Max(q.ssimulacra))
	}
	fmt.Fprintln(w)
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(max(len(v), 1))
}

func median(v []float64) float64 { return quantile(v, 0.5) }

func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return v[min(int(q*float64(len(v))), len(v)-1)]
}

// A tally counts outcomes.
type tally struct {
	exact, present, wrong, of int
	scores, speed             []float64
	missed                    []string
}

func (t *tally) add(r result) {
	t.of++
	t.speed = append(t.speed, r.Millis/r.Mega)
	switch r.Outcome {
	case exact:
		t.exact++
		t.scores = append(t.scores, r.Score)
		return
	case present:
		t.present++
	case wrong:
		t.wrong++
	}
	t.missed = append(t.missed, strings.SplitN(r.Picture, "-", 2)[0])
}

// table prints one line per attack and returns the share of exact payloads.
func table(w io.Writer, pictures []corpus.Picture, attacks []attack.Attack, strength float64, j *journal) float64 {
	fmt.Fprint(w, "| attack | exact | of | present only | wrong | score p10 | p50 | ms/MP | missed |\n"+
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	var all, large tally
	for _, a := range attacks {
		var t tally
		for _, p := range pictures {
			r, ok := j.get(identity{p.Name, a.Name, strength, 0})
			if !ok {
				continue
			}
			t.add(r)
			all.add(r)
			if megapixels(p.Bounds()) >= small {
				large.add(r)
			}
		}
		missed := strings.Join(t.missed, " ")
		if len(t.missed) > 8 {
			missed = fmt.Sprintf("%d pictures", len(t.missed))
		}
		score := func(q float64) string {
			if len(t.scores) == 0 {
				return ""
			}
			return fmt.Sprintf("%.1f", quantile(t.scores, q))
		}
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %s | %s | %.0f | %s |\n",
			a.Name, t.exact, t.of, t.present, t.wrong, score(0.1), score(0.5), median(t.speed), missed)
	}
	fmt.Fprintf(w, "\nAll: %s. Of at least %g megapixels: %s.\n\n", all.sentence(), small, large.sentence())
	suites(w, pictures, attacks, strength, j)
	return float64(all.exact) / float64(max(all.of, 1))
}

// suites prints the sums of the standard and of the hard suite, where both ran.
func suites(w io.Writer, pictures []corpus.Picture, attacks []attack.Attack, strength float64, j *journal) {
	standard := map[string]bool{}
	for _, a := range attack.Standard() {
		standard[a.Name] = true
	}
	var all, large [2]tally
	for _, a := range attacks {
		i := 1
		if standard[a.Name] {
			i = 0
		}
		for _, p := range pictures {
			if r, ok := j.get(identity{p.Name, a.Name, strength, 0}); ok {
				all[i].add(r)
				if megapixels(p.Bounds()) >= small {
					large[i].add(r)
				}
			}
		}
	}
	if all[0].of == 0 || all[1].of == 0 {
		return
	}
	for i, name := range []string{"Standard", "Hard"} {
		fmt.Fprintf(w, "%s suite: %s. Of at least %g megapixels: %s.\n\n", name, all[i].sentence(), small, large[i].sentence())
	}
}

func (t *tally) sentence() string {
	return fmt.Sprintf("%d of %d exact (%.2f %%), %d present only, %d wrong",
		t.exact, t.of, 100*float64(t.exact)/float64(max(t.of, 1)), t.present, t.wrong)
}
