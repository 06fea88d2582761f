package watermark

import "math"

// A vec is a point, a shift or a frequency.
type vec struct{ x, y float64 }

func (a vec) dot(b vec) float64 { return a.x*b.x + a.y*b.y }

// A mat is a 2x2 matrix, row by row.
type mat struct{ a, b, c, d float64 }

var identity = mat{a: 1, d: 1}

func (m mat) of(v vec) vec { return vec{m.a*v.x + m.b*v.y, m.c*v.x + m.d*v.y} }

func (m mat) mul(n mat) mat {
	return mat{
		m.a*n.a + m.b*n.c, m.a*n.b + m.b*n.d,
		m.c*n.a + m.d*n.c, m.c*n.b + m.d*n.d,
	}
}

func (m mat) det() float64 { return m.a*m.d - m.b*m.c }

func (m mat) transposed() mat { return mat{m.a, m.c, m.b, m.d} }

func (m mat) negative() mat { return mat{-m.a, -m.b, -m.c, -m.d} }

// distance compares two matrices: the largest entry of their difference over
// the size of m.
func (m mat) distance(n mat) float64 {
	d := max(math.Abs(m.a-n.a), math.Abs(m.b-n.b), math.Abs(m.c-n.c), math.Abs(m.d-n.d))
	return d / math.Sqrt(math.Abs(m.det()))
}

// orientations are the eight symmetries of the square; number i+4 is the
// negative of number i.
var orientations = [8]mat{
	{1, 0, 0, 1}, {-1, 0, 0, 1}, {0, 1, 1, 0}, {0, 1, -1, 0},
	{-1, 0, 0, -1}, {1, 0, 0, -1}, {0, -1, -1, 0}, {0, -1, 1, 0},
}

// nodeStep is the distance in pixels between the nodes of a warp.
const nodeStep = 32

// A warp says where each pixel of a picture lies in the plane of the tiles. It
// is given at nodes every nodeStep pixels and linear in between along each
// axis. Pixels count from the picture's integer centre (w/2, h/2): with even
// sizes a picture that was never scaled then falls on whole pixels.
type warp struct {
	cols, rows int
	half       float64 // half of the longer side, in pixels
	cx, cy     int
	node       []vec
	linear     mat // the affine part at the centre
}

// affineWarp is u = m x + s.
func affineWarp(w, h int, m mat, s vec) *warp {
	p := &warp{
		cols: w/nodeStep + 2, rows: h/nodeStep + 2,
		half: float64(max(w, h)) / 2, cx: w / 2, cy: h / 2, linear: m,
	}
	p.node = make([]vec, p.cols*p.rows)
	for j := range p.rows {
		for i := range p.cols {
			u := m.of(p.pixel(i, j))
			p.node[j*p.cols+i] = vec{u.x + s.x, u.y + s.y}
		}
	}
	return p
}

func (p *warp) pixel(i, j int) vec {
	return vec{float64(i*nodeStep - p.cx), float64(j*nodeStep - p.cy)}
}

// moved adds e to every node; e gets pixels from the centre.
func (p *warp) moved(e func(vec) vec) *warp {
	q := *p
	q.node = make([]vec, len(p.node))
	for j := range p.rows {
		for i := range p.cols {
			d := e(p.pixel(i, j))
			n := p.node[j*p.cols+i]
			q.node[j*p.cols+i] = vec{n.x + d.x, n.y + d.y}
		}
	}
	o, x, y := e(vec{}), e(vec{1, 0}), e(vec{0, 1})
	q.linear = mat{p.linear.a + x.x - o.x, p.linear.b + y.x - o.x, p.linear.c + x.y - o.y, p.linear.d + y.y - o.y}
	return &q
}

// scale is how many pixels of the tiles a pixel covers along a side.
func (p *warp) scale() float64 { return math.Sqrt(abs(p.linear.det())) }

// inPicture converts a length from pixels of the tiles to those of the picture.
func (p *warp) inPicture(side int) int { return max(int(float64(side)/p.scale()), leastRegion) }

// reach is the highest frequency, in cycles per pixel along either axis, that a
// picture is trusted to hold: what lies above is noise folded down.
const reach = 0.48

// shows reports whether the line or bin k, in cycles per tile, lies within what
// the picture can hold at its scale.
func (p *warp) shows(k vec) bool {
	g := p.linear.transposed().of(k) // u = M x: k.u = (M^T k).x
	return abs(g.x) <= reach*tileSide && abs(g.y) <= reach*tileSide
}

// centre is where the picture's centre lies.
func (p *warp) centre() vec {
	i, j := p.cx/nodeStep, p.cy/nodeStep
	fx, fy := float64(p.cx%nodeStep)/nodeStep, float64(p.cy%nodeStep)/nodeStep
	at := func(i, j int) vec { return p.node[j*p.cols+i] }
	a, b := lerp(at(i, j), at(i+1, j), fx), lerp(at(i, j+1), at(i+1, j+1), fx)
	return lerp(a, b, fy)
}

func lerp(a, b vec, f float64) vec { return vec{a.x + (b.x-a.x)*f, a.y + (b.y-a.y)*f} }

// fixedBits are the fraction bits of a position in a run.
const fixedBits = 20

// A run is a piece of a pixel row along which u moves evenly.
type run struct {
	pix    []float32
	u, v   int64 // in 2^-fixedBits pixel, half a pixel added for rounding
	du, dv int64
}

// runs calls do for the pieces of row y from x0 up to x1.
func (p *warp) runs(src plane, y, x0, x1 int, do func(run)) {
	j, f := y/nodeStep, float64(y%nodeStep)/nodeStep
	row := src.row(y)
	for x := x0; x < x1; {
		i := x / nodeStep
		end := min((i+1)*nodeStep, x1)
		k := j*p.cols + i
		a := lerp(p.node[k], p.node[k+p.cols], f)
		b := lerp(p.node[k+1], p.node[k+1+p.cols], f)
		r := run{
			pix: row[x:end], u: fix(a.x + 0.5), v: fix(a.y + 0.5),
			du: fix((b.x - a.x) / nodeStep), dv: fix((b.y - a.y) / nodeStep),
		}
		skip := int64(x - i*nodeStep)
		r.u, r.v = r.u+skip*r.du, r.v+skip*r.dv
		do(r)
		x = end
	}
}

func fix(x float64) int64 { return int64(math.Floor(x*(1<<fixedBits) + 0.5)) }

// A rect is a part of a picture, in pixels from its corner.
type rect struct{ x0, y0, x1, y1 int }

// foldTile adds the pixels of r to one tile, modulo its side.
func (p *warp) foldTile(src plane, r rect, to *[tileSide * tileSide]float32) {
	const mask = tileSide - 1
	for y := r.y0; y < r.y1; y++ {
		p.runs(src, y, r.x0, r.x1, func(r run) {
			u, v := r.u, r.v
			for _, s := range r.pix {
				to[v>>fixedBits&mask*tileSide+u>>fixedBits&mask] += s
				u, v = u+r.du, v+r.dv
			}
		})
	}
}
