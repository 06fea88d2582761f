package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/middleware"
)

// canaries are secrets that must come out nowhere, by what they are.
type canaries map[string]string

// bytes adds a binary secret in the forms that it could be printed in.
func (c canaries) bytes(what string, secret []byte) {
	part := secret[:16]
	c[what+", hex"] = hex.EncodeToString(part)
	c[what+", HEX"] = strings.ToUpper(hex.EncodeToString(part))
	c[what+", base64"] = base64.StdEncoding.EncodeToString(secret)[:20]
	c[what+", base64url"] = base64.RawURLEncoding.EncodeToString(secret)[:20]
	c[what+", decimal"] = strings.Trim(fmt.Sprint(part), "[]")
	c[what+", Go"] = strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}")
	c[what+", raw"] = string(part)
}

// in lists the canaries in a text.
func (c canaries) in(text string) (found []string) {
	for what, secret := range c {
		if strings.Contains(text, secret) {
			found = append(found, what)
		}
	}
	return found
}

// look says which canaries are in a text that must hold none.
func (c canaries) look(t *testing.T, where, text string) {
	t.Helper()
	for _, what := range c.in(text) {
		t.Errorf("%s holds a secret: %s", where, what)
	}
}

const (
	tokenCanary  = "verifier-token-canary-7d1c"
	ledgerCanary = "ledger-password-canary-5b2e"
	tsaCanary    = "tsa-password-canary-90af"
	tsaQuery     = "tsa-query-canary-3e88"
)

// newCanaries makes the secrets of a deployment; signer is where its files are.
func newCanaries(t *testing.T, dir string) (c canaries, signer string) {
	t.Helper()
	c = canaries{"token": tokenCanary, "ledger": ledgerCanary, "TSA password": tsaCanary, "TSA query": tsaQuery}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, chain, key, err := c2pa.NewDevelopment(time.Now(), "Canary GmbH")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(tokenCanary))
	for name, data := range map[string][]byte{"chain.pem": chain, "key.pem": key, "tokens": []byte(hex.EncodeToString(sum[:]) + " newspaper\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	block, _ := pem.Decode(key)
	c.bytes("signer file", block.Bytes[48:])
	s, err := c2pa.LoadSigner(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := s.Key.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	c.bytes("signer key", raw)
	c["signer key, number"] = new(big.Int).SetBytes(raw).String()
	return c, dir
}

// ring adds the secrets of a key ring.
func (c canaries) ring(t *testing.T) *keyring.Ring {
	t.Helper()
	ring, err := keyring.Load(filepath.Join("data", keyring.File))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range ring.Keys {
		secret, err := hex.DecodeString(strings.TrimPrefix(e.Key().Secret(), "avow-key-1"))
		if err != nil {
			t.Fatal(err)
		}
		c.bytes(fmt.Sprintf("key %d", i), secret)
		c.bytes(fmt.Sprintf("report key %d", i), middleware.ReportKey(e.Key()).Seed())
	}
	return ring
}

// troubled is a backend that fails in several ways.
func troubled(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/images/generations", pictureBackend(t, collage(1, 320, 256)))
	mux.HandleFunc("/v1/messages", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"type":`)
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/v1/responses", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })
	mux.HandleFunc("/", chatOnly)
	return mux
}

// TestSecretsComeOutNowhere runs the proxy with secrets that are easy to find, through
// what goes well and what does not, and looks for them in all that comes out.
func TestSecretsComeOutNowhere(t *testing.T) {
	tsa := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusInternalServerError) }))
	defer tsa.Close()
	secrets, dir := newCanaries(t, filepath.Join(t.TempDir(), "secrets"))
	at, err := url.Parse(tsa.URL)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("upstream: %%s\nprovider: Canary GmbH\nsigner: {chain: %s/chain.pem, key: %s/key.pem, tsa: \"http://stamp:%s@%s/?token=%s\"}\nverify: {tokens_file: %s/tokens}\n",
		dir, dir, tsaCanary, at.Host, tsaQuery, dir)
	r := startRunning(t, troubled(t), text)
	ring := secrets.ring(t)

	out := &bytes.Buffer{}
	picture := exercise(t, r, out)
	r.write(text + "ledger: {url: \"postgres://u:" + ledgerCanary + "@db/x\"}\n") // waits for the next start
	r.settle()
	r.write(text + "ledger:\n  url: postgres://u:" + ledgerCanary + "@db/x\n bad: x\n")
	r.settle()
	r.wantReloads(1, 1)
	out.WriteString(r.metrics())
	out.WriteString(r.log.String())
	secrets.look(t, "what the proxy says", out.String())
	for _, want := range []string{"level=DEBUG", "signed without a time stamp", "not reloaded", "upstream did not answer"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log lacks %q, so that this test looks at less than it should:\n%s", want, r.log.String())
		}
	}
	for _, file := range []string{filepath.Join("data", keyring.File), filepath.Join(dir, "key.pem"), r.file} {
		data, err := os.ReadFile(file)
		if err != nil || len(secrets.in(string(data))) == 0 {
			t.Errorf("no secret is found in %s, where there are some: %v", file, err)
		}
	}
	commands(t, secrets, text, r.backend, picture)
	lookAtPrinted(t, secrets, r, ring)
}

// exercise asks the proxy everything, writes down what it says, and returns a picture.
func exercise(t *testing.T, r *running, out io.Writer) []byte {
	t.Helper()
	ask := func(method, path, body string, header ...string) []byte {
		req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			_, _ = fmt.Fprintln(out, err)
			return nil
		}
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		_, _ = fmt.Fprintf(out, "%s %s: %v %v\n%s\n", method, path, resp.Header, err, data)
		return data
	}
	ask("POST", "/v1/chat/completions", "{}")
	ask("POST", "/v1/messages", "{}")
	ask("POST", "/v1/responses", "{}")
	ask("GET", disclose.WellKnownPath, "")
	ask("GET", "/avow/v1/openapi.json", "")
	ask("POST", "/avow/v1/verify", "Hello.", "Content-Type", "text/plain", "Authorization", "Bearer "+tokenCanary)
	ask("POST", "/avow/v1/verify", "Hello.", "Content-Type", "text/plain", "Authorization", "Bearer x"+tokenCanary)
	ask("POST", "/avow/v1/verify", "Hello.", "Content-Type", "text/plain", "Accept", "application/jose")
	ask("GET", "/avow/verify", "")
	head, body := post(t, r.url+"/v1/images/generations", "application/json", "{}")
	_, _ = fmt.Fprintf(out, "%v\n%s\n", head, body)
	img, _ := generated(t, head.Get("Avow-Id"), body)
	picture := asPNG(t, img)
	ask("POST", "/avow/v1/verify", string(picture), "Content-Type", "image/png", "Authorization", "Bearer "+tokenCanary)
	return picture
}

// commands runs the command line over the same deployment.
func commands(t *testing.T, secrets canaries, text, backend string, picture []byte) {
	t.Helper()
	h := home{t: t}
	h.write("picture.png", picture)
	h.write("good.yaml", fmt.Appendf(nil, text, backend))
	h.write("database.yaml", []byte("ledger: {url: \"postgres://u:"+ledgerCanary+"@127.0.0.1:1/x\"}\n"))
	h.write("bad.yaml", []byte("ledger: {url: \"mysql://u:"+ledgerCanary+"@127.0.0.1:1/x\", nothing: 1}\n"))
	h.write("worse.yaml", []byte("signer: {tsa: \"http://u:"+tsaCanary+"@ h/\"}\n"))
	for _, line := range []string{
		"config show --config good.yaml", "config show --config database.yaml", "config check --config bad.yaml", "config check --config worse.yaml",
		"keys list", "keygen", "verify --json --config good.yaml picture.png", "report --config good.yaml", "report --format json --config database.yaml",
		"report --format html --config good.yaml", "ledger verify --config database.yaml", "ledger export", "ledger verify --json", "version",
		"mark --config good.yaml --force picture.png",
	} {
		r := h.run(append([]string{"--log-level", "debug"}, strings.Fields(line)...)...)
		secrets.look(t, line, r.out+r.err)
	}
}

// lookAtPrinted formats all that holds secrets, as a stray debugging line would.
func lookAtPrinted(t *testing.T, secrets canaries, r *running, ring *keyring.Ring) {
	t.Helper()
	g := r.s.current.Load()
	o := g.c.Options()
	if _, err := r.a.sign(g.c, &o); err != nil {
		t.Fatal(err)
	}
	o.Disclose.Key, o.Previous = ring.Keys[0].Key(), g.proxy
	if err := r.a.reporting(g.c, ring, o.Verify); err != nil {
		t.Fatal(err)
	}
	database := ledger.Options{URL: "postgres://u:" + ledgerCanary + "@h/x?password=" + ledgerCanary, Key: ring.Keys[0].Key()}
	c := g.c
	c.Ledger.URL = database.URL
	for _, v := range []any{
		c, &c, c.Ledger, c.Signer, o, &o, o.Disclose, o.Disclose.Provenance, o.Disclose.Provenance.Signer, *o.Verify, o.Verify, database, &database,
		ring, *ring, ring.Keys, ring.Keys[0], verifyKeys(ring), disclose.DetectorOptions{Keys: verifyKeys(ring)},
		g, r.s, g.detector, g.proxy, g.signer, r.s.ledger, fmt.Errorf("wrapped: %v", c),
	} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).LogAttrs(context.Background(), slog.LevelInfo, "x", slog.Any("value", fmt.Sprint(v)))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			secrets.look(t, fmt.Sprintf("%s of %T", verb, v), fmt.Sprintf(verb, v))
		}
		secrets.look(t, fmt.Sprintf("log of %T", v), log.String())
	}
}
