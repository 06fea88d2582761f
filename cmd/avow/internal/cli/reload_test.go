package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/c2pa"
)

// A running proxy reads its configuration again when the test says so.
type running struct {
	t       *testing.T
	a       *app
	s       *service
	w       *watcher
	url     string
	file    string
	backend string // its address
	log     *textBuffer
}

// startRunning serves the proxy under a configuration until the test ends; %s in the
// text is the backend's address.
func startRunning(t *testing.T, backend http.Handler, text string) *running {
	t.Helper()
	newHome(t)
	upstream := httptest.NewServer(backend)
	t.Cleanup(upstream.Close)
	r := &running{t: t, file: "avow.yaml", backend: upstream.URL, log: &textBuffer{wrote: make(chan struct{}, 1)}}
	r.a = &app{out: io.Discard, err: r.log, logFormat: "text", logLevel: "debug", data: "data"}
	r.write(text)
	from := &source{file: r.file}
	c, err := from.read(r.a)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if r.s, err = r.a.newService(c, log, "proxy"); err != nil {
		t.Fatal(err)
	}
	r.w = newWatcher(r.s, from)
	proxy := httptest.NewServer(r.s.public)
	r.url = proxy.URL
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		proxy.Close()
		r.s.current.Load().proxy.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		r.a.closeLedger(r.s.ledger)
	})
	r.settle()
	return r
}

// write writes the configuration file.
func (r *running) write(text string) {
	r.t.Helper()
	if strings.Contains(text, "%s") {
		text = fmt.Sprintf(text, r.backend)
	}
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// settle looks at the files as often as it takes until a change has been noticed.
func (r *running) settle() {
	for range 3 {
		r.w.poll(time.Now())
	}
}

func (r *running) metrics() string { return send(r.s.admin, "GET", "/metrics", "").Body.String() }

// wantReloads checks how many reloads there were.
func (r *running) wantReloads(success, failure int) {
	r.t.Helper()
	for outcome, n := range map[string]int{"success": success, "failure": failure} {
		if want := fmt.Sprintf("avow_config_reloads_total{outcome=%q} %d\n", outcome, n); !strings.Contains(r.metrics(), want) {
			r.t.Errorf("metrics lack %s", want)
		}
	}
}

// provider is whom a chat answer names.
func (r *running) provider() string {
	r.t.Helper()
	_, body := post(r.t, r.url+"/v1/chat/completions", "application/json", `{"messages":[{"role":"user","content":"hi"}]}`)
	return providerOf(r.t, body)
}

func providerOf(t *testing.T, body []byte) string {
	t.Helper()
	var answer struct {
		Disclosure struct{ Provider string } `json:"ai_disclosure"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
	return answer.Disclosure.Provider
}

// chatOnly answers a chat.
func chatOnly(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]}`)
}

func TestChangedFileIsReadAgain(t *testing.T) {
	r := startRunning(t, http.HandlerFunc(chatOnly), "upstream: %s\nprovider: First GmbH\n")
	if got := r.provider(); got != "First GmbH" {
		t.Fatalf("provider %q", got)
	}
	r.wantReloads(0, 0)
	r.write("upstream: %s\nprovider: Half wri")
	r.w.poll(time.Now())
	r.write("upstream: %s\nprovider: Second GmbH\n") // it was being written
	r.w.poll(time.Now())
	if got := r.provider(); got != "First GmbH" {
		t.Errorf("provider %q: a file that is being written was read", got)
	}
	r.w.poll(time.Now())
	if got := r.provider(); got != "Second GmbH" {
		t.Errorf("provider %q, want that of the changed file", got)
	}
	r.wantReloads(1, 0)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(r.file, later, later); err != nil {
		t.Fatal(err)
	}
	r.settle()
	r.wantReloads(1, 0)
	if text := r.metrics(); !strings.Contains(text, "avow_config_last_reload_success_timestamp_seconds 1.") {
		t.Error("the metrics do not say when the configuration was read")
	}
}

func TestBadFileChangesNothing(t *testing.T) {
	r := startRunning(t, http.HandlerFunc(chatOnly), "upstream: %s\nprovider: First GmbH\n")
	bad := 0
	for _, c := range []struct{ text, logged string }{
		{"upstream: %s\nprovidr: x\n", "line 2: no key is called"},
		{"upstream: %s\nlimits:\n  queue: 0\n", "line 3: limits.queue: 0 is not possible"},
		{"upstream: %s\nsigner: {chain: nowhere.pem, key: nowhere.pem}\n", "nowhere.pem"},
		{"upstream: [\n", "line "},
		{"upstream: %s\nkeys: {file: nowhere.json}\n", "nowhere.json"},
		{"upstream: %s\nverify: {tokens_file: nowhere.txt}\n", "nowhere.txt"},
		{"upstream: %s\nroutes: [{path: /x, require: [manifest]}]\ncarriers: {manifest: false}\n", "line 2: routes[0]"},
	} {
		r.write(c.text)
		r.settle()
		r.settle() // it is tried once
		bad++
		r.wantReloads(0, bad)
		if log := r.log.String(); !strings.Contains(log, "configuration not reloaded: the one before stays in use") || !strings.Contains(log, c.logged) {
			t.Errorf("the log lacks %q:\n%s", c.logged, log)
		}
		if got := r.provider(); got != "First GmbH" {
			t.Errorf("after %q: provider %q", c.text, got)
		}
	}
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	r.settle()
	r.wantReloads(0, bad+1)
	r.write("upstream: %s\nprovider: Second GmbH\n")
	r.settle()
	r.wantReloads(1, bad+1)
	if got := r.provider(); got != "Second GmbH" {
		t.Errorf("provider %q after the file was mended", got)
	}
	if _, err := os.Stat("nowhere.json"); err == nil {
		t.Error("a reload made a key ring")
	}
}

func TestWhatWaitsForTheNextStart(t *testing.T) {
	r := startRunning(t, http.HandlerFunc(chatOnly), "upstream: %s\nprovider: First GmbH\n")
	l := r.s.ledger
	r.write("upstream: %s\nprovider: Second GmbH\nlisten: \":1\"\nadmin: \"127.0.0.1:2\"\nledger: {url: off, retention: 1h}\n")
	r.settle()
	if got := r.provider(); got != "Second GmbH" {
		t.Errorf("provider %q", got)
	}
	for _, key := range []string{"listen", "admin", "ledger.url", "ledger.retention"} {
		if !strings.Contains(r.log.String(), "this change waits for the next start\" key="+key+"\n") {
			t.Errorf("the log does not say that %s stays:\n%s", key, r.log.String())
		}
	}
	if c := r.s.current.Load().c; c.Listen != ":8080" || c.Ledger.URL != "" || r.s.ledger != l || l.Writable() != nil {
		t.Errorf("the ledger or an address changed: %v", c)
	}
}

// TestRequestsInProgressKeepTheirConfiguration, and new ones have the new one.
func TestRequestsInProgressKeepTheirConfiguration(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	r := startRunning(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("X-Slow") != "" {
			asked <- struct{}{}
			<-answer
		}
		chatOnly(w, req)
	}), "upstream: %s\nprovider: First GmbH\n")
	slow := make(chan []byte, 1)
	go func() {
		req, _ := http.NewRequest("POST", r.url+"/v1/chat/completions", strings.NewReader(`{"messages":[]}`))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Slow", "yes")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			slow <- nil
			return
		}
		defer func() { _ = resp.Body.Close() }()
		data, _ := io.ReadAll(resp.Body)
		slow <- data
	}()
	<-asked
	r.write("upstream: %s\nprovider: Second GmbH\nnotice: {cadence: always}\n")
	r.settle()
	if got := r.provider(); got != "Second GmbH" {
		t.Errorf("a new request names %q", got)
	}
	close(answer)
	if got := providerOf(t, <-slow); got != "First GmbH" {
		t.Errorf("a request in progress names %q", got)
	}
}

// TestOpenStreamEndsWhole: also where the connections to the upstream are new ones.
func TestOpenStreamEndsWhole(t *testing.T) {
	more := make(chan struct{})
	r := startRunning(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, word := range []string{"One", " two"} {
			_, _ = fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", word)
			_ = http.NewResponseController(w).Flush()
			<-more
		}
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	}), "upstream: %s\nprovider: First GmbH\n")
	resp, err := http.Post(r.url+"/v1/chat/completions", "application/json", strings.NewReader(`{"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	r.write("upstream: http://127.0.0.1:9/\nprovider: Second GmbH\nlimits: {first_byte: 5m, upstream_idle: 5m}\n")
	r.settle()
	r.wantReloads(1, 0)
	close(more)
	data, err := io.ReadAll(resp.Body)
	if text := string(data); err != nil || !strings.Contains(text, "First GmbH") || !strings.Contains(text, " two") || !strings.HasSuffix(text, "data: [DONE]\n\n") {
		t.Errorf("%v: %s", err, text)
	}
}

// TestRenewedCertificateIsPickedUp: without a restart, and a key that does not fit its
// chain yet changes nothing.
func TestRenewedCertificateIsPickedUp(t *testing.T) {
	newCert := func(name string, now time.Time) (chain, key []byte) {
		_, leaf, key, err := c2pa.NewDevelopment(now, name)
		if err != nil {
			t.Fatal(err)
		}
		return leaf, key
	}
	dir := t.TempDir()
	put := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	chain, key := newCert("First GmbH", time.Now())
	put("chain.pem", chain)
	put("key.pem", key)
	r := startRunning(t, http.HandlerFunc(chatOnly), "upstream: %s\nsigner: {chain: "+filepath.Join(dir, "chain.pem")+", key: "+filepath.Join(dir, "key.pem")+"}\n")
	before := r.s.current.Load().signer
	chain, key = newCert("Second GmbH", time.Now().Add(-24*time.Hour))
	put("chain.pem", chain)
	r.settle()
	r.wantReloads(0, 1)
	if r.s.current.Load().signer != before {
		t.Error("half a renewal was used")
	}
	put("key.pem", key)
	r.settle()
	r.wantReloads(1, 1)
	got := r.s.current.Load().signer.Chain[0]
	if bytes.Equal(got.Raw, before.Chain[0].Raw) || !strings.Contains(r.metrics(), fmt.Sprintf("avow_certificate_expiry_timestamp_seconds %v\n", float64(got.NotAfter.Unix()))) {
		t.Errorf("signed as %s until %s", got.Subject, got.NotAfter)
	}
}

func TestKeyThatEnds(t *testing.T) {
	r := startRunning(t, http.HandlerFunc(chatOnly), "upstream: %s\n")
	ring := filepath.Join("data", keyring.File)
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	change := func(fn func(*keyring.Ring) error) {
		t.Helper()
		if err := keyring.Update(ring, fn); err != nil {
			t.Fatal(err)
		}
		r.settle()
	}
	change(func(k *keyring.Ring) error { k.Keys[0].NotAfter = &end; return nil })
	r.wantReloads(1, 0)
	if want := fmt.Sprintf("avow_key_expiry_timestamp_seconds %v\n", float64(end.Unix())); !strings.Contains(r.metrics(), want) {
		t.Errorf("metrics lack %s", want)
	}
	// Past its end the key is still within its time by the clock that the ring is
	// asked by, so that this reload works; it happens once an hour.
	r.w.poll(end)
	r.w.poll(end.Add(time.Minute))
	r.wantReloads(2, 0)
	r.w.poll(end.Add(2 * time.Hour))
	r.wantReloads(3, 0)
	change(func(k *keyring.Ring) error { _, err := k.Generate(time.Now()); return err })
	if !strings.Contains(r.metrics(), "avow_key_expiry_timestamp_seconds 0\n") {
		t.Error("the metric is not that of the new key")
	}
}

// TestRoutePolicies: each setting of a route, through the proxy.
func TestRoutePolicies(t *testing.T) {
	backend := http.NewServeMux()
	backend.HandleFunc("/", chatOnly)
	backend.HandleFunc("/pictures", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"created":1,"data":[{"url":"https://example.org/a.png"}]}`)
	})
	r := startRunning(t, backend, `
upstream: %s
provider: Example GmbH
routes:
  - {path: /quiet/*, notice: off, shape: openai_chat}
  - {path: /always/*, notice: {cadence: always}, shape: openai_chat}
  - {path: /fieldless/*, carriers: {field: false}, shape: openai_chat}
  - {path: /needs/*, shape: openai_chat, require: [notice]}
  - {path: /pictures, shape: openai_images, profile: standard}
  - {path: /exempt/*, exempt: {reason: machine to machine, owner: operations, date: 2026-11-23}}
  - {path: /own, shape: {text: [/choices/0/message/content]}}
`)
	const sentence = "You are interacting with an AI system, not a human.\\n\\nHello."
	const later = `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`
	for path, c := range map[string]struct {
		body           string
		notice, field  bool
		outcome, label string
	}{
		"/v1/chat/completions": {"{}", true, true, "marked", "ai"},
		"/quiet/a":             {"{}", false, true, "marked", "ai"},
		"/always/a":            {later, true, true, "marked", "ai"},
		"/fieldless/a":         {"{}", true, false, "marked", "ai"},
		"/needs/a":             {"{}", true, true, "marked", "ai"},
		"/exempt/a":            {"{}", false, false, "", ""},
		"/other":               {"{}", false, false, "", ""},
		"/own":                 {"{}", true, true, "marked", "ai"},
		"/pictures":            {"{}", false, true, "passed; reason=url_only", "ai"},
	} {
		t.Run(path, func(t *testing.T) {
			head, body := post(t, r.url+path, "application/json", c.body)
			text := string(body)
			if strings.Contains(text, sentence) != c.notice || strings.Contains(text, `"ai_disclosure"`) != c.field ||
				head.Get("Avow-Outcome") != c.outcome || (head.Get("AI-Disclosure") != "") != (c.label != "") {
				t.Errorf("outcome %q, header %q\n%s", head.Get("Avow-Outcome"), head.Get("AI-Disclosure"), text)
			}
		})
	}
}

// An output is an answer with a picture.
type output struct {
	head http.Header
	body []byte
}

// load asks for pictures, several at one time, until stop is closed, and then closes
// the channel that it returns.
func (r *running) load(stop <-chan struct{}) <-chan output {
	outputs := make(chan output, 10_000)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := http.Post(r.url+"/v1/images/generations", "application/json", strings.NewReader("{}"))
				if err != nil {
					r.t.Error(err)
					return
				}
				data, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					r.t.Errorf("%s: %v %.200s", resp.Status, err, data)
				}
				outputs <- output{resp.Header, data}
			}
		})
	}
	go func() { wg.Wait(); close(outputs) }()
	return outputs
}

// picture asks for one.
func (r *running) picture() output {
	head, body := post(r.t, r.url+"/v1/images/generations", "application/json", "{}")
	return output{head, body}
}

// keyOf asks the service about an output, which has to be verified, and returns the
// key of its mark.
func (r *running) keyOf(o output) string {
	r.t.Helper()
	if got := o.head.Get("Avow-Outcome"); got != "marked" {
		r.t.Errorf("outcome %q", got)
	}
	img, id := generated(r.t, o.head.Get("Avow-Id"), o.body)
	_, answer := post(r.t, r.url+"/avow/v1/verify", "image/png", string(asPNG(r.t, img)))
	var rep disclose.Report
	if err := json.Unmarshal(answer, &rep); err != nil || rep.Verdict != disclose.Verified || rep.Reason != disclose.CauseRecordMatches {
		r.t.Fatalf("%s: %v %s", id, err, answer)
	}
	return rep.Findings[disclose.CarrierImageMark].KeyID
}

// TestRotationUnderLoad: while new keys are made and taken up, no output leaves
// unmarked, and all that was marked or signed before can still be checked.
func TestRotationUnderLoad(t *testing.T) {
	r := startRunning(t, pictureBackend(t, collage(1, 320, 256)),
		"upstream: %s\nprovider: Example GmbH\nverify: {per_minute: 0, near_duplicates: 0, concurrent: 0}\n")
	stop := make(chan struct{})
	outputs := r.load(stop)
	var signed [][]byte
	var made []output
	for range 3 {
		made = append(made, <-outputs, <-outputs, r.picture()) // the last under this very key
		_, jws := r.signedReport()
		signed = append(signed, jws)
		if _, err := r.a.update(func(k *keyring.Ring) error { _, err := k.Generate(time.Now()); return err }); err != nil {
			t.Fatal(err)
		}
		r.settle()
	}
	made = append(made, r.picture())
	close(stop)
	for o := range outputs {
		made = append(made, o)
	}
	r.wantReloads(3, 0)
	keys := map[string]int{}
	for _, o := range made {
		keys[r.keyOf(o)]++
	}
	if len(keys) != 4 {
		t.Errorf("outputs by key: %v, want those of four keys", keys)
	}
	doc := getBody(t, r.url+disclose.WellKnownPath)
	for _, jws := range signed {
		checkSigned(t, doc, jws)
	}
	if text := r.metrics(); strings.Contains(text, `modality="image",outcome="degraded"`) || strings.Contains(text, `outcome="withheld"`) {
		t.Error("the metrics know an output that was not marked")
	}
	t.Logf("%d outputs, by key %v", len(made), keys)
}

// TestRevokedKeyOfARecordedOutput: the answer says that the record is older.
func TestRevokedKeyOfARecordedOutput(t *testing.T) {
	r := startRunning(t, pictureBackend(t, collage(1, 320, 256)), "upstream: %s\nprovider: Example GmbH\n")
	head, body := post(t, r.url+"/v1/images/generations", "application/json", "{}")
	img, _ := generated(t, head.Get("Avow-Id"), body)
	err := keyring.Update(filepath.Join("data", keyring.File), func(k *keyring.Ring) error {
		if _, err := k.Generate(time.Now()); err != nil {
			return err
		}
		return k.SetState(k.Keys[0].ID, keyring.Revoked, time.Now().Add(time.Hour))
	})
	if err != nil {
		t.Fatal(err)
	}
	r.settle()
	_, answer := post(t, r.url+"/avow/v1/verify", "image/png", string(asPNG(t, img)))
	if text := string(answer); !strings.Contains(text, `"reason": "revoked_key"`) || !strings.Contains(text, "the key is revoked; the matching record was written before that") {
		t.Errorf("%s", text)
	}
}

// signedReport asks for a signed report.
func (r *running) signedReport() (http.Header, []byte) {
	req, err := http.NewRequest("POST", r.url+"/avow/v1/verify", strings.NewReader("Hello."))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/jose")
	req.Header.Set("Content-Type", "text/plain")
	return answerTo(r.t, req)
}

func getBody(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, body := answerTo(t, req)
	return body
}

// TestServeReadsItsFilesAgain: the service alone, whose verifiers change.
func TestServeReadsItsFilesAgain(t *testing.T) {
	h := newHome(t)
	h.write("tokens", []byte("# none yet\n"))
	h.write("avow.yaml", []byte("verify: {tokens_file: tokens, text_verifiers_only: true}\n"))
	a := &app{out: io.Discard, err: io.Discard, logFormat: "text", logLevel: "error", data: "data"}
	from := &source{file: "avow.yaml"}
	c, err := from.read(a)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := a.ring("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.newVerification(c, ring, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w := newWatcher(s, from)
	ask := func() int {
		return send(s.public, "POST", "/avow/v1/verify", "Hello.", "Content-Type", "text/plain", "Authorization", "Bearer abc").Code
	}
	if got := ask(); got == http.StatusOK {
		t.Fatal("a token that is not listed was accepted")
	}
	h.write("tokens", []byte("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  the newspaper\n")) // of "abc"
	for range 3 {
		w.poll(time.Now())
	}
	if got := ask(); got != http.StatusOK {
		t.Errorf("after the change: %d", got)
	}
}
