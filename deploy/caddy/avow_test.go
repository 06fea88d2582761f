package avowcaddy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddytest"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/avowai/avow/watermark"
)

const (
	notice   = "You are interacting with an AI system, not a human."
	question = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	chatJSON = `{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]}`
)

// client keeps no connection: a reload closes those that are idle.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func event(s string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"` + s + `"}}]}` + "\n\n"
}

// backend is a small AI service. Its stream waits for more before it ends.
func backend(t *testing.T, more chan struct{}) string {
	var pic bytes.Buffer
	if err := png.Encode(&pic, image.NewNRGBA(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, chatJSON)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event("Hel"))
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = io.WriteString(w, event("lo.")+"data: [DONE]\n\n")
	})
	mux.HandleFunc("/v1/images/generations", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"created":1,"data":[{"b64_json":%q}]}`, base64.StdEncoding.EncodeToString(pic.Bytes()))
	})
	mux.HandleFunc("/v1/models", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data": [1.00]}`)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// keyFile is a key ring as avow keygen writes it.
func keyFile(t *testing.T) string {
	t.Helper()
	k, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(map[string]any{"keys": []any{map[string]any{"id": k.ID(), "secret": k.Secret(), "state": "active", "created": time.Now()}}})
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// site is a Caddyfile: avow inside encode, around reverse_proxy.
func site(admin, port int, upstream, options string) string {
	return fmt.Sprintf(`{
	admin localhost:%d
	skip_install_trust
	persist_config off
}
http://localhost:%d {
	encode {
		gzip
		minimum_length 1
	}
	avow {
		provider "Example GmbH"
		system assistant
%s
	}
	reverse_proxy %s
}`, admin, port, options, upstream)
}

// get sends a request; header lines follow the body.
func get(t *testing.T, method, address, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Language", "en")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

func TestCaddy(t *testing.T) {
	more := make(chan struct{})
	upstream := backend(t, more)
	admin, port := freePort(t), freePort(t)
	tester := caddytest.NewTester(t).WithDefaultOverrides(caddytest.Config{AdminPort: admin})
	keys, records := keyFile(t), filepath.Join(t.TempDir(), "ledger.db")
	options := "keys " + keys + "\nledger " + records
	tester.InitServer(site(admin, port, upstream, options), "caddyfile")
	base := fmt.Sprintf("http://localhost:%d", port)

	t.Run("chat", func(t *testing.T) { wantChat(t, base) })
	t.Run("chat, compressed", func(t *testing.T) {
		resp, body := get(t, "POST", base+"/v1/chat/completions", question) // net/http asks for gzip and unpacks
		if !resp.Uncompressed || !strings.Contains(body, notice) {
			t.Fatalf("%v %s", resp.Header, body)
		}
	})
	t.Run("image", func(t *testing.T) {
		resp, body := get(t, "POST", base+"/v1/images/generations", `{"prompt":"a cat"}`)
		if resp.Header.Get("Ai-Disclosure") == "" || !strings.Contains(body, `"ai_disclosure"`) {
			t.Fatalf("%d %v %.200s", resp.StatusCode, resp.Header, body)
		}
	})
	t.Run("no AI route", func(t *testing.T) {
		resp, body := get(t, "GET", base+"/v1/models", "")
		if body != `{"data": [1.00]}` || resp.Header.Get("Ai-Disclosure") != "" {
			t.Fatalf("%v %s", resp.Header, body)
		}
	})
	t.Run("well-known document", func(t *testing.T) {
		if resp, body := get(t, "GET", base+"/.well-known/ai-disclosure.json", ""); resp.StatusCode != 200 || !strings.Contains(body, "Example GmbH") {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
	})
	t.Run("stream and reload", func(t *testing.T) {
		streamAndReload(t, base, more, func() {
			tester.InitServer(site(admin, port, upstream, options+"\nsystem_version 2"), "caddyfile")
		})
	})
	t.Run("after the reload", func(t *testing.T) { wantChat(t, base) })
	t.Run("metrics", func(t *testing.T) {
		if _, body := get(t, "GET", fmt.Sprintf("http://localhost:%d/metrics", admin), ""); !strings.Contains(body, "avow_responses_total") {
			t.Fatal("no avow_responses_total among Caddy's metrics")
		}
	})
	t.Run("upstream gone", func(t *testing.T) {
		tester.InitServer(site(admin, port, fmt.Sprintf("127.0.0.1:%d", freePort(t)), options), "caddyfile")
		if resp, _ := get(t, "POST", base+"/v1/chat/completions", question); resp.StatusCode != http.StatusBadGateway {
			t.Fatalf("status %d, want Caddy's own 502", resp.StatusCode)
		}
	})
}

func wantChat(t *testing.T, base string) {
	t.Helper()
	resp, body := get(t, "POST", base+"/v1/chat/completions", question)
	if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Ai-Disclosure"), "machine-generated") ||
		resp.Header.Get("Avow-Outcome") != "marked" || strings.Count(body, notice) != 2 {
		t.Fatalf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
}

// streamAndReload reads the first event while the upstream still holds the next,
// reloads Caddy's configuration, and reads the rest.
func streamAndReload(t *testing.T, base string, more chan struct{}, reload func()) {
	req, _ := http.NewRequest("POST", base+"/v1/chat/completions", strings.NewReader(strings.Replace(question, "{", `{"stream":true,`, 1)))
	req.Header.Set("Accept-Language", "en")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	first := make([]byte, 4096)
	n, err := resp.Body.Read(first)
	if err != nil || !strings.Contains(string(first[:n]), notice+`\n\nHel`) {
		t.Fatalf("first event %q (%v)", first[:n], err)
	}
	reload()
	close(more)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasSuffix(string(rest), "[DONE]\n\n") {
		t.Fatalf("rest %q (%v)", rest, err)
	}
}

func TestCaddyfileErrors(t *testing.T) {
	for options, want := range map[string]string{
		"provide x":    "no option is called",
		"signer a.pem": "wrong argument count",
		"all yes":      "wrong argument count",
	} {
		_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(site(2999, 9080, "127.0.0.1:1", options)), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", options, err, want)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for want, h := range map[string]Handler{
		"no profile is called": {Profile: "lax"},
		"two files":            {SignerChain: "a.pem"},
	} {
		if err := h.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := (&Handler{Keys: filepath.Join(t.TempDir(), "none")}).readKeys(); err == nil {
		t.Error("a key file that is not there was taken")
	}
	open := keyFile(t)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Handler{Keys: open}).readKeys(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key file that all can read: %v", err)
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"id":"k","secret":"avow-key-1","state":"active"}]}`))
	f.Add([]byte(`{"keys":[{"secret":"","state":"revoked","not_after":"2026-11-23T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := parseKeys(data, time.Unix(1795392000, 0)); err == nil && k.active.IsZero() {
			t.Fatal("no active key, and no error")
		}
	})
}
