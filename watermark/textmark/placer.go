package textmark

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/avowai/avow/watermark"
)

// An Insertion is a frame to be put into a piece of text.
type Insertion struct {
	At    int // in bytes of the piece, before the space that stands there
	Frame string
}

// A Placer says where the frames of one text go. It follows the text through
// its pieces, holds none of it back, and decides by what has been seen so far
// and the two runes after a point, so that pieces may be cut anywhere.
//
// A Placer is for one goroutine and one text; parallel texts need their own.
type Placer struct {
	signer *signer
	id     ID
	o      Options

	gap     int // least distance between frames
	runes   int // seen, selectors of our alphabet left out
	next    int // no frame before this many
	placed  int
	stopped bool
	skip    Skip // why it was stopped

	token   token
	line    line
	blocks  blocks
	scan    blocks // of the whole text, where it is there at once
	watch   watch
	latin   int  // letters
	other   int  // letters of other scripts
	blocked bool // a point was refused by the line or the block it is in
}

// NewPlacer returns a Placer for a text whose frames carry id. A zero key can
// be no secret: such a Placer places nothing.
func NewPlacer(id ID, key watermark.Key, o Options) *Placer { return NewPlacers(key).Placer(id, o) }

// Placers makes the Placers of one key, for programs that mark many texts: what is
// derived from the key is derived once. It is safe for concurrent use.
type Placers struct {
	signer signer
	none   bool // a zero key
}

// Format prints a name for every verb: Placers hold what is derived from a key.
func (ps *Placers) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "textmark.Placers") }

// NewPlacers returns the Placers of a key.
func NewPlacers(key watermark.Key) *Placers { return &Placers{newSigner(key), key.IsZero()} }

// Placer is [NewPlacer] under the key.
func (ps *Placers) Placer(id ID, o Options) *Placer {
	p := &Placer{signer: &ps.signer, id: id, o: o, gap: o.distance(), next: Threshold, stopped: ps.none}
	p.watch.signer = p.signer
	if o.Long {
		p.next = firstPoint
	}
	return p
}

// Next takes the next piece of the text and returns the frames that go into it,
// in order. ahead is what is known to follow the piece, often nothing; it will
// be given again as a piece. A point at the very end of a piece whose follower
// is unknown is passed over, which [Placer.Wait] lets a caller avoid.
func (p *Placer) Next(piece, ahead string) []Insertion {
	if p.o.Long {
		p.lookThrough(piece, ahead)
	}
	var out []Insertion
	for i := 0; i < len(piece); {
		if !p.watch.busy() {
			if n := letters(piece[i:]); n > 0 {
				p.letters(piece[i : i+n])
				i += n
				continue
			}
		}
		r, size := rune(piece[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(piece[i:])
		}
		if r == ' ' && p.point(piece[i+1:], ahead) {
			out = append(out, Insertion{i, p.signer.frame(p.placed, p.id)})
			p.placed++
			p.next = p.runes + p.gap
		}
		p.step(r, piece[i:i+size])
		i += size
	}
	return out
}

// Wait reports whether piece is a lone space before which a frame is due,
// provided that the text goes on as the rule asks. A caller that can, holds it
// back until more is known, and then gives it to [Placer.Next] with ahead.
func (p *Placer) Wait(piece string) bool {
	return piece == " " && p.due() && p.here("", "")
}

// Placed is the number of frames so far.
func (p *Placer) Placed() int { return p.placed }

// Stop lets no further frame be placed.
func (p *Placer) Stop() { p.stopped = true }

// Runes is the number of code points seen, frames left out.
func (p *Placer) Runes() int { return p.runes }

// Skip is the reason why no frame was placed so far, or SkipNone.
func (p *Placer) Skip() Skip {
	switch {
	case p.placed > 0:
		return SkipNone
	case p.skip != SkipNone:
		return p.skip
	case !p.o.Long && p.runes <= Threshold:
		return SkipShortText
	case p.other > p.latin:
		return SkipScript
	case p.blocked || p.program() || p.blocks.closed():
		return SkipCode
	}
	return SkipNoPoint
}

// due reports whether the distance since the last frame is kept and a token of
// the right form has just ended.
func (p *Placer) due() bool {
	return p.runes >= p.next && !p.stopped && p.token.ends() != endNone
}

// point reports whether the space at hand, which rest and ahead follow, has a
// frame put before it.
func (p *Placer) point(rest, ahead string) bool {
	if !p.due() || !p.token.follows(follower(rest, ahead)) {
		return false
	}
	if !p.here(rest, ahead) {
		p.blocked = true
		return false
	}
	return true
}

// here reports whether block and line allow a frame.
func (p *Placer) here(rest, ahead string) bool {
	if p.line.bad || p.program() || p.blocks.closed() || !p.blocks.allow(p.line.head()) {
		return false
	}
	return !p.o.Long || p.line.restAllows(rest, ahead)
}

// program reports whether the text is taken for a program, by all of it or by
// what has been seen.
func (p *Placer) program() bool {
	if p.o.Long {
		return p.scan.program()
	}
	return p.blocks.program()
}

// follower is the first rune of rest, or of ahead, or 0.
func follower(rest, ahead string) rune {
	if rest == "" {
		rest = ahead
	}
	if rest == "" {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return r
}

// lookThrough looks for a mark, and for how much of a text is code, in what is
// there at once.
func (p *Placer) lookThrough(piece, ahead string) {
	if !p.stopped && p.placed == 0 && (marked(piece, []signer{*p.signer}) || marked(ahead, []signer{*p.signer})) {
		p.found()
	}
	p.scan.lookThrough(piece)
	p.line.forget()
	first, _, _ := cutLine(piece)
	p.line.grow(len(first))
}

// found stops placing: a mark stands in the text already.
func (p *Placer) found() {
	p.stopped = true
	if p.placed == 0 {
		p.skip = SkipMarked
	}
}

// step takes one rune in; raw is its bytes.
func (p *Placer) step(r rune, raw string) {
	if r < firstSelector || r >= firstSelector+base {
		p.runes++
	}
	if r >= 0x2000 || p.watch.busy() {
		if p.watch.rune(r) {
			p.found()
		}
	}
	letter := isLatin(r)
	if letter {
		p.latin++
	} else if r >= utf8.RuneSelf && unicode.IsLetter(r) {
		p.other++
	}
	p.token.rune(r, letter)
	if p.line.rune(r, raw) {
		p.blocks.endLine(p.line.text(), p.line.full)
		p.line.reset()
	}
}

// letters takes ASCII letters in, many at once, as most of a text is.
func (p *Placer) letters(s string) {
	p.runes += len(s)
	p.latin += len(s)
	p.token.word(len(s))
	p.line.word(s)
}

// letters returns how many bytes at the start of s are ASCII letters.
func letters(s string) int {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return i
		}
	}
	return len(s)
}

// isLatin reports whether r is a letter of the Latin script.
func isLatin(r rune) bool {
	if r < utf8.RuneSelf {
		return r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	return unicode.Is(unicode.Latin, r) && unicode.IsLetter(r)
}
