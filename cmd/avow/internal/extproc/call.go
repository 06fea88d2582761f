package extproc

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	mode "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/avowai/avow/middleware"
)

// A waiting names the message that Envoy waits for an answer to. In full-duplex
// mode it waits for none; headers are answered when they are known all the same.
type waiting int

const (
	nothing waiting = iota
	requestHeaders
	requestBody
	responseHeaders
	responseBody
)

// A call is one exchange.
type call struct {
	stream  pb.ExternalProcessor_ProcessServer
	modes   modes
	asked   *pb.HttpHeaders
	in      http.Header // the request's, as Envoy sent it
	waiting waiting
	err     error // why the call cannot go on

	requestRead  []byte // body that was read in modes other than full duplex
	requestEnded bool
	trailed      bool // the request ended with trailers
	early        *pb.HttpHeaders

	from     http.Header // the upstream's answer
	status   int         // its status; 0 before it came
	headEnds bool        // it has no body
	chunk    []byte      // the part of its body that waits for an answer
	ended    bool        // its body is over
	trailers http.Header // not nil: it ended with trailers

	answer  answer
	passing bool // nothing is marked: what comes goes through
}

func newCall(stream pb.ExternalProcessor_ProcessServer, first *pb.ProcessingRequest) (*call, error) {
	m, err := readModes(first)
	if err != nil {
		return nil, err
	}
	asked := first.GetRequestHeaders()
	if asked == nil {
		return nil, errNoHeaders
	}
	c := &call{stream: stream, modes: m, asked: asked, waiting: requestHeaders, requestEnded: asked.GetEndOfStream()}
	c.answer = answer{c: c, header: http.Header{}}
	c.sourceOf(first)
	return c, nil
}

// sourceOf takes the client's address where the filter's request_attributes name
// source.address.
func (c *call) sourceOf(first *pb.ProcessingRequest) {
	for _, s := range first.GetAttributes() {
		if v := s.GetFields()["source.address"].GetStringValue(); v != "" {
			c.answer.client = v
		}
	}
}

// request is the exchange's request as net/http would give it.
func (c *call) request() (*http.Request, error) {
	h, pseudo := headerOf(c.asked.GetHeaders())
	u, err := url.ParseRequestURI(pseudo[":path"])
	if err != nil && pseudo[":method"] == http.MethodConnect {
		u, err = &url.URL{Host: pseudo[":authority"]}, nil
	}
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, "avow: the request's path cannot be read")
	}
	c.in = h
	r := &http.Request{Method: pseudo[":method"], URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h.Clone(), Host: pseudo[":authority"], RequestURI: pseudo[":path"], RemoteAddr: c.answer.client,
		Body: http.NoBody, ContentLength: 0}
	if !c.requestEnded && c.modes.request != mode.ProcessingMode_NONE {
		r.Body, r.ContentLength = &requestReader{c: c}, -1
		if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
			r.ContentLength = n
		}
	}
	return r.WithContext(c.stream.Context()), nil
}

// recv takes the next message. Envoy ends the call when the client is gone, or the
// upstream broke off.
func (c *call) recv() (*pb.ProcessingRequest, error) {
	m, err := c.stream.Recv()
	if err != nil && c.err == nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return m, err
}

// send answers; what cannot be sent ends the call.
func (c *call) send(m *pb.ProcessingResponse) error {
	err := c.stream.Send(m)
	if err != nil && c.err == nil {
		c.err = err
	}
	return err
}

// fail ends the call from inside the gateway's handler.
func (c *call) fail(err error) {
	if c.err == nil && err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	panic(http.ErrAbortHandler)
}

// fetch plays the upstream: it lets the request go on and hands the answer over.
func (c *call) fetch(w http.ResponseWriter, r *http.Request) {
	if !middleware.Marking(r.Context()) {
		c.passing = true
		return
	}
	if c.err != nil {
		c.fail(c.err)
	}
	if c.modes.response == mode.ProcessingMode_NONE {
		c.fail(errNoBody)
	}
	if err := c.sendRequest(r); err != nil {
		c.fail(err)
	}
	head, err := c.awaitAnswer()
	if err != nil {
		c.fail(err)
	}
	var pseudo map[string]string
	c.from, pseudo = headerOf(head.GetHeaders())
	if c.status, err = strconv.Atoi(pseudo[":status"]); err != nil || c.status < 100 || c.status > 999 {
		c.fail(status.Error(codes.InvalidArgument, "avow: the answer has no status"))
	}
	c.waiting, c.headEnds = responseHeaders, head.GetEndOfStream()
	c.ended = c.headEnds
	for name, values := range c.from {
		w.Header()[name] = append([]string(nil), values...)
	}
	w.WriteHeader(c.status)
	c.copyBody(w)
}

// copyBody hands the answer's body over, piece by piece as it comes.
func (c *call) copyBody(w http.ResponseWriter) {
	flush := http.NewResponseController(w).Flush
	if c.modes.response == mode.ProcessingMode_STREAMED && !c.ended {
		// The header has to leave before the body comes. A held body keeps it.
		if err := flush(); err != nil {
			c.fail(err)
		}
	}
	for !c.ended && !c.answer.done {
		p, err := c.readAnswer()
		if err != nil {
			c.fail(err)
		}
		if len(p) == 0 {
			continue
		}
		if _, err := w.Write(p); err != nil {
			c.fail(err)
		}
		if c.modes.response == mode.ProcessingMode_BUFFERED {
			continue
		}
		if err := flush(); err != nil {
			c.fail(err)
		}
	}
}
