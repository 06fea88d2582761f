package watermark

import (
	"context"
	"image"
	"math"
	"time"
)

const (
	// FoundRate bounds the false positive rate of a Detection that is Found.
	FoundRate = 1e-9
	// PresentRate bounds that of one that is not: the template alone.
	PresentRate = 1e-6

	// leastRate is the smallest rate reported: below it other causes, such as a
	// leaked key, are likelier than chance.
	leastRate = 1e-30

	// plainLocks and farLocks bound the phase correlations of the template that
	// one call evaluates without and with a search.
	plainLocks = 8
	farLocks   = 24 + levels*2*(2*searchCandidates+uprightBest)
)

// DetectOptions tune Detect. The zero value is the recommended setting.
type DetectOptions struct {
	// Direct looks for marks at the scale they were made at only: shifted, cropped,
	// mirrored, turned by quarters. It takes a fraction of the time.
	Direct bool
	// Workers is how many goroutines a search may use, 0 for one. The result does
	// not depend on it. With more than one the picture's At is called side by side.
	Workers int
	// Budget, where above 0, is the time after which no further way of looking is
	// begun. What was found until then is returned; a slower machine may find less.
	Budget time.Duration
	// Statistics, where not nil, receives the largest values that the search met.
	Statistics *Statistics
}

// Statistics are the largest values of one search, detections or not: what
// the analysis of false positives bounds.
type Statistics struct {
	Z   float64 // phase correlation of the template
	Rho float64 // chip correlation of a word with a valid CRC, 0 for none
}

// An Affine says how the marked picture was turned: a 2x2 matrix, row by row,
// from its pixels to those of the picture at hand, and how far its centre lies
// from this one's, in its own pixels and modulo the mark's period of 1024: modulo
// the template's of 128 where no payload was read. Dx and Dy are in [-512,512).
//
// With both counted from the integer centre (w/2, h/2) of their picture, pixel u of
// the marked picture is at (A B, C D) (u + (Dx, Dy)) in the one at hand, for one of
// the shifts that Dx and Dy stand for.
type Affine struct{ A, B, C, D, Dx, Dy float64 }

// RotationDeg is the rotation in degrees, counter-clockwise, in (-180,180].
func (a Affine) RotationDeg() float64 {
	if a.Flip() {
		return normalDeg(math.Atan2(a.C, -a.A))
	}
	return normalDeg(math.Atan2(-a.C, a.A)) // y points down
}

func normalDeg(rad float64) float64 {
	deg := math.Round(rad*180/math.Pi*100) / 100
	if deg <= -180 {
		deg += 360
	}
	return deg + 0 // no negative zero
}

// Scale is the root of the area ratio.
func (a Affine) Scale() float64 { return math.Sqrt(math.Abs(a.A*a.D - a.B*a.C)) }

// Flip reports whether the picture is mirrored.
func (a Affine) Flip() bool { return a.A*a.D-a.B*a.C < 0 }

// A Detection is the outcome of one search.
type Detection struct {
	// Found says that a payload was read with a key. Otherwise only the public
	// template is there, which anyone can write.
	Found   bool
	Payload Payload
	KeyID   string
	// Score is the chip correlation of a payload, or the template's z.
	Score float64
	// FalsePositiveRate bounds the chance that an image without a mark scores
	// so high over everything that was tried: all keys, shifts, turns, and
	// candidates of the decoder.
	FalsePositiveRate float64
	// Coverage estimates the share of the picture that carries the mark, 0 to 1.
	Coverage float64
	// Transform is how the picture was turned since it was marked.
	Transform Affine
}

// Detect returns one Detection for every key under which img carries a payload.
// Where there is none but the template shows, it returns one that is not Found;
// where nothing shows, none. It finds pictures that were cropped, turned by any
// angle, mirrored, inverted, scaled by 0.2 to 5, or stretched by up to half.
//
// Errors: ErrTooLarge, the context's, or ErrTooSmall where a side is below
// minDetectSide, or below MinSide and nothing was found: so small a picture may
// carry a mark that cannot be read. Nothing found is no error otherwise.
func Detect(ctx context.Context, img image.Image, opts *DetectOptions, keys ...Key) ([]Detection, error) {
	if err := checkSize(img.Bounds(), minDetectSide); err != nil {
		return nil, err
	}
	d := search{ctx: ctx, img: img, keys: keys, tau: threshold(len(keys)), seen: map[Key]bool{}, workers: 1}
	if opts != nil {
		d.workers, d.only = max(opts.Workers, 1), opts.Direct
		if opts.Budget > 0 {
			d.until = time.Now().Add(opts.Budget)
		}
	}
	d.run()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if opts != nil && opts.Statistics != nil {
		*opts.Statistics = Statistics{Z: max(d.plain.z, d.far.z), Rho: d.rho}
	}
	if len(d.out) == 0 {
		d.present()
	}
	if len(d.out) == 0 {
		return nil, checkSize(img.Bounds(), MinSide)
	}
	return d.out, nil
}

// present reports the template alone, where its phases prove it.
func (d *search) present() {
	l, rate := d.plain, presentRate(d.plain.z, plainLocks)
	if r := presentRate(d.far.z, farLocks); r < rate {
		l, rate = d.far, r
	}
	if rate <= PresentRate {
		d.out = append(d.out, Detection{
			Score: l.z, FalsePositiveRate: rate, Coverage: 1, Transform: l.affine(0),
		})
	}
}

// hypotheses is M, the number of comparisons behind one call of Detect.
func hypotheses(keys int) float64 { return float64(tries * maxReads * max(keys, 1)) }

// foundRate bounds the chance of a correlation rho: M hypotheses, 2^64 words
// with a valid CRC, Hoeffding's bound for each.
func foundRate(rho float64, keys int) float64 {
	return rate(math.Log(hypotheses(keys)) + payloadBits*math.Ln2 - rho*rho/2)
}

// threshold is the rho at which foundRate is FoundRate.
func threshold(keys int) float64 {
	return math.Sqrt(2 * (payloadBits*math.Ln2 + math.Log(hypotheses(keys)) - math.Log(FoundRate)))
}

// presentRate bounds the chance of a z among locks phase correlations, each over
// all shifts and both signs: for each exp(-z^2/2), since the template's phases
// are uniform and independent of the picture. Half of the bound goes to the
// locks without a search, half to those with one.
func presentRate(z float64, locks int) float64 {
	const shifts = tileSide * tileSide * 2
	return rate(math.Log(float64(2*shifts*locks)) - z*z/2)
}

// PresentBound bounds the chance that an image without a mark shows the template
// with a phase correlation of z or more anywhere in a search.
func PresentBound(z float64) float64 { return presentRate(z, farLocks) }

// rate returns exp(log), at most 1 and at least leastRate.
func rate(log float64) float64 { return clamp(math.Exp(log), leastRate, 1) }

// affine is the lock's geometry: how to turn the marked picture into this one. A
// lock knows shifts modulo a tile, place says which tile of the super-tile is its
// first.
func (l *lock) affine(place int) Affine {
	// u = M x + s says where a pixel lies in the tiles; x = M^-1 (u - s).
	m, s := l.warp.linear, l.warp.centre()
	s.x += float64(place % superSide * tileSide)
	s.y += float64(place / superSide * tileSide)
	k := math.Ldexp(1, l.level) / m.det()
	inv := mat{m.d * k, -m.b * k, -m.c * k, m.a * k}
	return Affine{A: inv.a, B: inv.b, C: inv.c, D: inv.d, Dx: inPeriod(-s.x), Dy: inPeriod(-s.y)}
}

// inPeriod takes a shift modulo the mark's period.
func inPeriod(x float64) float64 {
	const period = superSide * tileSide
	return x - period*math.Floor(x/period+0.5)
}
