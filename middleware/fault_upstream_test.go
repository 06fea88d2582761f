package middleware

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// replying answers every connection with bytes of its own, and closes it.
func replying(t testing.TB, reply func(*http.Request) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			req, err := http.ReadRequest(bufioReader(conn))
			if err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(conn, reply(req))
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// recordedBy are options whose records can be counted.
func recordedBy(p disclose.Profile) (Options, *keptRecords) {
	records := &keptRecords{MemoryRecords: disclose.NewMemoryRecords(0)}
	o := testOptions(p)
	o.Disclose.Records = records
	return o, records
}

// keptRecords passes on what it gets, and remembers the last.
type keptRecords struct {
	*disclose.MemoryRecords
	puts chan disclose.Record // nil: nobody looks
}

func (k *keptRecords) Put(ctx context.Context, r disclose.Record) error {
	err := k.MemoryRecords.Put(ctx, r)
	if k.puts != nil {
		k.puts <- r
	}
	return err
}

// proxyBy serves the proxy over a transport of the test's own.
func proxyBy(t *testing.T, o Options, upstream string, transport *http.Transport) *httptest.Server {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCore(o, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	h, err := c.proxyTo(target, transport)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, h)
}

// wantNoAnswer checks what a client gets of an upstream that gave nothing.
func wantNoAnswer(t *testing.T, a answer, status int, kind string) {
	t.Helper()
	wantStatus(t, a, status)
	wantHeader(t, a, "Content-Type", "application/problem+json")
	wantHeader(t, a, "X-Request-Id", "req-7")
	if !bytes.Contains(a.body, []byte(problemBase+kind)) || !bytes.Contains(a.body, []byte(`"request_id":"req-7"`)) {
		t.Errorf("problem %s", a.body)
	}
	if a.Header.Get("AI-Disclosure") == "" { // an error of an AI route says so as well
		t.Errorf("no header: %v", a.Header)
	}
	if bytes.Contains(a.body, []byte("127.0.0.1")) || bytes.Contains(a.body, []byte("invalid")) {
		t.Errorf("the problem names the upstream: %s", a.body)
	}
}

// An upstream that cannot be reached, or says nothing that is HTTP.
func TestUnreachableUpstream(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Close()
	noNames := newTransport(UpstreamLimits{})
	noNames.DialContext = (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server")
	}}}).DialContext
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(chat))
	stranger.Config.ErrorLog = quiet
	stranger.StartTLS()
	defer stranger.Close()
	for name, c := range map[string]struct {
		upstream  string
		transport *http.Transport
	}{
		"refused":             {"http://" + refused.Addr().String(), newTransport(UpstreamLimits{})},
		"no such name":        {"http://backend.invalid", noNames},
		"unknown certificate": {stranger.URL, newTransport(UpstreamLimits{})},
		"no TLS":              {strings.Replace(rawUpstream(t, "HTTP/1.1 200 OK\r\n\r\n"), "http:", "https:", 1), newTransport(UpstreamLimits{})},
		"closed at once":      {rawUpstream(t, ""), newTransport(UpstreamLimits{})},
		"no HTTP":             {rawUpstream(t, "SSH-2.0-OpenSSH\r\n"), newTransport(UpstreamLimits{})},
		"half a header":       {rawUpstream(t, "HTTP/1.1 200 OK\r\nContent-Ty"), newTransport(UpstreamLimits{})},
	} {
		t.Run(name, func(t *testing.T) {
			for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
				o, records := recordedBy(profile)
				records.puts = make(chan disclose.Record, 1)
				srv := proxyBy(t, o, c.upstream, c.transport)
				for _, path := range []string{chatPath, imagePath, "/v1/messages"} {
					wantNoAnswer(t, ask(t, "POST", srv.URL+path, chatAsk, "X-Request-Id", "req-7"), http.StatusBadGateway, "upstream")
				}
				srv.Close()
				if len(records.puts) != 0 {
					t.Errorf("%v: recorded %+v", profile, <-records.puts)
				}
			}
		})
	}
}

// An upstream that accepts and then says nothing.
func TestSilentUpstream(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // its backlog takes connections that nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	transport := newTransport(UpstreamLimits{})
	if transport.ResponseHeaderTimeout != time.Minute || transport.TLSHandshakeTimeout != 5*time.Second {
		t.Errorf("limits of %v and %v", transport.ResponseHeaderTimeout, transport.TLSHandshakeTimeout)
	}
	transport.ResponseHeaderTimeout, transport.TLSHandshakeTimeout = 20*time.Millisecond, 20*time.Millisecond
	for _, scheme := range []string{"http://", "https://"} {
		o, records := recordedBy(disclose.Strict)
		records.puts = make(chan disclose.Record, 1)
		srv := proxyBy(t, o, scheme+l.Addr().String(), transport)
		wantNoAnswer(t, ask(t, "POST", srv.URL+chatPath, chatAsk, "X-Request-Id", "req-7"), http.StatusGatewayTimeout, "upstream_timeout")
		srv.Close()
		if len(records.puts) != 0 {
			t.Errorf("recorded %+v", <-records.puts)
		}
	}
}
