package disclose

import (
	"bytes"
	"errors"
	"fmt"
)

// An htmlSink marks a complete page on its way: a <meta> and a schema.org block
// at the end of the head, the notice as the first element of the body. It only
// ever inserts; every other byte passes as it came, and as soon as it came: held
// back are a tag that is not whole and, before the first sign of a page, all.
//
// What shows no doctype, html, head or body tag before its first content is a
// fragment, which stays as it is: the page it goes into has its own notice.
//
// The end of the head, not its start, takes the metadata, because a declaration
// of the charset has to stand within the first 1024 bytes (WHATWG HTML, section
// 4.2.5.4) and whatever stands before it pushes it out.
type htmlSink struct {
	w    *Writer
	scan pageScan
	due  CarrierSet // carriers still to be put in

	buf     []byte // not passed on yet
	scanned int    // bytes of buf that the scan is behind
	inBody  bool   // the place of the notice is reached
	done    bool   // the rest passes as it is

	data      []byte // of the run at hand: buf and what was just written,
	from, pos int    // what of it is neither in out nor sent, how far it is scanned
	out       []byte // and what was put together
}

var errNoPage = errors.New("not a complete HTML page")

// maxTagWork bounds how often unfinished tags are looked at again, in multiples
// of Options.MaxEvent: a tag full of quoted ">" in small pieces costs no square.
const maxTagWork = 64

// planHTML chooses what a page gets.
func (w *Writer) planHTML(enabled CarrierSet) {
	w.planNotice(enabled)
	if w.out.Constrained == ReasonNone {
		w.want |= enabled & NewCarrierSet(CarrierMetadata)
	}
	s := &htmlSink{w: w, due: w.want & NewCarrierSet(CarrierNotice, CarrierMetadata)}
	s.scan.xml = mediaType(w.out.ContentType) == "application/xhtml+xml"
	s.done = s.due == 0
	w.changed = !s.done
	w.sink = s
}

func (s *htmlSink) write(p []byte) error {
	if s.done {
		return s.w.emit(p)
	}
	if len(s.buf) > 0 {
		s.buf = append(s.buf, p...)
		p = s.buf
	}
	return s.run(p, false)
}

func (s *htmlSink) flush() error { return s.w.flushDst() }

func (s *htmlSink) close() error {
	if s.done {
		return nil
	}
	return s.run(s.buf, true)
}

// run takes data as far as it can be decided; at the end of the page, all of it.
func (s *htmlSink) run(data []byte, end bool) error {
	s.data, s.from, s.pos, s.out = data, 0, s.scanned, nil
	for more := true; more && !s.done; {
		var err error
		if more, err = s.step(end); err != nil {
			return err
		}
	}
	if over := s.overLimit(); over != nil && !s.done {
		if err := s.giveUp(ReasonTooLarge, over); err != nil {
			return err
		}
	}
	return s.release()
}

// step goes one piece further; it is not ok where more bytes are needed.
func (s *htmlSink) step(end bool) (ok bool, err error) {
	if s.inBody {
		return s.putNotice(end), nil
	}
	n, what := s.scan.next(s.data[s.pos:])
	s.pos += n
	switch what {
	case stepMore:
		if end {
			return false, s.giveUp(ReasonUnknownShape, errNoPage)
		}
		return false, nil
	case stepHeadEnd:
		s.putMetadata()
	case stepBody:
		s.inBody = true
	case stepNoPage:
		return false, s.giveUp(ReasonUnknownShape, errNoPage)
	}
	return true, nil
}

// release sends what is decided and keeps the rest.
func (s *htmlSink) release() error {
	keep := s.pos
	switch {
	case s.done:
		keep = len(s.data)
	case !s.scan.page:
		keep = 0
	}
	ready := s.data[s.from:max(keep, s.from)]
	if len(s.out) > 0 {
		ready = append(s.out, ready...)
	}
	s.scanned = s.pos - keep
	if keep > 0 || len(s.buf) == 0 { // else data is buf, and all of it stays
		s.buf = append([]byte(nil), s.data[keep:]...)
	} else {
		s.buf = s.data
	}
	s.data, s.out = nil, nil
	return s.w.emit(ready)
}

// overLimit says what makes the page too large to go on with, if anything.
func (s *htmlSink) overLimit() error {
	limit, held := s.w.m.o.MaxEvent, len(s.data)-s.pos
	if !s.scan.page {
		held = len(s.data)
	}
	if held > limit || s.scan.work > maxTagWork*limit {
		return fmt.Errorf("no body in sight within %d bytes", limit)
	}
	return nil
}

// insert puts text before the byte that the scan is at.
func (s *htmlSink) insert(text []byte) {
	s.out = append(append(s.out, s.data[s.from:s.pos]...), text...)
	s.from = s.pos
}

// settle notes that a carrier is in place; with the last one the work is done.
func (s *htmlSink) settle(c Carrier) {
	s.due = s.due.Without(c)
	s.done = s.due == 0
}

// putMetadata ends the head with what it does not hold yet.
func (s *htmlSink) putMetadata() {
	if !s.due.Has(CarrierMetadata) {
		return
	}
	if !s.scan.disclosed {
		s.insert(s.w.metaHTML())
	}
	id := s.w.label.ID
	if s.scan.label == nil {
		s.insert(s.w.labelHTML())
	} else { // an avow before us wrote it
		id = s.scan.label.id()
	}
	if address := s.w.manifestURL(); address != "" && !s.scan.manifest { // several count as none
		s.insert(manifestLink(address))
	}
	s.w.attach(CarrierMetadata, id)
	s.settle(CarrierMetadata)
}

// putNotice inserts the notice unless an avow before us did. While what follows
// may become such a notice it waits, and reports false.
func (s *htmlSink) putNotice(end bool) bool {
	rest := s.data[s.pos:]
	there, maybe := s.w.noticeThere(rest)
	if maybe && !end {
		return false
	}
	if !there {
		s.insert(s.w.noticeHTML())
	}
	s.w.noticeGiven()
	s.settle(CarrierNotice)
	return true
}

// noticeThere reports whether page begins with a notice that this deployment
// writes, or may do so once more bytes are there. Only its exact texts count: a
// generated page cannot bring a notice of its own making that says nothing.
func (w *Writer) noticeThere(page []byte) (there, maybe bool) {
	if !bytes.HasPrefix(page, noticeStart) {
		return false, startOf(noticeStart, page)
	}
	for _, tag := range append(Languages(), w.language()) {
		note := w.noticesIn(tag)
		if bytes.HasPrefix(page, note) {
			return true, false
		}
		maybe = maybe || startOf(note, page)
	}
	return false, maybe
}

// giveUp passes the rest of the page on as it is, if the profile lets it.
func (s *htmlSink) giveUp(r Reason, cause error) error {
	if s.w.delivered == 0 && len(s.out) == 0 {
		s.w.changed = false
	}
	s.done = true
	return s.w.fail(s.due, r, cause)
}
