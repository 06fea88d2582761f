package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver called "pgx"
)

// longest is how long this test waits for what has to happen.
const longest = time.Minute

// A fleet is two avow processes that share a database, keys and a certificate, with
// a balancer in front of them and a scripted backend behind them.
type fleet struct {
	t               *testing.T
	avow, dir, conf string
	members         []*member
	balancer        string
	backend         *scripted
	client          *http.Client
	db              *sql.DB
	schema          string // of the database
}

// A member is one avow process.
type member struct {
	name, public, admin string
	cmd                 *exec.Cmd
	log                 *syncBuffer
}

// A syncBuffer is what a process says, also while it runs.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newFleet starts everything, or skips the test.
func newFleet(t *testing.T) *fleet {
	database := os.Getenv("AVOW_TEST_POSTGRES")
	if database == "" {
		t.Skip("AVOW_TEST_POSTGRES names no PostgreSQL; not checked: several processes behind a balancer")
	}
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("no nginx found; not checked: several processes behind a balancer")
	}
	f := &fleet{t: t, avow: buildAvow(t), dir: t.TempDir(), backend: newScripted(t), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	t.Cleanup(f.client.CloseIdleConnections)
	f.configure(f.freshSchema(database))
	for _, name := range []string{"one", "two"} {
		m := &member{name: name, public: freeAddr(t), admin: freeAddr(t)}
		f.members = append(f.members, m)
		f.start(m)
		t.Cleanup(func() { f.kill(m) })
	}
	f.balance(nginx)
	return f
}

// freshSchema makes a place of its own in a database, and returns its address.
func (f *fleet) freshSchema(database string) string {
	f.t.Helper()
	db, err := sql.Open("pgx", database)
	if err != nil {
		f.t.Fatal(err)
	}
	f.db, f.schema = db, fmt.Sprintf("avow_fleet_%d_%d", os.Getpid(), rand.Uint32())
	if _, err := db.Exec("CREATE SCHEMA " + f.schema); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if _, err := db.Exec("DROP SCHEMA " + f.schema + " CASCADE"); err != nil {
			f.t.Error(err)
		}
		_ = db.Close()
	})
	u, err := url.Parse(database)
	if err != nil {
		f.t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", f.schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// sessions counts the conversations that are remembered.
func (f *fleet) sessions() (n int) {
	if err := f.db.QueryRow("SELECT count(*) FROM " + f.schema + ".avow_sessions").Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// configure makes the keys and the certificate that all members share, and their
// configuration.
func (f *fleet) configure(database string) {
	f.t.Helper()
	shared := filepath.Join(f.dir, "shared")
	text := filepath.Join(f.dir, "first.txt")
	f.write("first.txt", "A first text has the certificate made.\n")
	f.run("keygen", "--data", shared)
	f.run("mark", "--data", shared, text)
	f.conf = f.write("avow.yaml", fmt.Sprintf(`upstream: %s
provider: Example GmbH
system: assistant
notice: {cadence: 3h, session: "header:X-Conversation"}
keys: {file: %q}
signer: {chain: %q, key: %q}
trust: {roots: [%q]}
ledger: {url: %q}
limits: {drain_delay: 0s}
verify: {per_minute: 0, burst: 100, concurrent: 0, near_duplicates: 0}
`, f.backend.URL, filepath.Join(shared, "keys.json"), filepath.Join(shared, "signer.pem"), filepath.Join(shared, "signer-key.pem"),
		filepath.Join(shared, "ca.pem"), database))
}

func (f *fleet) write(name, text string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// run runs avow to its end and returns what it printed.
func (f *fleet) run(args ...string) string {
	f.t.Helper()
	cmd := exec.Command(f.avow, args...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("avow %s: %v\n%s%s", strings.Join(args, " "), err, out, &errOut)
	}
	return string(out)
}

// start runs a member and waits until it is ready.
func (f *fleet) start(m *member) {
	f.t.Helper()
	m.log = &syncBuffer{}
	m.cmd = exec.Command(f.avow, "proxy", "--config", f.conf, "--data", filepath.Join(f.dir, m.name), "--listen", m.public, "--admin", m.admin)
	m.cmd.Stderr = m.log
	if err := m.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.eventually("avow "+m.name+" is ready", func() bool { return exec.Command(f.avow, "health", "--ready", "--admin", m.admin).Run() == nil })
}

// kill ends a member as a failing machine would, and waits until it is gone.
func (f *fleet) kill(m *member) {
	if m.cmd.ProcessState == nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
	}
	if f.t.Failed() {
		f.t.Logf("avow %s said:\n%s", m.name, m.log)
	}
}

// terminate tells a member to stop, and waits until it has.
func (f *fleet) terminate(m *member) error {
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return m.cmd.Wait()
}

// other is the member that is not m.
func (f *fleet) other(m *member) *member {
	if m == f.members[0] {
		return f.members[1]
	}
	return f.members[0]
}

// eventually waits until something holds.
func (f *fleet) eventually(what string, holds func() bool) {
	f.t.Helper()
	for end := time.Now().Add(longest); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	for _, m := range f.members {
		f.t.Logf("avow %s said:\n%s", m.name, m.log)
	}
	f.t.Fatalf("%s: not after %v", what, longest)
}

// balancerConf is a balancer as operators run it: a failed member is left out for a
// second, and what a member has begun to answer is never asked of another.
const balancerConf = `daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  client_max_body_size 32m;
  upstream avow {
    server %[3]s max_fails=1 fail_timeout=1s;
    server %[4]s max_fails=1 fail_timeout=1s;
    keepalive 32;
  }
  server {
    listen %[2]s;
    location / {
      proxy_pass http://avow;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
      add_header X-Member $upstream_addr always;
    }
  }
}
`

// balance starts nginx in front of the members.
func (f *fleet) balance(nginx string) {
	f.t.Helper()
	dir, addr := filepath.Join(f.dir, "nginx"), freeAddr(f.t)
	if err := os.Mkdir(dir, 0o755); err != nil {
		f.t.Fatal(err)
	}
	conf := f.write("nginx.conf", fmt.Sprintf(balancerConf, dir, addr, f.members[0].public, f.members[1].public))
	log := &syncBuffer{}
	cmd := exec.Command(nginx, "-e", "stderr", "-p", dir, "-c", conf)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // kills workers too, as a kill of the master would not
		_ = cmd.Wait()
		if f.t.Failed() {
			f.t.Logf("nginx said:\n%s", log)
		}
	})
	f.balancer = "http://" + addr
	f.eventually("nginx answers", func() bool {
		resp, err := http.Get(f.balancer + "/.well-known/ai-disclosure.json")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// A reply is an answer as its client got it.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // it did not come to its end
}

// ask sends a request and reads the answer to its end.
func (f *fleet) ask(method, address string, body []byte, header ...string) reply {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, got, err}
}
