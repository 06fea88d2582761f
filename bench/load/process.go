package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/avowai/avow/internal/loadtest"
)

// serveBare is what avow is compared with.
func serveBare(out io.Writer, upstream string) error {
	target, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	return loadtest.Serve(out, &http.Server{Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		Transport:     &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 128, DisableCompression: true},
	}})
}
