package pixels

import (
	"errors"
	"image"
	"io"

	"golang.org/x/image/webp"
)

var errEmpty = errors.New("pixels: WebP picture without pixels")

// decodeWebP decodes a still WebP picture. A lossy one comes back in RGB: its
// luma and chroma are those of television, 16 to 235 and 16 to 240 (RFC 6386
// section 9.2, ITU-R BT.601), while image.YCbCr stands for JPEG's full range, in
// which the picture would lose contrast.
func decodeWebP(r io.Reader) (image.Image, error) {
	img, err := webp.Decode(r)
	switch {
	case err != nil:
		return nil, err
	case img.Bounds().Empty(): // a frame header may say so
		return nil, errEmpty
	}
	switch m := img.(type) {
	case *image.YCbCr:
		return fromVP8(m, nil, 0), nil
	case *image.NYCbCrA:
		return fromVP8(&m.YCbCr, m.A, m.AStride), nil
	}
	return img, nil
}

// fromVP8 converts a decoded frame, whose chroma has half the size, to RGB.
// Chroma is interpolated as libwebp does it, and with it browsers.
func fromVP8(m *image.YCbCr, alpha []byte, alphaStride int) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	cb, cr := make([]int, w), make([]int, w)
	for y := range h {
		near, far := neighbours(y, (h+1)/2)
		stretch(cb, m.Cb[near*m.CStride:], m.Cb[far*m.CStride:])
		stretch(cr, m.Cr[near*m.CStride:], m.Cr[far*m.CStride:])
		row := out.Pix[y*out.Stride : y*out.Stride+4*w]
		for x := range w {
			c := row[4*x : 4*x+4 : 4*x+4]
			c[0], c[1], c[2] = televisionRGB(int(m.Y[y*m.YStride+x]), cb[x], cr[x])
			c[3] = 0xFF
			if alpha != nil {
				c[3] = alpha[y*alphaStride+x]
			}
		}
	}
	return out
}

// neighbours are the samples of chroma, of n, that lie beside position i of luma:
// the one that covers it, and the one on its other side.
func neighbours(i, n int) (near, far int) {
	near = i / 2
	if i%2 == 0 {
		return near, max(near-1, 0)
	}
	return near, min(near+1, n-1)
}

// stretch interpolates a row of chroma from the nearer and the farther row of
// samples: weights 9, 3, 3 and 1 of 16, by their distance.
func stretch(row []int, near, far []byte) {
	n := (len(row) + 1) / 2
	for x := range row {
		a, b := neighbours(x, n)
		row[x] = (9*int(near[a]) + 3*int(near[b]) + 3*int(far[a]) + int(far[b]) + 8) >> 4
	}
}

// televisionRGB is BT.601's inverse for samples of limited range, in libwebp's
// precision: factors 1.164, 1.596, 0.392, 0.813 and 2.017 in 14 bits, results in
// 6 bits more than a byte.
func televisionRGB(y, cb, cr int) (r, g, b uint8) {
	luma := y * 19077 >> 8
	return byteOf(luma + cr*26149>>8 - 14234),
		byteOf(luma - cb*6419>>8 - cr*13320>>8 + 8708),
		byteOf(luma + cb*33050>>8 - 17685)
}

func byteOf(v int) uint8 { return uint8(min(max(v>>6, 0), 0xFF)) }
