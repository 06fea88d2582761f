package watermark

import (
	"cmp"
	"math"
	"slices"
)

// A path is one hypothesis of the list decoder. Levels are shared between paths
// until one of them writes (lazy copy: Tal and Vardy, 2015).
type path struct {
	metric float32
	llr    [codeLog + 1]*llrs  // by level, codeLen>>level values
	left   [codeLog + 1]*words // code bits of the left half, by level
	bits   [codeLog + 1]*words // code bits of the half just decoded
	u      [codeLen]byte
	uses   int // forks of it that live on
}

type (
	llrs struct {
		v    []float32
		refs int
	}
	words struct {
		v    []byte
		refs int
	}
)

// A decoder holds the paths of one decoding and the memory they let go of.
type decoder struct {
	paths     []*path
	spare     []*path
	spareLLR  [codeLog + 1][]*llrs
	spareBits [codeLog + 1][]*words
	next      int // position of the bit to decide
}

// writeLLR returns level s of p for overwriting.
func (d *decoder) writeLLR(p *path, s int) []float32 {
	if a := p.llr[s]; a != nil {
		if a.refs == 1 {
			return a.v
		}
		a.refs--
	}
	free := &d.spareLLR[s]
	if len(*free) == 0 {
		*free = append(*free, &llrs{v: make([]float32, codeLen>>s)})
	}
	a := (*free)[len(*free)-1]
	*free = (*free)[:len(*free)-1]
	a.refs = 1
	p.llr[s] = a
	return a.v
}

// writeBits is writeLLR for one of p's bit arrays.
func (d *decoder) writeBits(at *[codeLog + 1]*words, s int) []byte {
	if a := at[s]; a != nil {
		if a.refs == 1 {
			return a.v
		}
		a.refs--
	}
	free := &d.spareBits[s]
	if len(*free) == 0 {
		*free = append(*free, &words{v: make([]byte, codeLen>>s)})
	}
	a := (*free)[len(*free)-1]
	*free = (*free)[:len(*free)-1]
	a.refs = 1
	at[s] = a
	return a.v
}

// fork copies a path; both share all levels.
func (d *decoder) fork(p *path) *path {
	if len(d.spare) == 0 {
		d.spare = append(d.spare, &path{})
	}
	q := d.spare[len(d.spare)-1]
	d.spare = d.spare[:len(d.spare)-1]
	*q = *p
	for s := range q.llr {
		if q.llr[s] != nil {
			q.llr[s].refs++
		}
		if q.left[s] != nil {
			q.left[s].refs++
		}
		if q.bits[s] != nil {
			q.bits[s].refs++
		}
	}
	return q
}

// drop gives a path's memory back.
func (d *decoder) drop(p *path) {
	for s := range p.llr {
		if a := p.llr[s]; a != nil {
			if a.refs--; a.refs == 0 {
				d.spareLLR[s] = append(d.spareLLR[s], a)
			}
		}
		for _, b := range []*words{p.left[s], p.bits[s]} {
			if b != nil {
				if b.refs--; b.refs == 0 {
					d.spareBits[s] = append(d.spareBits[s], b)
				}
			}
		}
	}
	d.spare = append(d.spare, p)
}

// decode returns the payloads on the final list whose CRC agrees, the most
// likely first. llr is positive where a code bit is more likely 0; its scale
// does not matter (min-sum).
func decode(llr []float32) []Payload {
	first := &path{}
	d := &decoder{paths: []*path{first}}
	copy(d.writeLLR(first, 0), llr)
	d.node(0)
	slices.SortFunc(d.paths, byMetric)
	var out []Payload
	for _, p := range d.paths {
		if payload, ok := payloadOf(p.u[:]); ok {
			out = append(out, payload)
		}
	}
	return out
}

func byMetric(a, b *path) int { return cmp.Compare(a.metric, b.metric) }

// frozen[s][i] says that no information lies in the i-th subtree of level s.
var frozen = func() (f [codeLog + 1][]bool) {
	for s := range f {
		size := codeLen >> s
		f[s] = make([]bool, codeLen/size)
		for i := range f[s] {
			f[s][i] = !slices.Contains(info[i*size:(i+1)*size], true)
		}
	}
	return f
}()

// node decodes the subtree at level s: left half, right half, combination.
func (d *decoder) node(s int) {
	if frozen[s][d.next/(codeLen>>s)] {
		d.zero(s)
		return
	}
	if s == codeLog {
		d.leaf()
		return
	}
	half := codeLen >> (s + 1)
	for _, p := range d.paths {
		out, a := d.writeLLR(p, s+1), p.llr[s].v
		checks(out, a[:half], a[half:])
	}
	d.node(s + 1)
	for _, p := range d.paths {
		p.left[s+1], p.bits[s+1] = p.bits[s+1], p.left[s+1]
		out, a, left := d.writeLLR(p, s+1), p.llr[s].v, p.left[s+1].v
		for i := range half {
			if left[i] == 0 {
				out[i] = a[i+half] + a[i]
			} else {
				out[i] = a[i+half] - a[i]
			}
		}
	}
	d.node(s + 1)
	for _, p := range d.paths {
		bits, left, right := d.writeBits(&p.bits, s), p.left[s+1].v, p.bits[s+1].v
		for i := range half {
			bits[i] = left[i] ^ right[i]
			bits[i+half] = right[i]
		}
	}
}

// checks is the min-sum form of the check nodes.
func checks(out, a, b []float32) {
	a, b = a[:len(out)], b[:len(out)]
	const sign = 1 << 31
	for i := range out {
		x, y := math.Float32bits(a[i]), math.Float32bits(b[i])
		out[i] = math.Float32frombits(min(x&^sign, y&^sign) | (x^y)&sign)
	}
}

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// zero decides a subtree of frozen bits: all code bits are 0, and each against
// its likelihood costs as much as it would at the leaves (Hashemi et al., 2016).
func (d *decoder) zero(s int) {
	for _, p := range d.paths {
		for _, l := range p.llr[s].v {
			if l < 0 {
				p.metric -= l
			}
		}
		clear(d.writeBits(&p.bits, s))
	}
	d.next += codeLen >> s
}

// leaf decides one information bit: every path forks, and the listSize best
// stay.
func (d *decoder) leaf() {
	i := d.next
	d.next++
	// Metrics first: most forks would not live to be used.
	type fork struct {
		from   *path
		bit    byte
		metric float32
	}
	forks := make([]fork, 0, 2*listSize)
	for _, p := range d.paths {
		l := p.llr[codeLog].v[0]
		zero, one := p.metric, p.metric
		if l < 0 {
			zero -= l // against its likelihood (Balatsoukas-Stimming et al., 2015)
		} else {
			one += l
		}
		forks = append(forks, fork{p, 0, zero}, fork{p, 1, one})
	}
	if len(forks) > listSize {
		slices.SortStableFunc(forks, func(a, b fork) int { return cmp.Compare(a.metric, b.metric) })
		forks = forks[:listSize]
	}
	for _, f := range forks {
		f.from.uses++
	}
	for _, p := range d.paths {
		if p.uses == 0 {
			d.drop(p)
		}
	}
	next := make([]*path, 0, len(forks))
	for _, f := range forks {
		p := f.from
		if p.uses--; p.uses > 0 {
			p = d.fork(p)
			p.uses = 0
		}
		p.metric = f.metric
		p.u[i] = f.bit
		d.writeBits(&p.bits, codeLog)[0] = f.bit
		next = append(next, p)
	}
	d.paths = next
}
