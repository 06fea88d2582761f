package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestServersNameNoClient: not even where a handler panics.
func TestServersNameNoClient(t *testing.T) {
	var out bytes.Buffer
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a defect") }))
	server.Config.ErrorLog = serverLog(&out)
	server.Start()
	if resp, err := server.Client().Get(server.URL); err == nil {
		_ = resp.Body.Close()
		t.Fatal("a panic was answered")
	}
	server.Close() // waits for the connection
	if text := out.String(); !strings.Contains(text, "a defect") || strings.Contains(text, "127.0.0.1:") {
		t.Errorf("logged %.200q", text)
	}
	out.Reset()
	serverLog(&out).Print("http: TLS handshake error from [2001:db8::1]:4711: EOF")
	if out.String() != "avow: http: TLS handshake error from a client: EOF\n" {
		t.Errorf("logged %q", out.String())
	}
}
