package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/avowai/avow/disclose"
)

// TestWithheldForNow: what may work later says so, and when.
func TestWithheldForNow(t *testing.T) {
	for name, c := range map[string]struct {
		held   disclose.Withheld
		status int
		again  string
	}{
		"queue full":  {disclose.Withheld{Reason: disclose.ReasonMarkerError, Err: fmt.Errorf("image: %w: 64", disclose.ErrBusy)}, 503, "5"},
		"ledger down": {disclose.Withheld{Reason: disclose.ReasonLedgerDown}, 503, "5"},
		"failed":      {disclose.Withheld{Reason: disclose.ReasonMarkerError, Err: errors.New("broken")}, 502, ""},
		"frames":      {disclose.Withheld{Reason: disclose.ReasonUpgrade}, 501, ""},
	} {
		w := httptest.NewRecorder()
		problemOf(&c.held).write(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != c.status || w.Header().Get("Retry-After") != c.again {
			t.Errorf("%s: %d, Retry-After %q; want %d, %q", name, w.Code, w.Header().Get("Retry-After"), c.status, c.again)
		}
	}
}
