// Package extproc runs avow inside Envoy: it is the service behind the HTTP filter
// envoy.filters.http.ext_proc (envoy.service.ext_proc.v3.ExternalProcessor).
//
// One call is one HTTP exchange. Envoy sends header and body of the request and of
// the answer as messages; the service says what to change. It decides nothing by
// itself: each call runs the same handler as the proxy (middleware.NewGateway) with
// the messages as its upstream ([call.fetch]) and the mutations as its client
// ([answer]). All of a call happens in the goroutine that gRPC gives it.
//
// It fails closed: what it cannot do ends the call with an error, and Envoy, with
// failure_mode_allow false, then breaks the exchange off.
package extproc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"

	mode "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A Server answers Envoy.
type Server struct {
	pb.UnimplementedExternalProcessorServer
	handler http.Handler
	log     *slog.Logger
}

// New returns a server that marks as handler does: what the result of
// middleware.NewGateway makes around Upstream. A nil logger discards.
func New(handler http.Handler, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{handler: handler, log: log}
}

// Upstream answers a call's request as Envoy's upstream did.
func Upstream() http.Handler { return http.HandlerFunc(fetch) }

type callKey struct{}

// fetch is the upstream of the gateway: Envoy's.
func fetch(w http.ResponseWriter, r *http.Request) {
	if c, ok := r.Context().Value(callKey{}).(*call); ok {
		c.fetch(w, r)
	}
}

// Errors of a configuration that would let answers leave unmarked, or cut.
var (
	errNoHeaders = status.Error(codes.FailedPrecondition, "avow: request and response headers have to be sent: set request_header_mode and response_header_mode to SEND or DEFAULT")
	errNoBody    = status.Error(codes.FailedPrecondition, "avow: response bodies of AI routes have to be sent: set response_body_mode to FULL_DUPLEX_STREAMED")
	errMode      = status.Error(codes.FailedPrecondition, "avow: BUFFERED_PARTIAL, GRPC and observability mode cut bodies or ignore answers: set response_body_mode to FULL_DUPLEX_STREAMED and request_body_mode to BUFFERED")
	errChunks    = status.Error(codes.FailedPrecondition, "avow: this body comes in pieces although it has to be read whole: set request_body_mode to BUFFERED, response_body_mode to FULL_DUPLEX_STREAMED")
	errTrailers  = status.Error(codes.FailedPrecondition, "avow: trailers end a body that is still held: set response_body_mode to FULL_DUPLEX_STREAMED")
	errBroken    = status.Error(codes.Aborted, "avow: output broken off")
	errPanic     = status.Error(codes.Internal, "avow: internal error; the log has it")
)

// Process implements ExternalProcessorServer.
func (s *Server) Process(stream pb.ExternalProcessor_ProcessServer) error {
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := newCall(stream, first)
	if err != nil {
		s.log.Error("call refused", "error", err)
		return err
	}
	r, err := c.request()
	if err != nil {
		return err
	}
	if err = s.run(c, r.WithContext(context.WithValue(r.Context(), callKey{}, c))); err == nil {
		err = c.finish()
	}
	if err != nil && stream.Context().Err() == nil {
		s.log.Warn("call broken off", "path", r.URL.Path, "error", err)
	}
	return err
}

// run has the gateway handle the exchange.
func (s *Server) run(c *call, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); {
		case p == nil:
			if c.err != nil {
				err = c.err
			}
		case c.err != nil:
			err = c.err
		case p == http.ErrAbortHandler:
			err = errBroken
		default:
			s.log.Error("panic", "value", p, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	s.handler.ServeHTTP(&c.answer, r)
	return nil
}

// modes are what the filter's configuration says, as far as it reached us.
type modes struct {
	request, response mode.ProcessingMode_BodySendMode
	known             bool
}

const duplex = mode.ProcessingMode_FULL_DUPLEX_STREAMED

// readModes takes the modes of the first message. Envoy before 1.34 does not send
// them; BUFFERED is then assumed, and a body in pieces breaks the call off.
func readModes(m *pb.ProcessingRequest) (modes, error) {
	buffered := mode.ProcessingMode_BUFFERED
	if m.GetObservabilityMode() {
		return modes{}, errMode
	}
	p := m.GetProtocolConfig()
	if p == nil {
		return modes{request: buffered, response: buffered}, nil
	}
	for _, b := range []mode.ProcessingMode_BodySendMode{p.GetRequestBodyMode(), p.GetResponseBodyMode()} {
		switch b {
		case mode.ProcessingMode_NONE, mode.ProcessingMode_STREAMED, buffered, duplex:
		default:
			return modes{}, errMode
		}
	}
	return modes{p.GetRequestBodyMode(), p.GetResponseBodyMode(), true}, nil
}
