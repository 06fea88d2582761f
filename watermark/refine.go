package watermark

import "math"

// Refinement: Newton's method on the phases that the regions show, with
// polynomials of growing order as the displacement.

const (
	newtonSteps   = 7
	newtonDamping = 0.02
	leastGain     = 0.08 // floor of the Hessian's amplitude
	refoldAt      = 0.003
	// bendGain is what order 2 must add to the squared score, in units of the
	// noise, to be believed.
	bendGain = 24
)

// polySize is the number of polynomials in x and y up to an order.
func polySize(order int) int { return (order + 1) * (order + 2) / 2 }

// polynomials writes the monomials up to an order.
func polynomials(out []float64, x, y float64, order int) []float64 {
	out = append(out[:0], 1, x, y)
	if order >= 2 {
		out = append(out, x*x, x*y, y*y)
	}
	if order >= 3 {
		out = append(out, x*x*x, x*x*y, x*y*y, y*y*y)
	}
	return out
}

// A displacement is e(x) = sum theta_j phi_j(x/half).
type displacement struct {
	order int
	half  float64
	theta []vec
}

func newDisplacement(order int, half float64) *displacement {
	return &displacement{order, half, make([]vec, polySize(order))}
}

func (d *displacement) of(p vec) vec {
	var buf [10]float64
	var e vec
	for j, f := range polynomials(buf[:], p.x/d.half, p.y/d.half, d.order) {
		e.x += d.theta[j].x * f
		e.y += d.theta[j].y * f
	}
	return e
}

// bend is the largest entry of the displacement's linear part, per tile pixel.
func (d *displacement) bend(scale float64) float64 {
	t := d.theta
	return max(math.Abs(t[1].x), math.Abs(t[1].y), math.Abs(t[2].x), math.Abs(t[2].y)) / (d.half * scale)
}

func (d *displacement) plus(step []vec, by float64) *displacement {
	q := newDisplacement(d.order, d.half)
	for j := range q.theta {
		q.theta[j] = vec{d.theta[j].x + by*step[j].x, d.theta[j].y + by*step[j].y}
	}
	return q
}

var kappas = makeKappas()

func makeKappas() (k [templatePeaks]vec) {
	for i, p := range format.peaks {
		k[i] = vec{2 * math.Pi / tileSide * float64(p.kx), 2 * math.Pi / tileSide * float64(p.ky)}
	}
	return k
}

// agreement is the score: the sum of Re(v exp(-i kappa.e)) over the regions and
// the lines below a radius.
func agreement(s []sighting, d *displacement, sign float32, radius2 int) float64 {
	sum := 0.0
	for b := range s {
		e := d.of(s[b].at)
		for p, v := range s[b].v {
			if format.peaks[p].radius2() < radius2 {
				si, co := math.Sincos(kappas[p].dot(e))
				sum += float64(real(v))*co + float64(imag(v))*si
			}
		}
	}
	return float64(sign) * sum
}

// energyOf is sum |v|^2 / 2, the variance of the score in noise.
func energyOf(s []sighting) float64 {
	sum := 0.0
	for b := range s {
		for _, v := range s[b].v {
			sum += float64(norm64(v))
		}
	}
	return sum / 2
}

const allRadii = 1 << 20

// newton raises the agreement of d over the lines below radius2.
func newton(s []sighting, d *displacement, sign float32, radius2 int) (*displacement, float64) {
	score := agreement(s, d, sign, radius2)
	for range newtonSteps {
		step := newtonStep(s, d, sign, radius2, score)
		if step == nil {
			break
		}
		moved := false
		for by := 1.0; by > 0.1; by /= 2 {
			next := d.plus(step, by)
			if v := agreement(s, next, sign, radius2); v > score {
				moved = v > score*1.0005
				d, score = next, v
				break
			}
		}
		if !moved {
			break
		}
	}
	return d, score
}

// curvature is sum kappa kappa^T over the lines below radius2, and their number:
// the Hessian of the agreement of a template that shows undisturbed.
func curvature(radius2 int) (h mat, lines int) {
	for p, k := range kappas {
		if format.peaks[p].radius2() < radius2 {
			h = mat{h.a + k.x*k.x, h.b + k.x*k.y, h.c + k.x*k.y, h.d + k.y*k.y}
			lines++
		}
	}
	return h, lines
}

// newtonStep solves (sum_b phi phi^T (x) H + damping) step = sum_b phi (x) g_b,
// where g_b is the gradient in region b and H the same matrix for all.
func newtonStep(s []sighting, d *displacement, sign float32, radius2 int, score float64) []vec {
	h, lines := curvature(radius2)
	if lines == 0 {
		return nil
	}
	gain := max(score/float64(lines*len(s)), leastGain)
	h = mat{h.a * gain, h.b * gain, h.c * gain, h.d * gain}
	n := len(d.theta)
	a, b := make([]float64, 4*n*n), make([]float64, 2*n)
	var buf [10]float64
	for i := range s {
		g := gradient(&s[i], d.of(s[i].at), sign, radius2)
		phi := polynomials(buf[:], s[i].at.x/d.half, s[i].at.y/d.half, d.order)
		for j, f := range phi {
			b[2*j] += f * g.x
			b[2*j+1] += f * g.y
			for k, e := range phi {
				at := 2*j*2*n + 2*k
				a[at] += f * e * h.a
				a[at+1] += f * e * h.b
				a[at+2*n] += f * e * h.c
				a[at+2*n+1] += f * e * h.d
			}
		}
	}
	for i := range 2 * n {
		a[i*2*n+i] += newtonDamping * (h.a + h.d)
	}
	if !solve(a, b) {
		return nil
	}
	step := make([]vec, n)
	for j := range step {
		step[j] = vec{b[2*j], b[2*j+1]}
	}
	return step
}

// gradient of one region's agreement with respect to e.
func gradient(s *sighting, e vec, sign float32, radius2 int) (g vec) {
	for p, v := range s.v {
		if format.peaks[p].radius2() >= radius2 {
			continue
		}
		k := kappas[p]
		si, co := math.Sincos(k.dot(e))
		// d/de Re(v exp(-i kappa.e)) = kappa Im(v exp(-i kappa.e))
		m := float64(sign) * (float64(imag(v))*co - float64(real(v))*si)
		g.x += m * k.x
		g.y += m * k.y
	}
	return g
}

// solve replaces b by the solution of a x = b, a symmetric and positive
// definite: Cholesky's method. It reports whether a was.
func solve(a, b []float64) bool {
	n := len(b)
	for i := range n {
		for j := 0; j <= i; j++ {
			sum := a[i*n+j]
			for k := range j {
				sum -= a[i*n+k] * a[j*n+k]
			}
			if i == j {
				if sum <= 1e-12 {
					return false
				}
				a[i*n+i] = math.Sqrt(sum)
			} else {
				a[i*n+j] = sum / a[j*n+j]
			}
		}
	}
	for i := range n {
		for k := range i {
			b[i] -= a[i*n+k] * b[k]
		}
		b[i] /= a[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			b[i] -= a[k*n+i] * b[k]
		}
		b[i] /= a[i*n+i]
	}
	return true
}

// startRadius2 is the radius below which the second start looks: low lines
// tolerate large errors, but textures bury them.
const startRadius2 = 12 * 12

// settle fits a displacement of an order to sightings, from two starts.
func settle(s []sighting, half float64, sign float32, order int) (*displacement, float64) {
	d, score := newton(s, newDisplacement(order, half), sign, allRadii)
	low, _ := newton(s, newDisplacement(order, half), sign, startRadius2)
	if low, v := newton(s, low, sign, allRadii); v > score {
		return low, v
	}
	return d, score
}

// refine fits the warp of a lock to the picture, folding again where the fit
// moved much, and bends it where that pays. It fills in l.fit and returns the
// sightings along the final warp.
func (l *lock) refine(src plane, f *foldedPicture) *foldedPicture {
	for range 2 {
		s := f.sightings(identity)
		d, score := settle(s, l.warp.half, l.sign, 1)
		l.warp, l.fit = l.warp.moved(d.of), score/math.Sqrt(max(energyOf(s), 1e-9))
		scale := l.warp.scale()
		if d.bend(scale) < refoldAt && math.Hypot(d.theta[0].x, d.theta[0].y) < 1.5 {
			break
		}
		f = fold(src, l.warp)
	}
	if len(f.regions) < 6 {
		return f
	}
	s := f.sightings(identity)
	energy := max(energyOf(s), 1e-9)
	flat, flatScore := settle(s, l.warp.half, l.sign, 1)
	bent, score := newton(s, flat.raised(2), l.sign, allRadii)
	if score*math.Abs(score)-flatScore*math.Abs(flatScore) >= bendGain*energy {
		l.warp, l.fit = l.warp.moved(bent.of), score/math.Sqrt(energy)
		f = fold(src, l.warp)
	}
	return f
}

// raised is d as a displacement of a higher order.
func (d *displacement) raised(order int) *displacement {
	q := newDisplacement(order, d.half)
	copy(q.theta, d.theta)
	return q
}
