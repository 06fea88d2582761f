// Package loadtest starts the processes of a measurement under load: this program
// again in another role, and avow itself, so that the memory and the descriptors of
// each can be told apart.
package loadtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Process is a server of its own.
type Process struct {
	Name  string
	URL   string // where it answers
	Admin string // where avow tells of itself; "" for others
	Data  string // avow's data directory; "" for others

	cmd *exec.Cmd
	in  io.Closer
}

// Self starts this program in another role; it prints its address first, and ends
// with its standard input, see Serve.
func Self(name string, args ...string) (*Process, error) {
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
	return &Process{Name: name, URL: "http://" + strings.TrimSpace(addr), cmd: cmd, in: in}, nil
}

// Build builds avow into a directory and returns the program's path.
func Build(dir string) (string, error) {
	path := filepath.Join(dir, "avow")
	build := exec.Command("go", "build", "-o", path, "github.com/avowai/avow/cmd/avow")
	build.Stderr = os.Stderr
	return path, build.Run()
}

// Avow starts the program in front of an upstream, on free ports and with a new data
// directory below dir, and waits until it answers.
func Avow(program, dir, upstream string, flags ...string) (*Process, error) {
	public, err := freePort()
	if err != nil {
		return nil, err
	}
	admin, err := freePort()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(dir, "data")
	if err != nil {
		return nil, err
	}
	args := append([]string{"proxy", "--upstream", upstream, "--listen", public, "--admin", admin, "--data", data,
		"--log-level", "error", "--provider", "Example GmbH", "--system", "assistant"}, flags...)
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{Name: "avow", URL: "http://" + public, Admin: "http://" + admin, Data: data, cmd: cmd}
	for range 200 {
		if resp, err := http.Get(p.Admin + "/healthz"); err == nil {
			_ = resp.Body.Close()
			return p, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	_ = p.Stop()
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

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Stop ends the process, avow by SIGTERM, and returns how it ended.
func (p *Process) Stop() error {
	if p.in != nil {
		_ = p.in.Close()
	} else {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	return p.cmd.Wait()
}

// Resident is the process's resident set in bytes (proc(5), VmRSS).
func (p *Process) Resident() (int64, error) {
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

// Metrics are the values that avow's metrics have without labels, and the sums of
// those with labels, by name.
func (p *Process) Metrics() (map[string]float64, error) {
	resp, err := http.Get(p.Admin + "/metrics")
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	all := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			continue
		}
		all[name] = v
		if family, _, labelled := strings.Cut(name, "{"); labelled {
			all[family] += v
		}
	}
	return all, lines.Err()
}

// Serve runs a handler on a free port, whose address it prints, until standard input
// closes. It is what Self starts.
func Serve(out io.Writer, srv *http.Server) error {
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
	srv.ErrorLog = log.New(io.Discard, "", 0)
	return srv.Serve(l)
}
