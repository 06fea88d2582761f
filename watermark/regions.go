package watermark

import "math"

// The geometry is measured by regions: each is folded modulo the tile and shows
// the template with the phases that its own position gives it.

const (
	maxRegions = 24
	// regionSide is the least side of a region, in pixels of the tiles; pictures
	// that would have fewer than fewRegions get regions of smallRegion.
	regionSide  = 96
	smallRegion = 64
	fewRegions  = 6
	leastRegion = 20 // pixels of the picture itself

	// patchRadius bounds the frequencies kept of a folded region.
	patchRadius = maxFreq + whitenRadius
	patchSide   = 2*patchRadius + 1

	whitenRadius = 3
	peakClip     = 3
)

// A patch holds the frequencies of a fold around zero, ky and kx from
// -patchRadius to patchRadius.
type patch [patchSide * patchSide]complex64

func (p *patch) at(kx, ky int) complex64 {
	return p[(ky+patchRadius)*patchSide+kx+patchRadius]
}

// A region is a part of the picture with its whitened spectrum.
type region struct {
	rect
	at     vec // centre, in pixels from the picture's centre
	weight float32
	patch  *patch
}

// A foldedPicture is a picture folded region by region along a warp.
type foldedPicture struct {
	src     plane
	warp    *warp
	regions []region
}

// fold folds by regions.
func fold(src plane, w *warp) *foldedPicture {
	return foldBy(src, w, regionSide, maxRegions)
}

// glancePixels is how much of a picture tells candidates apart.
const glancePixels = 250_000

// glance is fold from the middles of fewer regions.
func glance(src plane, w *warp) *foldedPicture {
	f := &foldedPicture{src: src, warp: w, regions: split(src, w, regionSide, maxRegions/2)}
	share := math.Sqrt(glancePixels / (float64(src.w) * float64(src.h)))
	for i := range f.regions {
		if share < 1 {
			f.regions[i].rect = f.regions[i].middle(share)
		}
	}
	f.transform()
	return f
}

// middle keeps a share of both sides.
func (r rect) middle(share float64) rect {
	dx, dy := int(float64(r.x1-r.x0)*(1-share)/2), int(float64(r.y1-r.y0)*(1-share)/2)
	return rect{r.x0 + dx, r.y0 + dy, r.x1 - dx, r.y1 - dy}
}

// foldBy folds by regions of at least side pixels of the tiles, and at most most
// of them.
func foldBy(src plane, w *warp, side, most int) *foldedPicture {
	f := &foldedPicture{src: src, warp: w, regions: split(src, w, side, most)}
	f.transform()
	return f
}

// split lays out the regions.
func split(src plane, w *warp, side, most int) (all []region) {
	cols, rows := regionGrid(src.w, src.h, w.inPicture(side), most)
	if cols*rows < fewRegions {
		cols, rows = regionGrid(src.w, src.h, w.inPicture(smallRegion), most)
	}
	for j := range rows {
		for i := range cols {
			r := rect{src.w * i / cols, src.h * j / rows, src.w * (i + 1) / cols, src.h * (j + 1) / rows}
			all = append(all, region{rect: r, at: vec{
				float64(r.x0+r.x1-1)/2 - float64(src.w/2), float64(r.y0+r.y1-1)/2 - float64(src.h/2),
			}})
		}
	}
	return all
}

// regionGrid splits into at most most regions, as square as can be.
func regionGrid(w, h, side, most int) (cols, rows int) {
	cols, rows = max(w/side, 1), max(h/side, 1)
	if cols*rows > most {
		s := math.Sqrt(float64(w) * float64(h) / float64(most))
		cols, rows = max(int(float64(w)/s), 1), max(int(float64(h)/s), 1)
	}
	return cols, rows
}

var (
	neededRows    = neededBins()
	patchCount    = countNeighbours()
	templateUnits = unitPhases()
)

// neededBins lists the rows of a tile's spectrum that a patch keeps.
func neededBins() []int {
	var all []int
	for k := -patchRadius; k <= patchRadius; k++ {
		all = append(all, k&(tileSide-1))
	}
	return all
}

func unitPhases() [templatePeaks]complex64 {
	var u [templatePeaks]complex64
	for i, p := range format.peaks {
		u[i] = complex64(twiddle[p.phase])
	}
	return u
}

// transform fills in the patches, two regions to a complex transform.
func (f *foldedPicture) transform() {
	var a, b [tileSide * tileSide]float32
	work := make([]complex64, tileSide*tileSide)
	for i := 0; i < len(f.regions); i += 2 {
		clear(a[:])
		f.warp.foldTile(f.src, f.regions[i].rect, &a)
		clear(b[:])
		pair := i+1 < len(f.regions)
		if pair {
			f.warp.foldTile(f.src, f.regions[i+1].rect, &b)
		}
		for j := range work {
			work[j] = complex(a[j], b[j])
		}
		pa, pb := transformPair(work)
		f.regions[i].patch = pa
		if pair {
			f.regions[i+1].patch = pb
		}
	}
	f.whiten()
}

// transformPair transforms two real tiles packed as real and imaginary part.
func transformPair(work []complex64) (*patch, *patch) {
	dftTile.columns(work, 0, tileSide, false)
	dftTile.rows(work, neededRows, false)
	a, b := &patch{}, &patch{}
	for ky := 0; ky <= patchRadius; ky++ {
		up, down := work[ky*tileSide:(ky+1)*tileSide], work[-ky&(tileSide-1)*tileSide:]
		for kx := -patchRadius; kx <= patchRadius; kx++ {
			z, y := up[kx&(tileSide-1)], conj64(down[-kx&(tileSide-1)])
			va, vb := (z+y)/2, (z-y)/2
			vb = complex(imag(vb), -real(vb))
			i := (ky+patchRadius)*patchSide + kx + patchRadius
			j := (patchRadius-ky)*patchSide + patchRadius - kx
			a[i], b[i], a[j], b[j] = va, vb, conj64(va), conj64(vb)
		}
	}
	return a, b
}

// whiten divides every bin by the root mean square of those around it, and
// gives regions that hold little of the picture's detail little weight. Only
// sizes enter, never phases: the bound on false positives needs that.
func (f *foldedPicture) whiten() {
	rms := make([]float64, len(f.regions))
	mean := 0.0
	for i := range f.regions {
		rms[i] = math.Sqrt(f.regions[i].patch.whiten())
		mean += rms[i] / float64(len(rms))
	}
	for i := range f.regions {
		if mean > 0 {
			f.regions[i].weight = float32(min(rms[i]/mean, 1))
		}
	}
}

// whiten returns the mean power of the patch before it was whitened.
func (p *patch) whiten() float64 {
	var power, sums [patchSide * patchSide]float32
	total := 0.0
	for i, v := range p {
		x, y := i%patchSide, i/patchSide
		if x != patchRadius && y != patchRadius {
			power[i] = norm64(v)
			total += float64(power[i])
		}
	}
	boxSums(&sums, &power)
	for i := range p {
		around := sums[i] - power[i]
		if around <= 0 || power[i] == 0 {
			p[i] = 0
			continue
		}
		g := float32(math.Sqrt(float64(patchCount[i] / around)))
		v := complex(real(p[i])*g, imag(p[i])*g)
		if size := float32(math.Sqrt(float64(norm64(v)))); size > peakClip {
			v = complex(real(v)*peakClip/size, imag(v)*peakClip/size)
		}
		p[i] = v
	}
	return total / (patchSide * patchSide)
}

// countNeighbours counts, for every bin, the bins off the axes around it.
func countNeighbours() [patchSide * patchSide]float32 {
	var one, n [patchSide * patchSide]float32
	for i := range one {
		if i%patchSide != patchRadius && i/patchSide != patchRadius {
			one[i] = 1
		}
	}
	boxSums(&n, &one)
	for i := range n {
		n[i] -= one[i]
	}
	return n
}

// boxSums adds up the square of whitenRadius around every bin.
func boxSums(out, in *[patchSide * patchSide]float32) {
	var tmp [patchSide * patchSide]float32
	for y := range patchSide {
		row := in[y*patchSide : (y+1)*patchSide]
		for x := range row {
			s := float32(0)
			for _, v := range row[max(x-whitenRadius, 0):min(x+whitenRadius+1, patchSide)] {
				s += v
			}
			tmp[y*patchSide+x] = s
		}
	}
	for y := range patchSide {
		to := out[y*patchSide : (y+1)*patchSide]
		clear(to)
		for r := max(y-whitenRadius, 0); r <= min(y+whitenRadius, patchSide-1); r++ {
			add(to, tmp[r*patchSide:(r+1)*patchSide])
		}
	}
}

// A sighting is the template as one region shows it: for each line, the
// whitened value with the line's own phase taken out. What is left of the phase
// is 2 pi k.e/T, e being how far the warp is off there.
type sighting struct {
	at vec // centre of the region, in pixels from the picture's centre
	v  [templatePeaks]complex64
}

// sightings looks for the template turned by o, one of orientations.
func (f *foldedPicture) sightings(o mat) []sighting {
	out := make([]sighting, len(f.regions))
	for i, r := range f.regions {
		out[i].at = r.at
		for p, peak := range format.peaks {
			// u = o w with w the folded coordinate: k.u = (o^T k).w
			k := o.transposed().of(vec{float64(peak.kx), float64(peak.ky)})
			if !f.warp.shows(k) {
				continue
			}
			v := mul64(r.patch.at(int(k.x), int(k.y)), conj64(templateUnits[p]))
			out[i].v[p] = complex(real(v)*r.weight, imag(v)*r.weight)
		}
	}
	return out
}

// together adds up the regions.
func together(s []sighting) (x [templatePeaks]complex64) {
	for i := range s {
		for p, v := range s[i].v {
			x[p] += v
		}
	}
	return x
}

// bestShift is the phase correlation: over all whole-pixel shifts e and both
// signs the largest size of the real part of sum x exp(-2 pi i k.e/T), and z, which is
// that in units in which a picture without a mark gives every shift a variance
// of at most one.
func bestShift(x [templatePeaks]complex64) (e vec, sign float32, z float64) {
	work := make([]complex64, tileSide*tileSide)
	energy := 0.0
	for p, v := range x {
		energy += float64(norm64(v))
		k := format.peaks[p]
		work[k.ky&(tileSide-1)*tileSide+k.kx&(tileSide-1)] = v
	}
	if energy == 0 {
		return vec{}, 1, 0
	}
	for ky := 1; ky <= maxFreq; ky++ {
		dftTile.line(work[ky*tileSide:(ky+1)*tileSide], false)
	}
	dftTile.columns(work, 0, tileSide, false)
	best, at := float32(0), 0
	for i, v := range work {
		if s := abs32(real(v)); s > best {
			best, at = s, i
		}
	}
	sign = 1
	if real(work[at]) < 0 {
		sign = -1
	}
	return vec{centred(at % tileSide), centred(at / tileSide)}, sign, float64(best) / math.Sqrt(energy/2)
}

// centred maps 0..T-1 to -T/2..T/2-1.
func centred(i int) float64 {
	if i >= tileSide/2 {
		i -= tileSide
	}
	return float64(i)
}
