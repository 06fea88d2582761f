package extproc

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	mode "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
)

// An answer is the http.ResponseWriter of the gateway: what it is given becomes
// mutations of the upstream's answer, or an answer instead of it.
type answer struct {
	c      *call
	client string // the client's address, "" unknown
	header http.Header

	status  int         // as given, 0 before
	head    http.Header // the header as it was then
	instead bool        // it takes the place of the upstream's answer
	sent    bool        // the header was answered
	buf     []byte
	done    bool // nothing more is to be sent
}

var _ http.Flusher = (*answer)(nil)

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || status/100 == 1 && status != http.StatusSwitchingProtocols {
		return
	}
	a.status, a.head = status, a.header.Clone()
	a.instead = status != a.c.status
	if a.c.modes.response == duplex && !a.instead {
		a.sendHead()
	}
}

// sendHead answers the header of the upstream's answer.
func (a *answer) sendHead() {
	if a.sent {
		return
	}
	a.sent, a.c.waiting = true, nothing
	_ = a.c.send(headersReply(true, &pb.CommonResponse{HeaderMutation: mutation(a.c.from, a.head)}))
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.c.err != nil {
		return 0, a.c.err
	}
	if a.done {
		return len(p), nil
	}
	a.buf = append(a.buf, p...)
	return len(p), nil
}

// Flush implements http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() }

// FlushError sends in full-duplex mode what there is, and an answer that replaces
// the upstream's.
func (a *answer) FlushError() error {
	switch {
	case a.status == 0 || a.done:
	case a.instead && a.c.status != 0:
		return a.sendInstead()
	case !a.instead && a.c.modes.response == duplex:
		return a.sendPieces(false)
	}
	return a.c.err
}

// sendPieces sends what is there; end closes the body.
func (a *answer) sendPieces(end bool) error {
	for len(a.buf) > maxChunk {
		if err := a.c.send(bodyReply(false, pieceOf(a.buf[:maxChunk:maxChunk], false))); err != nil {
			return err
		}
		a.buf = a.buf[maxChunk:]
	}
	if len(a.buf) == 0 && !end {
		return nil
	}
	piece := a.buf
	a.buf = nil // it belongs to gRPC now
	return a.c.send(bodyReply(false, pieceOf(piece, end)))
}

// sendInstead answers in the upstream's place.
func (a *answer) sendInstead() error {
	a.done = true
	if a.sent {
		return errBroken // Envoy has let the upstream's header go
	}
	m := &pb.HeaderMutation{}
	for name, values := range a.head {
		if !framing[name] && name != "Content-Length" {
			m.SetHeaders = append(m.SetHeaders, fields(name, values)...)
		}
	}
	return a.c.send(&pb.ProcessingResponse{Response: &pb.ProcessingResponse_ImmediateResponse{ImmediateResponse: &pb.ImmediateResponse{
		Status: &typev3.HttpStatus{Code: typev3.StatusCode(a.status)}, Headers: m, Body: a.buf, Details: "avow"}}})
}

// readAnswer takes the next part of the upstream's body, and first answers the
// message before it, as Envoy wants outside full-duplex mode.
func (c *call) readAnswer() ([]byte, error) {
	if c.modes.response != duplex {
		if err := c.answer.reply(false); err != nil {
			return nil, err
		}
	}
	m, err := c.recv()
	if err != nil {
		return nil, err
	}
	switch {
	case m.GetResponseBody() != nil:
		body := m.GetResponseBody()
		c.ended = body.GetEndOfStream()
		if c.modes.response == duplex {
			return body.GetBody(), nil
		}
		c.waiting, c.chunk = responseBody, body.GetBody()
		if c.modes.response == mode.ProcessingMode_BUFFERED {
			if !c.ended && !c.modes.known {
				return nil, errChunks
			}
			c.ended = true // trailers may follow; the body is whole
		}
		return c.chunk, nil
	case m.GetResponseTrailers() != nil:
		c.ended = true
		c.trailers, _ = headerOf(m.GetResponseTrailers().GetTrailers())
		return nil, nil
	}
	return nil, c.letThrough(m)
}

// reply answers the message that Envoy waits for. last: nothing comes after it.
func (a *answer) reply(last bool) error {
	c := a.c
	was := c.waiting
	c.waiting = nothing
	switch was {
	case responseHeaders:
		if a.status != 0 {
			a.sent = true
			return c.send(headersReply(true, &pb.CommonResponse{HeaderMutation: mutation(c.from, a.head)}))
		}
		if c.modes.response != mode.ProcessingMode_STREAMED {
			return c.send(headersReply(true, nil))
		}
		m := headersReply(true, &pb.CommonResponse{HeaderMutation: provisional()})
		m.ModeOverride = &mode.ProcessingMode{ResponseBodyMode: mode.ProcessingMode_BUFFERED, RequestBodyMode: c.modes.request,
			ResponseHeaderMode: mode.ProcessingMode_SEND}
		return c.send(m)
	case responseBody:
		change := &pb.CommonResponse{}
		if a.status != 0 && !a.sent {
			change.HeaderMutation, a.sent = mutation(c.from, a.head), true
		}
		if !bytes.Equal(a.buf, c.chunk) {
			change.BodyMutation = replaced(a.buf)
		}
		a.buf, c.chunk = nil, nil
		return c.send(bodyReply(false, change))
	}
	if last && len(a.buf) > 0 {
		return errTrailers
	}
	return nil
}

// finish sends what the gateway's handler left when it returned, and waits for
// Envoy to end the call.
func (c *call) finish() error {
	if c.passing {
		return c.pass()
	}
	a := &c.answer
	if err := a.end(); err != nil || a.done {
		return err
	}
	if c.trailers != nil {
		if err := c.send(trailersReply(false, mutation(c.trailers, withoutOwn(c.trailers, false)))); err != nil {
			return err
		}
	}
	for {
		m, err := c.recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.GetResponseBody() != nil: // an end that comes twice
		default:
			if err := c.letThrough(m); err != nil {
				return err
			}
		}
	}
}

// end sends the end of the answer.
func (a *answer) end() error {
	c := a.c
	if a.done {
		return nil
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	switch {
	case a.instead:
		return a.sendInstead()
	case c.modes.response != duplex:
		return a.reply(true)
	case c.headEnds:
		return nil
	}
	return a.sendPieces(c.trailers == nil)
}
