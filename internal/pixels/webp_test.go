package pixels

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/draw"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/webp"
)

func TestWebPRoundTrip(t *testing.T) {
	m := gradient(image.NewNRGBA(bounds))
	data, err := EncodeWebP(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data, WebP)
	if err != nil || !bytes.Equal(got.(*image.NRGBA).Pix, m.(*image.NRGBA).Pix) {
		t.Fatalf("pixels differ: %v", err)
	}
	if _, err := EncodeWebP(image.NewNRGBA(image.Rectangle{})); err == nil {
		t.Fatal("an image without pixels was encoded")
	}
}

// TestTelevisionRange: black, white and grey of a frame, and colours by the
// definition.
func TestTelevisionRange(t *testing.T) {
	for _, c := range []struct {
		y, cb, cr int
		want      [3]uint8
	}{
		{16, 128, 128, [3]uint8{0, 0, 0}}, {235, 128, 128, [3]uint8{255, 255, 255}}, {126, 128, 128, [3]uint8{128, 128, 128}},
		{0, 128, 128, [3]uint8{0, 0, 0}}, {255, 128, 128, [3]uint8{255, 255, 255}},
		{81, 90, 240, [3]uint8{254, 0, 0}}, {145, 54, 34, [3]uint8{0, 255, 1}}, {41, 240, 110, [3]uint8{0, 0, 255}},
	} {
		r, g, b := televisionRGB(c.y, c.cb, c.cr)
		for i, got := range [3]uint8{r, g, b} {
			if d := int(got) - int(c.want[i]); d < -1 || d > 1 {
				t.Errorf("%d %d %d: %v, want about %v", c.y, c.cb, c.cr, [3]uint8{r, g, b}, c.want)
			}
		}
	}
}

func TestOddChroma(t *testing.T) {
	for _, s := range []image.Point{{1, 1}, {2, 1}, {1, 2}, {3, 3}, {5, 4}} {
		m := image.NewYCbCr(image.Rectangle{Max: s}, image.YCbCrSubsampleRatio420)
		greyWhite(m)
		got := fromVP8(m, nil, 0)
		if want := (color.NRGBA{255, 255, 255, 255}); got.Rect.Size() != s || got.NRGBAAt(s.X-1, s.Y-1) != want {
			t.Errorf("%v: %v", s, got.NRGBAAt(s.X-1, s.Y-1))
		}
	}
}

func greyWhite(m *image.YCbCr) {
	for i := range m.Y {
		m.Y[i] = 235
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = 128, 128
	}
}

// TestLossyAsLibwebp compares with libwebp's decoder, bit for bit, where it is
// installed.
func TestLossyAsLibwebp(t *testing.T) {
	for _, tool := range []string{"cwebp", "dwebp"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	for _, size := range []image.Point{{64, 48}, {63, 47}, {1, 1}, {17, 2}} {
		for _, alpha := range []uint8{255, 90} {
			m := image.NewNRGBA(image.Rectangle{Max: size})
			draw.Draw(m, m.Rect, gradient(image.NewNRGBA(m.Rect)), image.Point{}, draw.Src)
			m.SetNRGBA(0, 0, color.NRGBA{200, 30, 90, alpha})
			data, want := throughLibwebp(t, m)
			got, err := Decode(data, WebP)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.(*image.NRGBA).Pix, want.Pix) {
				t.Errorf("%v alpha %d: other pixels than libwebp's", size, alpha)
			}
		}
	}
}

func throughLibwebp(t *testing.T, m image.Image) (file []byte, want *image.NRGBA) {
	t.Helper()
	dir := t.TempDir()
	in, coded, out := filepath.Join(dir, "a.png"), filepath.Join(dir, "a.webp"), filepath.Join(dir, "b.png")
	data, err := EncodePNG(m)
	if err == nil {
		err = os.WriteFile(in, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*exec.Cmd{
		exec.Command("cwebp", "-quiet", "-q", "60", in, "-o", coded),
		exec.Command("dwebp", "-quiet", "-nodither", "-noasm", coded, "-o", out),
	} {
		if msg, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", c.Args, err, msg)
		}
	}
	file, err = os.ReadFile(coded)
	if err == nil {
		data, err = os.ReadFile(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data, PNG)
	if err != nil {
		t.Fatal(err)
	}
	want = image.NewNRGBA(got.Bounds())
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			want.Set(x, y, got.At(x, y))
		}
	}
	return file, want
}

// FuzzDecodeWebP: an error, or a picture of the size that the header says.
func FuzzDecodeWebP(f *testing.F) {
	small, err := base64.StdEncoding.DecodeString(smallWebP)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small)
	for _, name := range []string{"lossy.webp", "lossy-alpha.webp"} {
		data, err := os.ReadFile("../../disclose/testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := webp.DecodeConfig(bytes.NewReader(data))
		if err != nil || config.Width > 600 || config.Height > 600 {
			return
		}
		m, err := Decode(data, WebP)
		if err == nil && m.Bounds().Size() != image.Pt(config.Width, config.Height) {
			t.Fatalf("%v, want %d x %d", m.Bounds(), config.Width, config.Height)
		}
		if err != nil && strings.Contains(err.Error(), "panic") {
			t.Fatal(err)
		}
	})
}
