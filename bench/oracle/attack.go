package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"log"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/disintegration/imaging"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/pixels"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

// An oracle is the public API, asked by somebody with as many addresses as he likes.
type oracle struct {
	service *middleware.VerifyService

	mu        sync.Mutex
	asked     int
	answered  int
	refusedAt int // the first question that was refused
}

func newOracle(key watermark.Key, limits middleware.VerifyLimits) (*oracle, error) {
	d, err := newDetector(key)
	if err != nil {
		return nil, err
	}
	s, err := middleware.NewVerifyService(middleware.VerifyOptions{Detector: d, Limits: limits})
	return &oracle{service: s}, err
}

// An answer of the oracle.
type said int

const (
	refused said = iota
	read         // the key reads the mark
	gone
)

func (o *oracle) ask(img *image.NRGBA) said {
	file, err := pixels.EncodePNG(img)
	if err != nil {
		return refused
	}
	o.mu.Lock()
	o.asked++
	n := o.asked
	o.mu.Unlock()
	if n%500 == 0 {
		log.Printf("%d questions asked", n)
	}
	r := httptest.NewRequest(http.MethodPost, "/avow/v1/verify", bytes.NewReader(file))
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", n>>16&255, n>>8&255, n&255)
	w := httptest.NewRecorder()
	o.service.ServeHTTP(w, r)
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.Code != http.StatusOK {
		if o.refusedAt == 0 {
			o.refusedAt = n
		}
		return refused
	}
	o.answered++
	var rep disclose.Report
	if json.Unmarshal(w.Body.Bytes(), &rep) != nil || rep.Findings[disclose.CarrierImageMark].Status != disclose.Verified {
		return gone
	}
	return read
}

// An attack is HopSkipJump (Chen, Jordan, Wainwright, IEEE S&P 2020) in the L2
// norm: from a point where the mark is gone, binary search towards the marked
// picture to the border, an estimate of the border's normal from the answers at
// random points around it, a step along it, and again. The random directions are
// brightness on cells of 2 x 2 pixels, where the mark has its energy; refused
// questions count as unknown.
type attack struct {
	o       *oracle
	budget  int
	source  []float64 // the marked picture's bytes, RGB
	like    *image.NRGBA
	rng     *rand.Rand
	start   float64     // PSNR of the first degraded version
	best    float64     // PSNR of the best picture without the mark
	reached map[int]int // questions until the mark was gone at so many dB
}

func newAttack(marked image.Image, o *oracle, budget int) *attack {
	img := toNRGBA(marked)
	a := &attack{o: o, budget: budget, like: img, rng: rand.New(rand.NewPCG(1, 2)), reached: map[int]int{}}
	a.source = vector(img)
	return a
}

func vector(img *image.NRGBA) []float64 {
	out := make([]float64, 0, len(img.Pix)/4*3)
	for i := 0; i < len(img.Pix); i += 4 {
		out = append(out, float64(img.Pix[i]), float64(img.Pix[i+1]), float64(img.Pix[i+2]))
	}
	return out
}

// picture rounds a point to a picture.
func (a *attack) picture(x []float64) *image.NRGBA {
	out := image.NewNRGBA(a.like.Rect)
	copy(out.Pix, a.like.Pix)
	for i, v := range x {
		out.Pix[i/3*4+i%3] = uint8(min(max(math.Round(v), 0), 255))
	}
	return out
}

// psnr is how far a point, rounded, is from the marked picture.
func (a *attack) psnr(x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		d := min(max(math.Round(v), 0), 255) - a.source[i]
		sum += d * d
	}
	return 10 * math.Log10(255*255/(sum/float64(len(x))+1e-12))
}

func (a *attack) left() bool { return a.o.asked < a.budget }

// isGone asks about a point, and notes how near one without the mark comes.
func (a *attack) isGone(x []float64) said {
	if !a.left() {
		return refused
	}
	s := a.o.ask(a.picture(x))
	if s == gone {
		p := a.psnr(x)
		a.best = max(a.best, p)
		for _, at := range []int{38, 40} {
			if p >= float64(at) && a.reached[at] == 0 {
				a.reached[at] = a.o.asked
			}
		}
	}
	return s
}

// run attacks until the questions are used up.
func (a *attack) run() {
	x := a.begin()
	if x == nil {
		for a.left() { // refused before it began: it insists
			a.isGone(a.noisy(a.source, a.direction(), 20))
		}
		return
	}
	for t := 1; a.left(); t++ {
		x = a.border(x)
		d := distance(x, a.source)
		normal := a.normal(x, d, int(20*math.Sqrt(float64(t))))
		x = a.step(x, normal, d/math.Sqrt(float64(t)))
	}
}

// begin degrades the picture until the mark is gone.
func (a *attack) begin() []float64 {
	for _, share := range []float64{0.3, 0.2, 0.14, 0.1, 0.07, 0.05} {
		w := max(1, int(share*float64(a.like.Rect.Dx())))
		small := imaging.Resize(a.like, w, 0, imaging.Box)
		x := vector(imaging.Resize(small, a.like.Rect.Dx(), a.like.Rect.Dy(), imaging.Linear))
		if a.isGone(x) == gone {
			a.start = a.psnr(x)
			return x
		}
	}
	return nil
}

// border is the point on the way to the marked picture where the mark is just gone.
func (a *attack) border(x []float64) []float64 {
	low, high := 0.0, 1.0 // shares of x: read, gone
	for range 7 {
		mid := (low + high) / 2
		switch a.isGone(blend(a.source, x, mid)) {
		case gone:
			high = mid
		case read:
			low = mid
		}
	}
	return blend(a.source, x, high)
}

func blend(from, to []float64, share float64) []float64 {
	out := make([]float64, len(from))
	for i := range out {
		out[i] = from[i] + share*(to[i]-from[i])
	}
	return out
}

func distance(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		sum += (x[i] - y[i]) * (x[i] - y[i])
	}
	return math.Sqrt(sum)
}

// direction is random brightness on cells of 2 x 2 pixels, of length 1.
func (a *attack) direction() []float64 {
	w, h := a.like.Rect.Dx(), a.like.Rect.Dy()
	out := make([]float64, len(a.source))
	cells := (w + 1) / 2
	row := make([]float64, cells)
	for y := range h {
		if y%2 == 0 {
			for i := range row {
				row[i] = a.rng.NormFloat64()
			}
		}
		for x := range w {
			v := row[x/2]
			i := 3 * (y*w + x)
			out[i], out[i+1], out[i+2] = v, v, v
		}
	}
	scale(out)
	return out
}

func scale(v []float64) {
	n := distance(v, make([]float64, len(v)))
	for i := range v {
		v[i] /= n + 1e-12
	}
}

func (a *attack) noisy(x, direction []float64, size float64) []float64 {
	out := make([]float64, len(x))
	for i := range out {
		out[i] = min(max(x[i]+size*direction[i], 0), 255)
	}
	return out
}

// normal estimates which way from x the mark is gone, from n answers around it. The
// points have to differ from x by whole steps of brightness, or rounding eats them.
func (a *attack) normal(x []float64, d float64, n int) []float64 {
	size := max(0.1*d, 0.7*math.Sqrt(float64(len(x))))
	sum, plain := make([]float64, len(x)), make([]float64, len(x))
	mean, count := 0.0, 0.0
	for range n {
		u := a.direction()
		sign := 1.0
		switch a.isGone(a.noisy(x, u, size)) {
		case refused:
			continue
		case read:
			sign = -1
		}
		mean, count = mean+sign, count+1
		for i, v := range u {
			sum[i] += sign * v
			plain[i] += v
		}
	}
	for i := range sum {
		sum[i] -= mean / max(count, 1) * plain[i]
	}
	scale(sum)
	return sum
}

// step goes along the normal, half as far each time that the mark is still read.
func (a *attack) step(x, normal []float64, size float64) []float64 {
	for ; size > 1 && a.left(); size /= 2 {
		if y := a.noisy(x, normal, size); a.isGone(y) == gone {
			return y
		}
	}
	return x
}
