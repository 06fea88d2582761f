package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
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
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	interopDir   = "testdata/interop"
	noticeInEN   = "You are interacting with an AI system, not a human.\n\n"
	noticeInDE   = "Sie interagieren mit einem KI-System, nicht mit einem Menschen.\n\n"
	recordedText = "A lighthouse marks a coast. Its lamp turns, and ships – even at 3 a.m. – keep their distance."
)

// TestOfficialClients runs the official openai and ollama clients for Node
// against avow proxy in front of a recorded upstream: what they read must be
// the upstream's text plus the notice, and nothing else may change.
func TestOfficialClients(t *testing.T) {
	node := needNode(t)
	up := newRecordedUpstream(t)
	avow := buildAvow(t)
	data := t.TempDir()
	base := startProxy(t, avow, up.URL, data)
	seen := runClients(t, node, base)
	check := func(name string, fn func(t *testing.T, got map[string]any)) {
		t.Run(name, func(t *testing.T) {
			got, ok := seen[name]
			if !ok {
				t.Fatalf("the client printed nothing for %s", name)
			}
			if e, bad := got["error"]; bad {
				t.Fatalf("client error: %v", e)
			}
			fn(t, got)
		})
	}
	for name, want := range map[string]string{
		"openai/chat/json":           noticeInEN + strings.Replace(recordedText, "coast. ", "coast.\n", 1),
		"openai/chat/json/german":    noticeInDE + strings.Replace(recordedText, "coast. ", "coast.\n", 1),
		"openai/chat/stream/raw":     noticeInEN + recordedText,
		"openai/chat/stream/managed": noticeInEN + recordedText,
		"openai/chat/round-trip":     strings.Replace(recordedText, "coast. ", "coast.\n", 1),
		"ollama/chat/json":           noticeInEN + recordedText,
		"ollama/chat/stream":         noticeInEN + recordedText,
		"ollama/generate/json":       noticeInEN + recordedText,
		"ollama/generate/stream":     noticeInEN + recordedText,
	} {
		check(name, func(t *testing.T, got map[string]any) { wantValue(t, "text", got["text"], want) })
	}
	checkDetails(check)
	check("openai/images", func(t *testing.T, got map[string]any) { checkImage(t, got, avow, data) })
	t.Run("round-trip/history", func(t *testing.T) { up.checkHistory(t) })
}

func checkDetails(check func(string, func(*testing.T, map[string]any))) {
	check("openai/chat/stream/raw", func(t *testing.T, got map[string]any) {
		wantValue(t, "chunks", got["chunks"], float64(2+len(strings.Fields(recordedText))))
		wantField(t, got["field"], "en")
	})
	check("openai/chat/json/german", func(t *testing.T, got map[string]any) { wantField(t, got["field"], "de") })
	check("openai/chat/json/choices", func(t *testing.T, got map[string]any) {
		wantValue(t, "texts", got["texts"], []any{noticeInEN + "First answer.", noticeInEN + "Second answer."})
	})
	check("openai/chat/json-mode", func(t *testing.T, got map[string]any) {
		wantValue(t, "parsed", got["parsed"], map[string]any{"towers": 3.0, "name": "Roter Sand"})
		if got["field"] == nil {
			t.Error("JSON mode lost the field")
		}
	})
	for _, name := range []string{"openai/chat/tools", "openai/chat/tools/managed"} {
		check(name, func(t *testing.T, got map[string]any) {
			wantValue(t, "content", got["content"], nil)
			wantValue(t, "arguments", got["arguments"], map[string]any{"place": "Bremerhaven"})
		})
	}
	check("openai/images/url", func(t *testing.T, got map[string]any) {
		wantValue(t, "status", got["status"], 502.0)
		if msg, _ := got["message"].(string); !strings.Contains(msg, "b64_json") {
			t.Errorf("message %q does not say to ask for b64_json", msg)
		}
	})
	check("ollama/chat/json", func(t *testing.T, got map[string]any) {
		wantValue(t, "total_duration", got["total"], "5191566416")
		wantField(t, got["field"], "en")
	})
}

// checkImage verifies the marked image with the command line, as its receiver would.
func checkImage(t *testing.T, got map[string]any, avow, data string) {
	raw, err := base64.StdEncoding.DecodeString(got["png"].(string))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.png")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(avow, "verify", "--json", "--data", data, file).Output()
	if err != nil {
		t.Fatalf("avow verify: %v\n%s", err, out)
	}
	var report struct {
		Verdict  string
		Findings []struct{ Carrier, Status, ID string }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("report: %v\n%s", err, out)
	}
	wantValue(t, "verdict", report.Verdict, "verified")
	for _, f := range report.Findings {
		if f.Carrier == "image_mark" {
			wantValue(t, "image mark id", f.ID, got["id"])
		}
	}
}

func wantValue(t *testing.T, name string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %#v, want %#v", name, got, want)
	}
}

func wantField(t *testing.T, got any, lang string) {
	t.Helper()
	field, ok := got.(map[string]any)
	if !ok {
		t.Fatalf("no ai_disclosure field: %v", got)
	}
	wantValue(t, "lang", field["lang"], lang)
	wantValue(t, "generated", field["generated"], true)
}

// needNode returns Node's path, or skips with what to do.
func needNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("interop: Node.js is not installed; install Node 20 or later to run the official clients")
	}
	if _, err := os.Stat(filepath.Join(interopDir, "node_modules", "openai")); err != nil {
		t.Skip("interop: the clients are not installed; run: npm ci --prefix cmd/avow/" + interopDir)
	}
	return node
}

func buildAvow(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "avow")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// startProxy runs avow proxy on a free port until the test ends.
func startProxy(t *testing.T, avow, upstream, data string) string {
	t.Helper()
	addr := freeAddr(t)
	cmd := exec.Command(avow, "proxy", "--upstream", upstream, "--listen", addr,
		"--admin", freeAddr(t), "--data", data, "--provider", "Example GmbH", "--system", "assistant")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("avow proxy said:\n%s", log.String())
		}
	})
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return "http://" + addr
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("avow proxy did not start")
	return ""
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// runClients runs the Node script and returns what each case printed.
func runClients(t *testing.T, node, base string) map[string]map[string]any {
	t.Helper()
	cmd := exec.Command(node, "clients.mjs", base)
	cmd.Dir = interopDir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	seen := map[string]map[string]any{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 32<<20)
	for lines.Scan() {
		var c map[string]any
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("client output %q: %v", lines.Text(), err)
		}
		seen[c["case"].(string)] = c
	}
	return seen
}

// A recordedUpstream answers from testdata and remembers what it was asked.
type recordedUpstream struct {
	*httptest.Server
	mu   sync.Mutex
	asks []string
}

func newRecordedUpstream(t *testing.T) *recordedUpstream {
	up := &recordedUpstream{}
	up.Server = httptest.NewServer(http.HandlerFunc(up.serve))
	t.Cleanup(up.Close)
	return up
}

func (up *recordedUpstream) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	up.mu.Lock()
	up.asks = append(up.asks, string(body))
	up.mu.Unlock()
	var ask struct {
		Model  string
		Stream *bool
		Format string `json:"response_format"`
	}
	_ = json.Unmarshal(body, &ask)
	stream := ask.Stream != nil && *ask.Stream
	switch r.URL.Path {
	case "/v1/chat/completions":
		if stream {
			serveFile(w, ask.Model+".chat.sse", "text/event-stream")
			return
		}
		serveFile(w, ask.Model+".chat.json", "application/json")
	case "/v1/images/generations":
		serveImages(w, strings.Contains(string(body), `"url"`))
	case "/api/chat", "/api/generate":
		name := "ollama." + strings.TrimPrefix(r.URL.Path, "/api/")
		if stream {
			serveFile(w, name+".ndjson", "application/x-ndjson")
			return
		}
		serveFile(w, name+".json", "application/json; charset=utf-8")
	default:
		http.NotFound(w, r)
	}
}

func serveFile(w http.ResponseWriter, name, contentType string) {
	data, err := os.ReadFile(filepath.Join(interopDir, "upstream", filepath.Base(name)))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(data)
}

func serveImages(w http.ResponseWriter, byURL bool) {
	w.Header().Set("Content-Type", "application/json")
	if byURL {
		_, _ = io.WriteString(w, `{"created":1795392000,"data":[{"url":"https://images.example/1.png"}]}`)
		return
	}
	var buf bytes.Buffer
	_ = png.Encode(&buf, lighthouse())
	_ = json.NewEncoder(w).Encode(map[string]any{
		"created": 1795392000,
		"data":    []any{map[string]string{"b64_json": base64.StdEncoding.EncodeToString(buf.Bytes())}},
	})
}

// lighthouse draws a picture with sky, sea and some texture.
func lighthouse() image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, 512, 512))
	for y := range 512 {
		for x := range 512 {
			wave := 20*math.Sin(float64(x)/9+float64(y)/3) + 12*math.Sin(float64(x*y)/611)
			c := color.NRGBA{R: uint8(90 + y/8), G: uint8(130 + y/8), B: 220, A: 255}
			if y > 320 {
				c = color.NRGBA{R: uint8(50 + wave), G: uint8(90 + wave), B: uint8(130 + wave), A: 255}
			}
			if x > 230 && x < 280 && y > 120 && y < 400 {
				c = color.NRGBA{R: uint8(200 + wave), G: uint8(60 + wave), B: uint8(50 + wave), A: 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// checkHistory asserts that the model never saw the notice.
func (up *recordedUpstream) checkHistory(t *testing.T) {
	up.mu.Lock()
	defer up.mu.Unlock()
	rounds := 0
	for _, ask := range up.asks {
		if strings.Contains(ask, "interacting with an AI") {
			t.Errorf("the upstream saw the notice: %s", ask)
		}
		if strings.Contains(ask, "And in the fog?") {
			rounds++
		}
	}
	if rounds != 1 {
		t.Errorf("the upstream saw %d second turns, want 1", rounds)
	}
}
