package extproc

import (
	"context"
	"io"
	"net/http"
	"testing"

	mode "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"

	"github.com/avowai/avow/middleware"
)

// A script is a peer that says what it was told to, whatever it is answered.
type script struct {
	grpc.ServerStream
	ctx  context.Context
	says []*pb.ProcessingRequest
}

func (s *script) Context() context.Context          { return s.ctx }
func (s *script) Send(*pb.ProcessingResponse) error { return nil }
func (s *script) Recv() (*pb.ProcessingRequest, error) {
	if len(s.says) == 0 {
		return nil, io.EOF
	}
	m := s.says[0]
	s.says = s.says[1:]
	return m, nil
}

// saying turns bytes into messages in any order: one byte chooses each, the rest of
// the text is their content.
func saying(order []byte, text string) []*pb.ProcessingRequest {
	var says []*pb.ProcessingRequest
	for _, b := range order[:min(len(order), 32)] {
		end := b&0x40 != 0
		m := &pb.ProcessingRequest{}
		fields := headerMap(http.Header{"Content-Type": {"application/json"}}, ":method", "POST", ":path", chatPath, ":status", "200", "x", text)
		body := &pb.HttpBody{Body: []byte(text), EndOfStream: end}
		switch b & 7 {
		case 0:
			m.Request = &pb.ProcessingRequest_RequestHeaders{RequestHeaders: &pb.HttpHeaders{Headers: fields, EndOfStream: end}}
			m.ProtocolConfig = &pb.ProtocolConfiguration{RequestBodyMode: []mode.ProcessingMode_BodySendMode{none, streamed, buffered, duplex}[b>>3&3], ResponseBodyMode: []mode.ProcessingMode_BodySendMode{duplex, buffered}[b>>5&1]}
		case 1:
			m.Request = &pb.ProcessingRequest_RequestBody{RequestBody: body}
		case 2:
			m.Request = &pb.ProcessingRequest_RequestTrailers{RequestTrailers: &pb.HttpTrailers{}}
		case 3:
			m.Request = &pb.ProcessingRequest_ResponseHeaders{ResponseHeaders: &pb.HttpHeaders{Headers: fields, EndOfStream: end}}
		case 4:
			m.Request = &pb.ProcessingRequest_ResponseBody{ResponseBody: body}
		case 5:
			m.Request = &pb.ProcessingRequest_ResponseTrailers{ResponseTrailers: &pb.HttpTrailers{}}
		}
		says = append(says, m)
	}
	return says
}

// Whatever comes in whatever order, a call ends, and not by a panic.
func FuzzCall(f *testing.F) {
	f.Add([]byte{0x10, 0x41, 3, 0x44}, chatJSON)
	f.Add([]byte{0x18, 1, 3, 1, 2, 4, 5}, event("Hello"))
	f.Add([]byte{0x30, 3, 3, 4, 0, 5, 0x44}, "\x00")
	f.Add([]byte{0x40, 4}, "")
	gateway, err := middleware.NewGateway(options())
	if err != nil {
		f.Fatal(err)
	}
	s := New(gateway(Upstream()), nil)
	f.Fuzz(func(t *testing.T, order []byte, text string) {
		if err := s.Process(&script{ctx: t.Context(), says: saying(order, text)}); err == errPanic {
			t.Fatal("a panic")
		}
	})
}
