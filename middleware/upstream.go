package middleware

import (
	"context"
	"io"
	"net/http"
	"time"
)

// UpstreamLimits bound how long the proxy waits for what it wraps. The zero value is
// the recommended setting.
type UpstreamLimits struct {
	// Dial bounds making a connection, and TLS the handshake on it; 0 means 5 seconds
	// for each.
	Dial, TLS time.Duration
	// FirstByte bounds the wait for the header of an answer; 0 means 60 seconds. A
	// model that thinks long before it answers, without streaming, needs more.
	FirstByte time.Duration
	// Idle bounds how long the body of an answer may stand still before it is broken
	// off; 0 means 120 seconds. Time in which the client does not read does not count.
	Idle time.Duration
}

func (l UpstreamLimits) defaults() UpstreamLimits {
	l.Dial = or(l.Dial, 5*time.Second)
	l.TLS = or(l.TLS, 5*time.Second)
	l.FirstByte = or(l.FirstByte, time.Minute)
	l.Idle = or(l.Idle, 2*time.Minute)
	return l
}

// A stallGuard breaks off answers whose bodies stand still for too long.
type stallGuard struct {
	next http.RoundTripper
	idle time.Duration
}

// RoundTrip implements http.RoundTripper.
func (g stallGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	resp, err := g.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols { // ends with the request
		context.AfterFunc(r.Context(), cancel)
		return resp, nil
	}
	timer := time.AfterFunc(g.idle, cancel)
	timer.Stop()
	resp.Body = &guarded{resp.Body, timer, g.idle, cancel}
	return resp, nil
}

// CloseIdleConnections closes those of the transport.
func (g stallGuard) CloseIdleConnections() {
	if t, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// guarded is a body whose every read has its time.
type guarded struct {
	io.ReadCloser
	timer  *time.Timer
	idle   time.Duration
	cancel context.CancelFunc
}

func (b *guarded) Read(p []byte) (int, error) {
	b.timer.Reset(b.idle)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	return n, err
}

func (b *guarded) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
