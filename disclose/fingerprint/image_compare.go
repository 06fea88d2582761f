package fingerprint

import (
	"cmp"
	"image"
	"math"
	"math/bits"
	"slices"

	"github.com/avowai/avow/watermark"
)

const (
	// period is the mark's: detection knows shifts modulo this many pixels.
	period = 1024
	// maxPlaces is how many places one comparison tries, those with the most cells;
	// maxListed bounds the list that they are taken from.
	maxPlaces = 64
	maxListed = 4096
	// leastCells is the smallest number of cells that a match rests on.
	leastCells = 4
	// bitsPerCell is how many independent bits a cell is worth among different
	// pictures: neighbours overlap, and what they show belongs together.
	bitsPerCell = 12
	// farthest is the largest distance of a match however many cells were compared:
	// so far apart, pictures are alike rather than the same.
	farthest = 0.22
	// certain is the distance of a match that ends the search.
	certain = 0.15
)

// A Comparison is the outcome of comparing a picture with a recorded one.
type Comparison struct {
	// Match says that the picture shows what was recorded.
	Match bool
	// Distance is the share of bits that differ over the cells that were compared,
	// 0 to 1. Different pictures are near 0.5.
	Distance float64
	// Coverage is the share of the recorded picture that was compared, 0 to 1: what
	// was cut off, or is too flat to say anything, is left out. 0 means that too
	// little of it can be compared, which is neither for nor against the picture.
	Coverage float64
}

// Compare tells whether img, in which a mark was found with the geometry t, shows
// the picture that was recorded. Of a cropped picture what is left is compared.
//
// Where too little is left, or says anything, as in a picture of one colour, to tell
// one from the other, nothing was compared: there is no Match and Coverage is 0. So it
// is where recorded is not of this package's making or t turns no picture into one.
// No Match with Coverage above 0 means that the picture shows something else, or was
// bent or edited until it cannot be recognised.
func (p *Imager) Compare(recorded Image, img image.Image, t watermark.Affine) Comparison {
	g, ok := newGrid(recorded.Width, recorded.Height)
	turn := matrix{t.A, t.B, t.C, t.D}
	if !ok || len(recorded.Local) != g.cells() || img.Bounds().Empty() || !turn.sane() || !finite(t.Dx) || !finite(t.Dy) {
		return Comparison{}
	}
	c := comparer{p: p, recorded: recorded, g: g, v: newView(img, g, turn)}
	places := c.places(point{math.Remainder(t.Dx, period), math.Remainder(t.Dy, period)})
	var best, most tally
	for _, at := range places {
		t := c.at(at)
		if t.sigmas() > best.sigmas() {
			best = t
		}
		if t.cells > most.cells {
			most = t
		}
		if best.matches(len(places)) && best.distance() <= certain {
			break
		}
	}
	if best.matches(len(places)) {
		return best.comparison(g, len(places))
	}
	return most.comparison(g, len(places))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// A comparer lays one recorded picture over one at hand.
type comparer struct {
	p        *Imager
	recorded Image
	g        grid
	v        *view
	plane    plane
}

// A place is where the recorded picture may lie.
type place struct {
	off   point
	cells int // that lie in the picture at hand
	far   float64
}

// places lists where the recorded picture may lie, those with the most cells first.
// A shift is the recorded centre's less that of the picture at hand, so off is what
// is added to recorded coordinates before they are turned.
func (c *comparer) places(shift point) []point {
	// What of the recorded plane the picture at hand covers, about its centre.
	back := c.v.turn.inverse()
	w, h := float64(c.v.w)/2, float64(c.v.h)/2
	reach := point{
		math.Abs(back.a)*w + math.Abs(back.b)*h + float64(c.g.w)/2,
		math.Abs(back.c)*w + math.Abs(back.d)*h + float64(c.g.h)/2,
	}
	if (2*reach.x/period+1)*(2*reach.y/period+1) > maxListed {
		return nil
	}
	var all []place
	for y := first(shift.y, reach.y); y < reach.y; y += period {
		for x := first(shift.x, reach.x); x < reach.x; x += period {
			off := point{x, y}
			if n := c.inside(off, nil); n >= leastCells {
				all = append(all, place{off, n, math.Hypot(x, y)})
			}
		}
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Or(cmp.Compare(b.cells, a.cells), cmp.Compare(a.far, b.far)) })
	out := make([]point, min(len(all), maxPlaces))
	for i := range out {
		out[i] = all[i].off
	}
	return out
}

// first is the smallest value above -reach that is v modulo the period.
func first(v, reach float64) float64 {
	return v - period*math.Floor((v+reach)/period)
}

// inside counts the informative cells that lie wholly in the picture at hand, up to
// half a sample; each, where not nil, is called for them.
func (c *comparer) inside(off point, each func(i int)) int {
	g, step := c.g, c.g.step()
	corner := g.corner().plus(off)
	slack := math.Sqrt(math.Abs(c.v.turn.det())*step.x*step.y)/2 + 0.5
	within := func(i, j int) bool {
		q := c.v.turn.of(point{corner.x + float64(i*g.sx), corner.y + float64(j*g.sy)})
		x, y := q.x+float64(c.v.w/2), q.y+float64(c.v.h/2)
		return x >= -slack && y >= -slack && x <= float64(c.v.w-1)+slack && y <= float64(c.v.h-1)+slack
	}
	n := 0
	for i, recorded := range c.recorded.Local {
		x, y := i%g.cols, i/g.cols
		if recorded != 0 && within(x, y) && within(x+2, y) && within(x, y+2) && within(x+2, y+2) {
			n++
			if each != nil {
				each(i)
			}
		}
	}
	return n
}

// A tally counts what was compared.
type tally struct {
	cells, differ int
	compared      []bool
}

// at compares the cells at one place.
func (c *comparer) at(off point) tally {
	t := tally{compared: make([]bool, c.g.cells())}
	c.v.sample(&c.plane, c.g, off)
	var co coefficients
	c.inside(off, func(i int) {
		if c.plane.cell(c.g, i, &co) < leastContrast/4 {
			return
		}
		t.cells++
		t.differ += bits.OnesCount32(c.recorded.Local[i] ^ c.p.cellBits(i, &co))
		t.compared[i] = true
	})
	return t
}

func (t tally) distance() float64 { return float64(t.differ) / float64(cellBits*t.cells) }

// sigmas is how far from chance the distance is.
func (t tally) sigmas() float64 {
	if t.cells == 0 {
		return math.Inf(-1)
	}
	return (0.5 - t.distance()) * 2 * math.Sqrt(float64(t.cells*bitsPerCell))
}

// matches judges the best of a number of places: by the bound of Hoeffding (1963),
// as if each were a number of independent bits.
func (t tally) matches(places int) bool {
	return t.cells >= leastCells && t.distance() <= farthest && t.sigmas() >= math.Sqrt(2*math.Log(float64(places)/MatchRate))
}

// undecided reports whether too little was compared to tell a copy from a stranger.
func (t tally) undecided(places int) bool {
	return t.cells < leastCells || t.distance() <= farthest && !t.matches(places)
}

// comparison judges one of a number of places.
func (t tally) comparison(g grid, places int) Comparison {
	if t.undecided(places) {
		return Comparison{}
	}
	return Comparison{Match: t.matches(places), Distance: t.distance(), Coverage: t.coverage(g)}
}

// coverage is the share of the grid's area that the compared cells cover.
func (t tally) coverage(g grid) float64 {
	quarters := make([]bool, (g.cols+1)*(g.rows+1))
	n := 0
	for i, yes := range t.compared {
		if !yes {
			continue
		}
		x, y := i%g.cols, i/g.cols
		for _, q := range [4]int{y*(g.cols+1) + x, y*(g.cols+1) + x + 1, (y+1)*(g.cols+1) + x, (y+1)*(g.cols+1) + x + 1} {
			if !quarters[q] {
				quarters[q] = true
				n++
			}
		}
	}
	return float64(n) / float64(len(quarters))
}

// Compare tells whether two fingerprints are of the same picture, where neither was
// cropped, turned, or stretched since: sizes may differ, shapes may not.
func (i Image) Compare(other Image) Comparison {
	g, ok := newGrid(i.Width, i.Height)
	if !ok || len(i.Local) != g.cells() || len(other.Local) != g.cells() {
		return Comparison{}
	}
	t := tally{compared: make([]bool, g.cells())}
	for k, v := range i.Local {
		if w := other.Local[k]; v != 0 && w != 0 {
			t.cells++
			t.differ += bits.OnesCount32(v ^ w)
			t.compared[k] = true
		}
	}
	return t.comparison(g, 1)
}
