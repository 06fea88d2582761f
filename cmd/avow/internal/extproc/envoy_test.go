package extproc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	mode "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

const (
	none     = mode.ProcessingMode_NONE
	buffered = mode.ProcessingMode_BUFFERED
	streamed = mode.ProcessingMode_STREAMED
)

// An envoy drives one exchange as Envoy's ext_proc filter does: in each mode it
// sends what Envoy sends, waits where Envoy waits, and refuses what Envoy refuses.
// It is written from the filter's documentation and its proto files.
type envoy struct {
	client            pb.ExternalProcessorClient
	upstream          string
	request, response mode.ProcessingMode_BodySendMode
	noOverride        bool // allow_mode_override is false
	silent            bool // an Envoy that sends no protocol_config
	piece             int  // of bodies, in bytes
	repeatEnd         bool // sends the end of the request twice
}

// A seen is what the client of Envoy gets.
type seen struct {
	status    int
	header    http.Header
	body      []byte
	trailer   http.Header
	reset     bool // broken off after the header
	immediate bool
	pieces    []string // of a body in full-duplex mode, as they came
	asked     *http.Request
	askedBody []byte
}

var errRule = errors.New("a rule of the protocol is broken")

// exchange is one pass through the filter.
type exchange struct {
	e      *envoy
	stream pb.ExternalProcessor_ProcessClient
	out    seen
	begun  bool // the client has the header
	mode   mode.ProcessingMode_BodySendMode
}

// do sends a request through the filter. An error means that the fake itself, or a
// rule, failed; a call that the service ends shows as status 500 or a reset.
func (e *envoy) do(ctx context.Context, r *http.Request, body string) (seen, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := e.client.Process(ctx)
	if err != nil {
		return seen{status: 500}, nil
	}
	x := &exchange{e: e, stream: stream, mode: e.response}
	err = x.run(ctx, r, body)
	var now *immediate
	switch {
	case errors.As(err, &now):
		x.out.immediate, x.out.reset = true, x.begun // Envoy cannot take a header back
	case errors.Is(err, errRule):
		return x.out, err
	case err != nil && x.begun:
		x.out.reset = true
	case err != nil:
		x.out.status, x.out.header, x.out.body = 500, http.Header{}, []byte(err.Error())
	}
	_ = stream.CloseSend()
	return x.out, nil
}

type immediate struct{}

func (*immediate) Error() string { return "immediate response" }

// recv takes an answer. An immediate response ends the exchange.
func (x *exchange) recv() (*pb.ProcessingResponse, error) {
	m, err := x.stream.Recv()
	if err != nil {
		return nil, err
	}
	if now := m.GetImmediateResponse(); now != nil {
		if x.begun {
			return nil, &immediate{}
		}
		x.out.status, x.out.body = int(now.GetStatus().GetCode()), now.GetBody()
		x.out.header = http.Header{"Content-Type": {"text/plain"}}
		if err := apply(x.out.header, now.GetHeaders()); err != nil {
			return nil, err
		}
		return nil, &immediate{}
	}
	if o := m.GetModeOverride(); o != nil && !x.e.noOverride && x.e.response != duplex && x.e.request != duplex {
		x.mode = o.GetResponseBodyMode()
	}
	return m, nil
}

// apply carries out a mutation as Envoy does.
func apply(h http.Header, m *pb.HeaderMutation) error {
	for _, name := range m.GetRemoveHeaders() {
		if strings.HasPrefix(name, ":") || name == "host" || name != strings.ToLower(name) {
			return fmt.Errorf("%w: removes %q", errRule, name)
		}
		h.Del(name)
	}
	for _, f := range m.GetSetHeaders() {
		name := f.GetHeader().GetKey()
		switch {
		case strings.HasPrefix(name, ":"), strings.HasPrefix(name, "x-envoy"), name == "host", name == "content-length", name == "transfer-encoding", name != strings.ToLower(name):
			return fmt.Errorf("%w: sets %q", errRule, name)
		case f.GetHeader().GetValue() != "":
			return fmt.Errorf("%w: value in place of raw_value", errRule)
		case f.GetAppendAction() == corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD:
			h.Add(name, string(f.GetHeader().GetRawValue()))
		default:
			h.Set(name, string(f.GetHeader().GetRawValue()))
		}
	}
	return nil
}

func headerMap(h http.Header, pseudo ...string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for i := 0; i+1 < len(pseudo); i += 2 {
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: pseudo[i], RawValue: []byte(pseudo[i+1])})
	}
	for name, values := range h {
		for _, v := range values {
			m.Headers = append(m.Headers, &corev3.HeaderValue{Key: strings.ToLower(name), RawValue: []byte(v)})
		}
	}
	return m
}

func (x *exchange) run(ctx context.Context, r *http.Request, body string) error {
	h := r.Header.Clone()
	if body != "" {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	first := &pb.ProcessingRequest{Request: &pb.ProcessingRequest_RequestHeaders{RequestHeaders: &pb.HttpHeaders{
		Headers: headerMap(h, ":method", r.Method, ":path", r.URL.RequestURI(), ":authority", "example.test", ":scheme", "https"), EndOfStream: body == ""}}}
	if !x.e.silent {
		first.ProtocolConfig = &pb.ProtocolConfiguration{RequestBodyMode: x.e.request, ResponseBodyMode: x.e.response}
	}
	if err := x.stream.Send(first); err != nil {
		return err
	}
	asked, err := x.askThrough(h, body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, x.e.upstream+r.URL.RequestURI(), bytes.NewReader(asked))
	if err != nil {
		return err
	}
	h.Del("Content-Length")
	req.Header, x.out.asked, x.out.askedBody = h, req, asked
	resp, err := (&http.Transport{DisableKeepAlives: true, DisableCompression: true}).RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return x.answer(resp)
}

// askThrough has the service see the request and returns the body that goes on.
func (x *exchange) askThrough(h http.Header, body string) ([]byte, error) {
	if x.e.request == duplex && body != "" {
		var sender sync.WaitGroup
		defer sender.Wait() // before anything else is sent
		sender.Go(func() {
			for _, p := range pieces([]byte(body), x.e.piece, x.e.repeatEnd) {
				if x.sendBody(true, p) != nil {
					return
				}
			}
		})
	}
	m, err := x.recv()
	if err != nil {
		return nil, err
	}
	if m.GetRequestHeaders() == nil {
		return nil, fmt.Errorf("%w: %T answers the request's header", errRule, m.GetResponse())
	}
	if err := apply(h, m.GetRequestHeaders().GetResponse().GetHeaderMutation()); err != nil {
		return nil, err
	}
	overridden := m.GetModeOverride() != nil && !x.e.noOverride
	reqMode := x.e.request
	if overridden && reqMode != duplex {
		reqMode = m.GetModeOverride().GetRequestBodyMode()
	}
	switch {
	case body == "" || reqMode == none:
		return []byte(body), nil
	case reqMode == duplex:
		return x.gather(true)
	}
	size := len(body)
	if reqMode == streamed {
		size = x.e.piece
	}
	return x.inTurn(true, pieces([]byte(body), size, false), h, reqMode == buffered)
}

type part struct {
	body []byte
	end  bool
}

func pieces(body []byte, size int, twice bool) []part {
	if size <= 0 {
		size = len(body) + 1
	}
	var out []part
	for len(body) > size {
		out = append(out, part{body[:size], false})
		body = body[size:]
	}
	out = append(out, part{body, true})
	if twice {
		out = append(out, part{nil, true})
	}
	return out
}

func (x *exchange) sendBody(request bool, p part) error {
	b := &pb.HttpBody{Body: p.body, EndOfStream: p.end}
	if request {
		return x.stream.Send(&pb.ProcessingRequest{Request: &pb.ProcessingRequest_RequestBody{RequestBody: b}})
	}
	return x.stream.Send(&pb.ProcessingRequest{Request: &pb.ProcessingRequest_ResponseBody{ResponseBody: b}})
}

// gather takes the pieces of a body in full-duplex mode until its end.
func (x *exchange) gather(request bool) ([]byte, error) {
	var body []byte
	for {
		m, err := x.recv()
		if err != nil {
			return body, err
		}
		b := m.GetResponseBody()
		if request {
			b = m.GetRequestBody()
		}
		if t := m.GetResponseTrailers(); t != nil && !request {
			return body, apply(x.out.trailer, t.GetHeaderMutation())
		}
		s := b.GetResponse().GetBodyMutation().GetStreamedResponse()
		if s == nil || len(s.GetBody()) > 64<<10 {
			return body, fmt.Errorf("%w: %T in full-duplex mode", errRule, m.GetResponse())
		}
		body = append(body, s.GetBody()...)
		if !request {
			x.out.body = body
			x.out.pieces = append(x.out.pieces, string(s.GetBody()))
		}
		if s.GetEndOfStream() {
			return body, nil
		}
	}
}

// inTurn sends parts and waits for the answer to each.
func (x *exchange) inTurn(request bool, parts []part, h http.Header, held bool) ([]byte, error) {
	var body []byte
	for _, p := range parts {
		if err := x.sendBody(request, p); err != nil {
			return body, err
		}
		m, err := x.recv()
		if err != nil {
			return body, err
		}
		b := m.GetResponseBody()
		if request {
			b = m.GetRequestBody()
		}
		if b == nil {
			return body, fmt.Errorf("%w: %T answers a part of a body", errRule, m.GetResponse())
		}
		if held { // else Envoy ignores it: the header has left
			if err := apply(h, b.GetResponse().GetHeaderMutation()); err != nil {
				return body, err
			}
		}
		switch c := b.GetResponse().GetBodyMutation(); {
		case c == nil:
			body = append(body, p.body...)
		case c.GetStreamedResponse() != nil:
			return body, fmt.Errorf("%w: streamed_response outside full-duplex mode", errRule)
		default:
			body = append(body, c.GetBody()...)
			h.Del("Content-Length")
		}
		if !request && !held {
			x.out.body = body
		}
	}
	return body, nil
}

// answer has the service see the upstream's answer.
func (x *exchange) answer(resp *http.Response) error {
	h := resp.Header.Clone()
	if resp.ContentLength < 0 && len(resp.TransferEncoding) > 0 {
		h.Set("Transfer-Encoding", "chunked")
	} else if resp.ContentLength >= 0 {
		h.Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	x.out.status, x.out.header, x.out.trailer = resp.StatusCode, h, http.Header{}
	bodyless := resp.ContentLength == 0 || resp.Request.Method == http.MethodHead || resp.StatusCode == http.StatusNotModified
	err := x.stream.Send(&pb.ProcessingRequest{Request: &pb.ProcessingRequest_ResponseHeaders{ResponseHeaders: &pb.HttpHeaders{
		Headers: headerMap(h, ":status", strconv.Itoa(resp.StatusCode)), EndOfStream: bodyless}}})
	if err != nil {
		return err
	}
	var sender sync.WaitGroup
	defer sender.Wait()
	if x.mode == duplex && !bodyless {
		sender.Add(1)
		go func() { defer sender.Done(); x.sendAll(resp) }()
	}
	m, err := x.recv()
	if err != nil {
		return err
	}
	if m.GetResponseHeaders() == nil {
		return fmt.Errorf("%w: %T answers the response's header", errRule, m.GetResponse())
	}
	if err := apply(h, m.GetResponseHeaders().GetResponse().GetHeaderMutation()); err != nil {
		return err
	}
	return x.answerBody(resp, h, bodyless)
}

func (x *exchange) answerBody(resp *http.Response, h http.Header, bodyless bool) (err error) {
	defer h.Del("Transfer-Encoding")
	switch {
	case bodyless:
		return nil
	case x.mode == duplex:
		x.begun = true
		h.Del("Content-Length")
		_, err = x.gather(false)
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err // Envoy resets the call with the exchange
	}
	parts := []part{{body, len(resp.Trailer) == 0}}
	switch x.mode {
	case none:
		x.begun, x.out.body = true, body
		return nil
	case streamed:
		x.begun = true
		h.Del("Content-Length")
		parts = append(pieces(body, x.e.piece, false), part{nil, true})
		parts[len(parts)-2].end = false
	}
	if body, err = x.inTurn(false, parts, h, x.mode == buffered); err == nil {
		x.out.body = body
	}
	return err
}

// sendAll sends the answer's body as it comes.
func (x *exchange) sendAll(resp *http.Response) {
	buf := make([]byte, max(x.e.piece, 1))
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 && x.sendBody(false, part{bytes.Clone(buf[:n]), false}) != nil {
			return
		}
		switch {
		case errors.Is(err, io.EOF) && len(resp.Trailer) > 0:
			x.out.trailer = resp.Trailer.Clone()
			_ = x.stream.Send(&pb.ProcessingRequest{Request: &pb.ProcessingRequest_ResponseTrailers{
				ResponseTrailers: &pb.HttpTrailers{Trailers: headerMap(resp.Trailer)}}})
			return
		case errors.Is(err, io.EOF):
			_ = x.sendBody(false, part{nil, true})
			return
		case err != nil:
			_ = x.stream.CloseSend() // the upstream is gone, and with it the exchange
			return
		}
	}
}
