package watermark

import "math"

// The crest equaliser: the mark is random, so its local strength fluctuates, and
// the eye sees the peaks. Each tile gets gains, cell by cell, that even it out;
// they hold for any picture.

const (
	tileCells  = tileSide / cellSide
	crestFloor = 0.02
	leastCrest = 0.5
	mostCrest  = 1.35
	crestRuns  = 2
)

// A crest is the gains of one tile, in 1/1024.
type crest [tileCells * tileCells]int32

// crestsOf are the gains of all tiles that were rendered.
func crestsOf(tiles *[superArea]*tile) *[superArea]*crest {
	var out [superArea]*crest
	for t, tile := range tiles {
		if tile != nil {
			out[t] = crestOf(tile)
		}
	}
	return &out
}

func crestOf(t *tile) *crest {
	var energy, gain [tileCells * tileCells]float64
	for i := range energy {
		energy[i], gain[i] = cellEnergy(t, i), 1
	}
	for range crestRuns {
		var now [tileCells * tileCells]float64
		for i := range now {
			now[i] = float64(energy[i] * float64(gain[i]*gain[i]))
		}
		e, mean := smoothCells(&now)
		for i := range gain {
			g := 1 / math.Sqrt(e[i]/mean+crestFloor)
			gain[i] = float64(gain[i] * clamp(g, leastCrest, mostCrest))
		}
	}
	before, after := 0.0, 0.0
	for i := range gain {
		before += energy[i]
		after += float64(energy[i] * float64(gain[i]*gain[i]))
	}
	level := math.Sqrt(before / after)
	c := &crest{}
	for i := range c {
		c[i] = int32(float64(float64(gain[i]*level)*1024) + 0.5)
	}
	return c
}

func cellEnergy(t *tile, cell int) float64 {
	at, sum := cell/tileCells*cellSide*tileSide+cell%tileCells*cellSide, int64(0)
	for y := range cellSide {
		for _, v := range t[at+y*tileSide:][:cellSide] {
			sum += int64(v) * int64(v)
		}
	}
	return float64(sum)
}

// smoothCells convolves with [1 2 1]/4 along both axes, around the tile's edges,
// and returns the mean as well: about a Gaussian of 3 pixels.
func smoothCells(in *[tileCells * tileCells]float64) (out [tileCells * tileCells]float64, mean float64) {
	const mask = tileCells - 1
	var tmp [tileCells * tileCells]float64
	for i, v := range in {
		x, row := i&mask, i&^mask
		tmp[i] = (in[row+(x-1)&mask] + v + v + in[row+(x+1)&mask]) / 4
		mean += v / float64(len(in))
	}
	for i, v := range tmp {
		y, x := i/tileCells, i&mask
		out[i] = (tmp[(y-1)&mask*tileCells+x] + v + v + tmp[(y+1)&mask*tileCells+x]) / 4
	}
	return out, mean
}
