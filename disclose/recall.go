package disclose

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"golang.org/x/text/language"
)

// recall has an answer that was sent before, and is asked for again by its id,
// show what it showed then: the same label, notice and text marks. Without a
// record nothing can tell, nor in a stream that goes on in the middle, without
// its first event and the id in it: it gets the header and the field alone, and
// is counted.
func (a *answer) recall() {
	w := a.w
	if !w.out.Stored || w.recalled {
		return
	}
	w.recalled = true
	r, err := w.pastRecord()
	if err != nil {
		a.due, a.marks = 0, false
		w.want = w.want.Without(CarrierNotice).Without(CarrierTextMark)
		w.skip(ReasonLedgerDown)
		return
	}
	w.label = r.Label
	if r.Empty { // it was queued; what is due with its first text still is
		return
	}
	w.due = noticesNamed(r.Notices) & noticesOnAI
	a.streamed = Classify(r.MediaType) == KindSSE
	a.due = 0
	w.want = w.want.Without(CarrierNotice)
	if tag, given := w.pastLanguage(r); given && w.enabled.Has(CarrierNotice) {
		a.due, w.out.Language = 1, tag
		w.want = w.want.With(CarrierNotice)
	}
	if a.marks = a.marks && slices.Contains(r.Carriers, CarrierTextMark); !a.marks {
		w.want = w.want.Without(CarrierTextMark)
	}
}

func (w *Writer) pastRecord() (Record, error) {
	if w.m.o.Records == nil || w.responseID == "" {
		return Record{}, ErrNoRecord
	}
	ctx, cancel := context.WithTimeout(w.ctx, recordWait)
	defer cancel()
	r, err := w.m.o.Records.ByResponse(ctx, w.responseID)
	if err != nil && !errors.Is(err, ErrNoRecord) {
		w.m.o.Logger.Warn("records cannot be asked what an answer showed", "error", err)
	}
	return r, err
}

// pastLanguage returns the language of a recorded notice, if one was given and
// its text is still the same.
func (w *Writer) pastLanguage(r Record) (tag language.Tag, given bool) {
	tag, err := language.Parse(r.Language)
	if err != nil {
		return tag, false
	}
	w.out.Language = tag
	return tag, sha256.Sum256([]byte(w.noticesText(w.due))) == r.NoticeHash
}
