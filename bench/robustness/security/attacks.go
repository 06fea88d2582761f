package security

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/internal/attack"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/watermark"
)

// copying carries the estimated mark of each picture over to the next one.
func (l *lab) copying() error {
	l.head("Copy attack", "The mark is estimated from one marked picture and added to an unmarked one. Every payload read is a success of the attacker.")
	for _, gain := range []float64{1, 2, 4} {
		var t tally
		for i, m := range l.marked {
			onto := l.pieces[(i+1)%len(l.pieces)]
			if err := l.look(&t, plus(onto, residual(m), gain), onto, payload(i)); err != nil {
				return err
			}
		}
		l.line(fmt.Sprintf("residual times %g", gain), &t)
	}
	fmt.Fprintln(l.w)
	return nil
}

const period = 128

// folded is the mean of a field over all tiles, counted from the centre.
func folded(f field) field {
	t, n := newField(period, period), make([]float64, period*period)
	for y := range f.h {
		for x := range f.w {
			i := modulo(y-f.h/2+period/2, period)*period + modulo(x-f.w/2+period/2, period)
			t.v[i] += f.v[y*f.w+x]
			n[i]++
		}
	}
	for i := range t.v {
		t.v[i] /= max(n[i], 1)
	}
	return t
}

// folding subtracts what repeats from tile to tile.
func (l *lab) folding() error {
	l.head("Fold and subtract", "The residual's mean over all tiles is taken off: nothing but the period has to be known.")
	for _, gain := range []float64{1, 2} {
		for _, crop := range []float64{1, 0.9} {
			var t tally
			for i, m := range l.marked {
				out := plus(m, folded(residual(m)), -gain)
				if err := l.cropped(&t, out, m, crop, payload(i)); err != nil {
					return err
				}
			}
			l.line(fmt.Sprintf("times %g, %.0f %% of the area kept", gain, 100*crop), &t)
		}
	}
	fmt.Fprintln(l.w)
	return nil
}

// cropped looks at a crop, and compares before it.
func (l *lab) cropped(t *tally, m, like *image.NRGBA, share float64, id watermark.Payload) error {
	if share == 1 {
		return l.look(t, m, like, id)
	}
	return l.look(t, attack.Crop(share, 11)(m), nil, id)
}

// filtering smooths the mark away.
func (l *lab) filtering() error {
	l.head("Wiener filter", "Local smoothing for an assumed standard deviation of the mark, in grey levels.")
	for _, sigma := range []float64{1, 2, 4, 8} {
		var t tally
		for i, m := range l.marked {
			y := lumaOf(m)
			s := wiener(y, sigma*sigma)
			for j := range s.v {
				s.v[j] -= y.v[j]
			}
			if err := l.look(&t, plus(m, s, 1), m, payload(i)); err != nil {
				return err
			}
		}
		l.line(fmt.Sprintf("sigma %g", sigma), &t)
	}
	fmt.Fprintln(l.w)
	return nil
}

// victims is how many pictures an average is tried on.
const victims = 8

// averaging estimates the mark from many pictures under one key, then takes it
// off another picture and puts it onto an unmarked one.
func (l *lab) averaging() error {
	const size = 256
	l.head("Averaging", fmt.Sprintf("Residuals of N marked pictures of %d x %d pixels under one key, averaged, then taken off another marked picture or put onto an unmarked one.", size, size))
	var targets []*image.NRGBA
	for _, p := range l.pieces[:min(victims, len(l.pieces)/2)] {
		targets = append(targets, imaging.CropCenter(p, size, size))
	}
	for _, same := range []bool{true, false} {
		sum := newField(size, size)
		kind := "other payloads"
		if same {
			kind = "same payload"
		}
		for n := 1; n <= 256; n++ {
			id := payload(1000)
			if !same {
				id = payload(1000 + n)
			}
			m, err := l.mark(l.host(n, size), id, l.key)
			if err != nil {
				return err
			}
			for i, v := range residual(m).v {
				sum.v[i] += v
			}
			if bits.OnesCount(uint(n)) == 1 && bits.TrailingZeros(uint(n))%2 == 0 {
				if err := l.useAverage(sum, n, kind, targets); err != nil {
					return err
				}
			}
		}
	}
	fmt.Fprintln(l.w)
	return nil
}

// host is the n-th picture of the attacker's collection.
func (l *lab) host(n, size int) *image.NRGBA {
	if n%2 == 0 {
		return corpus.Made(size, size, uint64(n))
	}
	first := min(victims, len(l.pieces)/2) // the targets are not in the collection
	p := l.pieces[first+n/2%(len(l.pieces)-first)]
	return imaging.Clone(attack.CropTo(size, size, uint64(n))(p))
}

func (l *lab) useAverage(sum field, n int, kind string, targets []*image.NRGBA) error {
	id := payload(1000) // the payload in every picture, or in none
	var off, on tally
	for _, target := range targets {
		marked, err := l.mark(target, id, l.key)
		if err != nil {
			return err
		}
		// The residual keeps about half of the mark.
		if err := l.look(&off, plus(marked, sum, -2/float64(n)), marked, id); err != nil {
			return err
		}
		if err := l.look(&on, plus(target, sum, 2/float64(n)), target, id); err != nil {
			return err
		}
	}
	l.line(fmt.Sprintf("N = %d, %s, taken off", n, kind), &off)
	l.line(fmt.Sprintf("N = %d, %s, put on", n, kind), &on)
	return nil
}

// knownTemplate subtracts the public template, which anyone can compute: here by
// averaging over keys of one's own.
func (l *lab) knownTemplate() error {
	if err := l.learnTemplate(); err != nil {
		return err
	}
	l.head("Template removal", "The template is known; in every block of 128 x 128 pixels its strength is measured and it is taken off.")
	for _, gain := range []float64{1, 1.5} {
		for _, crop := range []float64{1, 0.95, 0.9} {
			var t tally
			for i, m := range l.marked {
				if err := l.cropped(&t, l.withoutTemplate(m, gain), m, crop, payload(i)); err != nil {
					return err
				}
			}
			l.line(fmt.Sprintf("times %g, %.0f %% of the area kept", gain, 100*crop), &t)
		}
	}
	fmt.Fprintln(l.w)
	return nil
}

func (l *lab) learnTemplate() error {
	const keys = 24
	grey := imaging.New(side, side, greyLevel)
	sum := newField(period, period)
	for range keys {
		key, err := watermark.GenerateKey()
		if err != nil {
			return err
		}
		m, err := l.mark(grey, payload(1), key)
		if err != nil {
			return err
		}
		f := lumaOf(m)
		for i := range f.v {
			f.v[i] -= 128
		}
		for i, v := range folded(f).v {
			sum.v[i] += v / keys
		}
	}
	l.template = sum
	return nil
}

// withoutTemplate subtracts gain times the template's least-squares strength,
// block by block.
func (l *lab) withoutTemplate(m *image.NRGBA, gain float64) *image.NRGBA {
	f := residual(m)
	take := newField(f.w, f.h)
	for by := 0; by < f.h; by += period {
		for bx := 0; bx < f.w; bx += period {
			dot, norm := 0.0, 0.0
			each := func(do func(i int, t float64)) {
				for y := by; y < min(by+period, f.h); y++ {
					for x := bx; x < min(bx+period, f.w); x++ {
						u, v := modulo(x-f.w/2+period/2, period), modulo(y-f.h/2+period/2, period)
						do(y*f.w+x, l.template.v[v*period+u])
					}
				}
			}
			each(func(i int, t float64) { dot, norm = dot+f.v[i]*t, norm+t*t })
			// The residual keeps about half of the mark.
			g := 2 * gain * max(dot/norm, 0)
			each(func(i int, t float64) { take.v[i] = g * t })
		}
	}
	return plus(m, take, -1)
}

// oracle asks Detect as often as it likes, and looks for the least change that
// silences it.
func (l *lab) oracle() error {
	fmt.Fprint(l.w, "## Oracle\n\nUnlimited questions to Detect: bisection for the least change after which the payload is not read.\n\n"+
		"| change | pictures | questions each | PSNR to the marked picture, dB: mean | best for the attacker |\n| --- | --- | --- | --- | --- |\n")
	changes := []struct {
		name  string
		most  float64
		apply func(m *image.NRGBA, strength float64) *image.NRGBA
	}{
		{"noise", 120, func(m *image.NRGBA, s float64) *image.NRGBA { return imaging.Clone(attack.Noise(s, 3)(m)) }},
		{"Wiener filter", 40, func(m *image.NRGBA, s float64) *image.NRGBA {
			y := lumaOf(m)
			f := wiener(y, s*s)
			for i := range f.v {
				f.v[i] -= y.v[i]
			}
			return plus(m, f, 1)
		}},
		{"blur", 8, func(m *image.NRGBA, s float64) *image.NRGBA { return imaging.Blur(m, s) }},
	}
	const questions = 8
	for _, c := range changes {
		sum, best, n := 0.0, 0.0, 0
		for i := 0; i < len(l.marked); i += 3 {
			lo, hi := 0.0, c.most
			for range questions {
				var t tally
				mid := (lo + hi) / 2
				if err := l.look(&t, c.apply(l.marked[i], mid), nil, payload(i)); err != nil {
					return err
				}
				if t.found > 0 {
					lo = mid
				} else {
					hi = mid
				}
			}
			var t tally
			if err := l.look(&t, c.apply(l.marked[i], hi), l.marked[i], payload(i)); err != nil {
				return err
			}
			sum, best, n = sum+t.psnr, math.Max(best, t.psnr), n+1
		}
		fmt.Fprintf(l.w, "| %s | %d | %d | %.1f | %.1f |\n", c.name, n, questions+1, sum/float64(n), best)
	}
	fmt.Fprintln(l.w)
	return nil
}

// otherKeys marks pictures under two keys.
func (l *lab) otherKeys() error {
	rng := rand.New(rand.NewPCG(7, 7))
	both, first, crossed, of := 0, 0, 0, 0
	for i, m := range l.marked {
		other, err := watermark.GenerateKey()
		if err != nil {
			return err
		}
		stranger, err := watermark.GenerateKey()
		if err != nil {
			return err
		}
		second := watermark.Payload{byte(rng.Uint32()), 2}
		twice, err := l.mark(m, second, other)
		if err != nil {
			return err
		}
		found, err := watermark.Detect(l.ctx, twice, nil, l.key, other, stranger)
		if err != nil {
			return err
		}
		of++
		right := 0
		for _, d := range found {
			switch {
			case d.KeyID == l.key.ID() && d.Payload == payload(i):
				right++
				first++
			case d.KeyID == other.ID() && d.Payload == second:
				right++
			case d.Found:
				crossed++
			}
		}
		if right == 2 {
			both++
		}
	}
	fmt.Fprintf(l.w, "## Two deployments\n\n%d pictures marked under one key and then under another, searched with both and a third: "+
		"both payloads read in %d, the first one in %d; payloads read under a key that did not write them: %d.\n", of, both, first, crossed)
	return nil
}

// greyLevel is the canvas on which the template is learned.
var greyLevel = color.NRGBA{128, 128, 128, 255}
