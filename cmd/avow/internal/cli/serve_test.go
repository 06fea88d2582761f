package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/disclose"
)

// newServed is the service of avow serve in a data directory of its own.
func newServed(t *testing.T, change func(*config.Config)) *service {
	t.Helper()
	a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}, data: filepath.Join(t.TempDir(), "data")}
	c := config.Default()
	c.Provider, c.Contact, c.Detector = "Example GmbH", "mailto:ai@example.org", "https://ai.example/avow/verify"
	if change != nil {
		change(&c)
	}
	ring, err := a.ring("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.newVerification(c, ring, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func send(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestServe: verification alone, with the document that says who runs it.
func TestServe(t *testing.T) {
	token := "a token"
	sum := sha256.Sum256([]byte(token))
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte(hex.EncodeToString(sum[:])+" a newspaper\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServed(t, func(c *config.Config) { c.Verify.TokensFile, c.PublicPath = file, "/check" })
	var doc disclose.WellKnown
	if err := json.Unmarshal(send(s.public, "GET", disclose.WellKnownPath, "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Provider != "Example GmbH" || doc.Contact == "" || len(doc.KeyIDs) != 1 || len(doc.SigningKeys) != 1 || len(doc.Languages) < 24 {
		t.Errorf("%+v", doc)
	}
	for _, exact := range []bool{false, true} {
		var header []string
		if exact {
			header = []string{"Authorization", "Bearer " + token}
		}
		w := send(s.public, "POST", "/check/v1/verify", "Hello.", header...)
		var rep struct {
			Exact    bool
			Feedback string
			Record   struct{ Status string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &rep); err != nil || rep.Exact != exact || rep.Record.Status != "not_asked" {
			t.Errorf("%v %s", err, w.Body)
		}
		if rep.Feedback != "https://ai.example/check/v1/feedback" {
			t.Errorf("feedback at %s", rep.Feedback)
		}
	}
	if w := send(s.public, "POST", "/v1/chat/completions", "{}"); w.Code != http.StatusNotFound {
		t.Errorf("something else is answered: %d", w.Code)
	}
	if w := send(s.admin, "GET", "/metrics", ""); !strings.Contains(w.Body.String(), `avow_verifications_total{modality="text",verdict="absent"} 2`) {
		t.Errorf("metrics %s", w.Body)
	}
}

// TestServeMistakes: what cannot be served is said, with what to do.
func TestServeMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.Config)
		want   string
	}{
		"pages are off":  {func(c *config.Config) { c.PublicPath = "" }, "public_path is switched off"},
		"no tokens file": {func(c *config.Config) { c.Verify.TokensFile = "nowhere" }, "nowhere"},
	} {
		a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}, data: filepath.Join(t.TempDir(), "data")}
		cfg := config.Default()
		c.change(&cfg)
		ring, err := a.ring("")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.newVerification(cfg, ring, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProxyServesTheService: the proxy answers at the same paths as avow serve.
func TestProxyServesTheService(t *testing.T) {
	a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}, logFormat: "text", logLevel: "error", data: filepath.Join(t.TempDir(), "data")}
	c := config.Default()
	c.Upstream = "http://127.0.0.1:9"
	s, err := a.newService(c, slog.New(slog.DiscardHandler), "proxy")
	if err != nil {
		t.Fatal(err)
	}
	defer a.closeLedger(s.ledger)
	for _, path := range []string{"/avow/v1/openapi.json", "/avow/v1/services/supportedAlgorithms", "/.well-known/c2pa-soft-binding-resolution", disclose.WellKnownPath} {
		if w := send(s.public, "GET", path, ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := send(s.public, "POST", "/avow/v1/verify", "Hello.", "Accept", "application/jose"); w.Header().Get("Content-Type") != "application/jose" {
		t.Errorf("no signed report: %d %s", w.Code, w.Body)
	}
}
