// Package attack does to pictures what happens to them on their way: it is what
// the robustness bench and the tests of the image mark put marked pictures
// through. Every attack is deterministic.
package attack

import (
	"image"
	"slices"
)

// A Func treats a picture. It returns nil where an outside program failed.
type Func func(image.Image) image.Image

// An Attack is one treatment under a name.
type Attack struct {
	Name  string
	Apply Func
	// Tool is the outside program it needs, if any; see Available.
	Tool string
}

// Chain applies one after the other.
func Chain(steps ...Func) Func {
	return func(m image.Image) image.Image {
		for _, s := range steps {
			if m == nil {
				return nil
			}
			m = s(m)
		}
		return m
	}
}

// Plain lists the attacks that need no geometric search.
func Plain() []Attack {
	names := []string{"none", "jpeg90", "jpeg75", "jpeg50", "crop75", "crop50", "bright0.7", "bright1.3", "contrast0.7", "contrast1.5", "noise10"}
	return slices.DeleteFunc(Standard(), func(a Attack) bool { return !slices.Contains(names, a.Name) })
}

// Standard lists fifty attacks that pictures meet every day: compression, scaling,
// crops, turns, changes of tone, noise, filters, and three chains of them.
func Standard() []Attack {
	return []Attack{
		{Name: "none", Apply: func(m image.Image) image.Image { return m }},
		{Name: "jpeg90", Apply: JPEG(90)}, {Name: "jpeg75", Apply: JPEG(75)}, {Name: "jpeg50", Apply: JPEG(50)},
		{Name: "jpeg30", Apply: JPEG(30)}, {Name: "jpeg20", Apply: JPEG(20)}, {Name: "jpeg10", Apply: JPEG(10)},
		{Name: "webp80", Apply: WebP(80), Tool: "cwebp"}, {Name: "webp50", Apply: WebP(50), Tool: "cwebp"},
		{Name: "resize0.9", Apply: Resize(0.9, 0.9)}, {Name: "resize0.75", Apply: Resize(0.75, 0.75)},
		{Name: "resize0.5", Apply: Resize(0.5, 0.5)}, {Name: "resize0.25", Apply: Resize(0.25, 0.25)},
		{Name: "resize1.5", Apply: Resize(1.5, 1.5)}, {Name: "width0.9", Apply: Resize(0.9, 1)},
		{Name: "resize0.75 and back", Apply: ThereAndBack(0.75)}, {Name: "resize0.5 and back", Apply: ThereAndBack(0.5)},
		{Name: "cut 1 px", Apply: Cut(1)},
		{Name: "crop90", Apply: Centre(0.9)}, {Name: "crop75", Apply: Centre(0.75)}, {Name: "crop50", Apply: Centre(0.5)},
		{Name: "crop25", Apply: Centre(0.25)}, {Name: "crop50 off centre", Apply: Crop(0.5, 2)},
		{Name: "rot0.5", Apply: Rotate(0.5)}, {Name: "rot2", Apply: Rotate(2)}, {Name: "rot5", Apply: Rotate(5)},
		{Name: "rot15", Apply: Rotate(15)}, {Name: "rot90", Apply: Quarter}, {Name: "hflip", Apply: Mirror},
		{Name: "bright0.7", Apply: Linear(0.7, 0)}, {Name: "bright1.3", Apply: Linear(1.3, 0)},
		{Name: "contrast0.7", Apply: Linear(0.7, 0.3*128)}, {Name: "contrast1.5", Apply: Linear(1.5, -0.5*128)},
		{Name: "gamma0.7", Apply: Gamma(0.7)}, {Name: "gamma1.5", Apply: Gamma(1.5)},
		{Name: "noise5", Apply: Noise(5, 1)}, {Name: "noise10", Apply: Noise(10, 3)}, {Name: "noise20", Apply: Noise(20, 4)},
		{Name: "blur1", Apply: Blur(1)}, {Name: "blur2", Apply: Blur(2)}, {Name: "median3", Apply: Median(1)},
		{Name: "sharpen", Apply: Sharpen(1)}, {Name: "grey", Apply: Grey},
		{Name: "saturation0.5", Apply: Saturation(0.5)}, {Name: "hue20", Apply: Hue(20)},
		{Name: "palette of 16", Apply: Palette(16)}, {Name: "caption 20 %", Apply: Caption(0.2)},
		{Name: "resize0.7 jpeg75", Apply: Chain(Resize(0.7, 0.7), JPEG(75))},
		{Name: "crop70 resize0.8 jpeg70", Apply: Chain(Crop(0.7, 5), Resize(0.8, 0.8), JPEG(70))},
		{Name: "border resize0.9 jpeg80", Apply: Chain(Border(0.1), Resize(0.9, 0.9), JPEG(80))},
	}
}

// Hard lists attacks beyond the everyday.
func Hard() []Attack {
	small := func(n int) Func { return CropTo(n, n, 6) }
	all := []Attack{
		{Name: "jpeg5", Apply: JPEG(5)}, {Name: "webp30", Apply: WebP(30), Tool: "cwebp"}, {Name: "webp10", Apply: WebP(10), Tool: "cwebp"},
		{Name: "avif cq25", Apply: AVIF(25), Tool: "avifenc"}, {Name: "avif cq35", Apply: AVIF(35), Tool: "avifenc"},
		{Name: "h264 crf28", Apply: H264(28), Tool: "ffmpeg"},
		{Name: "resize0.15", Apply: Resize(0.15, 0.15)}, {Name: "resize0.2", Apply: Resize(0.2, 0.2)},
		{Name: "resize0.33 jpeg70", Apply: Chain(Resize(0.33, 0.33), JPEG(70))}, {Name: "resize0.5 jpeg50", Apply: Chain(Resize(0.5, 0.5), JPEG(50))},
		{Name: "resize3", Apply: Resize(3, 3)},
		{Name: "aspect0.7", Apply: Resize(0.7, 1)}, {Name: "aspect1.5", Apply: Resize(1.5, 1)},
		{Name: "aspect0.75 rot20", Apply: Chain(Resize(0.75, 1), Rotate(20))}, {Name: "rot25 aspect1.3", Apply: Chain(Rotate(25), Resize(1.3, 1))},
		{Name: "rot13 aspect1.1", Apply: Chain(Rotate(13), Resize(1.1, 1))},
		{Name: "shear0.1", Apply: Shear(0.1)}, {Name: "shear0.2", Apply: Shear(0.2)}, {Name: "shear0.18 rot20", Apply: Chain(Shear(0.18), Rotate(20))},
		{Name: "rot0.3 scale1.02", Apply: Chain(Rotate(0.3), Resize(1.02, 1.02))}, {Name: "rot1 jpeg60", Apply: Chain(Rotate(1), JPEG(60))},
		{Name: "rot33 inner", Apply: Inner(33)}, {Name: "rot45", Apply: Rotate(45)}, {Name: "rot77 jpeg70", Apply: Chain(Rotate(77), JPEG(70))},
		{Name: "rot7 scale0.8 crop jpeg60", Apply: Chain(Inner(7), Resize(0.8, 0.8), Crop(0.8, 7), JPEG(60))},
		{Name: "crop10", Apply: Crop(0.1, 8)}, {Name: "crop25 jpeg30", Apply: Chain(Crop(0.25, 9), JPEG(30))},
		{Name: "256 px jpeg75", Apply: Chain(small(256), JPEG(75))}, {Name: "256 px jpeg50", Apply: Chain(small(256), JPEG(50))},
		{Name: "256 px rot5", Apply: Chain(small(256), Rotate(5))}, {Name: "192 px", Apply: small(192)}, {Name: "128 px", Apply: small(128)},
		{Name: "perspective5", Apply: Perspective(0.05, 1)}, {Name: "perspective7.5", Apply: Perspective(0.075, 2)}, {Name: "perspective12.5", Apply: Perspective(0.125, 3)},
		{Name: "barrel2", Apply: Barrel(0.02)}, {Name: "sine 1.5 px", Apply: Sine(1.5, 200)}, {Name: "sine 3 px", Apply: Sine(3, 300)},
		{Name: "rows and columns dropped", Apply: Drop(97, 89)},
		{Name: "median5", Apply: Median(2)}, {Name: "median7", Apply: Median(3)}, {Name: "blur3", Apply: Blur(3)},
		{Name: "blur2 jpeg75", Apply: Chain(Blur(2), JPEG(75))}, {Name: "blur3 jpeg75", Apply: Chain(Blur(3), JPEG(75))},
		{Name: "noise40", Apply: Noise(40, 5)}, {Name: "noise50", Apply: Noise(50, 8)}, {Name: "noise20 jpeg50", Apply: Chain(Noise(20, 6), JPEG(50))},
		{Name: "pixelate4", Apply: Pixelate(4)}, {Name: "posterise4", Apply: Posterise(4)}, {Name: "black and white", Apply: Posterise(2)},
		{Name: "invert", Apply: Invert}, {Name: "caption 50 %", Apply: Caption(0.5)},
		{Name: "ellipse on white jpeg75", Apply: Chain(Ellipse, JPEG(75))}, {Name: "collage", Apply: Chain(Resize(0.8, 0.8), Collage, JPEG(85))},
		{Name: "screenshot", Apply: Chain(Resize(0.8, 0.8), Border(0.2), JPEG(85))},
		{Name: "three times 0.8 jpeg70", Apply: Chain(Resize(0.8, 0.8), JPEG(70), Resize(0.8, 0.8), JPEG(70), Resize(0.8, 0.8), JPEG(70))},
		{Name: "0.5 jpeg60 crop80 jpeg70", Apply: Chain(Resize(0.5, 0.5), JPEG(60), Crop(0.8, 10), JPEG(70))},
		{Name: "caption 0.6 jpeg50 1.4 jpeg60", Apply: Chain(Caption(0.15), Resize(0.6, 0.6), JPEG(50), Resize(1.4, 1.4), JPEG(60))},
		{Name: "equalise", Apply: Equalise}, {Name: "clahe", Apply: CLAHE(8, 3)},
		{Name: "denoise", Apply: Denoise(2, 12)}, {Name: "noise15 denoise", Apply: Chain(Noise(15, 9), Denoise(2, 30))},
		{Name: "1-bit dither", Apply: Dither}, {Name: "stickers 40 %", Apply: Stickers(0.4, 1)}, {Name: "caption 40 % jpeg70", Apply: Chain(Caption(0.4), JPEG(70))},
		{Name: "inset 10 %", Apply: Chain(Inset(0.1), JPEG(85))}, {Name: "perspective25", Apply: Perspective(0.25, 5)},
		{Name: "rot10", Apply: Rotate(10)}, {Name: "rot61", Apply: Rotate(61)}, {Name: "rot123", Apply: Rotate(123)}, {Name: "rot207 jpeg80", Apply: Chain(Rotate(207), JPEG(80))},
		{Name: "meme", Apply: Chain(Resize(0.7, 0.7), Caption(0.2), Border(0.05), JPEG(60), Resize(1.2, 1.2), JPEG(65))},
		{Name: "messenger", Apply: Chain(Resize(0.6, 0.6), JPEG(70), Centre(0.8), JPEG(65))},
		{Name: "print and scan", Apply: PrintAndScan},
		{Name: "photo of a screen", Apply: Chain(Rotate(2), Perspective(0.04, 4), Gamma(1.2), Blur(0.8), Noise(6, 7), Linear(0.85, 15), JPEG(75))},
	}
	return all
}
