package cli

import (
	"context"
	"io"
	"strings"
	"testing"
)

// TestFlagsOverEnvironmentOverFile: each stands above the next.
func TestFlagsOverEnvironmentOverFile(t *testing.T) {
	h := newHome(t)
	h.write("avow.yaml", []byte("provider: of the file\nsystem: of the file\nlimits: {queue: 5}\nledger: {url: 'postgres://file@db/x'}\n"))
	show := func() string { return h.run("config", "show", "--config", "avow.yaml").want(exitOK, "", "").out }
	if text := show(); !strings.Contains(text, "provider: of the file") || !strings.Contains(text, "queue: 5") {
		t.Fatalf("file: %s", text)
	}
	t.Setenv("AVOW_PROVIDER", "of the environment")
	t.Setenv("AVOW_LIMITS_QUEUE", "7")
	t.Setenv("AVOW_LEDGER_URL", "postgres://env:canary-password@db/y")
	t.Setenv("AVOW_SYSTEM", "") // counts as not set
	text := show()
	for _, want := range []string{"provider: of the environment", "system: of the file", "queue: 7", "postgres://redacted@db/y"} {
		if !strings.Contains(text, want) {
			t.Errorf("environment: no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "canary-password") {
		t.Error("the password shows")
	}
	t.Setenv("AVOW_CONFIG", "avow.yaml")
	t.Setenv("AVOW_LEDGER_URL", "off")
	t.Setenv("AVOW_PROFILE", "standard")
	t.Setenv("AVOW_LISTEN", "127.0.0.1:0")
	t.Setenv("AVOW_ADMIN", "localhost:0")
	t.Setenv("AVOW_CARRIERS_FIELD", "false")
	if got := startup(t, "--upstream", "http://127.0.0.1:9"); !strings.Contains(got, "profile standard, carriers header,notice,text_mark,image_mark,") {
		t.Errorf("environment: %s", got)
	}
	if got := startup(t, "--upstream", "http://127.0.0.1:9", "--profile", "strict"); !strings.Contains(got, "profile strict,") {
		t.Errorf("flags: %s", got)
	}
	t.Setenv("AVOW_PROFILE", "")
	t.Setenv("AVOW_LIMITS_IDLE", "canary")
	h.run("config", "check").want(exitTrouble, "", "environment variable AVOW_LIMITS_IDLE")
}

// startup runs avow proxy until it says what it wraps, and returns that.
func startup(t *testing.T, args ...string) string {
	t.Helper()
	said := &textBuffer{wrote: make(chan struct{}, 1)}
	root := (&app{out: io.Discard, err: said}).root()
	root.SetArgs(append([]string{"proxy"}, args...))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for !strings.Contains(said.String(), "avow: wrapping") {
		select {
		case <-said.wrote:
		case err := <-ended:
			ended <- nil
			t.Fatalf("%v\n%s", err, said.String())
		}
	}
	return said.String()
}

// TestNoPasswordInTheCommandLine: it would be there for all to read.
func TestNoPasswordInTheCommandLine(t *testing.T) {
	h := newHome(t)
	for _, args := range []string{
		"proxy --upstream http://user:canary@127.0.0.1:9", "proxy --upstream=http://user:canary@127.0.0.1:9 --listen 256.0.0.1:1",
		"verify https://user:canary@example.org/a.png",
	} {
		r := h.run(strings.Fields(args)...).want(exitTrouble, "", "a password stands in the command line")
		if strings.Contains(r.err+r.out, "canary") {
			t.Errorf("%s: the password is repeated: %s", args, r.err)
		}
	}
	t.Setenv("AVOW_UPSTREAM", "http://user:canary@127.0.0.1:9")
	if r := h.run("proxy", "--listen", "256.0.0.1:1").want(exitTrouble, "", "cannot listen"); strings.Contains(r.err, "canary") {
		t.Errorf("the password shows: %s", r.err)
	}
}

func TestSchemaIsPrinted(t *testing.T) {
	h := newHome(t)
	h.run("config", "schema").want(exitOK, `"$schema": "https://json-schema.org/draft/2020-12/schema"`, "")
}
