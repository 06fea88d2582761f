package watermark

import (
	"cmp"
	"context"
	"image"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	levels = 3 // of the pyramid: full, half, quarter
	// levelSide is the least side of a reduced level that is searched.
	levelSide = 96

	plainLock = 4.2 // z at which a lock is worth reading at
	nearLock  = 4.6
	leastFit  = 5.9 // fit after refinement from which a lock is read at
	directFit = 5.0 // the same for the direct way, which has few hypotheses
	// shareOfMost is the share of the largest fit that suffices where few lines and
	// regions cannot reach these.
	shareOfMost = 0.6
	certain     = 16.0 // search score that leaves no doubt: rivals, and further pairs, are dropped
	// climbError is how far off a climbed matrix may be, relatively.
	climbError = 0.002
	sameMatrix = 0.003 // relative difference below which two candidates are one

	searchCandidates = 6
	leastCandidate   = 4.2 // score after the climb
	rivalShare       = 0.5 // of the best score that a rival needs
	mostBent         = 2
	maxReads         = 26 // payload readings per call, the canonical one included
)

// A search reads payloads at one lock after another.
type search struct {
	ctx   context.Context
	img   image.Image
	keys  []Key
	tau   float64
	level [levels]*plane
	out   []Detection
	seen  map[Key]bool
	reads int
	// workers, only and until are DetectOptions' Workers, Direct and Budget.
	workers int
	only    bool // direct
	until   time.Time
	bent    []lock
	plain   lock // of the largest z without a search
	far     lock // and with one
	rho     float64
}

// at returns a level of the pyramid through the front end.
func (d *search) at(level int) plane {
	if d.level[level] == nil {
		src := lumaRows(d.img)
		src.stopped = func() bool { return d.ctx.Err() != nil }
		for range level {
			src = halved(src)
		}
		p := whiten(src)
		d.level[level] = &p
	}
	return *d.level[level]
}

// done reports whether to stop: a payload was read, the context ended, or the
// time is over.
func (d *search) done() bool {
	return len(d.out) > 0 || d.ctx.Err() != nil || !d.until.IsZero() && time.Now().After(d.until)
}

// run goes from cheap to dear.
func (d *search) run() {
	src := d.at(0)
	f := fold(src, affineWarp(src.w, src.h, identity, vec{}))
	d.direct(f)
	if d.only {
		return
	}
	if !d.done() {
		d.near(f)
	}
	if !d.done() {
		d.canonical(src)
	}
	d.full(src)
	d.bend()
}

// direct looks for the template at the scale of the picture, turned and
// mirrored.
func (d *search) direct(f *foldedPicture) {
	var all []lock
	for _, o := range orientations {
		e, sign, z := bestShift(together(f.sightings(o)))
		all = append(all, lock{warp: affineWarp(f.src.w, f.src.h, o, e), sign: sign, z: z})
	}
	sortLocks(all)
	d.plain = all[0]
	for _, l := range all[:2] {
		if l.z > plainLock && !d.done() {
			d.try(l, directFit)
		}
	}
}

func sortLocks(all []lock) {
	slices.SortStableFunc(all, func(a, b lock) int { return cmp.Compare(b.z, a.z) })
}

// near looks for small rotations and scales beside the eight turns.
func (d *search) near(f *foldedPicture) {
	var all []lock
	grid := nearGrid(f.src.w, f.src.h, identity)
	for i, o := range orientations[:4] {
		s := f.sightings(o)
		other := f.sightings(orientations[i+4])
		for _, t := range best(grid.scan(s, o), 3) {
			all = append(all, d.lockAt(0, f, s, o, t.e), d.lockAt(0, f, other, orientations[i+4], t.e))
		}
	}
	sortLocks(all)
	d.consider(all[0])
	d.bent = append(d.bent, all[:2]...)
	for _, l := range all[:2] {
		if l.z > nearLock && !d.done() {
			d.try(l, leastFit)
		}
	}
}

// lockAt is the lock at (I+E)m, with the shift that fits best.
func (d *search) lockAt(level int, f *foldedPicture, s []sighting, m, e mat) lock {
	shift, sign, z := bestShift(turned(s, m, e))
	m = mat{1 + e.a, e.b, e.c, 1 + e.d}.mul(m)
	return lock{level: level, warp: affineWarp(f.src.w, f.src.h, m, shift), sign: sign, z: z}
}

func (d *search) consider(l lock) {
	if l.z > d.far.z {
		d.far = l
	}
}

// try refines a lock and reads the payload there, if the template fits by least.
func (d *search) try(l lock, least float64) {
	src := d.at(l.level)
	f := fold(src, l.warp)
	f = l.refine(src, f)
	if l.fit < min(least, shareOfMost*mostFit(f)) {
		return
	}
	r := sound(f.sightings(identity), l.sign)
	d.read(src, &l, &r)
}

// mostFit is the fit of a template that shows undisturbed in all regions.
func mostFit(f *foldedPicture) float64 {
	n := 0
	for _, k := range byRadius {
		if f.warp.shows(k) {
			n += len(f.regions)
		}
	}
	return math.Sqrt(2 * float64(n))
}

// canonical reads as if nothing had been cropped or scaled: a payload can still
// be there when the template is not.
func (d *search) canonical(src plane) {
	l := lock{warp: affineWarp(src.w, src.h, identity, vec{}), sign: 1}
	d.read(src, &l, &sounding{1, 1, 1, 1, 1})
}

func (d *search) read(src plane, l *lock, r *sounding) {
	if len(d.keys) == 0 || d.reads >= maxReads || d.ctx.Err() != nil {
		return
	}
	d.reads++
	o := observe(src, l)
	for _, k := range d.keys {
		if k.IsZero() || d.seen[k] {
			continue
		}
		got, ok := o.read(keyingOf(k), r, d.tau)
		d.rho = max(d.rho, got.rho)
		if !ok {
			continue
		}
		d.seen[k] = true
		d.out = append(d.out, Detection{
			Found: true, Payload: got.payload, KeyID: k.ID(), Score: got.rho,
			FalsePositiveRate: foundRate(got.rho, len(d.keys)), Coverage: got.coverage, Transform: l.affine(got.place),
		})
	}
}

// full searches for any turn, scale and aspect, level by level, and where that
// finds no payload, by pairs. A score that leaves no doubt ends it.
func (d *search) full(src plane) {
	n := 1
	for n < levels && min(src.w, src.h)>>n >= levelSide {
		n++
	}
	maps := make([]*lineMap, n)
	turned := make([][]candidate, n)
	for _, pairs := range []bool{false, true} {
		found := make([][]candidate, n)
		searched := d.workers > 1 && !d.done()
		if searched {
			var group errgroup.Group
			group.SetLimit(d.workers)
			for level := range n {
				group.Go(func() error {
					found[level] = d.candidates(maps, level, pairs)
					return nil
				})
			}
			_ = group.Wait() // none fails
		}
		for level := range n {
			if d.done() {
				return
			}
			if !searched {
				found[level] = d.candidates(maps, level, pairs)
			}
			rest := slices.DeleteFunc(found[level], func(c candidate) bool {
				return slices.ContainsFunc(turned[level], c.like)
			})
			turned[level] = append(turned[level], rest...)
			d.tryAll(level, d.at(level), maps[level].n, rest)
			if len(rest) > 0 && rest[0].score >= certain && pairs {
				return
			}
		}
	}
}

// candidates searches one level; levels can be searched side by side.
func (d *search) candidates(maps []*lineMap, level int, pairs bool) []candidate {
	if maps[level] == nil {
		maps[level] = newLineMap(d.at(level))
	}
	return maps[level].search(level, pairs)
}

// search lists a level's candidates, by pairs or by turns and aspects.
func (m *lineMap) search(level int, pairs bool) []candidate {
	most := scanScale
	if level > 0 {
		most = levelScale
	}
	s := &shortlist{least: leastScan}
	if pairs {
		m.scanPairs(s, most)
		return m.climbed(s)
	}
	m.scanTurns(s, most)
	m.scanAspects(s, most)
	return withUpright(m.climbed(s), m.upright(most))
}

// climbed are the best of a scan, after the climb.
func (m *lineMap) climbed(s *shortlist) []candidate {
	top := m.climbAll(s.best(keptByScan, 0.006))
	top = (&shortlist{all: top}).best(searchCandidates, sameMatrix)
	return slices.DeleteFunc(top, func(c candidate) bool {
		return c.score < leastCandidate || c.score < rivalShare*top[0].score
	})
}

// tryAll reads at the candidates, in the order of their phase correlation.
func (d *search) tryAll(level int, src plane, n int, all []candidate) {
	var locks []lock
	for _, c := range all {
		if d.ctx.Err() != nil {
			return
		}
		locks = append(locks, d.locksOf(level, src, n, c)...)
	}
	slices.SortStableFunc(locks, func(a, b lock) int { return cmp.Compare(b.z/b.least(), a.z/a.least()) })
	for _, l := range locks {
		d.consider(l)
	}
	for i, l := range locks {
		if d.done() || l.z < l.least() || i >= searchCandidates+2 {
			break
		}
		d.try(l, leastFit)
	}
	d.bent = append(d.bent, locks[:min(len(locks), 2)]...)
}

// bend reads at the best locks once more, as if the picture had been bent.
func (d *search) bend() {
	sortLocks(d.bent)
	for _, l := range d.bent[:min(len(d.bent), mostBent)] {
		if l.z < bendLock || d.done() {
			break
		}
		src := d.at(l.level)
		if l.bend(src) {
			r := sound(fold(src, l.warp).sightings(identity), l.sign)
			d.read(src, &l, &r)
		}
	}
}

// least is the z from which a lock is worth reading at: few lines within the
// picture's reach cannot add up to more than sqrt(2 lines).
func (l *lock) least() float64 {
	n := 0
	for _, k := range byRadius {
		if l.warp.shows(k) {
			n++
		}
	}
	return min(plainLock, 0.85*math.Sqrt(2*float64(n)))
}

func (m *lineMap) climbAll(all []candidate) []candidate {
	for i, c := range all {
		all[i] = m.climb(c)
	}
	return all
}

// locksOf turns a candidate into locks of both senses, which its spectrum
// cannot tell apart.
func (d *search) locksOf(level int, src plane, n int, c candidate) []lock {
	unit := float64(tileSide) / float64(n)
	g := c.g.transposed()
	b := mat{g.a * unit, g.b * unit, g.c * unit, g.d * unit}
	f := glance(src, affineWarp(src.w, src.h, b, vec{}))
	s, other := f.sightings(identity), f.sightings(identity.negative())
	step := nearStep / (float64(max(src.w, src.h)) / 2 * math.Sqrt(abs(b.det())))
	wide := min(max(2, int(climbError/step)), nearSteps)
	e := best(turnGrid{rotating, scaling, step, step, wide, wide}.scan(s, b), 1)[0].e
	e2 := best(turnGrid{stretching, shearing, step, step, wide / 2, wide / 2}.scan(s, mat{1 + e.a, e.b, e.c, 1 + e.d}.mul(b)), 1)[0].e
	e = mat{e.a + e2.a, e.b + e2.b, e.c + e2.c, e.d + e2.d}
	return []lock{d.lockAt(level, f, s, b, e), d.lockAt(level, f, other, b.negative(), e)}
}
