package watermark

import (
	"cmp"
	"math"
	"slices"
)

// A path is one hypothesis of the list decoder.
type path struct {
	metric float32
	llr    [codeLog + 1][]float32 // by level, from codeLen values down to one
	left   [codeLog + 1][]byte    // code bits of the left half, by level
	bits   [codeLog + 1][]byte    // code bits of the half just decoded
	u      [codeLen]byte
}

func newPath() *path {
	p := &path{}
	for s := range p.llr {
		p.llr[s] = make([]float32, codeLen>>s)
		p.left[s] = make([]byte, codeLen>>s)
		p.bits[s] = make([]byte, codeLen>>s)
	}
	return p
}

func (p *path) copyFrom(q *path) {
	p.metric, p.u = q.metric, q.u
	for s := 1; s <= codeLog; s++ { // level 0 is the channel, the same for all
		copy(p.llr[s], q.llr[s])
		copy(p.left[s], q.left[s])
		copy(p.bits[s], q.bits[s])
	}
}

// A decoder holds the paths of one decoding.
type decoder struct {
	paths []*path
	spare []*path
	next  int // position of the bit to decide
}

// decode returns the payloads on the final list whose CRC agrees, the most
// likely first. llr is positive where a code bit is more likely 0; its scale
// does not matter (min-sum).
func decode(llr []float32) []Payload {
	d := &decoder{paths: []*path{newPath()}}
	for range 2*listSize - 1 {
		p := newPath()
		p.llr[0] = d.paths[0].llr[0]
		d.spare = append(d.spare, p)
	}
	copy(d.paths[0].llr[0], llr)
	d.node(0)
	slices.SortFunc(d.paths, func(a, b *path) int { return cmp.Compare(a.metric, b.metric) })
	var out []Payload
	for _, p := range d.paths {
		if payload, ok := payloadOf(p.u[:]); ok {
			out = append(out, payload)
		}
	}
	return out
}

// node decodes the subtree at level s: left half, right half, combination.
func (d *decoder) node(s int) {
	if s == codeLog {
		d.leaf()
		return
	}
	half := codeLen >> (s + 1)
	for _, p := range d.paths {
		a, out := p.llr[s], p.llr[s+1]
		for i := range half {
			out[i] = boxPlus(a[i], a[i+half])
		}
	}
	d.node(s + 1)
	for _, p := range d.paths {
		a, out, left := p.llr[s], p.llr[s+1], p.left[s+1]
		copy(left, p.bits[s+1])
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
		bits, left, right := p.bits[s], p.left[s+1], p.bits[s+1]
		for i := range half {
			bits[i] = left[i] ^ right[i]
			bits[i+half] = right[i]
		}
	}
}

// boxPlus is the min-sum form of the check node.
func boxPlus(a, b float32) float32 {
	sign := (a < 0) != (b < 0)
	m := min(abs32(a), abs32(b))
	if sign {
		return -m
	}
	return m
}

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// leaf decides one bit on every path: frozen bits are 0, information bits fork,
// and the listSize best stay.
func (d *decoder) leaf() {
	i := d.next
	d.next++
	if !info[i] {
		for _, p := range d.paths {
			p.choose(i, 0)
		}
		return
	}
	for _, p := range slices.Clone(d.paths) {
		q := d.spare[len(d.spare)-1]
		d.spare = d.spare[:len(d.spare)-1]
		q.copyFrom(p)
		p.choose(i, 0)
		q.choose(i, 1)
		d.paths = append(d.paths, q)
	}
	if len(d.paths) > listSize {
		slices.SortFunc(d.paths, func(a, b *path) int { return cmp.Compare(a.metric, b.metric) })
		d.spare = append(d.spare, d.paths[listSize:]...)
		d.paths = d.paths[:listSize]
	}
}

// choose sets bit i and pays for going against its likelihood
// (Balatsoukas-Stimming et al., 2015).
func (p *path) choose(i int, bit byte) {
	l := p.llr[codeLog][0]
	if (l < 0) != (bit == 1) {
		p.metric += abs32(l)
	}
	p.u[i] = bit
	p.bits[codeLog][0] = bit
}
