package overlay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avowai/avow/internal/corpus"
)

// Modules as another implementation (ZXing) read them back to the address.
func TestCodeIsFrozen(t *testing.T) {
	for _, c := range []struct {
		url  string
		side int
		sum  string
	}{
		{"https://ai.example/", 33, "9ed6515a52358ace"},
		{"https://ai.example/avow/verify?id=9f3c52d07ab1e644", 41, "989c81f514ad75c9"},
		{"https://ai.example/" + strings.Repeat("a", 60), 45, "bff3871355b991ab"},
	} {
		code, err := qrCode(c.url)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		for _, row := range code {
			for _, dark := range row {
				h.Write([]byte{map[bool]byte{true: 1}[dark]})
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)[:8]); len(code) != c.side || got != c.sum {
			t.Errorf("%s: %d modules, %s, want %d, %s", c.url, len(code), got, c.side, c.sum)
		}
	}
}

// Every module of a code in a picture is read again after JPEG.
func TestCodeSurvivesJPEG(t *testing.T) {
	for _, side := range []int{320, 512, 1024} {
		l := mustNew(t, Options{Text: AIGenerated, URL: "https://ai.example/avow/verify?id=9f3c52d07ab1e644"})
		img := corpus.Made(side, side, 3)
		out, err := l.Draw(img, 1)
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := jpeg.Encode(&buf, out, &jpeg.Options{Quality: 75}); err != nil {
			t.Fatal(err)
		}
		seen, err := jpeg.Decode(&buf)
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := l.layout(side, side)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := misread(seen, pieces[1], l.code); wrong > 0 {
			t.Errorf("%d: %d modules misread", side, wrong)
		}
	}
}

// misread counts the modules whose middle is on the wrong side of grey.
func misread(img image.Image, p piece, code [][]bool) int {
	module, wrong := p.pix.Rect.Dx()/len(code), 0
	for y, row := range code {
		for x, dark := range row {
			at := p.at.Add(image.Pt(x*module+module/2, y*module+module/2)).Add(img.Bounds().Min)
			if is := color.GrayModel.Convert(img.At(at.X, at.Y)).(color.Gray).Y < 128; is != dark {
				wrong++
			}
		}
	}
	return wrong
}

func TestQuietZone(t *testing.T) {
	code, err := qrCode("https://ai.example/avow/verify")
	if err != nil {
		t.Fatal(err)
	}
	n := len(code)
	for i := range n {
		for j := range n {
			outside := min(i, j, n-1-i, n-1-j) < quiet
			if outside && code[i][j] {
				t.Fatalf("module (%d, %d) in the quiet zone is dark", i, j)
			}
		}
		if len(code[i]) != n {
			t.Fatal("not a square")
		}
	}
	if !code[quiet][quiet] || !code[quiet][n-1-quiet] || !code[n-1-quiet][quiet] {
		t.Fatal("no finder patterns behind the quiet zone")
	}
	c := drawCode(code, 3)
	if c.NRGBAAt(0, 0) != (color.NRGBA{255, 255, 255, 255}) || c.Rect.Dx() != 3*n {
		t.Fatalf("%v %v", c.NRGBAAt(0, 0), c.Rect)
	}
}

// Any address up to the limit gives a square code with its timing pattern
// (ISO/IEC 18004, 6.3.5): row 6 changes with every module between the finders.
func TestAnyAddressHasACode(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		url := "https://" + rapid.StringMatching(`[a-zA-Z0-9./?=&%_-]{1,292}`).Draw(rt, "rest")
		code, err := qrCode(url)
		if err != nil {
			rt.Fatal(err)
		}
		for i := 8; i < len(code)-2*quiet-8; i++ {
			if want := i%2 == 0; code[quiet+6][quiet+i] != want || code[quiet+i][quiet+6] != want {
				rt.Fatalf("timing pattern wrong at %d", i)
			}
		}
	})
}

func FuzzQRCode(f *testing.F) {
	for _, s := range []string{"", "https://ai.example/", "0123456789", "ABC-$%", "é\x00\xff", strings.Repeat("9", 7100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code, err := qrCode(text)
		if err != nil {
			return
		}
		if n := len(code); n < 21+2*quiet || n > 177+2*quiet {
			t.Fatalf("%d modules", n)
		}
	})
}
