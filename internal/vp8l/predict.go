package vp8l

import (
	"math"
	"math/bits"
	"sync"
)

// predictors are those tried on each block, of the fourteen of RFC 9649 section
// 4.1: left, top, the mean of both, the mean of four neighbours, the nearer one
// of left and top, the plane through three neighbours, and half of it.
var predictors = [...]int{1, 2, 7, 10, 11, 12, 13}

const black = 0xFF000000 // stands for the neighbours of the first pixel

// subtractGreen takes green out of red and blue (RFC 9649 section 4.3).
func (p *plane) subtractGreen() {
	for i, c := range p.argb {
		green := c >> 8 & 0xFF
		p.argb[i] = subtract(c, green<<16|green)
	}
}

// predict returns what the predictors leave of the pixels, the image of the
// modes chosen, and how much each block holds.
func (p *plane) predict(workers int) (residual, modes *plane, energy []uint32) {
	residual = &plane{p.width, p.height, make([]uint32, len(p.argb))}
	modes = &plane{p.blocksWide(), p.blocksHigh(), make([]uint32, p.blocksWide()*p.blocksHigh())}
	energy = make([]uint32, len(modes.argb))
	workers = min(max(workers, 1), modes.height)
	var all sync.WaitGroup
	for first := range workers {
		all.Go(func() {
			for by := first; by < modes.height; by += workers {
				for bx := range modes.width {
					mode, left := p.predictBlock(residual, bx<<blockBits, by<<blockBits)
					modes.argb[by*modes.width+bx], energy[by*modes.width+bx] = black|uint32(mode)<<8, left
				}
			}
		})
	}
	all.Wait()
	return residual, modes, energy
}

// predictBlock chooses the predictor of the block at x0, y0 by every second row,
// and writes what it leaves.
func (p *plane) predictBlock(residual *plane, x0, y0 int) (mode int, energy uint32) {
	x1, y1 := min(x0+(1<<blockBits), p.width), min(y0+(1<<blockBits), p.height)
	least := uint32(math.MaxUint32)
	mode = predictors[0]
	for _, m := range predictors {
		sum := uint32(0)
		for y := max(y0, 1); y < y1 && sum < least; y += 2 {
			for i := y*p.width + max(x0, 1); i < y*p.width+x1; i++ {
				sum += cost(subtract(p.argb[i], p.guess(m, i)))
			}
		}
		if sum < least {
			least, mode = sum, m
		}
	}
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			i := y*p.width + x
			r := subtract(p.argb[i], p.edge(mode, x, y, i))
			residual.argb[i] = r
			energy += cost(r)
		}
	}
	return mode, energy
}

// edge is guess with the rules for the first row and column.
func (p *plane) edge(mode, x, y, i int) uint32 {
	switch {
	case i == 0:
		return black
	case y == 0:
		return p.argb[i-1]
	case x == 0:
		return p.argb[i-p.width]
	}
	return p.guess(mode, i)
}

// guess predicts pixel i, which is in neither the first row nor column.
func (p *plane) guess(mode, i int) uint32 {
	left, top, corner := p.argb[i-1], p.argb[i-p.width], p.argb[i-p.width-1]
	switch mode {
	case 1:
		return left
	case 2:
		return top
	case 7:
		return mean(left, top)
	case 10: // the pixel behind the last of the row above is the first of this row
		return mean(mean(left, corner), mean(top, p.argb[i-p.width+1]))
	case 11:
		return nearer(left, top, corner)
	case 12:
		return slope(left, top, corner)
	}
	return halfSlope(mean(left, top), corner)
}

// subtract is a - b in each channel, modulo 256.
func subtract(a, b uint32) uint32 {
	const odd, even = 0xFF00FF00, 0x00FF00FF
	return (even+a&odd-b&odd)&odd | (odd+a&even-b&even)&even
}

// mean is the mean of each channel, rounded down.
func mean(a, b uint32) uint32 { return (a^b)&0xFEFEFEFE>>1 + a&b }

// nearer is left or top, whichever is nearer to left + top - corner: left's
// distance to that is top's to the corner, and the other way round.
func nearer(left, top, corner uint32) uint32 {
	difference := 0
	for shift := 0; shift < 32; shift += 8 {
		l, t, c := int(left>>shift&0xFF), int(top>>shift&0xFF), int(corner>>shift&0xFF)
		difference += abs(t-c) - abs(l-c)
	}
	if difference < 0 {
		return left
	}
	return top
}

// slope is left + top - corner.
func slope(left, top, corner uint32) (out uint32) {
	for shift := 0; shift < 32; shift += 8 {
		v := int(left>>shift&0xFF) + int(top>>shift&0xFF) - int(corner>>shift&0xFF)
		out |= uint32(min(max(v, 0), 0xFF)) << shift
	}
	return out
}

// halfSlope is m + (m - corner) / 2.
func halfSlope(m, corner uint32) (out uint32) {
	for shift := 0; shift < 32; shift += 8 {
		v := int(m >> shift & 0xFF)
		v += (v - int(corner>>shift&0xFF)) / 2
		out |= uint32(min(max(v, 0), 0xFF)) << shift
	}
	return out
}

func abs(v int) int { return max(v, -v) }

// cost is about how many bits, in eighths, the code of a residual takes: the
// logarithm of its distance from zero in each channel.
func cost(r uint32) uint32 {
	return uint32(costs[r>>24]) + uint32(costs[r>>16&0xFF]) + uint32(costs[r>>8&0xFF]) + uint32(costs[r&0xFF])
}

var costs = func() (t [256]uint8) {
	for i := range t {
		t[i] = uint8(float64(8*math.Log2(1+math.Abs(float64(int8(i))))) + 0.5)
	}
	return t
}()

// Groups of prefix codes: each takes about half a kilobyte in the file.
const (
	maxGroups     = 8
	blocksOfGroup = 128
)

// group sorts blocks into groups by their energy, about as many into each, and
// returns the entropy image (RFC 9649 section 5.2.3). Groups are numbered without
// a gap: readers count them by the highest number.
func group(energy []uint32, width int) (blocks *plane, groups int) {
	blocks = &plane{width, len(energy) / width, make([]uint32, len(energy))}
	most := min(max(len(energy)/blocksOfGroup, 1), maxGroups)
	var histogram [16 * 28]int
	for _, e := range energy {
		histogram[level(e)]++
	}
	var of [len(histogram)]int
	seen, last := 0, -1
	for l, n := range histogram {
		if n == 0 {
			continue
		}
		if share := seen * most / len(energy); share > last {
			last = share
			groups++
		}
		of[l] = groups - 1
		seen += n
	}
	for i, e := range energy {
		blocks.argb[i] = black | uint32(of[level(e)])<<8
	}
	return blocks, groups
}

// level is e on a logarithmic scale of sixteen steps an octave.
func level(e uint32) int {
	e |= 16
	octave := bits.Len32(e) - 5
	return octave<<4 + int(e>>octave&15)
}
