package disclose

import (
	"bytes"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/textwrap"
	"github.com/avowai/avow/disclose/fingerprint"
	"github.com/avowai/avow/watermark/textmark"
)

var utf8BOM = []byte("\ufeff")

// A textSink puts the notice before the first character of a plain text, and
// text marks between its words. A byte order mark stays in front; a notice that
// an avow before us wrote is enough.
type textSink struct {
	w     *Writer
	start []byte // the first bytes, while they may be a byte order mark or a notice
	begun bool
	marks *textmark.Writer    // nil where no text mark may be placed
	end   ending              // of an export
	print *fingerprint.Writer // nil where none is kept
}

func (s *textSink) write(p []byte) error {
	if s.begun {
		return s.text(p)
	}
	s.start = append(s.start, p...)
	if startOf(utf8BOM, s.start) || startOf([]byte(s.w.noticeText()), bytes.TrimPrefix(s.start, utf8BOM)) {
		return nil
	}
	return s.begin()
}

// startOf reports whether more bytes could make part equal to whole.
func startOf(whole, part []byte) bool {
	return len(part) < len(whole) && bytes.HasPrefix(whole, part)
}

// begin writes what stands before the text, and the first of it.
func (s *textSink) begin() error {
	s.begun = true
	before, text, given := s.w.opening(s.start)
	s.start, s.print = nil, s.w.newTextPrint()
	s.end.footer = s.w.footer()
	if s.w.want.Has(CarrierTextMark) {
		s.marks = textmark.NewWriter(emitter{s}, s.w.frameID(), s.w.m.o.Key, s.w.frameOptions(false))
	}
	s.w.changed = s.w.changed || given || s.marks != nil || s.end.footer != ""
	if err := s.w.emit(before); err != nil {
		return err
	}
	return s.text(text)
}

// opening returns what leads a text, a byte order mark and the notice, and the
// text behind it; given says that the notice is ours and not a hop's before us.
func (w *Writer) opening(text []byte) (before, rest []byte, given bool) {
	rest = bytes.TrimPrefix(text, utf8BOM)
	before = append(before, text[:len(text)-len(rest)]...)
	if !w.want.Has(CarrierNotice) || len(text) == 0 {
		return before, rest, false
	}
	w.noticeGiven()
	notice := []byte(w.noticeText())
	if bytes.HasPrefix(rest, notice) {
		return append(before, notice...), rest[len(notice):], false
	}
	return append(before, notice...), rest, true
}

// text writes a piece of the text itself.
func (s *textSink) text(p []byte) error {
	if s.print != nil {
		s.print.WriteBytes(p)
	}
	if s.marks == nil {
		return s.emit(p)
	}
	_, err := s.marks.Write(p)
	return err
}

func (s *textSink) flush() error { return s.w.flushDst() }

// abort passes on the space that waited for what follows.
func (s *textSink) abort() {
	if s.marks != nil {
		_ = s.marks.Close()
	}
}

func (s *textSink) close() error {
	if !s.begun {
		if err := s.begin(); err != nil {
			return err
		}
	}
	if s.marks != nil {
		if err := s.marks.Close(); err != nil {
			return err
		}
		p := s.marks.Placer()
		s.w.settleFrames(p.Placed(), p.Skip())
	}
	return s.w.emit([]byte(s.end.missing()))
}

// emit passes a piece of the text on.
func (s *textSink) emit(p []byte) error {
	if s.end.footer != "" {
		s.end.see(p)
	}
	return s.w.emit(p)
}

// emitter is where a sink's text marks go on to.
type emitter struct{ s *textSink }

func (e emitter) Write(p []byte) (int, error) { return len(p), e.s.emit(p) }

// footer is the last line of an export, "" for none.
func (w *Writer) footer() string {
	if !w.out.Export || w.m.o.VisibleLabel == nil {
		return ""
	}
	return FooterText(w.language(), w.label, w.m.o.Detector)
}

// finishText marks a text that is there at once: its marks may begin with it.
func (w *Writer) finishText(text []byte) ([]byte, error) {
	before, rest, _ := w.opening(text)
	if print := w.newTextPrint(); print != nil {
		print.WriteBytes(rest)
	}
	if p := w.out.Publication; p != nil {
		published, duty := p.Publish(string(rest), w.language())
		rest = []byte(published)
		if duty != DutyNone {
			w.attach(CarrierVisibleLabel, w.label.ID)
		}
	}
	if !w.want.Has(CarrierTextMark) {
		return w.wrapped(w.withFooter(append(before, rest...)))
	}
	marked, skip := textmark.Embed(string(rest), w.frameID(), w.m.o.Key, w.frameOptions(true))
	placed := 0
	if skip == textmark.SkipNone {
		placed = 1
	}
	w.settleFrames(placed, skip)
	return w.wrapped(w.withFooter(append(before, marked...)))
}

// wrapped has a text carry its manifest itself, where that is asked for.
func (w *Writer) wrapped(text []byte) ([]byte, error) {
	p := w.m.o.Provenance
	if p == nil || !p.TextWrapper || !w.enabled.Has(CarrierManifest) || w.human() || len(text) == 0 {
		return text, nil
	}
	w.want |= NewCarrierSet(CarrierManifest)
	if textwrap.Begins(string(text)) { // a second one would void both
		w.holdsManifest = true
		return text, w.fail(NewCarrierSet(CarrierManifest), ReasonForeignManifest, nil)
	}
	ctx, cancel := p.stampTime(w.ctx)
	defer cancel()
	out, info, err := c2pa.SignText(ctx, text, p.manifest(w.label), p.Signer)
	if err != nil {
		return text, w.fail(NewCarrierSet(CarrierManifest), ReasonMarkerError, err)
	}
	w.unstamped, w.holdsManifest = w.m.o.unstamped(info), true
	w.store, w.storeID = info.Store, info.Label
	w.attach(CarrierManifest, w.label.ID)
	return out, nil
}

func (w *Writer) withFooter(text []byte) []byte {
	return []byte(WithFooter(string(text), w.footer()))
}

// frameID is what the output's text marks carry.
func (w *Writer) frameID() textmark.ID { return textmark.ID(w.label.ID[:5]) }

func (w *Writer) frameOptions(long bool) textmark.Options {
	distance := w.out.TextMarkDistance
	if distance == 0 {
		distance = w.m.o.TextMarkDistance
	}
	return textmark.Options{Distance: distance, Long: long}
}

// settleFrames notes, at the end of a text, whether marks were placed in it, and
// why not.
func (w *Writer) settleFrames(placed int, skip textmark.Skip) {
	switch {
	case placed > 0:
		w.attach(CarrierTextMark, w.label.ID)
	case skip == textmark.SkipShortText:
		w.skip(ReasonShortText)
	case skip == textmark.SkipScript:
		w.skip(ReasonScript)
	case skip == textmark.SkipMarked:
		w.pass(ReasonAlreadyMarked)
	case skip != textmark.SkipNone: // code, or no point in the text fits
		w.skip(ReasonCode)
	}
}
