package disclose

import (
	"context"
	"errors"
	"hash"
	"io"
	"slices"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark"
)

// A Writer marks one output on its way to its destination. It is not safe for
// concurrent use.
//
// After the last byte of a whole output comes Close; an output that broke off
// gets Abort instead, so that half an answer is never labelled as whole.
type Writer struct {
	m     *Marker
	ctx   context.Context
	dst   io.Writer
	out   Output
	label Label
	sink  sink
	// driver knows the output's shape; nil where its content is out of reach.
	driver  *driver
	visible *VisibleLabel // drawn into pictures, nil for none
	enabled CarrierSet    // carriers this output may get
	want    CarrierSet    // carriers it should get

	speaks        bool    // notices are enabled, so the field repeats the sentence
	due           Notices // the paragraphs that are to be given
	notice        bool    // they were
	changed       bool
	length        int64
	lengthSet     bool
	missing       CarrierSet
	passReason    Reason
	skipped       []Reason
	marks         []Mark
	imageIDs      []watermark.Payload
	images        []delivered
	responseID    string
	mediaType     string // of a body whose format was changed
	unrecorded    bool
	recalled      bool // the answer was sent, and recorded, before
	holdsManifest bool // the output carries its manifest itself
	store         []byte
	storeID       string                // of that manifest
	unstamped     bool                  // signed without the time stamp that should be there
	prints        []*fingerprint.Writer // of its texts, for the record
	empty         bool                  // the answer has no text yet, so that its notice is still due

	err       error
	done      bool
	aborted   bool
	digest    hash.Hash
	delivered int64
}

// delivered is what is recorded of one image inside an output.
type delivered struct {
	label     Label
	mediaType string
	sum       [32]byte
	size      int64
	print     fingerprint.Image
	store     []byte // its manifest store
	storeID   string
}

// A sink treats one kind of content.
type sink interface {
	write(p []byte) error
	flush() error
	close() error
}

// A Result says what has become of one output so far.
type Result struct {
	Label      Label
	Outcome    Outcome
	Reason     Reason    // of a passed or withheld outcome
	Missing    []Carrier // of a degraded outcome
	Unrecorded bool      // the record could not be kept
	Unstamped  bool      // signed without a time stamp that should be there
	Skipped    []Reason  // every reason counted on the way, each once
	Marks      []Mark
	IDs        []watermark.Payload // the response's first, then those of its images
	Language   language.Tag        // of the notice, where one was given
	Notice     bool                // a notice was given
	// Manifest is the address of the output's stored manifest, "" for none. A
	// stream's is there once the stream has ended.
	Manifest string
	Notices  Notices // those that were
	// MediaType is what a body that is one image has become where its format was
	// changed, "image/png"; empty otherwise. See [WebPToPNG].
	MediaType string
}

// Write takes the next bytes of the output. Its first error may be a
// *Withheld; where it is, nothing more reaches the destination.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err == nil && w.done {
		w.err = io.ErrClosedPipe
	}
	if w.err != nil {
		return 0, w.err
	}
	if w.err = w.sink.write(p); w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// Flush passes on what is decided, and flushes the destination where it can.
func (w *Writer) Flush() error {
	if w.err != nil || w.done {
		return w.err
	}
	w.err = w.sink.flush()
	return w.err
}

// Close ends a whole output: it marks what was held and records the Label. It
// returns a *Withheld where the profile refuses the output.
func (w *Writer) Close() error {
	if w.done || w.err != nil {
		w.done = true
		return w.err
	}
	w.err = w.sink.close()
	w.done = true
	if w.err == nil && !w.lengthSet { // held outputs were recorded before they left
		w.err = w.record(OutcomeMarked)
	}
	return w.err
}

// Abort ends an output that broke off. Nothing more is written.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	w.done, w.aborted = true, true
	if s, ok := w.sink.(interface{ abort() }); ok {
		s.abort()
	}
	if w.delivered > 0 {
		_ = w.record(OutcomeAborted)
	}
}

// Length is the length of a held output in bytes, known once it is about to be
// written.
func (w *Writer) Length() (int64, bool) { return w.length, w.lengthSet }

// Changed reports whether the output's bytes differ from what was written, or
// may come to.
func (w *Writer) Changed() bool { return w.changed }

// Result says what has become of the output so far. For a stream it tells, from
// the first byte on, what is meant to come.
func (w *Writer) Result() Result {
	r := Result{
		Label: w.label, Unrecorded: w.unrecorded, Unstamped: w.unstamped,
		Missing: w.missing.List(), Skipped: slices.Clone(w.skipped), Marks: slices.Clone(w.marks),
		IDs: []watermark.Payload{w.label.ID}, MediaType: w.mediaType,
	}
	if w.notice {
		r.Notices = w.due & noticesOnAI
		r.Notice = r.Notices != 0
	}
	if len(w.imageIDs) > 1 || len(w.imageIDs) == 1 && w.imageIDs[0] != w.label.ID { // a single image shares the response's id, if it had none
		r.IDs = append(r.IDs, w.imageIDs...)
	}
	if w.notice || !w.done && !w.lengthSet && w.want.Has(CarrierNotice) && !w.missing.Has(CarrierNotice) {
		r.Language = w.language()
	}
	r.Outcome, r.Reason = w.outcome()
	r.Manifest = w.manifestURL()
	return r
}

// outcome is what Result says of the output as a whole.
func (w *Writer) outcome() (Outcome, Reason) {
	var held *Withheld
	switch {
	case w.err != nil && errors.As(w.err, &held):
		return OutcomeWithheld, held.Reason
	case w.aborted || w.err != nil:
		return OutcomeAborted, ReasonNone
	case w.missing != 0 || w.unrecorded || w.unstamped:
		return OutcomeDegraded, ReasonNone
	case w.passReason != ReasonNone:
		return OutcomePassed, w.passReason
	}
	return OutcomeMarked, ReasonNone
}

func (w *Writer) language() language.Tag {
	if w.out.Language == language.Und {
		return language.English
	}
	return w.out.Language
}

// attach notes a carrier that is in place.
func (w *Writer) attach(c Carrier, id watermark.Payload) {
	w.marks = append(w.marks, Mark{Carrier: c, ID: id})
}

// pass notes that the output is left without a mark on purpose.
func (w *Writer) pass(r Reason) {
	w.skip(r)
	if w.passReason != ReasonNotAI { // says more than any other
		w.passReason = r
	}
}

func (w *Writer) skip(r Reason) {
	if !slices.Contains(w.skipped, r) {
		w.skipped = append(w.skipped, r)
	}
}

// fail notes that carriers could not be attached, and returns a *Withheld where
// the profile or the route refuses the output for it.
func (w *Writer) fail(set CarrierSet, r Reason, cause error) error {
	set &= w.want
	w.skip(r)
	if w.human() {
		return nil // nothing of a person's own is owed a mark
	}
	for _, c := range set.List() {
		w.marks = append(w.marks, Mark{Carrier: c, ID: w.label.ID, Reason: r, Err: cause})
	}
	action := w.m.o.Profile.On(r)
	if r == ReasonURLOnly && w.m.o.PassURLOnly {
		action = Pass
	}
	if set&w.out.Require != 0 {
		action = Withhold
	}
	switch action {
	case Withhold:
		return &Withheld{Reason: r, Hint: hints[r], Err: cause}
	case Degrade:
		w.missing |= set
	case Pass:
		w.passReason = r
	}
	if cause != nil {
		w.m.o.Logger.Warn("output not fully marked", "id", w.label.ID.String(), "reason", string(r), "action", action.String(), "error", cause)
	}
	return nil
}

// emit writes bytes to the destination.
func (w *Writer) emit(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if w.digest != nil {
		w.digest.Write(p)
	}
	n, err := w.dst.Write(p)
	w.delivered += int64(n)
	return err
}

func (w *Writer) flushDst() error {
	switch f := w.dst.(type) {
	case interface{ FlushError() error }:
		return f.FlushError()
	case interface{ Flush() error }:
		return f.Flush()
	case interface{ Flush() }:
		f.Flush()
	}
	return nil
}

func (w *Writer) noteResponse(payload []byte, id jsonscan.Span) {
	if w.responseID == "" && id.End > id.Start {
		w.responseID = jsonscan.Unquote(id.Of(payload), maxModel)
	}
}
