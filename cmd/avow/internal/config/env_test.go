package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func lookupIn(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func TestEnvironment(t *testing.T) {
	c := Default()
	c.Ledger.URLFile = "/run/secrets/ledger"
	err := c.Environment(lookupIn(map[string]string{
		"AVOW_LEDGER_URL": "postgres://a@b/c", "AVOW_SIGNER_KEY": "/run/key.pem", "AVOW_CARRIERS_FIELD": "false", "AVOW_ALL": "true",
		"AVOW_IMAGE_STRENGTH": "1.5", "AVOW_IMAGE_MAX_PIXELS": "1000", "AVOW_LIMITS_HELD_BYTES": "1MiB", "AVOW_LEDGER_RETENTION": "48h",
		"AVOW_IMAGE_LABEL": "on", "AVOW_TRUST_ROOTS": "a.pem, b.pem", "AVOW_SYSTEM_VERSION": "1.10", "AVOW_PROVIDER": "", "AVOW_ROUTES": "x",
		"AVOW_VERIFY_TEXT_VERIFIERS_ONLY": "true", "AVOW_SERVICE_HOST": "10.0.0.1",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Ledger.URL != "postgres://a@b/c" || c.Ledger.URLFile != "" || c.Signer.Key != "/run/key.pem" || c.Carriers.Field == nil || *c.Carriers.Field ||
		!c.All || c.Image.Strength != 1.5 || c.Image.MaxPixels != 1000 || c.Limits.HeldBytes != 1<<20 || time.Duration(c.Ledger.Retention) != 48*time.Hour ||
		!c.Image.Label.On || !reflect.DeepEqual(c.Trust.Roots, []string{"a.pem", "b.pem"}) || c.SystemVersion != "1.10" || !c.Verify.TextVerifiersOnly || c.Routes != nil {
		t.Errorf("%v", c)
	}
	for name, text := range map[string]string{"AVOW_LIMITS_QUEUE": "canary", "AVOW_LIMITS_IDLE": "canary", "AVOW_ALL": "canary", "AVOW_IMAGE_LABEL": "[canary"} {
		c := Default()
		if err := c.Environment(lookupIn(map[string]string{name: text})); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLedgerURLFromAFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"good": "postgres://u:canary@h/n\n", "other": "canary", "long": "postgres://" + strings.Repeat("x", 5000)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := (Ledger{URLFile: filepath.Join(dir, "good")}).Database(); err != nil || got != "postgres://u:canary@h/n" {
		t.Errorf("%q, %v", got, err)
	}
	for _, name := range []string{"other", "long", "missing"} {
		if _, err := (Ledger{URLFile: filepath.Join(dir, name)}).Database(); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse([]byte("ledger: {url: 'postgres://a@b/c', url_file: /x}")); err == nil {
		t.Error("an address and a file were both accepted")
	}
}

// TestErrorsDoNotQuoteTheFile: a password may stand in the very line that is wrong.
func TestErrorsDoNotQuoteTheFile(t *testing.T) {
	for _, text := range []string{
		"ledger:\n  url: postgres://u:canary@h/n\n url_file: x", "ledger: {url: \"postgres://u:canary@h/n}", "signer: {tsa: [http://u:canary@h/]}",
		"limits: {queue: 'http://u:canary@h/'}", "upstream: {a: canary}", "ledger: {url: 'mysql://u:canary@h/n'}", "upstream: 'ftp://u:canary@h'",
		"upstream: \"http://u:can ary@h\"", "all: canary", "image: {strength: canary}",
	} {
		_, err := Parse([]byte(text))
		if err == nil {
			t.Errorf("%q is accepted", text)
		} else if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "can ary") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMistakesNameTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"\nprofile: lax\n":                                      "line 2: profile: ",
		"limits:\n  jobs: 1\n  queue: 0\n":                      "line 3: limits.queue: ",
		"routes:\n  - {path: /a}\n  - path: b\n":                "line 3: routes[1] (b): ",
		"listen: a\nledger:\n  retention: 0s\n":                 "line 3: ledger.retention: ",
		"notice:\n  text:\n    en: Welcome to our website.\n":   "line 3: notice.text.en: ",
		"listen: a\nimage:\n  max_pixels: many\n":               "line 3: ",
		"listen: a\nimage:\n  webp: gif\n  url_only: perhaps\n": "line 3: image.webp: ",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestPrintedConfigurationHoldsNoPassword(t *testing.T) {
	c := Default()
	c.Upstream, c.Signer.TSA, c.Ledger.URL = "http://u:canary@h/?k=canary", "http://u:canary@h/?k=canary", "postgres://u:canary@h/n?password=canary"
	nested := struct{ C *Config }{&c}
	js, err := c.MarshalJSON()
	if err != nil || strings.Contains(string(js), "canary") || !strings.Contains(string(js), "redacted") {
		t.Errorf("JSON: %v %s", err, js)
	}
	for _, v := range []any{c, &c, c.Signer, &c.Signer, c.Ledger, &c.Ledger, nested, []Config{c}, map[string]any{"x": c}, c.LogValue(), c.Ledger.LogValue(), c.Signer.LogValue()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "canary") {
				t.Errorf("%s of %T: %s", verb, v, text)
			}
		}
	}
}

func TestRouteNoticeForms(t *testing.T) {
	for text, ok := range map[string]bool{
		"notice: on": true, "notice: off": true, "notice: {cadence: always}": true, "notice: {cadence: weekly}": false, "notice: {}": true,
		"notice: sometimes": false, "notice: off, carriers: {notice: true}": false, "notice: off, carriers: {notice: false}": true,
		"notice: off, require: [notice]": false, "profile: standard": true, "profile: lax": false,
	} {
		c, err := Parse([]byte("routes: [{path: /a, " + text + "}]"))
		if (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil {
			continue
		}
		shown, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(shown); err != nil || !reflect.DeepEqual(again.Routes, c.Routes) {
			t.Errorf("%s: shown as %s: %v", text, shown, err)
		}
	}
}
