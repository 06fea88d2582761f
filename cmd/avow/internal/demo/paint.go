package demo

import (
	"hash/fnv"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"
)

// A scene is what a prompt asks for, as far as a few words go.
type scene struct {
	sky, ground [3]float64
	horizon     float64
	tower, moon bool
	waves       float64
	grain       *noise
}

// Paint draws a landscape from a prompt: colours and shapes come from its words,
// details from its hash. The same prompt and number give the same picture.
func Paint(prompt string, width, height, number int) *image.NRGBA {
	s := newScene(prompt, number)
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := s.at(float64(x)/float64(width), float64(y)/float64(height), float64(x), float64(y))
			img.SetNRGBA(x, y, color.NRGBA{level(c[0]), level(c[1]), level(c[2]), 255})
		}
	}
	return img
}

func newScene(prompt string, number int) scene {
	h := fnv.New64a()
	_, _ = h.Write([]byte(prompt))
	rng := rand.New(rand.NewPCG(h.Sum64(), uint64(number)))
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(strings.ToLower(prompt), w) {
				return true
			}
		}
		return false
	}
	s := scene{sky: [3]float64{110, 160, 220}, ground: [3]float64{70, 110, 60}, horizon: 0.5 + 0.2*rng.Float64(), grain: newNoise(rng)}
	if says("night", "dark", "moon") {
		s.sky, s.moon = [3]float64{25, 32, 62}, true
	}
	if says("sunset", "dusk", "evening", "dawn") {
		s.sky = [3]float64{225, 140, 90}
	}
	if says("sea", "ocean", "water", "lake", "coast", "lighthouse", "ship") {
		s.ground, s.waves = [3]float64{40, 85, 115}, 1
	}
	if says("desert", "sand", "beach") {
		s.ground = [3]float64{200, 170, 110}
	}
	if says("snow", "winter") {
		s.ground = [3]float64{215, 222, 232}
	}
	s.tower = says("lighthouse", "tower", "castle", "house")
	return s
}

// at is the colour at a place: u and v in 0 to 1, x and y in pixels.
func (s scene) at(u, v, x, y float64) [3]float64 {
	clouds := s.grain.fractal(u*5, v*9)
	hills := s.horizon - 0.12*s.grain.fractal(u*3+7, 1.5)
	detail := 26 * (s.grain.fractal(x/14, y/9) - 0.5)
	c := mix(s.sky, [3]float64{245, 245, 245}, 0.45*clouds*(1-v))
	if s.moon && math.Hypot(u-0.75, (v-0.2)*0.8) < 0.06 {
		c = [3]float64{235, 232, 205}
	}
	switch {
	case s.tower && inTower(u, v, s.horizon):
		c = [3]float64{205, 195, 185}
		if math.Mod(v*14, 2) < 1 {
			c = [3]float64{170, 60, 50}
		}
		c = shade(c, detail-60*math.Abs(u-0.33)/0.04)
	case v > s.horizon:
		wave := s.waves * 16 * math.Sin(60*(v-s.horizon)/(v*v)+6*s.grain.fractal(u*8, v*8))
		c = shade(s.ground, detail+wave+40*(v-s.horizon))
	case v > hills:
		c = shade(mix(s.ground, s.sky, 0.5), detail)
	}
	return shade(c, detail/8)
}

func inTower(u, v, horizon float64) bool {
	foot := horizon + 0.1
	return v < foot && v > 0.16 && math.Abs(u-0.33) < 0.025+0.03*v
}

func mix(a, b [3]float64, t float64) [3]float64 {
	for i := range a {
		a[i] += (b[i] - a[i]) * t
	}
	return a
}

func shade(c [3]float64, by float64) [3]float64 {
	for i := range c {
		c[i] += by
	}
	return c
}

func level(v float64) uint8 { return uint8(min(max(v, 0), 255)) }

// noise is value noise on a lattice (Perlin, 1985, in its simplest form).
type noise struct{ lattice [256]float64 }

func newNoise(rng *rand.Rand) *noise {
	n := &noise{}
	for i := range n.lattice {
		n.lattice[i] = rng.Float64()
	}
	return n
}

func (n *noise) value(x, y float64) float64 {
	x0, y0 := math.Floor(x), math.Floor(y)
	at := func(i, j float64) float64 { return n.lattice[(int(i)*31+int(j)*57)&255] }
	fx, fy := smooth(x-x0), smooth(y-y0)
	top := at(x0, y0) + (at(x0+1, y0)-at(x0, y0))*fx
	bottom := at(x0, y0+1) + (at(x0+1, y0+1)-at(x0, y0+1))*fx
	return top + (bottom-top)*fy
}

func smooth(t float64) float64 { return t * t * (3 - 2*t) }

// fractal adds octaves, each finer and fainter, and stays within 0 to 1.
func (n *noise) fractal(x, y float64) float64 {
	sum, amp, total := 0.0, 1.0, 0.0
	for range 5 {
		sum += amp * n.value(x, y)
		total += amp
		x, y, amp = x*2.03+3, y*2.03+5, amp*0.5
	}
	return sum / total
}
