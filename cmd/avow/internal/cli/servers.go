package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
)

// A serverSet is several servers that start and stop together.
type serverSet struct {
	listeners map[string]net.Listener
	servers   map[string]*http.Server  // by the address given
	counters  map[string]*atomic.Int64 // answers in progress
	leaving   atomic.Bool              // answers close their connections
	base      context.Context          // of every request
	cut       context.CancelFunc
	idle      sync.WaitGroup // until no connection is left
	failed    chan error
}

// listenBoth opens the public and the admin address.
func listenBoth(public string, p http.Handler, admin string, a http.Handler) (*serverSet, error) {
	if public == admin {
		return nil, hint(fmt.Errorf("%s is given twice", public), "metrics need an address of their own: choose another with --admin")
	}
	return listen(map[string]http.Handler{public: p, admin: a})
}

// listen opens all addresses, or none.
func listen(handlers map[string]http.Handler) (*serverSet, error) {
	base, cut := context.WithCancel(context.Background())
	set := &serverSet{
		listeners: map[string]net.Listener{}, servers: map[string]*http.Server{}, counters: map[string]*atomic.Int64{},
		base: base, cut: cut, failed: make(chan error, len(handlers)),
	}
	for addr, h := range handlers {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			set.close()
			return nil, hint(fmt.Errorf("cannot listen on %s: %w", addr, err), "another program may use the port; choose another with --listen or --admin")
		}
		n := &atomic.Int64{}
		set.listeners[addr], set.counters[addr] = l, n
		set.servers[addr] = &http.Server{
			Handler: &counting{set, h, n}, BaseContext: func(net.Listener) context.Context { return base },
			ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
			ErrorLog: serverLog(os.Stderr),
		}
	}
	return set, nil
}

// counting counts the answers in progress, those of connections that a handler has
// taken over included, which http.Server.Shutdown does not know of. While the set
// is leaving, each answer says that its connection ends with it (RFC 9112 section
// 9.6; over HTTP/2 the server sends GOAWAY for it).
type counting struct {
	set  *serverSet
	next http.Handler
	n    *atomic.Int64
}

// ServeHTTP implements http.Handler.
func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.n.Add(1)
	defer c.n.Add(-1)
	if c.set.leaving.Load() {
		w.Header().Set("Connection", "close")
	}
	c.next.ServeHTTP(w, r)
}

func (s *serverSet) addr(given string) string { return s.listeners[given].Addr().String() }

// url is where programs on this machine reach a given address.
func (s *serverSet) url(given string) string { return localURL(s.addr(given)) }

// localURL is the URL of an address. An address of every interface stands in no
// browser's line as it is written here.
func localURL(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		addr = net.JoinHostPort("localhost", port)
	}
	return "http://" + addr
}

// close ends everything at once.
func (s *serverSet) close() {
	s.cut()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for _, srv := range s.servers {
		_ = srv.Close()
	}
}

// serve answers on all addresses until one fails or is closed.
func (s *serverSet) serve() error {
	for addr, srv := range s.servers {
		go func() { s.failed <- srv.Serve(s.listeners[addr]) }()
	}
	return s.failure(<-s.failed)
}

func (s *serverSet) failure(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
