package disclose

import (
	"fmt"
	"sort"
	"strconv"
	"unicode/utf8"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark/textmark"
)

// maxRunning bounds the running texts of one answer that are kept apart. What
// comes beyond stays without frames, and with the notice.
const maxRunning = 1024

// A running is one generated text on its way: the pieces of a stream, or a text
// that is there at once. It remembers what was put into it, so that a stream
// that says the text again says the same, and so that offsets can be moved.
type running struct {
	placer *textmark.Placer    // nil where no frame may stand
	bare   bool                // not remembered, so without frames
	heard  bool                // what came before was only listened to
	print  *fingerprint.Writer // nil until there is a text to keep one of
	text   length              // of what has been seen, insertions left out
	ins    []inserted
	// Where the last piece began: its first insertion and its place in the text.
	first, start int
}

// A length is the length of a text in each unit.
type length struct{ bytes, runes int }

func (l length) in(u unit) int {
	if u == unitBytes {
		return l.bytes
	}
	return l.runes
}

func lengthOf(text string) length { return length{len(text), utf8.RuneCountInString(text)} }

// inserted is a text that was put in at a place of the original text.
type inserted struct {
	at   length
	text string
	sum  length // of what was put in up to here, itself included
}

// running returns the running text of a part.
func (a *answer) running(p part) *running {
	if a.last != nil && a.lastPart == p {
		return a.last
	}
	r := a.texts[p]
	if r == nil {
		r = &running{print: a.heard[p], heard: a.heard[p] != nil}
		if a.texts == nil {
			a.texts = map[part]*running{}
		}
		if r.bare = len(a.texts) >= maxRunning; !r.bare {
			a.texts[p] = r
		}
	}
	a.last, a.lastPart = r, p
	return r
}

// textEdits returns what goes into one piece of text.
func (a *answer) textEdits(payload []byte, t *foundText, edits []jsonscan.Edit) []jsonscan.Edit {
	if t.tools {
		return edits
	}
	raw := t.span.Of(payload)
	r := a.running(t.part)
	if t.again {
		return r.editsFrom(r.first, r.start, raw, t.span.Start, edits)
	}
	if t.whole && r.text.bytes > 0 {
		return r.repeat(raw, t.span.Start, edits)
	}
	r.first, r.start = len(r.ins), r.text.bytes
	given, before := 0, Notices(0) // what an avow before us wrote, and its bytes
	if r.text.bytes == 0 {
		given, before = a.w.m.noticePrefix(raw)
	}
	if a.noticeDue(t) {
		a.w.noticeGiven()
		if due := a.w.due &^ before; due != 0 {
			r.insert(r.text, a.w.noticesText(due))
		}
	}
	a.frames(r, t, raw, given)
	return r.editsFrom(r.first, r.start, raw, t.span.Start, edits)
}

// frames has the placer look at a piece of text behind the notice that is given
// in it, so that it finds the frames of an avow before us where it would place
// its own.
func (a *answer) frames(r *running, t *foundText, raw []byte, given int) {
	if !a.marks { // a text that is said again has to be known by its length
		a.printedRaw(r, t, raw[given:])
		r.text.bytes += jsonscan.Length(raw)
		return
	}
	notice, text := jsonscan.Unquote(raw[:given], given), jsonscan.Unquote(raw[given:], len(raw))
	a.printed(r, t, text)
	if r.placer == nil && r.text.bytes == 0 && !t.twin && !r.bare {
		r.placer = a.newPlacer(t, lengthOf(text))
	}
	r.text = add(r.text, lengthOf(notice))
	if t.twin {
		r.stop()
	}
	if !a.held && !t.whole && len(a.found.texts) == 1 && r.placer != nil && r.placer.Wait(text) {
		a.waiting = &waiting{r, t.part, text, raw, t.span.Start}
		return
	}
	r.place(text, "")
}

// place adds a piece of text and the frames that go into it.
func (r *running) place(text, ahead string) {
	if r.placer != nil {
		for _, i := range r.placer.Next(text, ahead) {
			r.insert(add(r.text, lengthOf(text[:i.At])), i.Frame)
		}
	}
	r.text = add(r.text, lengthOf(text))
}

// A waiting is a piece of text, a lone white space, before which a frame is due
// if a letter follows: its event is held until the next one tells.
type waiting struct {
	r    *running
	part part
	text string
	raw  []byte
	at   int // where raw starts in its payload
}

// resume returns the edits of the piece that waited, now that the payload at
// hand, nil at the end of the stream, tells what follows it.
func (a *answer) resume(payload []byte) []jsonscan.Edit {
	w := a.waiting
	a.waiting = nil
	ahead := ""
	if payload != nil {
		for _, t := range a.found.texts {
			if t.part == w.part && !t.whole && !t.tools {
				ahead = jsonscan.Unquote(t.span.Of(payload), maxAhead)
				break
			}
		}
	}
	first, start := len(w.r.ins), w.r.text.bytes
	w.r.place(w.text, ahead)
	return w.r.editsFrom(first, start, w.raw, w.at, nil)
}

// maxAhead bounds how much of the next piece is looked at, in bytes: enough for
// the rest of a line.
const maxAhead = 512

func add(a, b length) length { return length{a.bytes + b.bytes, a.runes + b.runes} }

// newPlacer returns what places the frames of a text, or nil. A text that is
// there at once is known to be long or short; one that counts its own units
// stays as it is.
func (a *answer) newPlacer(t *foundText, size length) *textmark.Placer {
	whole := a.held && !a.streamed
	switch {
	case whole && a.offsetsIn(t.part):
		a.w.skip(ReasonOffsets)
		return nil
	case whole && size.runes <= textmark.Threshold:
		a.short = true
		return nil
	}
	return a.w.m.placers.Placer(a.w.frameID(), a.w.frameOptions(whole))
}

func (r *running) insert(at length, text string) {
	sum := lengthOf(text)
	if n := len(r.ins); n > 0 {
		sum = add(sum, r.ins[n-1].sum)
	}
	r.ins = append(r.ins, inserted{at, text, sum})
}

// stop lets no further frame be placed.
func (r *running) stop() {
	if r.placer != nil {
		r.placer.Stop()
	}
}

// editsFrom returns the edits of a piece that began at byte start of the text,
// for the insertions from number first on.
func (r *running) editsFrom(first, start int, raw []byte, at int, edits []jsonscan.Edit) []jsonscan.Edit {
	c := cursor{raw: raw}
	for _, i := range r.ins[first:] {
		edits = append(edits, i.edit(at+c.offset(i.at.bytes-start)))
	}
	return edits
}

// repeat returns the edits of a text that was seen before. Where it is not the
// same text, by its length, it gets what stood at its start.
func (r *running) repeat(raw []byte, at int, edits []jsonscan.Edit) []jsonscan.Edit {
	same := jsonscan.Length(raw) == r.text.bytes
	c := cursor{raw: raw}
	for _, i := range r.ins {
		if same || i.at.bytes == 0 {
			edits = append(edits, i.edit(at+c.offset(i.at.bytes)))
		}
	}
	return edits
}

func (i inserted) edit(at int) jsonscan.Edit {
	return jsonscan.Edit{At: at, Ins: jsonscan.AppendString(make([]byte, 0, len(i.text)+8), i.text)}
}

// A cursor finds places in the content of a JSON string, one behind the other,
// in one pass over it.
type cursor struct {
	raw      []byte
	pos, out int // in raw, and in the text that it says
}

// offset is [jsonscan.Offset] for places that do not decrease. No byte of a text
// takes more than the six of an escape, and no rune more than two of them.
func (c *cursor) offset(n int) int {
	near := c.raw[c.pos:min(len(c.raw), c.pos+6*max(0, n-c.out)+12)]
	c.pos += jsonscan.Offset(near, n-c.out)
	c.out = n
	return c.pos
}

// offsetEdit moves a number that counts units of a text by what was put in
// before the place it names.
func (a *answer) offsetEdit(payload []byte, o foundOffset, edits []jsonscan.Edit) []jsonscan.Edit {
	n, err := strconv.Atoi(o.digits(payload))
	if err != nil {
		return edits
	}
	moved := n + sumBefore(a.insertions(o), n, o)
	if moved == n {
		return edits
	}
	ins := strconv.AppendInt(nil, int64(moved), 10)
	if o.missing != "" {
		ins = fmt.Appendf(nil, "%q:%d,", o.missing, moved)
	}
	return append(edits, jsonscan.Edit{At: o.span.Start, Del: o.span.End - o.span.Start, Ins: ins})
}

// sumBefore is the length of what was put in before place n.
func sumBefore(ins []inserted, n int, o foundOffset) int {
	before := sort.Search(len(ins), func(i int) bool {
		at := ins[i].at.in(o.unit)
		return at > n || at == n && o.end
	})
	if before == 0 {
		return 0
	}
	return ins[before-1].sum.in(o.unit)
}

// insertions are those into the text that an offset speaks of. One that is still
// to come in a stream will begin with the notice that is due to its voice, and
// gets no frames: nobody knows yet where they would stand.
func (a *answer) insertions(o foundOffset) []inserted {
	r := a.texts[o.part]
	switch {
	case r != nil && r.text.bytes > 0:
		return r.ins
	case a.held:
		return nil
	case a.marks:
		a.running(o.part).bare = true
		a.w.skip(ReasonOffsets)
	}
	if !a.isDue(o.voice) {
		return nil
	}
	notice := a.w.noticeText()
	return []inserted{{text: notice, sum: lengthOf(notice)}}
}

// settleFrames notes, at the end, whether frames were placed, and why not.
func (a *answer) settleFrames() {
	if !a.marks {
		return
	}
	placed, skip := 0, textmark.SkipNone
	if a.short {
		skip = textmark.SkipShortText
	}
	for _, r := range a.texts {
		if r.placer == nil {
			continue
		}
		placed += r.placer.Placed()
		if why := r.placer.Skip(); why > skip {
			skip = why
		}
	}
	a.w.settleFrames(placed, skip)
}
