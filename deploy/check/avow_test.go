package check

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// cutWait is how long avow waits at most once it has cut what had not ended; what
// gives it time to stop gives it that as well, and what the ledger takes at the end.
const cutWait = 15 * time.Second

var (
	root = filepath.Join("..", "..")
	avow string // the program under test
)

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "avow-check-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	avow = filepath.Join(dir, "avow")
	cmd := exec.Command("go", "build", "-o", avow, "./cmd/avow")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// ask runs avow and returns what it printed.
func ask(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(avow, args...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("avow %s: %v\n%s", strings.Join(args, " "), err, &errOut)
	}
	return string(out)
}

// read returns a file of deploy.
func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// known checks that avow has a command and its flags.
func known(t *testing.T, where string, args []string) {
	t.Helper()
	var command []string
	for len(command) < len(args) && !strings.HasPrefix(args[len(command)], "-") {
		command = append(command, args[len(command)])
	}
	help := ask(t, append(command, "--help")...)
	if usage := "avow " + strings.Join(command, " "); !strings.Contains(help, usage) {
		t.Errorf("%s: no command %q:\n%s", where, usage, help)
	}
	for _, a := range args[len(command):] {
		if flag, _, _ := strings.Cut(a, "="); strings.HasPrefix(a, "-") && !strings.Contains(help, "  "+flag+" ") && !strings.Contains(help, " "+flag+" ") {
			t.Errorf("%s: avow %s has no flag %s", where, strings.Join(command, " "), flag)
		}
	}
}

// knownVariable checks that a variable of avow's name is the flag of a command.
func knownVariable(t *testing.T, where, command, name string) {
	t.Helper()
	if flag, ok := strings.CutPrefix(name, "AVOW_"); ok {
		known(t, where, []string{command, "--" + strings.ToLower(strings.ReplaceAll(flag, "_", "-"))})
	}
}

// A setting is what these tests look at in a configuration.
type setting struct {
	Listen string `yaml:"listen"`
	Admin  string `yaml:"admin"`
	Keys   struct {
		File string `yaml:"file"`
	} `yaml:"keys"`
	Signer struct {
		Chain string `yaml:"chain"`
		Key   string `yaml:"key"`
	} `yaml:"signer"`
	Trust struct {
		Roots []string `yaml:"roots"`
	} `yaml:"trust"`
	Verify struct {
		TrustedProxies []string `yaml:"trusted_proxies"`
	} `yaml:"verify"`
	Limits struct {
		DrainDelay string `yaml:"drain_delay"`
		Drain      string `yaml:"drain"`
	} `yaml:"limits"`
}

// configured checks a configuration and returns its effective values.
func configured(t *testing.T, text []byte) (s setting) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "avow.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ask(t, "config", "check", "--config", path)
	if err := yaml.Unmarshal([]byte(ask(t, "config", "show", "--config", path)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// files are those that a configuration names.
func (s setting) files() []string {
	return append([]string{s.Keys.File, s.Signer.Chain, s.Signer.Key}, s.Trust.Roots...)
}

// stops is how long avow may take to stop.
func (s setting) stops(t *testing.T) time.Duration {
	t.Helper()
	total := cutWait
	for _, text := range []string{s.Limits.DrainDelay, s.Limits.Drain} {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		total += d
	}
	return total
}

func port(t *testing.T, address string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// answered checks that the admin address of a running avow has these paths.
func answered(t *testing.T, paths ...string) {
	t.Helper()
	listen, admin := free(t), free(t)
	cmd := exec.Command(avow, "serve", "--listen", listen, "--admin", admin, "--data", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for end := time.Now().Add(time.Minute); exec.Command(avow, "health", "--admin", admin).Run() != nil; {
		if time.Now().After(end) {
			t.Fatal("avow serve does not answer")
		}
	}
	for _, path := range append(paths, "/no-such-path") {
		resp, err := http.Get("http://" + admin + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got, want := resp.StatusCode == http.StatusOK, path != "/no-such-path"; got != want {
			t.Errorf("the admin address answers %s with %d", path, resp.StatusCode)
		}
	}
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// noSecrets checks that a file holds nothing like a key or a password.
func noSecrets(t *testing.T, name string, text []byte) {
	t.Helper()
	for _, bad := range []string{"avow-key-1", "PRIVATE KEY-----", "PGPASSWORD", "POSTGRES_PASSWORD:", "stringData:"} {
		if bytes.Contains(text, []byte(bad)) {
			t.Errorf("%s holds %q", name, bad)
		}
	}
}
