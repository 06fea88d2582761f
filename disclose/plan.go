package disclose

import "crypto/sha256"

// plan chooses the sink and the carriers that apply to the output.
func (w *Writer) plan() {
	enabled := w.m.carriers
	if w.out.Carriers != nil {
		enabled &= w.out.Carriers.With(CarrierHeader)
	}
	enabled = w.byAuthor(enabled)
	w.enabled = enabled
	w.want = enabled & NewCarrierSet(CarrierHeader)
	w.speaks = enabled.Has(CarrierNotice) && w.out.Author == AuthorAI
	w.due = w.noticesDue(enabled)
	w.driver = w.out.driver()
	w.visible = w.visibleLabel()
	kind := Classify(w.out.ContentType)
	switch {
	case w.out.mode() == ModePass || w.human() && (kind == KindImage || w.due == 0):
		w.planPass(enabled, kind)
	case kind == KindImage:
		w.want |= w.imageCarriers()
		w.sink = &holdSink{w: w, finish: (*Writer).finishImage}
	case kind == KindMedia && !enabled.Has(CarrierManifest):
		w.planPass(enabled, kind)
	case kind == KindMedia:
		w.want |= enabled & NewCarrierSet(CarrierManifest)
		w.sink = &holdSink{w: w, finish: (*Writer).finishMedia}
	case kind == KindJSON && w.driver.array:
		w.planAnswer(enabled)
		w.sink = w.newStream(arrayFrame)
	case kind == KindJSON:
		w.planAnswer(enabled)
		w.sink = &holdSink{w: w, finish: (*Writer).finishJSON}
	case kind == KindSSE:
		w.planAnswer(enabled)
		w.sink = w.newStream(sseFrame)
	case kind == KindNDJSON:
		w.planAnswer(enabled)
		w.sink = w.newStream(lineFrame)
	case kind == KindHTML:
		w.planHTML(enabled)
	default:
		w.planNotice(enabled)
		w.planTextMark(enabled)
		w.sink = &textSink{w: w}
		if w.out.Whole || w.out.Publication != nil {
			w.sink = &holdSink{w: w, finish: (*Writer).finishText}
		}
	}
	if _, held := w.sink.(*holdSink); !held {
		w.countDelivered()
	}
}

// countDelivered has the bytes hashed on their way, for the record. A held
// output is hashed whole.
func (w *Writer) countDelivered() {
	if w.m.spool.on() {
		w.digest = sha256.New()
	}
}

// planPass says why the output stays as it is.
func (w *Writer) planPass(enabled CarrierSet, kind Kind) {
	w.sink = passSink{w}
	if w.out.Shape == ShapeCode || w.out.Constrained == ReasonCode {
		w.pass(ReasonCode)
		return
	}
	missing := NewCarrierSet(CarrierNotice, CarrierField)
	if kind == KindText || kind == KindHTML {
		missing = NewCarrierSet(CarrierNotice)
	}
	missing |= w.out.Require.Without(CarrierHeader)
	w.want |= enabled&missing | w.out.Require
	if w.due != 0 {
		w.want |= NewCarrierSet(CarrierNotice)
	}
	w.err = w.fail(missing, ReasonUnknownShape, nil)
}

// planAnswer sets the carriers of an API's answer.
func (w *Writer) planAnswer(enabled CarrierSet) {
	w.want |= enabled & NewCarrierSet(CarrierField)
	switch {
	case w.driver.pictures:
		w.want |= w.imageCarriers()
	case w.driver.visible || w.out.Constrained != ReasonNone:
		w.planNotice(enabled)
		w.planTextMark(enabled)
	default:
		w.withoutNotice(ReasonCode)
	}
}

// imageCarriers are the enabled carriers of pictures.
func (w *Writer) imageCarriers() CarrierSet {
	set := w.enabled & NewCarrierSet(CarrierImageMark, CarrierMetadata, CarrierManifest)
	if w.visible != nil {
		set = set.With(CarrierVisibleLabel)
	}
	return set
}

// planTextMark decides whether text marks may be placed. Where the rules of text
// forbid them the output is not degraded: the reason is counted.
func (w *Writer) planTextMark(enabled CarrierSet) {
	switch {
	case !enabled.Has(CarrierTextMark) || w.out.Constrained != ReasonNone:
	case w.out.NoFrames != ReasonNone:
		w.skip(w.out.NoFrames)
	default:
		w.want |= NewCarrierSet(CarrierTextMark)
	}
}

// withoutNotice leaves the notice out on purpose, unless the route requires it.
func (w *Writer) withoutNotice(r Reason) {
	w.pass(r)
	if w.out.Require.Has(CarrierNotice) {
		w.want |= NewCarrierSet(CarrierNotice)
		w.err = w.fail(NewCarrierSet(CarrierNotice), r, nil)
	}
}

// planNotice decides whether a notice is due.
func (w *Writer) planNotice(enabled CarrierSet) {
	switch {
	case w.out.Constrained != ReasonNone:
		w.withoutNotice(w.out.Constrained)
	case w.due != 0:
		w.want |= NewCarrierSet(CarrierNotice)
	}
}
