package disclose

import (
	"bytes"
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
)

// fieldName is the key of the statement inside an API's answer.
const fieldName = "ai_disclosure"

// An answer splices the field and the notices into the JSON payloads of one
// output: a single one, or those of a stream.
type answer struct {
	w        *Writer
	driver   *driver
	field    bool // the field is still due
	due      int  // choices whose notice is still due
	given    [maxChoices / 64]uint64
	toolCall bool
	known    bool
}

func (w *Writer) newAnswer() *answer {
	a := &answer{w: w, driver: drivers[w.out.Shape], field: w.want.Has(CarrierField)}
	if w.want.Has(CarrierNotice) {
		a.due = max(1, min(w.out.Choices, maxChoices))
	}
	return a
}

// settled reports whether nothing is left to splice.
func (a *answer) settled() bool { return !a.field && a.due == 0 }

// read walks one payload. It returns what the driver found, and the edits that
// remove a field that is not ours: an upstream's copy of our own statement is
// not to be trusted, and two hops must not leave two.
func (a *answer) read(payload []byte) (f found, edits []jsonscan.Edit, members int, err error) {
	s := jsonscan.New(payload)
	if s.Kind() != jsonscan.Object {
		return f, nil, 0, jsonscan.ErrSyntax
	}
	kept := 0 // end of the last member that stays
	err = s.Object(func(key jsonscan.Span) error {
		if jsonscan.Is(key.Of(payload), fieldName) {
			if err := s.Skip(); err != nil {
				return err
			}
			edits = removeMember(edits, payload, key.Start-1, s.Pos(), kept)
			return nil
		}
		members++
		start := s.Pos()
		if err := a.driver.member(s, key.Of(payload), &f); err != nil {
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
	return f, edits, members, err
}

// removeMember deletes the member at [start,end) with the comma that follows
// it; the last member goes with the comma before it, back to kept.
func removeMember(edits []jsonscan.Edit, payload []byte, start, end, kept int) []jsonscan.Edit {
	next := end
	for next < len(payload) && strings.IndexByte(" \t\r\n", payload[next]) >= 0 {
		next++
	}
	if next < len(payload) && payload[next] == ',' {
		return append(edits, jsonscan.Edit{At: start, Del: next + 1 - start})
	}
	if kept == 0 {
		return append(edits, jsonscan.Edit{At: start, Del: end - start})
	}
	for len(edits) > 0 && edits[len(edits)-1].At >= kept {
		edits = edits[:len(edits)-1]
	}
	return append(edits, jsonscan.Edit{At: kept, Del: end - kept})
}

// edit returns the edits of one payload of a stream or of a whole answer
// without images.
func (a *answer) edit(payload []byte) (found, []jsonscan.Edit, error) {
	f, edits, members, err := a.read(payload)
	if err != nil {
		return f, nil, err
	}
	a.w.noteResponse(payload, f.id)
	a.known, a.toolCall = a.known || f.known, a.toolCall || f.toolCall
	if a.field {
		a.field = false
		edits = append(edits, a.fieldEdit(payload, members))
	}
	if a.due > 0 {
		edits = a.noticeEdits(payload, f.texts, edits)
	}
	return f, edits, nil
}

// fieldEdit inserts the field as the first member.
func (a *answer) fieldEdit(payload []byte, members int) jsonscan.Edit {
	at := bytes.IndexByte(payload, '{')
	ins := a.w.fieldJSON()
	if members > 0 {
		ins = append(ins, ',')
	}
	a.w.attach(CarrierField, a.w.label.ID)
	return jsonscan.Edit{At: at + 1, Ins: ins}
}

// noticeEdits puts the notice before the first text of every choice whose
// notice is due. Where a key is there twice, every value gets it, as readers
// differ in which they take.
func (a *answer) noticeEdits(payload []byte, texts []foundText, edits []jsonscan.Edit) []jsonscan.Edit {
	var before = a.given
	for _, t := range texts {
		i := t.choice
		if t.tools || i < 0 || i >= maxChoices || before[i/64]&(1<<(i%64)) != 0 {
			continue
		}
		if a.given[i/64]&(1<<(i%64)) == 0 {
			a.given[i/64] |= 1 << (i % 64)
			a.due = max(0, a.due-1)
		}
		if a.w.m.noticePrefix(t.span.Of(payload)) > 0 {
			a.w.noticeGiven()
			continue // an avow before us wrote it
		}
		edits = append(edits, jsonscan.Edit{At: t.span.Start, Ins: jsonscan.AppendString(nil, a.w.noticeText())})
		a.w.noticeGiven()
	}
	return edits
}

func (w *Writer) noticeGiven() {
	if !w.notice {
		w.notice = true
		w.attach(CarrierNotice, w.label.ID)
	}
}

// finish settles, at the end of a whole answer, why no notice was given.
func (a *answer) finish() error {
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
		a.w.skip(ReasonShortText) // an answer without any text
		return nil
	}
	return nil
}

// fieldJSON is the field with its key, without a comma.
func (w *Writer) fieldJSON() []byte {
	b := append(make([]byte, 0, 320), `"`+fieldName+`":{`...)
	text := func(key, value string) {
		if value == "" {
			return
		}
		b = append(append(append(b, '"'), key...), `":"`...)
		b = append(jsonscan.AppendString(b, value), `",`...)
	}
	if w.speaks && w.out.Shape != ShapeOpenAIImages {
		text("notice", w.m.notices.text(w.language()))
		text("lang", w.language().String())
	}
	text("id", w.label.ID.String())
	b = append(b, `"generated":true,`...)
	text("provider", w.label.Provider)
	text("system", w.label.System)
	if w.m.o.Detector != nil {
		text("detector", w.m.o.Detector.String())
	}
	if len(w.imageIDs) > 0 {
		b = append(b, `"images":[`...)
		for i, id := range w.imageIDs {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), id.String()...), '"')
		}
		b = append(b, `],`...)
	}
	b[len(b)-1] = '}'
	return b
}
