package watermark

import "slices"

// Most pictures that were scaled were neither turned nor stretched. That family
// has one parameter, so a score says more in it than among all turns.

const (
	uprightStep  = 0.5 // bins at the outermost line
	uprightBest  = 3
	leastUpright = 2.6 // score after the climb
)

// upright lists the best candidates that are scaled alike along both axes,
// mirrored or not, and turned by quarters, for scales up to most.
func (m *lineMap) upright(most float64) []candidate {
	unit := float64(m.n) / tileSide
	extent := min(maxRadius*unit*most, mapReach*float64(m.n))
	s := &shortlist{}
	for q := leastScale; q < most; q *= 1 + uprightStep/extent {
		for _, o := range orientations[:4] {
			g := q * unit
			turn := mat{o.a * g, o.b * g, o.c * g, o.d * g}
			if v := m.smooth(turn); v > s.least {
				s.add(turn, v)
			}
		}
	}
	s = &shortlist{all: m.climbAll(s.best(uprightBest, 0.01))}
	return slices.DeleteFunc(s.best(uprightBest, sameMatrix), func(c candidate) bool { return c.score < leastUpright })
}

// withUpright adds the upright candidates to the others. A score that leaves no
// doubt silences all that are far below it.
func withUpright(all, upright []candidate) []candidate {
	most := 0.0
	for _, c := range upright {
		if !slices.ContainsFunc(all, c.like) {
			all = append(all, c)
		}
	}
	for _, c := range all {
		most = max(most, c.score)
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return most >= certain && c.score < rivalShare*most })
}
