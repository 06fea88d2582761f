// Package quality measures how far a marked picture is from its original.
package quality

import (
	"image"
	"math"
)

// PSNR is the peak signal-to-noise ratio of two pictures of the same size over
// R, G and B, in dB; +Inf for equal ones. Fully transparent pixels do not count.
func PSNR(a, b image.Image) float64 {
	sum, n := 0.0, 0.0
	ra, rb := a.Bounds(), b.Bounds()
	for y := range ra.Dy() {
		for x := range ra.Dx() {
			r1, g1, b1, alpha := a.At(ra.Min.X+x, ra.Min.Y+y).RGBA()
			r2, g2, b2, _ := b.At(rb.Min.X+x, rb.Min.Y+y).RGBA()
			if alpha == 0 {
				continue
			}
			for _, d := range [3]float64{float64(r1) - float64(r2), float64(g1) - float64(g2), float64(b1) - float64(b2)} {
				sum += d * d / (257 * 257)
			}
			n += 3
		}
	}
	return 10 * math.Log10(255*255*n/sum)
}

// SSIM is the mean structural similarity of two pictures' luma over 8x8 windows
// that move by 4 pixels (Wang, Bovik, Sheikh and Simoncelli, 2004, with a flat
// window).
func SSIM(a, b image.Image) float64 {
	ya, yb := luma(a), luma(b)
	w, h := a.Bounds().Dx(), a.Bounds().Dy()
	total, n := 0.0, 0
	for y := 0; y+8 <= h; y += 4 {
		for x := 0; x+8 <= w; x += 4 {
			total += window(ya, yb, y*w+x, w)
			n++
		}
	}
	return total / float64(max(n, 1))
}

func window(a, b []float64, at, stride int) float64 {
	const c1, c2, n = 6.5025, 58.5225, 64
	var sa, sb, saa, sbb, sab float64
	for y := range 8 {
		for x := range 8 {
			p, q := a[at+y*stride+x], b[at+y*stride+x]
			sa, sb = sa+p, sb+q
			saa, sbb, sab = saa+p*p, sbb+q*q, sab+p*q
		}
	}
	ma, mb := sa/n, sb/n
	va, vb, cov := saa/n-ma*ma, sbb/n-mb*mb, sab/n-ma*mb
	return (2*ma*mb + c1) * (2*cov + c2) / ((ma*ma + mb*mb + c1) * (va + vb + c2))
}

func luma(img image.Image) []float64 {
	b := img.Bounds()
	out := make([]float64, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			out = append(out, (0.299*float64(r)+0.587*float64(g)+0.114*float64(bl))/257)
		}
	}
	return out
}

// Calm returns the root mean square change of luma, in grey levels, over the
// calm parts of a: blocks of 16 x 16 pixels in which neighbours differ by less
// than half a grey level on average, but not by nothing. It returns 0 where there
// are none.
func Calm(a, b image.Image) float64 {
	const side = 16
	p, q := luma(a), luma(b)
	w, h := a.Bounds().Dx(), a.Bounds().Dy()
	sum, n := 0.0, 0
	for y := 0; y+side < h; y += side {
		for x := 0; x+side < w; x += side {
			grad, diff := 0.0, 0.0
			for v := y; v < y+side; v++ {
				for u := x; u < x+side; u++ {
					i := v*w + u
					grad += math.Abs(p[i+1]-p[i]) + math.Abs(p[i+w]-p[i])
					diff += (q[i] - p[i]) * (q[i] - p[i])
				}
			}
			if grad > 0 && grad < side*side {
				sum, n = sum+diff, n+side*side
			}
		}
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(n))
}
