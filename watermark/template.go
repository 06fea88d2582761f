package watermark

import "slices"

// tileSide is the period T of the template and the side of one payload tile, in
// pixels.
const tileSide = 128

// The band of the mark, in cycles per tile: low enough to survive a low-pass
// filter, high enough to hide. The axes are left out, as the edges of pictures,
// the JPEG grid and letterboxes all lie there.
const (
	minRadius = 4.5
	maxRadius = 27.5
	maxFreq   = 27
)

// templatePeaks is how many lines the template has. More lines raise the
// largest score it can reach, sqrt(2 templatePeaks), above the threshold of a
// proved detection.
const templatePeaks = 48

// A bin is one frequency in the upper half plane, in cycles per tile.
type bin struct{ kx, ky int }

func (b bin) radius2() int { return b.kx*b.kx + b.ky*b.ky }

// A peak is one line of the template; its phase is in units of 1/tileSide turn.
type peak struct {
	bin
	phase int
}

// A layout is the public part of the mark's format: which bins are template,
// which carry payload chips (two each: real and imaginary part).
type layout struct {
	peaks []peak
	bins  []bin // payload bins, sorted by radius
}

var format = makeLayout()

// band lists the bins of the half plane within the band, by radius.
func band() []bin {
	var all []bin
	for ky := 1; ky <= maxFreq; ky++ {
		for kx := -maxFreq; kx <= maxFreq; kx++ {
			r2 := float64(kx*kx + ky*ky)
			if kx != 0 && r2 >= minRadius*minRadius && r2 <= maxRadius*maxRadius {
				all = append(all, bin{kx, ky})
			}
		}
	}
	slices.SortFunc(all, func(a, b bin) int {
		if d := a.radius2() - b.radius2(); d != 0 {
			return d
		}
		if a.ky != b.ky {
			return a.ky - b.ky
		}
		return a.kx - b.kx
	})
	return all
}

// makeLayout draws the template: one line per sector of the half plane, so that
// any rotation has witnesses, radii spread evenly over the band, lines at least
// two bins apart (template registration: Pereira and Pun, 2000).
func makeLayout() layout {
	s := publicStream("template")
	all := band()
	sectors, radii := byAngle(all), s.perm(templatePeaks)
	taken := map[bin]bool{}
	var l layout
	for i, sector := range s.perm(templatePeaks) {
		radius := minRadius + (maxRadius-minRadius)*(float64(radii[i])+0.5)/templatePeaks
		b := nearest(sectors[sector], radius*radius, taken)
		taken[b] = true
		l.peaks = append(l.peaks, peak{b, s.below(tileSide)})
	}
	for _, b := range all {
		if !taken[b] {
			l.bins = append(l.bins, b)
		}
	}
	return l
}

// byAngle splits the bins off the axes into templatePeaks sectors of about the
// same number of bins.
func byAngle(all []bin) [templatePeaks][]bin {
	var off []bin
	for _, b := range all {
		if max(b.kx, -b.kx) >= 2 && b.ky >= 2 {
			off = append(off, b)
		}
	}
	slices.SortStableFunc(off, func(a, b bin) int { return b.kx*a.ky - a.kx*b.ky })
	var sectors [templatePeaks][]bin
	for i, b := range off {
		sector := i * templatePeaks / len(off)
		sectors[sector] = append(sectors[sector], b)
	}
	return sectors
}

// nearest returns the bin whose squared radius is nearest to r2, away from the
// lines already drawn.
func nearest(bins []bin, r2 float64, taken map[bin]bool) bin {
	best, distance := bin{}, -1.0
	for _, b := range bins {
		d := abs(float64(b.radius2()) - r2)
		if !near(taken, b) && (distance < 0 || d < distance) {
			best, distance = b, d
		}
	}
	return best
}

func near(taken map[bin]bool, b bin) bool {
	for dy := -1; dy <= 1; dy++ {
		for dx := -1; dx <= 1; dx++ {
			if taken[bin{b.kx + dx, b.ky + dy}] {
				return true
			}
		}
	}
	return false
}
