package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/extproc"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/middleware"
)

// extprocListen is where Envoy on the same machine finds the service.
const extprocListen = "127.0.0.1:9001"

// tlsFiles are the files of a listener that speaks TLS.
type tlsFiles struct{ cert, key, clientCA string }

func (a *app) extproc() *cobra.Command {
	var file string
	var over config.Config
	var files tlsFiles
	cmd := &cobra.Command{
		Use: "extproc", Short: "Mark AI output inside Envoy (ext_proc, gRPC)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return a.runExtproc(ctx, files, &source{file: file, over: func(c *config.Config) error {
				c.Listen = extprocListen // the file's is the proxy's
				override(cmd, c, over)
				return nil
			}})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "configuration file")
	f.StringVar(&over.Listen, "listen", extprocListen, "address of the gRPC service")
	f.StringVar(&over.Admin, "admin", "", `address of metrics and health (default "127.0.0.1:9090")`)
	f.StringVar(&over.Profile, "profile", "", "strict or standard (default strict)")
	f.StringVar(&over.Provider, "provider", "", "who offers the AI system")
	f.StringVar(&over.System, "system", "", "the AI system's name")
	f.StringVar(&over.SystemVersion, "system-version", "", "the AI system's version")
	f.BoolVar(&over.All, "all", false, "treat every answer as AI output")
	f.StringVar(&files.cert, "tls-cert", "", "certificate chain (PEM); with --tls-key the service speaks TLS")
	f.StringVar(&files.key, "tls-key", "", "private key (PEM)")
	f.StringVar(&files.clientCA, "tls-client-ca", "", "certificates (PEM) that Envoy's own certificate has to come from")
	return cmd
}

// config reads the files; nil for none.
func (t tlsFiles) config() (*tls.Config, error) {
	switch {
	case t == tlsFiles{}:
		return nil, nil
	case t.cert == "" || t.key == "":
		return nil, hint(errors.New("TLS takes a certificate and a key"), "give both --tls-cert and --tls-key")
	}
	pair, err := tls.LoadX509KeyPair(t.cert, t.key)
	if err != nil {
		return nil, hint(fmt.Errorf("TLS: %w", err), "give PEM files that belong together to --tls-cert and --tls-key")
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if t.clientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(t.clientCA)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-ca: %w", err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, hint(errors.New("--tls-client-ca: no certificate in the file"), "give a PEM file of certificates")
	}
	return c, nil
}

// newExtproc wires the service; its public side is gRPC.
func (a *app) newExtproc(c config.Config, log *slog.Logger, secure *tls.Config) (*service, *extproc.GRPC, error) {
	s := &service{a: a, log: log}
	s.build = func(c config.Config, ring *keyring.Ring, before *generation) (*generation, error) {
		return s.marking(c, ring, before, func(o middleware.Options) (http.Handler, error) {
			gateway, err := middleware.NewGateway(o)
			if err != nil {
				return nil, err
			}
			return gateway(extproc.Upstream()), nil
		})
	}
	if err := s.open(c, "extproc"); err != nil {
		return nil, nil, err
	}
	marks := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.current.Load().proxy.ServeHTTP(w, r) })
	return s, extproc.NewGRPC(extproc.New(marks, log), s.ready, secure), nil
}

func (a *app) runExtproc(ctx context.Context, files tlsFiles, from *source) error {
	log, err := a.logger()
	if err != nil {
		return err
	}
	c, err := from.read(a)
	if err != nil {
		return err
	}
	secure, err := files.config()
	if err != nil {
		return err
	}
	if c.Listen == c.Admin {
		return hint(fmt.Errorf("%s is given twice", c.Listen), "metrics need an address of their own: choose another with --admin")
	}
	s, g, err := a.newExtproc(c, log, secure)
	if err != nil {
		return err
	}
	defer s.close()
	admin, err := listen(map[string]http.Handler{c.Admin: s.admin})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		admin.close()
		return hint(fmt.Errorf("cannot listen on %s: %w", c.Listen, err), "another program may use the port; choose another with --listen")
	}
	a.say("serving Envoy's ext_proc on %s (metrics: %s/metrics), profile %s", l.Addr(), admin.url(c.Admin), c.Profile)
	defer s.follow(ctx, from)()
	return s.serveGRPC(ctx, g, l, admin)
}

// serveGRPC serves until ctx ends or a listener fails. Then it stops in the order of a
// departure: not ready, no new calls, calls in progress to their end, the admin
// address last.
func (s *service) serveGRPC(ctx context.Context, g *extproc.GRPC, l net.Listener, admin *serverSet) error {
	watched, closeAdmin := context.WithCancel(context.Background())
	defer closeAdmin()
	served, administered := make(chan error, 1), make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	go func() { administered <- admin.run(watched, departure{leaving: &s.leaving, say: s.a.say}) }()
	var failed error
	select {
	case <-ctx.Done():
		s.leaving.Store(true)
		s.wait(ctx)
	case failed = <-administered:
		administered <- nil
	case failed = <-served:
		served <- nil
	}
	again, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	drain, cancel := context.WithTimeout(again, time.Duration(s.current.Load().c.Limits.Drain))
	defer cancel()
	g.Stop(drain)
	closeAdmin()
	return errors.Join(failed, <-served, <-administered)
}

// wait lets balancers notice that the service is not ready, unless somebody sits at a
// terminal and waits.
func (s *service) wait(ctx context.Context) {
	if cause, ok := context.Cause(ctx).(stopSignal); ok && cause.Signal == os.Interrupt {
		return
	}
	again, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	select {
	case <-again.Done():
	case <-time.After(time.Duration(s.current.Load().c.Limits.DrainDelay)):
	}
}
