package doctor

import (
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/cmd/avow/internal/signing"
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/watermark"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A home is a data directory as first use and a few answers leave it.
func home(t *testing.T) Options {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	o := Options{Config: config.Default(), Data: dir, KeyFile: filepath.Join(dir, keyring.File), LedgerFile: filepath.Join(dir, "ledger.db"),
		OpenFiles: 20_000, MaxStreams: 9872}
	o.Config.Listen, o.Config.Admin = "127.0.0.1:0", "127.0.0.1:0"
	ring, _, err := keyring.Open(o.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := signing.Development(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(context.Background(), ledger.Options{File: o.LedgerFile, Key: ring.Keys[0].Key(), Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := l.Put(context.Background(), disclose.Record{Label: disclose.Label{ID: watermark.Payload{1, byte(i)}, Time: time.Now()}, Recorded: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return o
}

func find(t *testing.T, r Report, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check is called %s in %+v", name, r)
	return Check{}
}

// only makes one of the checks.
func only(o Options, look func(*visit, context.Context)) Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &visit{o: o, now: o.Now()}
	look(v, context.Background())
	return Report{Checks: v.checks}
}

func (c Check) is(t *testing.T, s Status, detail string) {
	t.Helper()
	if c.Status != s || !strings.Contains(c.Detail, detail) || (s != OK) != (c.Hint != "") {
		t.Errorf("%+v, want %s with %q", c, s, detail)
	}
}

// contents are the files of a directory with the hash of each, and its mode.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		out.WriteString(path + " " + info.Mode().String() + " " + string(sum[:]) + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestChangesNothing: neither where all is there nor where nothing is.
func TestChangesNothing(t *testing.T) {
	o := home(t)
	before := contents(t, o.Data)
	r := Examine(context.Background(), o)
	if r.Verdict != Warning { // of the development certificate
		t.Errorf("%+v", r)
	}
	find(t, r, "ledger").is(t, OK, "4 rows in 1 chain, intact; the last head was signed at ")
	if contents(t, o.Data) != before {
		t.Error("the data directory is not as it was")
	}
	none := filepath.Join(t.TempDir(), "a", "b")
	o.Data, o.KeyFile, o.LedgerFile = none, filepath.Join(none, "keys.json"), filepath.Join(none, "ledger.db")
	if r := Examine(context.Background(), o); r.Verdict != Warning {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(filepath.Dir(none)); err == nil {
		t.Error("a data directory was made")
	}
}

// TestExpiry: keys and certificates that end soon, and those that have.
func TestExpiry(t *testing.T) {
	o := home(t)
	in := func(d time.Duration) Options {
		o := o
		o.Now = func() time.Time { return time.Now().Add(d) }
		return o
	}
	year := 366 * 24 * time.Hour
	find(t, only(in(2*year), (*visit).certificate), "certificate").is(t, Failed, "has expired on ")
	find(t, only(in(-year), (*visit).certificate), "certificate").is(t, Failed, "is not valid before ")
	soon := time.Now().Add(10 * 24 * time.Hour)
	err := keyring.Update(o.KeyFile, func(r *keyring.Ring) error { r.Keys[0].NotAfter = &soon; return nil })
	if err != nil {
		t.Fatal(err)
	}
	find(t, only(o, (*visit).keys), "keys").is(t, Warning, "is active until ")
	find(t, only(in(year), (*visit).keys), "keys").is(t, Failed, "no key is active")
}

// TestClock: against the build, and against the upstream's.
func TestClock(t *testing.T) {
	o := home(t)
	o.Built = time.Now().Add(time.Hour)
	find(t, only(o, (*visit).clock), "clock").is(t, Failed, "is before this program was built")
	o.Built = time.Time{}
	for off, want := range map[time.Duration]Status{0: OK, 10 * time.Minute: Warning, -3 * time.Hour: Failed} {
		up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		}))
		o.Config.Upstream = up.URL
		find(t, only(o, (*visit).clock), "clock").is(t, want, "the upstream's")
		up.Close()
	}
}

// TestUpstream: which API it seems to be.
func TestUpstream(t *testing.T) {
	o := home(t)
	for name, c := range map[string]struct {
		path, body string
		status     int
		want       Status
		detail     string
	}{
		"ollama":  {"/api/tags", `{"models":[]}`, 200, OK, "seems to be that of Ollama"},
		"openai":  {"/v1/models", `{"object":"list","data":[]}`, 200, OK, "seems to be that of OpenAI"},
		"comfyui": {"/system_stats", `{"system":{}}`, 200, OK, "seems to be that of ComfyUI"},
		"closed":  {"/v1/models", `{}`, 401, OK, "wants to know who asks"},
		"none":    {"/v1/models", `<html>`, 200, Warning, "is not one that is known"},
		"broken":  {"/", ``, 503, Warning, "answers 503"},
	} {
		up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == c.path {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
				return
			}
			w.WriteHeader(http.StatusNotFound)
		}))
		o.Config.Upstream = up.URL
		t.Run(name, func(t *testing.T) { find(t, only(o, (*visit).upstream), "upstream").is(t, c.want, c.detail) })
		up.Close()
	}
}

// TestAddresses: one that is free, one that avow has, one that another program has.
func TestAddresses(t *testing.T) {
	o := home(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	avow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == pathOwn {
			_, _ = io.WriteString(w, `{"key_ids":[]}`)
		}
	}))
	defer avow.Close()
	o.Config.Listen, o.Config.Admin = avow.Listener.Addr().String(), other.Listener.Addr().String()
	r := only(o, (*visit).addresses)
	find(t, r, "listen").is(t, OK, itself)
	find(t, r, "admin").is(t, Failed, "taken by another program")
	o.Config.Listen, o.Config.Admin = "192.0.2.1:80", ""
	find(t, only(o, (*visit).addresses), "listen").is(t, Failed, "cannot be listened on")
}

// TestLedgerTrouble: a row that was changed is named.
func TestLedgerTrouble(t *testing.T) {
	o := home(t)
	data, err := os.ReadFile(o.LedgerFile)
	if err != nil {
		t.Fatal(err)
	}
	old, changed := "\x01\x02\x00\x00\x00\x00\x00\x00", "\x01\x03\x00\x00\x00\x00\x00\x00" // the last record's id
	text := strings.ReplaceAll(string(data), old, changed)
	if text == string(data) {
		t.Fatal("the record is not in the file")
	}
	if err := os.WriteFile(o.LedgerFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	find(t, only(o, (*visit).ledger), "ledger").is(t, Failed, "")
	if err := os.Chmod(o.LedgerFile, 0o644); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, c := range only(o, (*visit).ledger).Checks {
		if c.Name == "ledger" {
			found++
		}
	}
	if found != 2 {
		t.Errorf("%d lines on a ledger that is open to others and damaged, want 2", found)
	}
}

// TestDatabase: a database that lets avow in and holds no ledger yet.
func TestDatabase(t *testing.T) {
	url := os.Getenv("AVOW_TEST_POSTGRES")
	if url == "" {
		t.Skip("AVOW_TEST_POSTGRES is not set: PostgreSQL was skipped")
	}
	o := home(t)
	o.Config.Ledger.URL = url
	find(t, only(o, (*visit).ledger), "database").is(t, OK, "answers and can be written")
}

func TestFewOpenFiles(t *testing.T) {
	o := home(t)
	o.OpenFiles, o.MaxStreams = 1024, 384
	find(t, only(o, (*visit).files), "open files").is(t, Warning, "384 answers at one time")
}
