package vp8l

import "math/bits"

// Limits of copies (RFC 9649 section 5.2.2).
const (
	minCopy     = 4 // shorter ones save nothing
	maxCopy     = 4096
	nearCodes   = 120 // distance codes of the plane's neighbourhood
	maxDistance = 1<<20 - nearCodes
)

// A copied stretch repeats what is distance pixels before it.
type copied struct {
	at, length, distance int32
}

const hashBits = 16

// matches finds stretches of pixels that were there before: one pixel before,
// one row before, or where the same four pixels were seen last.
func (p *plane) matches() []copied {
	var found []copied
	table := make([]int32, 1<<hashBits) // index of the last pixel behind the four
	for i := 1; i+minCopy <= len(p.argb); {
		slot := &table[p.hash(i)]
		last := int(*slot)
		*slot = int32(i + minCopy)
		best := copied{at: int32(i)}
		for _, from := range [...]int{i - 1, i - p.width, last - minCopy} {
			if from < 0 || i-from > maxDistance {
				continue
			}
			if n := p.alike(from, i); n > int(best.length) {
				best.length, best.distance = int32(n), int32(i-from)
			}
		}
		if best.length < minCopy {
			i++
			continue
		}
		found = append(found, best)
		i += int(best.length)
	}
	return found
}

func (p *plane) hash(i int) uint32 {
	a := uint64(p.argb[i]) | uint64(p.argb[i+1])<<32
	b := uint64(p.argb[i+2]) | uint64(p.argb[i+3])<<32
	return uint32((a*0x9E3779B97F4A7C15 ^ bits.RotateLeft64(b*0xC2B2AE3D27D4EB4F, 31)) * 0x9E3779B97F4A7C15 >> (64 - hashBits))
}

// alike counts the pixels that are the same from a on as from b on.
func (p *plane) alike(a, b int) int {
	end := min(len(p.argb), b+maxCopy)
	n := 0
	for b+n < end && p.argb[a+n] == p.argb[b+n] {
		n++
	}
	return n
}

// distanceCode numbers a distance: 1 is a row up, 2 a pixel to the left; the
// others of the neighbourhood are not used.
func (p *plane) distanceCode(distance int) int {
	switch distance {
	case p.width:
		return 1
	case 1:
		return 2
	}
	return distance + nearCodes
}

// prefix splits a length or distance code into its symbol and extra bits
// (RFC 9649 section 5.2.2).
func prefix(value int) (symbol, extra int, rest uint32) {
	v := value - 1
	if v < 4 {
		return v, 0, 0
	}
	top := bits.Len(uint(v)) - 1
	extra = top - 1
	return 2*top + v>>extra&1, extra, uint32(v & (1<<extra - 1))
}

// walk goes through the image as it is written: pixels one by one, and copies.
func (p *plane) walk(copies []copied, literal func(i int), stretch func(c copied)) {
	for i := 0; i < len(p.argb); {
		if len(copies) > 0 && int(copies[0].at) == i {
			stretch(copies[0])
			i += int(copies[0].length)
			copies = copies[1:]
			continue
		}
		literal(i)
		i++
	}
}
