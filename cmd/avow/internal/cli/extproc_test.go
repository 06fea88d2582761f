package cli

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/avowai/avow/cmd/avow/internal/config"
)

// The service starts from a configuration, says that it is ready, and stops when
// asked to.
func TestExtprocServesAndStops(t *testing.T) {
	a := &app{err: io.Discard, out: io.Discard, data: t.TempDir(), logFormat: "text", logLevel: "error"}
	c := config.Default()
	c.Admin = "127.0.0.1:0"
	c.Limits.DrainDelay = 0
	s, g, err := a.newExtproc(c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	admin, err := listen(map[string]http.Handler{c.Admin: s.admin})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.serveGRPC(ctx, g, l, admin) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := health.NewHealthClient(conn).Check(t.Context(), &health.HealthCheckRequest{})
	if err != nil || got.GetStatus() != health.HealthCheckResponse_SERVING {
		t.Fatalf("%v %v", got, err)
	}
	_ = conn.Close()
	stop()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
}

func TestExtprocTLSFiles(t *testing.T) {
	if c, err := (tlsFiles{}).config(); c != nil || err != nil {
		t.Fatalf("no files: %v %v", c, err)
	}
	for _, files := range []tlsFiles{{cert: "a.pem"}, {key: "k.pem"}, {clientCA: "ca.pem"}, {cert: "none.pem", key: "none.pem"}} {
		if _, err := files.config(); err == nil {
			t.Errorf("%+v was taken", files)
		}
	}
}
