package middleware

import (
	"image"
	"image/color"
	"math"
)

const (
	lowGrid    = 32 // cells on a side that a picture is averaged over
	lowSide    = 8  // frequencies on a side that are kept
	lowSamples = 8  // pixels on a side of a cell that are looked at, at most
	bucketBits = 15
)

// lowFrequencies are the lowest 63 frequencies of a picture's luma, without its
// mean, in the order of a zigzag's rows: what still holds when it is compressed,
// scaled or noised. Each is weighted by its frequency, since pictures have the less
// of one the higher it is.
//
// It is the discrete cosine transform (DCT-II) of 32 x 32 averages, as in the
// perceptual hash pHash (Zauner 2010). The keyed hash is made of it elsewhere.
type lowFrequencies [lowSide*lowSide - 1]float64

// lowOf looks at no more than 65,536 pixels, whatever the size.
func lowOf(img image.Image) (low lowFrequencies) {
	cells := averages(img)
	var rows [lowGrid][lowSide]float64
	for y := range cells {
		for u := range lowSide {
			for x, v := range cells[y] {
				rows[y][u] += v * cosines[u][x]
			}
		}
	}
	for v := range lowSide {
		for u := range lowSide {
			if u+v == 0 {
				continue
			}
			sum := 0.0
			for y := range lowGrid {
				sum += rows[y][u] * cosines[v][y]
			}
			low[v*lowSide+u-1] = sum * math.Hypot(float64(u), float64(v))
		}
	}
	return low
}

// cosines are the DCT's: of frequency u at cell x.
var cosines = func() (c [lowSide][lowGrid]float64) {
	for u := range lowSide {
		for x := range lowGrid {
			c[u][x] = math.Cos(math.Pi * float64(u) * (float64(x) + 0.5) / lowGrid)
		}
	}
	return c
}()

// averages are the mean lumas of a grid over the picture, in 16 bits.
func averages(img image.Image) (cells [lowGrid][lowGrid]float64) {
	b := img.Bounds()
	for y := range lowGrid {
		for x := range lowGrid {
			cell := image.Rect(
				b.Min.X+x*b.Dx()/lowGrid, b.Min.Y+y*b.Dy()/lowGrid,
				b.Min.X+(x+1)*b.Dx()/lowGrid, b.Min.Y+(y+1)*b.Dy()/lowGrid)
			cells[y][x] = mean(img, cell)
		}
	}
	return cells
}

// mean looks at pixels that are spread evenly over a cell; an empty one has none.
func mean(img image.Image, cell image.Rectangle) float64 {
	dx, dy := max(1, cell.Dx()/lowSamples), max(1, cell.Dy()/lowSamples)
	sum, n := 0.0, 0
	for y := cell.Min.Y; y < cell.Max.Y; y += dy {
		for x := cell.Min.X; x < cell.Max.X; x += dx {
			sum += float64(color.Gray16Model.Convert(img.At(x, y)).(color.Gray16).Y)
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// turns are the frequencies of the picture mirrored and turned by quarters in every
// way, as it is first: marks are read in all of them.
func (l lowFrequencies) turns() (all [8]lowFrequencies) {
	for v := range lowSide {
		for u := range lowSide {
			if u+v == 0 {
				continue
			}
			at, swapped := v*lowSide+u-1, u*lowSide+v-1
			for turn := range all {
				c := l[at]
				if turn&1 != 0 && u%2 == 1 { // left is right
					c = -c
				}
				if turn&2 != 0 && v%2 == 1 { // up is down
					c = -c
				}
				if turn&4 != 0 { // rows are columns
					all[turn][swapped] = c
				} else {
					all[turn][at] = c
				}
			}
		}
	}
	return all
}

// bucket is what pictures that look alike share: the signs of the lowest
// frequencies. It needs no key: what hangs on it is made with one.
func (l lowFrequencies) bucket() []byte {
	out, n := make([]byte, 2), 0
	for v := range lowSide {
		for u := range lowSide {
			if u+v == 0 || u+v > 4 || n == bucketBits {
				continue
			}
			if l[v*lowSide+u-1] > 0 {
				out[n/8] |= 1 << (n % 8)
			}
			n++
		}
	}
	return out
}
