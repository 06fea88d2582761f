package disclose

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/avowai/avow/internal/jsonscan"
)

// passSink leaves an output alone.
type passSink struct{ w *Writer }

func (s passSink) write(p []byte) error { return s.w.emit(p) }
func (s passSink) flush() error         { return s.w.flushDst() }
func (s passSink) close() error         { return nil }

// A holdSink keeps an output until it is whole, within Options.MaxHeld.
type holdSink struct {
	w      *Writer
	buf    []byte
	finish func(*Writer, []byte) ([]byte, error)
}

func (s *holdSink) write(p []byte) error {
	if int64(len(s.buf)+len(p)) > s.w.m.o.MaxHeld {
		return s.overflow(p)
	}
	s.buf = append(s.buf, p...)
	s.w.m.o.ObserveHeld(int64(len(p)))
	return nil
}

// overflow gives up on holding: the profile refuses the output or passes it on
// as it comes.
func (s *holdSink) overflow(p []byte) error {
	w := s.w
	cause := fmt.Errorf("output is larger than %d bytes", w.m.o.MaxHeld)
	err := w.overflowed(cause)
	held := s.buf
	s.release()
	if err != nil {
		return err
	}
	w.sink = passSink{w}
	w.countDelivered()
	if err := w.emit(held); err != nil {
		return err
	}
	return w.emit(p)
}

// overflowed asks the profile about an output that is too large to hold. Sound
// and moving pictures usually are, and nothing but the manifest was due in them.
func (w *Writer) overflowed(cause error) error {
	set := w.want.Without(CarrierHeader)
	if Classify(w.out.ContentType) == KindMedia && set&w.out.Require == 0 {
		w.skip(ReasonTooLarge)
		w.missing |= set
		return nil
	}
	return w.fail(set, ReasonTooLarge, cause)
}

// flush does nothing: what is held is not decided.
func (s *holdSink) flush() error { return nil }

func (s *holdSink) abort() { s.release() }

func (s *holdSink) release() {
	s.w.m.o.ObserveHeld(-int64(len(s.buf)))
	s.buf = nil
}

func (s *holdSink) close() error {
	data := s.buf
	defer s.release()
	out, err := s.w.guard(data, s.finish)
	if err != nil {
		return err
	}
	w := s.w
	w.changed = len(out) != len(data) || !bytes.Equal(out, data)
	w.length, w.lengthSet = int64(len(out)), true
	if err := w.recordHeld(out); err != nil {
		return err
	}
	return w.emit(out)
}

// guard runs finish and turns a panic into a failed mark: the output is then
// sent as it came, or refused, as the profile says. What finish noted as attached
// until then is not in what is sent.
func (w *Writer) guard(data []byte, finish func(*Writer, []byte) ([]byte, error)) (out []byte, err error) {
	before := *w
	defer func() {
		if r := recover(); r != nil {
			*w = before
			out, err = data, w.panicked(r)
		}
	}()
	return finish(w, data)
}

// panicked turns a recovered panic into a failed mark.
func (w *Writer) panicked(r any) error {
	w.m.o.Logger.Error("panic while marking", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	return w.fail(w.want.Without(CarrierHeader), ReasonMarkerError, fmt.Errorf("panic while marking: %v", r))
}

// finishJSON marks a whole JSON answer.
func (w *Writer) finishJSON(data []byte) ([]byte, error) {
	start := time.Now()
	a := w.newAnswer()
	a.held = true
	edits, err := a.read(data)
	if err != nil || !a.found.known {
		return w.unreadable(data, err)
	}
	a.note(data)
	a.recall()
	if err := w.urlsOnly(a.found.urls); err != nil {
		return nil, err
	}
	w.m.o.observe(w.ctx, "splice", start)
	imageEdits, ids, err := a.markImages(data)
	if err != nil {
		return nil, err
	}
	start = time.Now()
	edits = a.splice(data, append(edits, imageEdits...), ids)
	if err := a.finish(); err != nil {
		return nil, err
	}
	out := jsonscan.Apply(data, edits)
	w.m.o.observe(w.ctx, "splice", start)
	return out, nil
}

// urlsOnly asks the profile about images that are given by URL alone.
func (w *Writer) urlsOnly(n int) error {
	if n == 0 {
		return nil
	}
	w.wantImages()
	return w.fail(NewCarrierSet(CarrierImageMark, CarrierMetadata), ReasonURLOnly, nil)
}

// unreadable deals with an answer that is not the JSON its shape promises.
func (w *Writer) unreadable(data []byte, cause error) ([]byte, error) {
	if w.out.Unframed && errors.Is(cause, jsonscan.ErrEnd) {
		w.skip(ReasonTruncated)
		return nil, &Withheld{Reason: ReasonTruncated, Hint: hints[ReasonTruncated], Err: ErrTruncated}
	}
	if cause == nil {
		cause = errors.New("the answer has none of the places its shape names")
	}
	return data, w.fail(w.want.Without(CarrierHeader), ReasonUnknownShape, cause)
}
