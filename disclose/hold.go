package disclose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/internal/jsonscan"
	"github.com/avowai/avow/watermark"
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
	err := w.fail(w.want.Without(CarrierHeader), ReasonTooLarge, cause)
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

// flush does nothing: what is held is not decided.
func (s *holdSink) flush() error { return nil }

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
// sent as it came, or refused, as the profile says.
func (w *Writer) guard(data []byte, finish func(*Writer, []byte) ([]byte, error)) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
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
	f, edits, members, err := a.read(data)
	if err != nil || !f.known {
		return w.unreadable(data, err)
	}
	w.noteResponse(data, f.id)
	a.known, a.toolCall = true, f.toolCall
	if f.urls > 0 {
		if err := w.fail(NewCarrierSet(CarrierImageMark, CarrierMetadata), ReasonURLOnly, nil); err != nil {
			return nil, err
		}
	}
	w.m.o.Observe("splice", time.Since(start))
	imageEdits, err := w.markImages(data, f.images)
	if err != nil {
		return nil, err
	}
	start = time.Now()
	edits = append(edits, imageEdits...)
	if a.field {
		edits = append(edits, a.fieldEdit(data, members))
	}
	if a.due > 0 {
		edits = a.noticeEdits(data, f.texts, edits)
	}
	if err := a.finish(); err != nil {
		return nil, err
	}
	out := jsonscan.Apply(data, edits)
	w.m.o.Observe("splice", time.Since(start))
	return out, nil
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

// markImages marks the base64 images of an answer, several at a time as far as
// the pool allows.
func (w *Writer) markImages(data []byte, spans []jsonscan.Span) ([]jsonscan.Edit, error) {
	if len(spans) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(w.ctx, w.m.o.MarkTimeout)
	defer cancel()
	results, texts := make([]imageResult, len(spans)), make([][]byte, len(spans))
	labels, err := w.imageLabels(len(spans))
	if err != nil {
		return nil, w.fail(NewCarrierSet(CarrierImageMark, CarrierMetadata), ReasonMarkerError, err)
	}
	var wg sync.WaitGroup
	for i, span := range spans {
		wg.Go(func() { results[i], texts[i] = w.markBase64(ctx, span.Of(data), labels[i]) })
	}
	wg.Wait()
	var edits []jsonscan.Edit
	for i, r := range results {
		if err := w.take(r, labels[i]); err != nil {
			return nil, err
		}
		if r.changed {
			edits = append(edits, jsonscan.Edit{At: spans[i].Start, Del: spans[i].End - spans[i].Start, Ins: texts[i]})
		}
	}
	return edits, nil
}

// imageLabels gives every image a label of its own; a single image shares the
// response's.
func (w *Writer) imageLabels(n int) ([]Label, error) {
	labels := make([]Label, n)
	for i := range labels {
		labels[i] = w.label
		if n > 1 {
			id, err := watermark.NewPayload()
			if err != nil {
				return nil, err
			}
			labels[i].ID = id
		}
		w.imageIDs = append(w.imageIDs, labels[i].ID)
	}
	return labels, nil
}

// markBase64 marks one image inside a JSON string: bare base64, or a data URI.
func (w *Writer) markBase64(ctx context.Context, raw []byte, l Label) (imageResult, []byte) {
	text := raw
	if bytes.IndexByte(raw, '\\') >= 0 {
		text = []byte(jsonscan.Unquote(raw, len(raw)))
	}
	prefix := []byte(nil)
	if i := bytes.IndexByte(text, ','); bytes.HasPrefix(text, []byte("data:")) && i > 0 {
		prefix, text = text[:i+1], text[i+1:]
	}
	enc := base64.StdEncoding
	if len(text)%4 != 0 {
		enc = base64.RawStdEncoding
	}
	data := make([]byte, enc.DecodedLen(len(text)))
	n, err := enc.Decode(data, text)
	if err != nil {
		return failedImage(data, w.want, ReasonUndecodable, fmt.Errorf("base64 of an image: %w", err)), nil
	}
	r := w.m.images.mark(ctx, data[:n], l, w.want)
	if !r.changed {
		return r, nil
	}
	out := append(make([]byte, 0, len(prefix)+enc.EncodedLen(len(r.data))), prefix...)
	return r, enc.AppendEncode(out, r.data)
}

// finishImage marks a body that is one image.
func (w *Writer) finishImage(data []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(w.ctx, w.m.o.MarkTimeout)
	defer cancel()
	r := w.m.images.mark(ctx, data, w.label, w.want)
	return r.data, w.take(r, w.label)
}

// take notes what became of one image.
func (w *Writer) take(r imageResult, l Label) error {
	w.images = append(w.images, delivered{l, imagemeta.Sniff(r.data).MIME(), sha256.Sum256(r.data), int64(len(r.data))})
	if r.missing != 0 {
		w.missing |= r.missing
		w.skip(ReasonUndecodable)
	}
	for _, m := range r.marks {
		if m.Reason == ReasonNone && m.Err == nil {
			w.marks = append(w.marks, m)
			continue
		}
		if m.Reason == ReasonAlreadyMarked {
			w.pass(ReasonAlreadyMarked)
			continue
		}
		if err := w.fail(NewCarrierSet(m.Carrier), m.Reason, m.Err); err != nil {
			return err
		}
	}
	return nil
}
