package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/loadtest"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

// serveProxy runs one of the two proxies on a free port, prints its address
// and serves until its standard input closes with the parent.
func serveProxy(kind, upstream string, out io.Writer) error {
	target, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	h, err := newProxy(kind, target)
	if err != nil {
		return err
	}
	return loadtest.Serve(out, &http.Server{Handler: h})
}

func newProxy(kind string, target *url.URL) (http.Handler, error) {
	switch kind {
	case "bare":
		return &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.SetXForwarded()
			},
			FlushInterval: -1,
			ErrorLog:      log.New(io.Discard, "", 0), // clients that leave at the end of the run
			Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		}, nil
	case "avow":
		key, err := watermark.GenerateKey()
		if err != nil {
			return nil, err
		}
		return middleware.NewProxy(target, middleware.Options{Disclose: disclose.Options{
			Provider: "Example GmbH", System: "assistant", Version: "1.4", Key: key,
			Records: disclose.NewMemoryRecords(0),
		}})
	}
	return nil, fmt.Errorf("no proxy is called %q", kind)
}

// A child is one running proxy.
type child struct {
	name string
	url  string
	own  *loadtest.Process // nil where the proxy runs in this process
	here io.Closer         // what stops it there
}

// startHere serves a proxy from this process.
func startHere(kind, upstream string) (*child, error) {
	target, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	h, err := newProxy(kind, target)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = srv.Serve(l) }()
	return &child{name: kind, url: "http://" + l.Addr().String(), here: srv}, nil
}

// startChild gives a proxy a process of its own.
func startChild(kind, upstream string) (*child, error) {
	p, err := loadtest.Self(kind, "-serve", kind, "-upstream", upstream)
	if err != nil {
		return nil, err
	}
	return &child{name: kind, url: p.URL, own: p}, nil
}

func (c *child) stop() {
	if c.own != nil {
		_ = c.own.Stop()
		return
	}
	_ = c.here.Close()
}

func printMachine(c config) {
	fmt.Printf("`go run ./bench/throughput -rounds %d -requests %d -streams %d`: %s, %s/%s, %d cores\n\n",
		c.rounds, c.requests, c.streams, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Println("| measurement | bare proxy | avow | added |")
	fmt.Println("| --- | --- | --- | --- |")
}
