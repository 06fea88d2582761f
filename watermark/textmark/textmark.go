// Package textmark hides 40 bits of an identifier in text and finds them again.
// It knows text and keys: no label, no JSON, no HTTP.
//
// The mark is the frame: a run of 22 variation selectors of U+FE00–FE0D, which
// no font draws and no text routine counts as a character of its own. Frames
// stand behind plain words and sentences of long Latin prose and nowhere else:
// not in code, addresses, tables, markup or other scripts. They go with copies
// and excerpts, and die with any filter that drops such characters, so their
// absence says nothing. docs/spec/text-mark.md describes all of it.
//
//   - [Embed] marks a text that is there at once, [NewWriter] one on its way,
//     and a [Placer] says where the frames go for who splices them himself.
//   - [Detect] says what a text carries, [Strip] and [OwnRuns] take own frames
//     out again.
package textmark

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/avowai/avow/watermark"
)

// Lengths, in code points of the text without its frames.
const (
	// Threshold is the length up to which a text stays without frames.
	Threshold = 800
	// DefaultDistance is the least distance between two frames.
	DefaultDistance = 400
	// DenseDistance is the closer distance that a route may choose.
	DenseDistance = 200

	// firstPoint is where the first frame may stand in a text known to be long.
	firstPoint = 40
)

// An ID is what a frame carries: the first 5 bytes of a label's identifier.
type ID [5]byte

// String is the ID as 10 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Options choose how frames are placed. The zero value is the recommended one.
type Options struct {
	// Distance is the least number of code points between two frames. Zero is
	// DefaultDistance; what is below DenseDistance counts as DenseDistance.
	Distance int
	// Long says that the text is known to be longer than Threshold and is given
	// in one piece, or in pieces that end with their lines. The first frame then
	// stands behind character 40 instead of 800, and lines are judged whole.
	// [Embed] sets it.
	Long bool
}

func (o Options) distance() int {
	if o.Distance == 0 {
		return DefaultDistance
	}
	return max(o.Distance, DenseDistance)
}

// A Skip is the reason why a text carries no frame of ours.
type Skip uint8

// Reasons. SkipNone is also the answer where frames were placed.
const (
	SkipNone      Skip = iota
	SkipShortText      // not longer than Threshold
	SkipScript         // mostly letters of scripts that the rule does not cover
	SkipCode           // every point lay in code, markup, addresses or tables
	SkipNoPoint        // no word or sentence ended as the rule asks
	SkipMarked         // it carried a mark when it came
)

var skipNames = [...]string{"", "short_text", "script", "code", "no_point", "already_marked"}

// String is the reason's wire name: "", "short_text", "script", "code",
// "no_point" or "already_marked".
func (s Skip) String() string {
	if int(s) < len(skipNames) {
		return skipNames[s]
	}
	return "unknown"
}

// Embed returns text with frames, or text itself and the reason for none. It
// changes nothing but to insert frames; invalid UTF-8 stays as it is.
func Embed(text string, id ID, key watermark.Key, o Options) (string, Skip) {
	switch {
	case marked(text, signers([]watermark.Key{key})):
		return text, SkipMarked
	case utf8.RuneCountInString(text) <= Threshold:
		return text, SkipShortText
	}
	o.Long = true
	p := NewPlacer(id, key, o)
	return splice(text, p.Next(text, "")), p.Skip()
}

// marked reports whether text carries a mark that keeps ours out.
func marked(text string, keys []signer) bool {
	if !strings.Contains(text, selectorLead) && !strings.Contains(text, windowsMark) {
		return false
	}
	d := detect(text, keys)
	return d.Windows > 0 || d.C2PA || d.Verified()
}

// splice puts the frames of one piece into it.
func splice(piece string, ins []Insertion) string {
	if len(ins) == 0 {
		return piece
	}
	var b strings.Builder
	b.Grow(len(piece) + len(ins)*FrameBytes)
	from := 0
	for _, i := range ins {
		b.WriteString(piece[from:i.At])
		b.WriteString(i.Frame)
		from = i.At
	}
	b.WriteString(piece[from:])
	return b.String()
}
