//go:build unix

package cli

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestHangUpReloads: SIGHUP reads the configuration again, and what cannot be read is
// no end of the process.
func TestHangUpReloads(t *testing.T) {
	r := startRunning(t, http.HandlerFunc(chatOnly), "upstream: %s\nprovider: First GmbH\n")
	stop := r.s.follow(t.Context(), r.w.from)
	defer stop()
	hangUp := func(logged string) {
		t.Helper()
		before := strings.Count(r.log.String(), logged)
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for strings.Count(r.log.String(), logged) == before {
			<-r.log.wrote
		}
	}
	r.write("upstream: %s\nprovider: Second GmbH\n")
	hangUp("configuration reloaded")
	if got := r.provider(); got != "Second GmbH" {
		t.Errorf("provider %q", got)
	}
	r.write("upstream: [\n")
	hangUp("configuration not reloaded")
	if got := r.provider(); got != "Second GmbH" {
		t.Errorf("provider %q", got)
	}
}
