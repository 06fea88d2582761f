package extproc

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// Limits of the listener.
const (
	maxMessage = 64<<20 + 1<<20 // a buffered body of 64 MiB and what surrounds it
	maxStreams = 16384          // of one connection
	maxHeaders = 1 << 20
	pingEvery  = 30 * time.Second
	pingWait   = 10 * time.Second
)

// GRPC is the listening side of a Server.
type GRPC struct{ srv *grpc.Server }

// NewGRPC returns a gRPC server with s and the health service grpc.health.v1. ready
// says by its status whether calls should come here; nil means always. A nil tls
// speaks in the clear.
func NewGRPC(s *Server, ready http.HandlerFunc, tls *tls.Config) *GRPC {
	o := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams), grpc.MaxHeaderListSize(maxHeaders),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingEvery, Timeout: pingWait}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingWait, PermitWithoutStream: true}),
	}
	if tls != nil {
		o = append(o, grpc.Creds(credentials.NewTLS(tls)))
	}
	g := &GRPC{srv: grpc.NewServer(o...)}
	pb.RegisterExternalProcessorServer(g.srv, s)
	health.RegisterHealthServer(g.srv, &healthServer{ready: ready})
	return g
}

// Serve serves until Stop.
func (g *GRPC) Serve(l net.Listener) error { return g.srv.Serve(l) }

// Stop takes no new calls and waits for those in progress, until ctx ends; then it
// breaks them off.
func (g *GRPC) Stop(ctx context.Context) {
	done := make(chan struct{})
	go func() { g.srv.GracefulStop(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		g.srv.Stop()
		<-done
	}
}

type healthServer struct {
	health.UnimplementedHealthServer
	ready http.HandlerFunc
}

// Check implements grpc.health.v1.
func (h *healthServer) Check(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	out := &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}
	if h.ready != nil {
		w := &statusOnly{header: http.Header{}, status: http.StatusOK}
		h.ready(w, (&http.Request{Method: http.MethodGet, Header: http.Header{}}).WithContext(ctx))
		if w.status/100 != 2 {
			out.Status = health.HealthCheckResponse_NOT_SERVING
		}
	}
	return out, nil
}

type statusOnly struct {
	header http.Header
	status int
}

func (w *statusOnly) Header() http.Header         { return w.header }
func (w *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
func (w *statusOnly) WriteHeader(status int)      { w.status = status }
