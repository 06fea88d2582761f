package cli

import (
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/disclose/ledger"
)

// TestWaitingRecordsAreWrittenAtTheEnd: outputs left while something held the ledger;
// their records do not end with the process.
func TestWaitingRecordsAreWrittenAtTheEnd(t *testing.T) {
	newHome(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi."}}]}`)
	}))
	defer upstream.Close()
	a := &app{out: io.Discard, err: io.Discard, logFormat: "text", logLevel: "error", data: "data"}
	c := config.Default()
	c.Upstream, c.Profile = upstream.URL, "standard"
	s, err := a.newService(c, slog.New(slog.DiscardHandler), "proxy")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("data", ledgerFile)
	held, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	held.SetMaxOpenConns(1)
	if _, err := held.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first one's transaction waits for the lock, the second one's record for the first
		w := httptest.NewRecorder()
		s.public.ServeHTTP(w, httptest.NewRequest("POST", "/v1/chat/completions", nil))
		if w.Code != http.StatusOK || w.Header().Get("Avow-Id") == "" {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
	}
	if _, err := held.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	s.close()
	l, err := ledger.Open(t.Context(), ledger.Options{File: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var rows strings.Builder
	if err := l.Export(t.Context(), &rows); err != nil || strings.Count(rows.String(), `"id":"`) != 2 {
		t.Errorf("%v, want both records:\n%s", err, rows.String())
	}
}
