package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/avowai/avow/internal/loadtest"
)

// serveBare is what avow is compared with: a ReverseProxy as anybody writes it. A lean
// one has buffers as small as avow's, and shows what net/http takes by itself.
func serveBare(out io.Writer, upstream string, lean bool) error {
	target, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	transport := &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 128, DisableCompression: true}
	if lean {
		transport.ReadBufferSize, transport.WriteBufferSize = small, small
		proxy.BufferPool = smallBuffers{}
	}
	proxy.Transport = transport
	return loadtest.Serve(out, &http.Server{Handler: proxy})
}

const small = 2 << 10

// smallBuffers implements httputil.BufferPool.
type smallBuffers struct{}

func (smallBuffers) Get() []byte { return make([]byte, small) }
func (smallBuffers) Put([]byte)  {}
