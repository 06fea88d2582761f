package overlay

import (
	"fmt"
	"image"
	"image/color"

	qrcode "github.com/skip2/go-qrcode"
)

// qrCode returns the modules of a QR code (ISO/IEC 18004) of text with its quiet
// zone, at error correction level M, which makes good 15 % of its codewords. A
// panic of the encoder becomes an error.
func qrCode(text string) (modules [][]bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			modules, err = nil, fmt.Errorf("encoder panic: %v", r)
		}
	}()
	q, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, err
	}
	return q.Bitmap(), nil
}

// drawCode draws the modules, black on white, each module pixels wide.
func drawCode(modules [][]bool, module int) *image.NRGBA {
	side := len(modules) * module
	out := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			c := color.NRGBA{255, 255, 255, 255}
			if modules[y/module][x/module] {
				c = color.NRGBA{0, 0, 0, 255}
			}
			out.SetNRGBA(x, y, c)
		}
	}
	return out
}
