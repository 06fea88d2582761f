package check

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func project(t *testing.T) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{filepath.Join("..", "compose.yaml")}, cli.WithoutEnvironmentResolution)
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// hardened are the services whose root file system nobody writes.
var hardened = []string{"avow-1", "avow-2", "balancer", "postgres"}

func TestComposeServices(t *testing.T) {
	p := project(t)
	noSecrets(t, "compose.yaml", read(t, "compose.yaml"))
	for _, name := range append([]string{"backend"}, hardened...) {
		s, ok := p.Services[name]
		if !ok {
			t.Fatalf("no service %s", name)
		}
		if s.Image != "avow:local" && !pinned.MatchString(s.Image) {
			t.Errorf("%s: the image %s is not pinned by a tag", name, s.Image)
		}
		if !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
			t.Errorf("%s keeps rights", name)
		}
		if slices.Contains(hardened, name) && !s.ReadOnly {
			t.Errorf("%s writes its root file system", name)
		}
		if s.HealthCheck == nil || s.StopGracePeriod == nil || s.Restart == "" {
			t.Errorf("%s has no health check, no time to stop or no restart", name)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" || name != "balancer" {
				t.Errorf("%s is published at %s:%s", name, port.HostIP, port.Published)
			}
		}
	}
	if !p.Networks["inner"].Internal {
		t.Error("the database can be reached from outside")
	}
}

func TestComposeAvow(t *testing.T) {
	p := project(t)
	c := configured(t, read(t, "compose/avow.yaml"))
	hosts := map[string]bool{}
	for _, name := range []string{"avow-1", "avow-2"} {
		s := p.Services[name]
		known(t, name, s.Command)
		if test := s.HealthCheck.Test; test[0] != "CMD" || test[1] != "/usr/bin/avow" {
			t.Errorf("%s: health check %q", name, test)
		} else {
			known(t, name, test[2:])
		}
		for variable := range s.Environment {
			knownVariable(t, name, "proxy", variable)
		}
		if got := time.Duration(*s.StopGracePeriod); got < c.stops(t) {
			t.Errorf("%s has %v to stop and may take %v", name, got, c.stops(t))
		}
		given := map[string]bool{}
		for _, secret := range s.Secrets {
			given["/run/secrets/"+secret.Source] = true
		}
		for _, file := range append(c.files(), *s.Environment["PGPASSFILE"]) {
			if !given[file] {
				t.Errorf("%s: nothing is mounted at %s", name, file)
			}
		}
		if strings.HasPrefix(s.User, "0") || s.User == "" {
			t.Errorf("%s runs as %q", name, s.User)
		}
		hosts[s.Hostname] = true
		if !strings.Contains(string(read(t, "compose/nginx.conf")), "server "+name+":"+port(t, c.Listen)+" ") {
			t.Errorf("the balancer does not know %s", name)
		}
	}
	if len(hosts) != 2 {
		t.Errorf("hosts %v, want two", hosts)
	}
	subnet := p.Networks["edge"].Ipam.Config[0].Subnet
	if !slices.Equal(c.Verify.TrustedProxies, []string{subnet}) {
		t.Errorf("trusted proxies %v, want the balancer's network %s", c.Verify.TrustedProxies, subnet)
	}
}

// TestSecretsScript: the script makes every file that the compose file hands over,
// and leaves those that are there.
func TestSecretsScript(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(avow, filepath.Join(dir, "avow")); err != nil {
		t.Skip(err)
	}
	secrets := filepath.Join(dir, "secrets")
	run := func() {
		t.Helper()
		cmd := exec.Command("sh", filepath.Join("..", "compose", "secrets.sh"), secrets)
		cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	run()
	made := map[string]string{}
	for name, s := range project(t).Secrets {
		path := filepath.Join(secrets, filepath.Base(s.File))
		data, err := os.ReadFile(path)
		if err != nil || len(data) == 0 {
			t.Fatalf("secret %s: %v", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("secret %s: others can read it, %v", name, err)
		}
		made[path] = string(data)
	}
	run()
	for path, want := range made {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s was made anew, %v", path, err)
		}
	}
}

// TestBalancer has nginx read the configuration, where nginx is installed.
func TestBalancer(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("no nginx found; not checked: the balancer's configuration")
	}
	conf := string(read(t, "compose/nginx.conf"))
	for _, name := range []string{"avow-1", "avow-2"} { // names of the containers' network
		conf = strings.ReplaceAll(conf, "server "+name+":", "server 127.0.0.1:")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(conf, " /tmp/", " "+dir+"/")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(nginx, "-t", "-e", "stderr", "-p", dir, "-c", path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
