package extproc

import (
	"net/http"

	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/avowai/avow/disclose"
)

// headersReply answers a header of the request, or of the response.
func headersReply(response bool, change *pb.CommonResponse) *pb.ProcessingResponse {
	h := &pb.HeadersResponse{Response: change}
	if response {
		return &pb.ProcessingResponse{Response: &pb.ProcessingResponse_ResponseHeaders{ResponseHeaders: h}}
	}
	return &pb.ProcessingResponse{Response: &pb.ProcessingResponse_RequestHeaders{RequestHeaders: h}}
}

// bodyReply answers a part of a body.
func bodyReply(request bool, change *pb.CommonResponse) *pb.ProcessingResponse {
	b := &pb.BodyResponse{Response: change}
	if request {
		return &pb.ProcessingResponse{Response: &pb.ProcessingResponse_RequestBody{RequestBody: b}}
	}
	return &pb.ProcessingResponse{Response: &pb.ProcessingResponse_ResponseBody{ResponseBody: b}}
}

func trailersReply(request bool, m *pb.HeaderMutation) *pb.ProcessingResponse {
	t := &pb.TrailersResponse{HeaderMutation: m}
	if request {
		return &pb.ProcessingResponse{Response: &pb.ProcessingResponse_RequestTrailers{RequestTrailers: t}}
	}
	return &pb.ProcessingResponse{Response: &pb.ProcessingResponse_ResponseTrailers{ResponseTrailers: t}}
}

// replaced puts other bytes in the place of those that Envoy sent.
func replaced(body []byte) *pb.BodyMutation {
	if len(body) == 0 {
		return &pb.BodyMutation{Mutation: &pb.BodyMutation_ClearBody{ClearBody: true}}
	}
	return &pb.BodyMutation{Mutation: &pb.BodyMutation_Body{Body: body}}
}

// pieceOf is a piece of a body in full-duplex mode.
func pieceOf(body []byte, end bool) *pb.CommonResponse {
	return &pb.CommonResponse{BodyMutation: &pb.BodyMutation{Mutation: &pb.BodyMutation_StreamedResponse{
		StreamedResponse: &pb.StreamedBodyResponse{Body: body, EndOfStream: end}}}}
}

func withoutAuthor(h http.Header) http.Header {
	out := h.Clone()
	out.Del(disclose.HeaderAuthor)
	return out
}

// withoutOwn is a trailer without our own names, which an upstream may have copied.
func withoutOwn(h http.Header, passing bool) http.Header {
	out := h.Clone()
	for name := range out {
		if !passing && disclose.OwnHeader(name) {
			delete(out, name)
		}
	}
	return out
}
