// Package examples holds programs to begin from; this test builds and runs them.
package examples

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// built is a program of this module, built for this test.
func built(t *testing.T, pkg string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), filepath.Base(pkg)+".exe")
	cmd := exec.Command("go", "build", "-o", out, pkg)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, text)
	}
	return out
}

// served starts a server and returns the address that it prints.
func served(t *testing.T, pkg string) string {
	t.Helper()
	cmd := exec.Command(built(t, pkg), "-listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// asked sends a request and returns the answer's header and body.
func asked(t *testing.T, method, url, body string) (http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%.500s", url, resp.Status, err, data)
	}
	return resp.Header, string(data)
}

// TestServers starts the examples that serve, and looks for their marks.
func TestServers(t *testing.T) {
	for _, c := range []struct{ name, method, want string }{
		{"imagegen", "GET", "trainedAlgorithmicMedia"},
		{"nethttp", "POST", "You are interacting with an AI system, not a human."},
		{"gorillamux", "POST", "You are interacting with an AI system, not a human."},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := served(t, "./"+c.name)
			head, body := asked(t, c.method, url, "{}")
			if !strings.Contains(body, c.want) {
				t.Errorf("no %q in %.600q", c.want, body)
			}
			if head.Get("Avow-Outcome") != "marked" || !strings.Contains(head.Get("AI-Disclosure"), `provider="Example GmbH"`) || len(head.Get("Avow-Id")) != 16 {
				t.Errorf("header %v", head)
			}
			if i := strings.Index(url, "/v1/"); i > 0 {
				if head, about := asked(t, "GET", url[:i]+"/about", ""); head.Get("AI-Disclosure") != "" || !strings.HasPrefix(about, "A person wrote this page.") {
					t.Errorf("/about was changed: %v %q", head, about)
				}
			}
		})
	}
}

// painted writes a picture with texture.
func painted(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.png")
	if err := os.WriteFile(path, picture(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func picture(t *testing.T) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 320, 320))
	for y := range 320 {
		for x := range 320 {
			v := 20*math.Sin(float64(x)/9+float64(y)/3) + 12*math.Sin(float64(x*y)/611)
			img.SetNRGBA(x, y, color.NRGBA{uint8(90 + v + float64(y)/8), uint8(130 + v), uint8(160 + v), 255})
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestFiles(t *testing.T) {
	in := painted(t)
	out := filepath.Join(t.TempDir(), "out.png")
	text, err := exec.Command(built(t, "./markfile"), in, out).Output()
	if err != nil || !strings.HasPrefix(string(text), "marked, id ") {
		t.Fatalf("markfile: %v %s", err, text)
	}
	d, err := disclose.NewDetector(disclose.DetectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	report, err := d.Inspect(context.Background(), bytes.NewReader(data), disclose.Source{Name: out})
	if err != nil || report.Verdict != disclose.Present {
		t.Errorf("out.png: %v, %v; want present, as the key is not known here", report, err)
	}
	text, err = exec.Command(built(t, "./verifyfile"), in).CombinedOutput()
	lines := strings.Split(string(text), "\n")
	if err != nil || len(lines) != 3 || !strings.HasPrefix(lines[0], "verified (record_matches)") || !strings.HasPrefix(lines[1], "present (fingerprint_only)") {
		t.Errorf("verifyfile: %v\n%s", err, text)
	}
}

// TestConfigurations checks the configurations with the program itself, and sends
// a request through the proxy that they make of it to a stand-in for the backend.
func TestConfigurations(t *testing.T) {
	avow := built(t, "../cmd/avow")
	for _, c := range []struct {
		name, path, request string
		answer              any
		want                string
	}{
		{"ollama", "/api/chat", `{"model":"m","stream":false,"messages":[{"role":"user","content":"Hi"}]}`,
			map[string]any{"model": "m", "message": map[string]any{"role": "assistant", "content": "Hello."}, "done": true},
			`You are interacting with an AI system, not a human.`},
		{"automatic1111", "/sdapi/v1/txt2img", `{"prompt":"waves"}`,
			map[string]any{"images": []any{picture(t)}, "parameters": map[string]any{}, "info": "{}"}, `"ai_disclosure"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(c.answer)
			}))
			defer upstream.Close()
			file := filepath.Join(c.name, "avow.yaml")
			if text, err := exec.Command(avow, "config", "check", "--config", file).CombinedOutput(); err != nil {
				t.Fatalf("config check: %v\n%s", err, text)
			}
			address := freePort(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cmd := exec.CommandContext(ctx, avow, "proxy", "--config", file, "--data", t.TempDir(), "--upstream", upstream.URL, "--listen", address, "--admin", "127.0.0.1:0")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { cancel(); _ = cmd.Wait() }()
			wait(t, address)
			head, body := asked(t, "POST", "http://"+address+c.path, c.request)
			if !strings.Contains(body, c.want) || head.Get("Avow-Outcome") != "marked" || head.Get("AI-Disclosure") == "" {
				t.Errorf("%v\n%.600q", head, body)
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// freePort is an address that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// wait returns once somebody listens.
func wait(t *testing.T, address string) {
	t.Helper()
	for range 600 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("nobody listens at ", address)
}
