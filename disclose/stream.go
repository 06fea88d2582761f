package disclose

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
)

// A framer cuts a stream into frames that carry one payload each: the events of
// a text/event-stream, or the lines of NDJSON.
type framer struct {
	// next returns the length of the first whole frame in buf, terminator
	// included, or 0. It starts at st, and leaves st where it stopped.
	next func(st *scan, buf []byte) int
	// payload finds the JSON payload inside a frame.
	payload func(frame []byte) (payload []byte, at []segment)
}

// scan remembers how far an unfinished frame has been looked at.
type scan struct{ pos, line int }

// A segment says that payload bytes from offset In on lie at offset Out of the
// frame. The data of an event may be spread over several lines.
type segment struct{ In, Out int }

// A streamSink splices into the frames of a stream. It holds back only the
// frame that is not whole yet, and once everything is spliced it copies.
type streamSink struct {
	w      *Writer
	answer *answer
	frame  framer
	buf    []byte
	st     scan
	copied bool // nothing is left to splice
	skip   bool // inside a frame over the limit, passed on unseen
	tail   []byte
	ended  bool // the end of the content was seen
}

func (w *Writer) newStream(f framer) *streamSink {
	s := &streamSink{w: w, answer: w.newAnswer(), frame: f, tail: []byte("\n")}
	w.changed = !s.answer.settled()
	return s
}

func (s *streamSink) write(p []byte) error {
	if s.copied {
		s.watch(p)
		return s.w.emit(p)
	}
	data := p
	if len(s.buf) > 0 {
		s.buf = append(s.buf, p...)
		data = s.buf
	}
	used, err := s.frames(data)
	if err != nil {
		return err
	}
	return s.keep(data[used:])
}

// frames handles the whole frames at the start of data and returns how many
// bytes they were.
func (s *streamSink) frames(data []byte) (used int, err error) {
	plain := 0 // start of frames not yet emitted because nothing changed in them
	for !s.answer.settled() {
		n := s.frame.next(&s.st, data[used:])
		if n == 0 {
			break
		}
		s.st = scan{}
		frame := data[used : used+n]
		out := frame
		if !s.skip {
			if out, err = s.splice(frame); err != nil {
				return used, err
			}
		}
		s.skip = false
		if len(out) != len(frame) || &out[0] != &frame[0] {
			if err := s.send(data[plain:used]); err != nil {
				return used, err
			}
			if err := s.send(out); err != nil {
				return used, err
			}
			plain = used + n
		}
		used += n
	}
	if s.answer.settled() {
		s.copied = true
		used = len(data)
	}
	return used, s.send(data[plain:used])
}

// keep holds back an unfinished frame.
func (s *streamSink) keep(rest []byte) error {
	if len(rest) == 0 {
		s.buf = nil // an idle stream holds no memory
		return nil
	}
	if len(rest) > s.w.m.o.MaxEvent && !s.skip {
		cause := fmt.Errorf("an event is larger than %d bytes", s.w.m.o.MaxEvent)
		if err := s.w.fail(s.w.want.Without(CarrierHeader), ReasonTooLarge, cause); err != nil {
			return err
		}
		s.skip = true
	}
	if s.skip { // passed on unseen; only the end of the frame is still looked for
		s.st = scan{line: lineAfter(s.st, len(rest))}
		s.buf = nil
		return s.send(rest)
	}
	s.buf = append(s.buf[:0:0], rest...)
	return nil
}

// lineAfter is where the current line starts, for a scan that goes on behind n
// bytes: at once, or before them.
func lineAfter(st scan, n int) int {
	if st.line == n {
		return 0
	}
	return -1
}

func (s *streamSink) send(p []byte) error {
	s.watch(p)
	return s.w.emit(p)
}

// splice returns the frame with what is due in it, or the frame itself. A panic
// is a failed mark, as in held outputs.
func (s *streamSink) splice(frame []byte) (out []byte, err error) {
	payload, at := s.frame.payload(frame)
	if !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) {
		return frame, nil
	}
	defer func() {
		if r := recover(); r != nil {
			out, err = frame, s.w.panicked(r)
		}
	}()
	_, edits, err := s.answer.edit(payload)
	if err != nil {
		s.w.skip(ReasonUnknownShape)
		return frame, nil // passed on as it is; header and field say what they can
	}
	if len(edits) == 0 {
		return frame, nil
	}
	s.w.changed = true
	for i, e := range edits {
		start := place(at, e.At)
		edits[i] = jsonscan.Edit{At: start, Del: place(at, e.At+e.Del) - start, Ins: e.Ins}
	}
	return jsonscan.Apply(frame, edits), nil
}

// place maps an offset of the payload to the frame.
func place(at []segment, in int) int {
	out := in
	for _, s := range at {
		if in >= s.In {
			out = in - s.In + s.Out
		}
	}
	return out
}

// watch looks for the end of the content where the framing does not show it.
func (s *streamSink) watch(p []byte) {
	if !s.w.out.Unframed || s.ended {
		return
	}
	seen := append(s.tail, p...)
	for _, mark := range s.answer.driver.last {
		if s.w.out.Choices > 1 && strings.HasPrefix(mark, finishReason) {
			continue
		}
		s.ended = s.ended || bytes.Contains(seen, []byte(mark))
	}
	s.tail = append([]byte(nil), seen[max(0, len(seen)-32):]...)
}

func (s *streamSink) flush() error { return s.w.flushDst() }

func (s *streamSink) close() error {
	if len(s.buf) > 0 {
		out := s.buf
		if !s.skip && !s.w.out.Unframed {
			var err error
			if out, err = s.splice(s.buf); err != nil {
				return err
			}
		}
		s.buf = nil
		if err := s.send(out); err != nil {
			return err
		}
	}
	if s.w.out.Unframed && !s.ended {
		s.w.skip(ReasonTruncated)
		return &Withheld{Reason: ReasonTruncated, Hint: hints[ReasonTruncated], Err: ErrTruncated}
	}
	if s.answer.field || !s.answer.known && s.w.want.Has(CarrierNotice) && !s.w.notice {
		set := NewCarrierSet(CarrierField, CarrierNotice)
		if !s.answer.field {
			set = NewCarrierSet(CarrierNotice)
		}
		return s.w.fail(set, ReasonUnknownShape, nil)
	}
	return s.answer.finish()
}
