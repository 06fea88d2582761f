package fingerprint

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// leastSpread is how many coefficients must share the contrast of a picture, see
// spread, for its global part to say which picture it is.
const leastSpread = 5

// globalBits is the global part of a picture, which is stretched to a square. It
// reports false where there is nothing to see.
//
// A picture of which so little is seen that others look like it, such as one even
// shade, has bits that are drawn from the key and its samples: they are near to no
// other picture's, and the same for the same pixels.
func (p *Imager) globalBits(v *view, g grid) (out Global, ok bool) {
	var pix [globalSide * globalSide]float32
	corner := point{-0.5 - float64(g.w/2), -0.5 - float64(g.h/2)}
	v.lattice(pix[:], globalSide, corner, point{float64(g.w) / globalSide, float64(g.h) / globalSide})
	c := make([]float32, globalSeen)
	contrast := globalBand.transform(c, pix[:], globalSide, globalBand.scratch())
	if contrast < leastContrast || spread(c) < leastSpread {
		return p.drawn(c), contrast >= leastContrast
	}
	soften(c)
	p.global.turn(c)
	for b, v := range c {
		if v > 0 {
			out[b/64] |= 1 << (b % 64)
		}
	}
	return out, true
}

// spread is the participation ratio of coefficients: how many share their energy,
// 1 to their number.
func spread(c []float32) float64 {
	var squares, fourth float64
	for _, v := range c {
		e := float64(v) * float64(v)
		squares += e
		fourth += e * e
	}
	if fourth == 0 {
		return 0
	}
	return squares * squares / fourth
}

func (p *Imager) drawn(c []float32) (out Global) {
	mac := hmac.New(sha256.New, p.secret[:])
	for _, v := range c {
		_ = binary.Write(mac, binary.LittleEndian, math.Float32bits(v))
	}
	sum := mac.Sum(nil)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(sum[8*i:])
	}
	return out
}
