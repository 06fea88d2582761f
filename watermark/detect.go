package watermark

import (
	"context"
	"image"
	"math"
)

const (
	// FoundRate bounds the false positive rate of a Detection that is Found.
	FoundRate = 1e-9
	// PresentRate bounds that of one that is not: the template alone.
	PresentRate = 1e-6

	// leastRate is the smallest rate reported: below it other causes, such as a
	// leaked key, are likelier than chance.
	leastRate = 1e-30

	maxLocks = 3    // geometries at which a payload is read, the canonical one included
	minLock  = 4.35 // z below which a lock is not worth reading at
)

// DetectOptions tune Detect. The zero value is the recommended setting.
type DetectOptions struct{}

// An Affine says how the marked picture was turned: the two columns of a 2x2
// matrix and a shift in pixels of the template's tile.
type Affine struct{ A, B, C, D, Dx, Dy float64 }

// RotationDeg is the rotation in degrees, counter-clockwise, in (-180,180].
func (a Affine) RotationDeg() float64 {
	if a.Flip() {
		return normalDeg(math.Atan2(a.C, -a.A))
	}
	return normalDeg(math.Atan2(a.C, a.A))
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
// where nothing shows, none. It finds shifted, cropped, mirrored, quarter-turned
// and inverted pictures, at the scale they were marked at.
//
// Errors: ErrTooSmall, ErrTooLarge, or the context's. Nothing found is no error.
func Detect(ctx context.Context, img image.Image, _ *DetectOptions, keys ...Key) ([]Detection, error) {
	if err := checkSize(img.Bounds()); err != nil {
		return nil, err
	}
	white := whiten(lumaOf(img))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := locks(white)
	d := search{keys: keys, tau: threshold(len(keys))}
	for _, l := range append(found, lock{sign: 1}) { // last, the picture as it was marked
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d.at(white, l)
	}
	if len(d.out) > 0 || len(found) == 0 {
		return d.out, nil
	}
	if rate := presentRate(found[0].z); rate <= PresentRate {
		d.out = append(d.out, Detection{
			Score: found[0].z, FalsePositiveRate: rate, Coverage: 1, Transform: found[0].affine(),
		})
	}
	return d.out, nil
}

// A search reads payloads at one lock after another.
type search struct {
	keys []Key
	tau  float64
	out  []Detection
	seen map[Key]bool
}

func (d *search) at(white plane, l lock) {
	var obs *observations
	for _, k := range d.keys {
		if k.IsZero() || d.seen[k] {
			continue
		}
		if obs == nil {
			obs = observe(l.orient.apply(white), l)
		}
		r, ok := obs.read(keyingOf(k), d.tau)
		if !ok {
			continue
		}
		if d.seen == nil {
			d.seen = map[Key]bool{}
		}
		d.seen[k] = true
		d.out = append(d.out, Detection{
			Found: true, Payload: r.payload, KeyID: k.ID(), Score: r.rho,
			FalsePositiveRate: foundRate(r.rho, len(d.keys)), Coverage: r.coverage, Transform: l.affine(),
		})
	}
}

// hypotheses is M, the number of comparisons behind one call of Detect.
func hypotheses(keys int) float64 { return float64(tries * maxLocks * max(keys, 1)) }

// foundRate bounds the chance of a correlation rho: M hypotheses, 2^64 words
// with a valid CRC, Hoeffding's bound for each.
func foundRate(rho float64, keys int) float64 {
	return rate(math.Log(hypotheses(keys)) + payloadBits*math.Ln2 - rho*rho/2)
}

// threshold is the rho at which foundRate is FoundRate.
func threshold(keys int) float64 {
	return math.Sqrt(2 * (payloadBits*math.Ln2 + math.Log(hypotheses(keys)) - math.Log(FoundRate)))
}

// presentRate bounds the chance of a z: eight turns, all shifts, both signs,
// and for each exp(-z^2/2), since the template's phases are uniform and
// independent of the picture.
func presentRate(z float64) float64 {
	const m = orientations * tileSide * tileSide * 2 * 2 // folded once, and once more when turned
	return rate(math.Log(m) - z*z/2)
}

// rate returns exp(log), at most 1 and at least leastRate.
func rate(log float64) float64 { return clamp(math.Exp(log), leastRate, 1) }

func (l lock) affine() Affine {
	a := Affine{A: 1, D: 1}
	if l.orient&4 != 0 {
		a = Affine{B: 1, C: 1}
	}
	if l.orient&1 != 0 {
		a.A, a.B = -a.A, -a.B
	}
	if l.orient&2 != 0 {
		a.C, a.D = -a.C, -a.D
	}
	a.Dx, a.Dy = float64(l.dx), float64(l.dy)
	return a
}
