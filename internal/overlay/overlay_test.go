package overlay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func mustNew(t testing.TB, o Options) *Label {
	t.Helper()
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// made returns an empty picture of a kind.
func made(kind string, r image.Rectangle) draw.Image {
	switch kind {
	case "gray":
		return image.NewGray(r)
	case "gray16":
		return image.NewGray16(r)
	case "nrgba64":
		return image.NewNRGBA64(r)
	case "rgba64":
		return image.NewRGBA64(r)
	case "rgba", "opaque":
		return image.NewRGBA(r)
	case "cmyk":
		return image.NewCMYK(r)
	case "paletted":
		return image.NewPaletted(r, color.Palette{color.NRGBA{9, 8, 7, 6}, color.NRGBA{200, 10, 10, 255}, color.Gray{40}, color.Transparent})
	}
	return image.NewNRGBA(r)
}

// wide returns a picture of a kind whose rows are longer than it is wide, with
// a negative origin, in many colours and with many alphas.
func wide(kind string, w, h int) image.Image {
	r := image.Rect(-7, -11, w-7, h-11)
	big := image.Rect(-20, -30, w+13, h+9)
	if kind == "ycbcr" {
		return wideYCbCr(big).SubImage(r)
	}
	m := made(kind, big)
	for y := big.Min.Y; y < big.Max.Y; y++ {
		for x := big.Min.X; x < big.Max.X; x++ {
			c := color.NRGBA64{uint16(x*977 + 60000), uint16(y * 1291), uint16((x ^ y) * 523), uint16(max(0, (x*y*37)%65536))}
			if kind == "opaque" {
				c.A = 0xffff
			}
			m.Set(x, y, c)
		}
	}
	return m.(interface {
		SubImage(image.Rectangle) image.Image
	}).SubImage(r)
}

func wideYCbCr(r image.Rectangle) *image.YCbCr {
	m := image.NewYCbCr(r, image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = uint8(i * 7)
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = uint8(i*3), uint8(i*5)
	}
	return m
}

// area is where the label of a picture lies, as stored.
func area(t testing.TB, l *Label, img image.Image, orientation int) image.Rectangle {
	t.Helper()
	v := newView(img.Bounds(), orientation)
	pieces, err := l.layout(v.w, v.h)
	if err != nil {
		t.Fatal(err)
	}
	var all image.Rectangle
	for _, p := range pieces {
		a := v.stored(p.at.X, p.at.Y)
		b := v.stored(p.at.X+p.pix.Rect.Dx()-1, p.at.Y+p.pix.Rect.Dy()-1)
		r := image.Rectangle{a, b}.Canon()
		r.Max = r.Max.Add(image.Pt(1, 1))
		all = all.Union(r)
	}
	return all
}

func TestDrawKeepsWhatIsOutside(t *testing.T) {
	art := image.NewNRGBA(image.Rect(0, 0, 30, 20))
	draw.Draw(art, art.Rect, image.NewUniform(color.NRGBA{200, 30, 30, 90}), image.Point{}, draw.Src)
	for _, c := range []struct {
		kind  string
		model color.Model
	}{
		{"nrgba", color.NRGBAModel}, {"rgba", color.NRGBAModel}, {"opaque", color.NRGBAModel},
		{"cmyk", color.NRGBAModel}, {"paletted", color.NRGBAModel}, {"ycbcr", color.NRGBAModel},
		{"gray", color.GrayModel}, {"gray16", color.Gray16Model},
		{"nrgba64", color.NRGBA64Model}, {"rgba64", color.NRGBA64Model},
	} {
		for name, o := range map[string]Options{
			"badge": {Text: AIGenerated},
			"all":   {Text: AI, URL: "https://ai.example/avow/verify", Image: art, Corner: BottomLeft},
		} {
			for _, orientation := range []int{0, 1, 6, 8} {
				img := wide(c.kind, 301, 257)
				l := mustNew(t, o)
				got, err := l.Draw(img, orientation)
				if err != nil {
					t.Fatalf("%s/%s/%d: %v", c.kind, name, orientation, err)
				}
				want := c.model
				if name == "all" && c.kind == "gray" {
					want = color.NRGBAModel
				}
				if name == "all" && c.kind == "gray16" {
					want = color.NRGBA64Model
				}
				if got.ColorModel() != want || got.Bounds() != img.Bounds() {
					t.Fatalf("%s/%s: %T %v", c.kind, name, got, got.Bounds())
				}
				checkOutside(t, img, got, area(t, l, img, orientation))
			}
		}
	}
}

func checkOutside(t testing.TB, img image.Image, got draw.Image, label image.Rectangle) {
	t.Helper()
	b := img.Bounds()
	if label.Empty() || !label.In(b) {
		t.Fatalf("label at %v of %v", label, b)
	}
	changed := false
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			was, is := got.ColorModel().Convert(img.At(x, y)), got.At(x, y)
			if was == is {
				continue
			}
			changed = true
			if !image.Pt(x, y).In(label) {
				t.Fatalf("%T: pixel (%d, %d) outside %v: %v, was %v", img, x, y, label, is, was)
			}
		}
	}
	if !changed {
		t.Fatal("nothing drawn")
	}
}

// Colours under fully transparent pixels and low alphas survive to the bit.
func TestDrawKeepsHiddenColours(t *testing.T) {
	img := image.NewNRGBA(image.Rect(-5, 3, 195, 203))
	for i := range img.Pix {
		img.Pix[i] = uint8(i*31 + i>>8)
	}
	for i := 3; i < len(img.Pix); i += 8 {
		img.Pix[i] = 0
	}
	l := mustNew(t, Options{Text: AI})
	out, err := l.Draw(img, 1)
	if err != nil {
		t.Fatal(err)
	}
	label := area(t, l, img, 1)
	for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
		for x := img.Rect.Min.X; x < img.Rect.Max.X; x++ {
			if got, want := out.(*image.NRGBA).NRGBAAt(x, y), img.NRGBAAt(x, y); got != want && !image.Pt(x, y).In(label) {
				t.Fatalf("(%d, %d) = %v, want %v", x, y, got, want)
			}
		}
	}
	c := out.(*image.NRGBA).NRGBAAt(label.Min.X+label.Dx()/2, label.Min.Y+1)
	if c.A != 255 {
		t.Fatalf("badge alpha %d, want 255", c.A)
	}
}

func TestCorners(t *testing.T) {
	img := image.NewGray(image.Rect(-300, -100, 300, 500))
	for corner, want := range map[Corner]image.Point{
		TopRight: {1, -1}, TopLeft: {-1, -1}, BottomRight: {1, 1}, BottomLeft: {-1, 1},
	} {
		l := mustNew(t, Options{Text: AI, Corner: corner})
		r := area(t, l, img, 1)
		mid := r.Min.Add(r.Max).Div(2).Sub(image.Pt(0, 200))
		if sign(mid.X) != want.X || sign(mid.Y) != want.Y {
			t.Errorf("corner %d: label at %v", corner, r)
		}
		edge := min(r.Min.X+300, 300-r.Max.X)
		if edge != 12 { // 0.02 of 600
			t.Errorf("corner %d: %d pixels to the edge, want 12", corner, edge)
		}
	}
}

func sign(v int) int {
	if v < 0 {
		return -1
	}
	return 1
}

// A label drawn into a picture that a viewer turns looks the same as one drawn
// after turning.
func TestOrientation(t *testing.T) {
	l := mustNew(t, Options{Text: AIModified, Corner: TopRight})
	for o := 1; o <= 8; o++ {
		img := wide("nrgba", 320, 210)
		v := newView(img.Bounds(), o)
		stored, err := l.Draw(img, o)
		if err != nil {
			t.Fatal(err)
		}
		upright, err := l.Draw(seen(v, img), 1)
		if err != nil {
			t.Fatal(err)
		}
		turned := seen(v, stored)
		for y := range v.h {
			for x := range v.w {
				if turned.At(x, y) != upright.At(x, y) {
					t.Fatalf("orientation %d: (%d, %d) %v, want %v", o, x, y, turned.At(x, y), upright.At(x, y))
				}
			}
		}
	}
}

// seen is the picture as a viewer shows it.
func seen(v view, img image.Image) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, v.w, v.h))
	for y := range v.h {
		for x := range v.w {
			p := v.stored(x, y)
			out.Set(x, y, img.At(p.X, p.Y))
		}
	}
	return out
}

func TestTooSmall(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		w, h int
		fits bool
	}{
		{"1x1", Options{Text: AI}, 1, 1, false},
		{"16x16", Options{Text: AI}, 16, 16, false},
		{"64x64", Options{Text: AI}, 64, 64, true},
		{"the second part is left out", Options{Text: AIGenerated}, 64, 64, true},
		{"empty", Options{Text: AI}, 0, 0, false},
		{"thin", Options{Text: AI}, 4000, 12, false},
		{"a panorama", Options{Text: AI}, 4000, 80, true},
		{"code", Options{URL: "https://ai.example/"}, 96, 96, false},
		{"code with room", Options{URL: "https://ai.example/"}, 256, 256, true},
		{"the badge without its code", Options{Text: AI, URL: "https://ai.example/"}, 128, 128, true},
	} {
		_, err := mustNew(t, c.o).Draw(image.NewNRGBA(image.Rect(0, 0, c.w, c.h)), 1)
		if (err == nil) != c.fits || err != nil && !errors.Is(err, ErrTooSmall) {
			t.Errorf("%s: %v, want it to fit: %v", c.name, err, c.fits)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"nothing":    {},
		"text":       {Text: textCount},
		"corner":     {Text: AI, Corner: cornerCount},
		"size":       {Text: AI, Size: 0.3},
		"NaN":        {Text: AI, Size: math.NaN()},
		"NaN margin": {Text: AI, Margin: math.NaN()},
		"box":        {Text: AI, Box: 1},
		"least size": {Text: AI, MinSize: 300},
		"address":    {URL: string(make([]byte, MaxURL+1))},
		"image":      {Image: image.NewGray(image.Rect(0, 0, MaxImageSide+1, 1))},
		"no pixels":  {Image: image.NewGray(image.Rectangle{})},
	} {
		if _, err := New(o); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v, want ErrOptions", name, err)
		}
	}
}

// luminance and contrast as WCAG 2.2 defines them.
func luminance(c color.NRGBA) float64 {
	f := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*f(c.R) + 0.7152*f(c.G) + 0.0722*f(c.B)
}

func contrast(a, b color.NRGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestBadgeContrast(t *testing.T) {
	if got := contrast(plate, letter); got < 4.5 {
		t.Fatalf("contrast %.2f, want at least 4.5", got)
	}
	for _, height := range []int{DefaultMinSize, 20, 60} {
		b := badge(AIGenerated, height)
		dark, bright := 0, 0
		for y := range b.Rect.Dy() {
			for x := range b.Rect.Dx() {
				c := b.NRGBAAt(x, y)
				switch {
				case c.A == 255 && contrast(c, letter) >= 4.5:
					dark++
				case c.A == 255 && contrast(c, plate) >= 4.5:
					bright++
				}
			}
		}
		if n := b.Rect.Dx() * b.Rect.Dy(); dark < n/3 || bright < n/8 {
			t.Errorf("height %d: %d dark and %d bright of %d pixels", height, dark, bright, n)
		}
	}
}

// Every letter of both parts is as high as asked, but for the overshoot of round
// letters, by which type designers make them look as high as the others: here
// 2.5 % at the top and at the bottom.
func TestLettersHaveOneHeight(t *testing.T) {
	const height = 50
	for _, r := range "AIGENERATEDMODIFIED" {
		face := capitals(height)
		b, _, ok := face.GlyphBounds(r)
		if !ok {
			t.Fatalf("no glyph for %c", r)
		}
		if got := float64(b.Max.Y-b.Min.Y) / 64; math.Abs(got-height) > 0.055*height {
			t.Errorf("%c is %.1f pixels high, want %d", r, got, height)
		}
	}
}

func TestSizeFollowsThePicture(t *testing.T) {
	l := mustNew(t, Options{Text: AI})
	for _, c := range []struct{ w, h, height int }{
		{200, 200, 12}, {1000, 1000, 35}, {2000, 1000, 35}, {8000, 1000, 70}, {1000, 2000, 35},
	} {
		img := image.NewGray(image.Rect(0, 0, c.w, c.h))
		pad, _ := inset(c.height)
		if got := area(t, l, img, 1).Dy(); got != c.height+2*pad {
			t.Errorf("%d x %d: badge %d high, want %d", c.w, c.h, got, c.height+2*pad)
		}
	}
}

// A text that is too wide at its size shrinks no further than it has to.
func TestTextShrinksToFit(t *testing.T) {
	l := mustNew(t, Options{Text: AIGenerated, Size: 0.1})
	r := area(t, l, image.NewGray(image.Rect(0, 0, 400, 400)), 1)
	if r.Dx() < 400*7/10 || r.Dx() > 400-2*8 {
		t.Fatalf("label %d wide in 400 pixels", r.Dx())
	}
}

// Whatever the picture's size and place: a label inside it, or ErrTooSmall.
func TestDrawAnySize(t *testing.T) {
	labels := []*Label{
		mustNew(t, Options{Text: AIGenerated}),
		mustNew(t, Options{Text: AI, URL: "https://ai.example/v", Corner: BottomLeft, Size: 0.2, Margin: -1}),
	}
	rapid.Check(t, func(rt *rapid.T) {
		x, y := rapid.IntRange(-1000, 1000).Draw(rt, "x"), rapid.IntRange(-1000, 1000).Draw(rt, "y")
		w, h := rapid.IntRange(0, 220).Draw(rt, "w"), rapid.IntRange(0, 220).Draw(rt, "h")
		l := labels[rapid.IntRange(0, 1).Draw(rt, "label")]
		o := rapid.IntRange(-1, 9).Draw(rt, "orientation")
		img := image.NewGray(image.Rect(x, y, x+w, y+h))
		out, err := l.Draw(img, o)
		if errors.Is(err, ErrTooSmall) {
			return
		}
		if err != nil || !area(t, l, img, o).In(img.Rect) || out.Bounds() != img.Rect {
			rt.Fatalf("%v", err)
		}
	})
}

// A label shows on black, on white and on what lies between: a good part of it
// is at least 4.5:1 away from what is around.
func TestLabelShowsOnAnyPicture(t *testing.T) {
	for _, level := range []uint8{0, 60, 118, 128, 180, 255} {
		img := image.NewGray(image.Rect(0, 0, 256, 256))
		for i := range img.Pix {
			img.Pix[i] = level
		}
		l := mustNew(t, Options{Text: AI})
		out, err := l.Draw(img, 1)
		if err != nil {
			t.Fatal(err)
		}
		r, clear := area(t, l, img, 1), 0
		ground := color.NRGBA{level, level, level, 255}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if contrast(color.NRGBAModel.Convert(out.At(x, y)).(color.NRGBA), ground) >= 4.5 {
					clear++
				}
			}
		}
		if clear*6 < r.Dx()*r.Dy() {
			t.Errorf("on %d: %d of %d pixels stand out", level, clear, r.Dx()*r.Dy())
		}
	}
}

// The same bytes everywhere and always: the sums were taken on amd64.
func TestBadgeIsFrozen(t *testing.T) {
	for _, c := range []struct {
		text   Text
		height int
		sum    string
	}{
		{AI, 12, "615d20ad529a2cac"}, {AIGenerated, 20, "ae5a31e3b72b0d0b"}, {AIModified, 35, "35c65f220173e5f5"}, {AI, 120, "03c48168fb294e27"},
	} {
		sum := sha256.Sum256(badge(c.text, c.height).Pix)
		if got := hex.EncodeToString(sum[:8]); got != c.sum {
			t.Errorf("%v at %d: %s, want %s", c.text, c.height, got, c.sum)
		}
	}
}

// Drawing twice changes nothing but the blend at the round corners.
func TestDrawTwice(t *testing.T) {
	l := mustNew(t, Options{Text: AIGenerated, URL: "https://ai.example/"})
	img := wide("opaque", 400, 300)
	once, err := l.Draw(img, 1)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := l.Draw(once, 1)
	if err != nil {
		t.Fatal(err)
	}
	a, b, changed := once.(*image.NRGBA).Pix, twice.(*image.NRGBA).Pix, 0
	for i := range a {
		if a[i] != b[i] {
			changed++
		}
	}
	if changed > 200 {
		t.Fatalf("%d bytes changed", changed)
	}
}

func TestPaletteIndexWithoutColour(t *testing.T) {
	img := image.NewPaletted(image.Rect(0, 0, 100, 100), color.Palette{color.White})
	img.Pix[5] = 77
	if _, err := mustNew(t, Options{Text: AI}).Draw(img, 1); err != nil {
		t.Fatal(err)
	}
}
