package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/avowai/avow/disclose"
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(l, h)
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
	cmd  *exec.Cmd // nil where the proxy runs in this process
	in   io.Closer // closing it stops the proxy
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
	return &child{name: kind, url: "http://" + l.Addr().String(), in: srv}, nil
}

func startChild(kind, upstream string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-serve", kind, "-upstream", upstream)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("proxy %s did not start: %w", kind, err)
	}
	return &child{name: kind, url: "http://" + strings.TrimSpace(addr), cmd: cmd, in: in}, nil
}

func (c *child) stop() {
	_ = c.in.Close()
	if c.cmd != nil {
		_ = c.cmd.Wait()
	}
}

// resident returns the process's resident set in bytes (proc(5), VmRSS).
func (c *child) resident() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("resident set: %w (this measurement needs Linux)", err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("resident set: no VmRSS line")
}

func printMachine(c config) {
	fmt.Printf("`go run ./bench/throughput -rounds %d -requests %d -streams %d`: %s, %s/%s, %d cores\n\n",
		c.rounds, c.requests, c.streams, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Println("| measurement | bare proxy | avow | added |")
	fmt.Println("| --- | --- | --- | --- |")
}
