package quality

import (
	"image"
	"image/color"
	"math"
	"testing"
)

func grey(v uint8) *image.Gray {
	img := image.NewGray(image.Rect(-3, -3, 61, 61))
	for i := range img.Pix {
		img.Pix[i] = v + uint8(i%7)
	}
	return img
}

func TestPSNR(t *testing.T) {
	if got := PSNR(grey(10), grey(10)); !math.IsInf(got, 1) {
		t.Errorf("equal pictures: %v", got)
	}
	if got, want := PSNR(grey(10), grey(11)), 20*math.Log10(255); math.Abs(got-want) > 1e-9 {
		t.Errorf("one level apart: %v, want %v", got, want)
	}
	clear := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	clear.SetNRGBA(0, 0, color.NRGBA{A: 255})
	other := image.NewNRGBA(clear.Rect)
	other.SetNRGBA(0, 0, color.NRGBA{R: 255, G: 255, B: 255, A: 255})
	if got := PSNR(clear, other); math.Abs(got) > 1e-9 {
		t.Errorf("black against white beside a transparent pixel: %v, want 0", got)
	}
}

func TestSSIM(t *testing.T) {
	if got := SSIM(grey(10), grey(10)); math.Abs(got-1) > 1e-12 {
		t.Errorf("equal pictures: %v", got)
	}
	inverse := grey(0)
	for i, v := range inverse.Pix {
		inverse.Pix[i] = 255 - 20*v
	}
	if got := SSIM(grey(0), inverse); got > 0.2 {
		t.Errorf("inverted pattern: %v, want next to nothing", got)
	}
}
