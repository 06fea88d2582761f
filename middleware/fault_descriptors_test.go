//go:build unix

package middleware

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// descriptorsVariable has the test binary be a proxy to the upstream that it names,
// with next to no file descriptors, until its standard input closes.
const descriptorsVariable = "AVOW_TEST_DESCRIPTORS"

// fewDescriptors is how many the proxy of the test may have open.
const fewDescriptors = 48

// TestDescriptorsChild is the proxy of TestNoDescriptorsLeft.
func TestDescriptorsChild(t *testing.T) {
	target, err := url.Parse(os.Getenv(descriptorsVariable))
	if err != nil || target.Host == "" {
		t.Skip("it is part of TestNoDescriptorsLeft")
	}
	limit := syscall.Rlimit{Cur: fewDescriptors, Max: fewDescriptors}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	srv := proxyURL(t, testOptions(disclose.Strict), target.String())
	fmt.Println(srv.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
	srv.CloseClientConnections()
}

// More streams than there are file descriptors: some wait, some are refused, the
// process lives, and there is room again once they are gone.
func TestNoDescriptorsLeft(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event("word"))
		_ = http.NewResponseController(w).Flush()
		if r.Header.Get("X-Short") == "" {
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	}))
	defer upstream.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDescriptorsChild$", "-test.v=false")
	cmd.Env = append(os.Environ(), descriptorsVariable+"="+upstream.URL)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(line)
	answered := crowd(t, address, 2*fewDescriptors)
	t.Logf("%d of %d were answered meanwhile", answered, 2*fewDescriptors)
	if answered == 0 || answered >= fewDescriptors {
		t.Errorf("%d streams with %d descriptors", answered, fewDescriptors)
	}
	eventually(t, "there is room again", func() bool {
		a := ask(t, "POST", address+chatPath, chatAsk, "X-Short", "1")
		return a.err == nil && a.StatusCode == http.StatusOK && strings.HasSuffix(string(a.body), "data: [DONE]\n\n")
	})
	_ = in.Close()
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the proxy ended: %v", err)
	}
}

// crowd opens one stream after the other, closes them all, and returns how many had
// the header of a marked answer meanwhile.
func crowd(t *testing.T, address string, n int) (answered int) {
	t.Helper()
	patience := 3 * time.Second
	for range n {
		conn := dialChat(t, address)
		defer func() { _ = conn.Close() }()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		switch {
		case err != nil: // nobody takes the connection
			patience = 10 * time.Millisecond
		case resp.StatusCode == http.StatusOK && resp.Header.Get("AI-Disclosure") != "":
			answered++
		case resp.StatusCode != http.StatusBadGateway:
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	return answered
}
