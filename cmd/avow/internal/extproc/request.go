package extproc

import (
	"bytes"
	"io"
	"net/http"

	mode "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// maxChunk is the largest piece of a body sent in full-duplex mode, in bytes:
// Envoy's documentation asks for no more than 64 KB.
const maxChunk = 64 << 10

// requestReader is the request's body.
type requestReader struct {
	c    *call
	left []byte
}

func (b *requestReader) Close() error { return nil }

// Read implements io.Reader.
func (b *requestReader) Read(p []byte) (int, error) {
	for len(b.left) == 0 {
		if b.c.requestEnded {
			return 0, io.EOF
		}
		chunk, err := b.c.readRequest()
		if err != nil {
			return 0, err
		}
		b.left = chunk
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// readRequest takes the next part of the request's body. Outside full-duplex mode
// Envoy sends it only when the header is answered, and once whole.
func (c *call) readRequest() ([]byte, error) {
	whole := c.modes.request != duplex
	if whole && c.waiting == requestHeaders {
		if err := c.send(c.earlyReply()); err != nil {
			return nil, err
		}
		c.waiting = nothing
	}
	m, err := c.recv()
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	switch {
	case m.GetRequestBody() != nil:
		body := m.GetRequestBody()
		c.requestEnded = body.GetEndOfStream()
		if !whole {
			return body.GetBody(), nil
		}
		c.waiting, c.requestRead = requestBody, body.GetBody()
		if !c.requestEnded && c.modes.request != mode.ProcessingMode_BUFFERED || !c.requestEnded && !c.modes.known {
			c.err = errChunks
			return nil, c.err
		}
		c.requestEnded = true // trailers may follow; the body is whole
		return c.requestRead, nil
	case m.GetRequestTrailers() != nil:
		c.requestEnded, c.trailed = true, true
		return nil, nil
	case m.GetResponseHeaders() != nil: // the upstream did not wait for the rest
		c.early, c.requestEnded = m.GetResponseHeaders(), true
		return nil, nil
	}
	return nil, nil
}

// earlyReply lets a body come that has to be read before the request's header can
// be answered for good.
func (c *call) earlyReply() *pb.ProcessingResponse {
	m := headersReply(false, &pb.CommonResponse{HeaderMutation: early(c.in)})
	if c.modes.request == mode.ProcessingMode_STREAMED {
		m.ModeOverride = &mode.ProcessingMode{RequestBodyMode: mode.ProcessingMode_BUFFERED, ResponseBodyMode: c.modes.response,
			ResponseHeaderMode: mode.ProcessingMode_SEND}
	}
	return m
}

// sendRequest lets the request go on as the gateway wants it.
func (c *call) sendRequest(r *http.Request) error {
	to := r.Header.Clone()
	change := &pb.CommonResponse{HeaderMutation: mutation(c.in, to)}
	switch {
	case c.waiting == requestBody:
		body, err := io.ReadAll(r.Body) // in memory already, edited perhaps
		if err != nil {
			return err
		}
		if !bytes.Equal(body, c.requestRead) {
			change.BodyMutation = replaced(body)
		}
		c.waiting, c.requestRead = nothing, nil
		return c.send(bodyReply(true, change))
	case c.waiting == requestHeaders:
		c.waiting = nothing
		if err := c.send(headersReply(false, change)); err != nil {
			return err
		}
	}
	if c.modes.request == duplex && !c.asked.GetEndOfStream() {
		return c.streamRequest(r.Body)
	}
	return nil
}

// streamRequest sends the body on in pieces.
func (c *call) streamRequest(body io.Reader) error {
	buf := make([]byte, maxChunk)
	for {
		n, err := io.ReadFull(body, buf)
		over := err == io.EOF || err == io.ErrUnexpectedEOF && c.requestEnded
		if err != nil && !over {
			return err
		}
		end := over && !c.trailed && c.early == nil
		if n > 0 || end {
			if err := c.send(bodyReply(true, pieceOf(buf[:n:n], end))); err != nil {
				return err
			}
		}
		if over {
			break
		}
		buf = make([]byte, maxChunk) // the one that was sent belongs to gRPC
	}
	if c.trailed {
		return c.send(trailersReply(true, nil))
	}
	return nil
}

// awaitAnswer waits for the upstream's answer and lets go on what is left of the
// request.
func (c *call) awaitAnswer() (*pb.HttpHeaders, error) {
	if c.early != nil {
		return c.early, nil
	}
	for {
		m, err := c.recv()
		if err != nil {
			return nil, err
		}
		if m.GetResponseHeaders() != nil {
			return m.GetResponseHeaders(), nil
		}
		if m.GetResponseBody() != nil || m.GetResponseTrailers() != nil {
			return nil, errNoHeaders
		}
		if err := c.letThrough(m); err != nil {
			return nil, err
		}
	}
}

// letThrough answers a message with no change.
func (c *call) letThrough(m *pb.ProcessingRequest) error {
	switch {
	case m.GetRequestBody() != nil:
		body := m.GetRequestBody()
		if c.modes.request != duplex {
			return c.send(bodyReply(true, nil))
		}
		if c.requestEnded && !c.passing && c.early == nil { // an end that comes twice
			return nil
		}
		c.requestEnded = body.GetEndOfStream()
		return c.send(bodyReply(true, pieceOf(body.GetBody(), body.GetEndOfStream())))
	case m.GetRequestTrailers() != nil:
		return c.send(trailersReply(true, nil))
	case m.GetResponseHeaders() != nil:
		h, _ := headerOf(m.GetResponseHeaders().GetHeaders())
		return c.send(headersReply(true, &pb.CommonResponse{HeaderMutation: mutation(h, withoutAuthor(h))}))
	case m.GetResponseBody() != nil:
		if c.modes.response != duplex {
			return c.send(bodyReply(false, nil))
		}
		return c.send(bodyReply(false, pieceOf(m.GetResponseBody().GetBody(), m.GetResponseBody().GetEndOfStream())))
	case m.GetResponseTrailers() != nil:
		h, _ := headerOf(m.GetResponseTrailers().GetTrailers())
		return c.send(trailersReply(false, mutation(h, withoutOwn(h, c.passing))))
	}
	return nil
}

// pass lets an exchange through that is not marked. Envoy is asked to keep the
// bodies to itself, save in full-duplex mode, which cannot be left.
func (c *call) pass() error {
	m := headersReply(false, nil)
	if c.modes.known && c.modes.request != duplex && c.modes.response != duplex {
		m.ModeOverride = &mode.ProcessingMode{ResponseHeaderMode: mode.ProcessingMode_SEND}
	}
	if c.waiting == requestHeaders {
		if err := c.send(m); err != nil {
			return err
		}
	}
	c.waiting = nothing
	for {
		m, err := c.recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.letThrough(m); err != nil {
			return err
		}
	}
}
