package disclose

import (
	"slices"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark"
)

// An answer splices the field, the notices and the text marks into the JSON
// payloads of one output: a single one, or those of a stream.
type answer struct {
	w        *Writer
	driver   *driver
	found    found // of the payload at hand; its memory is used again
	members  int   // of the payload at hand
	field    bool  // the field is still due
	due      int   // voices whose notice is still due
	given    [maxChoices / 64]uint64
	marks    bool // frames may be placed
	short    bool // a text was too short for one
	toolCall bool
	known    bool
	held     bool // the payload is the whole output
	streamed bool // it is, but was a stream when it was marked first
	texts    map[part]*running
	last     *running // the one used last, and its name
	lastPart part
	waiting  *waiting
	prints   bool                         // the record keeps fingerprints of the texts
	heard    map[part]*fingerprint.Writer // of those that are only listened to
	images   imageMemory
}

func (w *Writer) newAnswer() *answer {
	a := &answer{w: w, driver: w.driver, field: w.want.Has(CarrierField), marks: w.want.Has(CarrierTextMark), prints: w.printsText()}
	if w.want.Has(CarrierNotice) {
		a.due = max(1, min(w.out.Choices, maxChoices))
	}
	return a
}

// settled reports whether nothing is left to splice.
func (a *answer) settled() bool {
	return a.lateOnly() && len(a.driver.late) == 0
}

// lateOnly reports whether nothing but late payloads is left to look for.
func (a *answer) lateOnly() bool {
	return !a.field && a.due == 0 && !a.marks && (len(a.texts) == 0 || !a.driver.repeats)
}

// read walks one payload into a.found. The edits remove a field that is not
// ours: an upstream's copy of our own statement is not to be trusted, and two
// hops must not leave two.
func (a *answer) read(payload []byte) (edits []jsonscan.Edit, err error) {
	s := jsonscan.New(payload)
	if s.Kind() != jsonscan.Object {
		return nil, jsonscan.ErrSyntax
	}
	f := &a.found
	f.reset()
	a.members = 0
	kept := 0 // end of the last member that stays
	err = s.Object(func(key jsonscan.Span) error {
		if jsonscan.Is(key.Of(payload), fieldName) {
			if err := s.Skip(); err != nil {
				return err
			}
			edits = removeMember(edits, payload, key.Start-1, s.Pos(), kept)
			return nil
		}
		a.members++
		start := s.Pos()
		if err := a.driver.member(s, key.Of(payload), f); err != nil {
			return err
		}
		if s.Pos() == start {
			if err := s.Skip(); err != nil {
				return err
			}
		}
		kept = s.Pos()
		return nil
	})
	if err == nil {
		err = s.End()
	}
	if err == nil && a.driver.settle != nil {
		a.driver.settle(payload, f)
	}
	edits = append(edits, f.drop...)
	if a.held && !a.driver.pieces {
		f.alternatives()
	}
	return edits, err
}

// note keeps what the payload at hand says about the whole output.
func (a *answer) note(payload []byte) {
	f := &a.found
	a.w.noteResponse(payload, f.id)
	a.known, a.toolCall = a.known || f.known, a.toolCall || f.toolCall
}

// splice appends the edits that attach the field, the notices and the text
// marks to the payload at hand, whose images have the given ids.
func (a *answer) splice(payload []byte, edits []jsonscan.Edit, images []watermark.Payload) []jsonscan.Edit {
	f := &a.found
	if a.fieldDue(images) {
		edits = append(edits, a.fieldEdit(payload, a.members, images))
		if a.field {
			a.field = false
			a.w.attach(CarrierField, a.w.label.ID)
		}
	}
	for i := range f.texts {
		edits = a.textEdits(payload, &f.texts[i], edits)
	}
	for _, o := range f.offsets {
		edits = a.offsetEdit(payload, o, edits)
	}
	return edits
}

// fieldDue reports whether the payload at hand gets the field: the first one,
// and in a stream every one that holds images, whose ids it names.
func (a *answer) fieldDue(images []watermark.Payload) bool {
	if !a.w.want.Has(CarrierField) || a.driver.home && a.found.home.at == 0 {
		return false
	}
	return a.field || len(images) > 0
}

// noticeDue reports whether a text is the first of its voice, and takes note.
func (a *answer) noticeDue(t *foundText) bool {
	if !a.isDue(t.voice) {
		return false
	}
	a.given[t.voice/64] |= 1 << (t.voice % 64)
	a.due--
	return true
}

// isDue reports whether a voice has not given its notice.
func (a *answer) isDue(voice int) bool {
	return a.due > 0 && voice >= 0 && voice < maxChoices && a.given[voice/64]&(1<<(voice%64)) == 0
}

func (w *Writer) noticeGiven() {
	if !w.notice && w.due&noticesOnAI != 0 {
		w.attach(CarrierNotice, w.label.ID)
	}
	w.notice = true
}

// offsetsIn reports whether the payload at hand counts units of a part's text.
func (a *answer) offsetsIn(p part) bool {
	return slices.ContainsFunc(a.found.offsets, func(o foundOffset) bool { return o.part == p })
}

// finish settles, at the end of a whole answer, what was left out and why.
func (a *answer) finish() error {
	a.settleFrames()
	switch {
	case !a.w.want.Has(CarrierNotice) || a.w.notice:
		return nil
	case a.toolCall:
		a.w.pass(ReasonToolCall)
		if a.w.out.Require.Has(CarrierNotice) {
			return a.w.fail(NewCarrierSet(CarrierNotice), ReasonToolCall, nil)
		}
		return nil
	case a.known:
		a.w.empty = true
		a.w.skip(ReasonShortText) // an answer without any text
		return nil
	}
	return nil
}
