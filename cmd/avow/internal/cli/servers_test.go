package cli

import "testing"

// TestLocalURL: what is printed can be opened.
func TestLocalURL(t *testing.T) {
	for addr, want := range map[string]string{
		"[::]:8080":      "http://localhost:8080",
		"0.0.0.0:8080":   "http://localhost:8080",
		"127.0.0.1:9090": "http://127.0.0.1:9090",
		"[::1]:9090":     "http://[::1]:9090",
	} {
		if got := localURL(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
