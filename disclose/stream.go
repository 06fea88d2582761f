package disclose

import (
	"bytes"
	"fmt"
	"sort"
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
type scan struct {
	pos, line int
	depth     int  // of objects and arrays, in a growing array
	quoted    bool // inside a string
}

// A segment says that payload bytes from offset In on lie at offset Out of the
// frame. The data of an event may be spread over several lines.
type segment struct{ In, Out int }

// A streamSink splices into the frames of a stream. It holds back only the
// frame that is not whole yet, at most one more whose text is a lone white
// space, and once everything is spliced it copies.
type streamSink struct {
	w      *Writer
	answer *answer
	frame  framer
	limit  int // bytes of a frame
	buf    []byte
	st     scan
	held   *heldFrame
	copied bool // nothing is left to splice
	tap    *tap // listens then
	skip   bool // inside a frame over the limit, passed on unseen
	tail   []byte
	ended  bool // the end of the content was seen
	last   pattern
	shown  int64
}

// A heldFrame is a whole frame that waits for the next one.
type heldFrame struct {
	frame []byte
	edits []jsonscan.Edit
	at    []segment
}

func (w *Writer) newStream(f framer) *streamSink {
	s := &streamSink{w: w, answer: w.newAnswer(), frame: f, tail: []byte("\n"), limit: w.m.o.MaxEvent}
	if w.driver.images {
		s.limit = int(w.m.o.MaxHeld)
	}
	w.changed = !s.answer.settled()
	return s
}

func (s *streamSink) write(p []byte) error {
	if s.copied {
		s.overhear(p)
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
	if used == 0 && len(s.buf) > 0 && len(data) <= s.limit && !s.skip {
		s.observe()
		return nil // still the same unfinished frame
	}
	return s.keep(data[used:])
}

// frames handles the whole frames at the start of data and returns how many
// bytes they were.
func (s *streamSink) frames(data []byte) (used int, err error) {
	plain := 0 // start of frames not yet emitted because nothing changed in them
	for !s.settled() {
		n := s.frame.next(&s.st, data[used:])
		if n == 0 {
			break
		}
		s.st = scan{}
		frame := data[used : used+n]
		out, err := s.handle(frame)
		if err != nil {
			return used, err
		}
		if !same(out, frame) {
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
	if s.settled() {
		s.copied = true
		s.overhear(data[used:])
		used = len(data)
	}
	return used, s.send(data[plain:used])
}

// handle returns what becomes of a whole frame, or of the end of one that was
// passed on unseen.
func (s *streamSink) handle(frame []byte) (out []byte, err error) {
	if len(frame) > s.limit && !s.skip {
		err = s.overLimit()
	}
	if s.skip || err != nil {
		s.skip = false
		return frame, err
	}
	return s.splice(frame)
}

// overLimit gives up on the frame at hand. What waited leaves in front of it.
func (s *streamSink) overLimit() error {
	s.skip = true
	cause := fmt.Errorf("an event is larger than %d bytes", s.limit)
	if err := s.w.fail(s.w.want.Without(CarrierHeader), ReasonTooLarge, cause); err != nil {
		return err
	}
	return s.send(s.release(nil))
}

func same(a, b []byte) bool { return len(a) == len(b) && &a[0] == &b[0] }

func (s *streamSink) settled() bool { return s.held == nil && s.answer.settled() }

// keep holds back an unfinished frame.
func (s *streamSink) keep(rest []byte) error {
	defer s.observe()
	if len(rest) == 0 {
		s.buf = nil // an idle stream holds no memory
		return nil
	}
	if len(rest) > s.limit && !s.skip {
		if err := s.overLimit(); err != nil {
			return err
		}
	}
	if s.skip { // passed on unseen; only the end of the frame is still looked for
		n := s.st.pos // short of a byte whose meaning the next one tells
		s.st = scan{line: lineAfter(s.st, n), depth: s.st.depth, quoted: s.st.quoted}
		s.buf = append(s.buf[:0:0], rest[n:]...)
		return s.send(rest[:n])
	}
	s.buf = append(s.buf[:0:0], rest...)
	return nil
}

// observe tells of frames that hold more than a text's event may.
func (s *streamSink) observe() {
	now := int64(len(s.buf))
	if now <= int64(s.w.m.o.MaxEvent) {
		now = 0
	}
	if now != s.shown {
		s.w.m.o.ObserveHeld(now - s.shown)
		s.shown = now
	}
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
// is a failed mark, as in held outputs. A frame that has to wait for the next
// one is kept, and comes out in front of it.
func (s *streamSink) splice(frame []byte) (out []byte, err error) {
	var before []byte
	defer func() {
		if r := recover(); r != nil {
			s.answer.waiting = nil
			out, err = behind(append(before, s.release(nil)...), frame), s.w.panicked(r)
		}
	}()
	if s.lateFeed(frame) {
		s.held.frame = append(s.held.frame, frame...)
		return nil, nil
	}
	if s.idle(frame) {
		s.listen(frame)
		return frame, nil
	}
	if out, ok := s.likeTheLast(frame); ok {
		return out, nil
	}
	payload, at := s.frame.payload(frame)
	if !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) {
		return behind(s.release(nil), frame), nil
	}
	edits, err := s.answer.read(payload)
	if err != nil {
		return behind(s.release(nil), frame), s.unreadable(err)
	}
	s.remember(frame, payload, edits, at)
	before = s.release(payload)
	if edits, err = s.attach(payload, edits); err != nil {
		return nil, err
	}
	s.w.changed = s.w.changed || len(edits) > 0
	moveEdits(edits, at)
	if s.answer.waiting != nil {
		s.held = &heldFrame{bytes.Clone(frame), edits, at}
		return before, nil
	}
	return behind(before, jsonscan.Apply(frame, edits)), nil
}

// lateFeed reports whether a frame is the LF of the CRLF that ends the frame
// that waits: it tells nothing about what follows.
func (s *streamSink) lateFeed(frame []byte) bool {
	return s.held != nil && string(frame) == "\n" && bytes.HasSuffix(s.held.frame, []byte("\r"))
}

// unreadable notes a payload that is passed on as it is. Header and field say
// what they can; a picture in it that another reader finds would be unmarked.
func (s *streamSink) unreadable(cause error) error {
	s.w.skip(ReasonUnknownShape)
	if pictures := s.w.want & s.w.imageCarriers(); pictures != 0 {
		return s.w.fail(pictures, ReasonUnknownShape, cause)
	}
	return nil
}

// attach adds what is due in the payload that was read.
func (s *streamSink) attach(payload []byte, edits []jsonscan.Edit) ([]jsonscan.Edit, error) {
	a := s.answer
	a.note(payload)
	a.recall()
	if err := s.w.urlsOnly(a.found.urls); err != nil {
		return nil, err
	}
	images, ids, err := a.markImages(payload)
	if err != nil {
		return nil, err
	}
	return a.splice(payload, append(edits, images...), ids), nil
}

// release returns the frame that waited, now that the payload that was read,
// nil for none, tells what follows it.
func (s *streamSink) release(payload []byte) []byte {
	h := s.held
	if h == nil {
		return nil
	}
	s.held = nil
	if s.answer.waiting == nil {
		return jsonscan.Apply(h.frame, h.edits)
	}
	edits := s.answer.resume(payload)
	moveEdits(edits, h.at)
	return jsonscan.Apply(h.frame, append(h.edits, edits...))
}

// behind returns frame with what came before it, or frame itself.
func behind(before, frame []byte) []byte {
	if len(before) == 0 {
		return frame
	}
	return append(before, frame...)
}

// moveEdits turns edits of a payload into edits of its frame.
func moveEdits(edits []jsonscan.Edit, at []segment) {
	for i, e := range edits {
		start := place(at, e.At)
		edits[i] = jsonscan.Edit{At: start, Del: place(at, e.At+e.Del) - start, Ins: e.Ins}
	}
}

// place maps an offset of the payload to the frame.
func place(at []segment, in int) int {
	i := sort.Search(len(at), func(i int) bool { return at[i].In > in })
	if i == 0 {
		return in
	}
	return in - at[i-1].In + at[i-1].Out
}

// maxLast is longer than any of a driver's last.
const maxLast = 64

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
	s.tail = append([]byte(nil), seen[max(0, len(seen)-maxLast):]...)
}

func (s *streamSink) flush() error { return s.w.flushDst() }

// abort passes on the frame that waited: it was whole.
func (s *streamSink) abort() {
	s.answer.waiting = nil
	_ = s.send(s.release(nil))
	s.buf = nil
	s.observe()
}

func (s *streamSink) close() error {
	if err := s.closeFrames(); err != nil {
		return err
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

// closeFrames handles what the end of the stream leaves.
func (s *streamSink) closeFrames() (err error) {
	s.overhearRest()
	out := s.buf
	if len(out) > 0 && !s.skip && !s.w.out.Unframed {
		if out, err = s.splice(out); err != nil {
			return err
		}
	}
	s.buf = nil
	s.observe()
	if s.w.out.Unframed || len(out) == 0 {
		out = behind(s.release(nil), out)
	}
	if err := s.send(out); err != nil {
		return err
	}
	return s.send(s.release(nil))
}
