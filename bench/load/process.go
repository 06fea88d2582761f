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
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a server of its own.
type process struct {
	name, url, admin string
	cmd              *exec.Cmd
	in               io.Closer
}

// startSelf starts this program in another role; it prints its address first, and
// ends with its standard input.
func startSelf(name string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
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
		return nil, fmt.Errorf("%s did not start: %w", name, err)
	}
	return &process{name: name, url: "http://" + strings.TrimSpace(addr), cmd: cmd, in: in}, nil
}

func buildAvow(dir string) (string, error) {
	path := filepath.Join(dir, "avow")
	build := exec.Command("go", "build", "-o", path, "github.com/avowai/avow/cmd/avow")
	build.Stderr = os.Stderr
	return path, build.Run()
}

// startAvow starts the program on free ports and waits until it answers.
func (b *bench) startAvow(flags ...string) (*process, error) {
	public, err := freePort()
	if err != nil {
		return nil, err
	}
	admin, err := freePort()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(b.dir, "data")
	if err != nil {
		return nil, err
	}
	args := append([]string{"proxy", "--upstream", b.upstream.url, "--listen", public, "--admin", admin, "--data", data,
		"--log-level", "error", "--provider", "Example GmbH", "--system", "assistant"}, flags...)
	cmd := exec.Command(b.avow, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{name: "avow", url: "http://" + public, admin: "http://" + admin, cmd: cmd}
	for range 200 {
		if resp, err := http.Get(p.admin + "/healthz"); err == nil {
			_ = resp.Body.Close()
			return p, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.stop()
	return nil, errors.New("avow did not start")
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func (p *process) stop() {
	if p.in != nil {
		_ = p.in.Close()
	} else {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	_ = p.cmd.Wait()
}

// resident is the process's resident set in bytes (proc(5), VmRSS).
func (p *process) resident() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
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

// serve runs a handler until standard input closes.
func serve(out io.Writer, h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	return srv.Serve(l)
}

// serveBare is what avow is compared with.
func serveBare(out io.Writer, upstream string) error {
	target, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	return serve(out, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		Transport:     &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 128, DisableCompression: true},
	})
}
