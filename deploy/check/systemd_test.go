package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const unit = "systemd/avow.service"

// exposed is the most that systemd-analyze security may make of the unit, in tenths;
// 100 is a service without any protection.
const exposed = "15"

// TestUnit has systemd's own program read the unit, where it is installed.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze found; not checked: the systemd unit")
	}
	path := filepath.Join(t.TempDir(), "avow.service")
	text := strings.ReplaceAll(string(read(t, unit)), "/usr/bin/avow", avow) // which has to be there
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--no-pager", "--offline=true", "--threshold="+exposed, path).CombinedOutput()
	if strings.Contains(string(out), "unrecognized option") {
		t.Skip("systemd-analyze security knows no --offline; not checked: how exposed the unit is")
	}
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}

func TestUnitFits(t *testing.T) {
	text := string(read(t, unit))
	value := func(key string) string {
		found := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("no %s", key)
		}
		return found[1]
	}
	for _, key := range []string{"ExecStart", "ExecStartPre"} {
		args := strings.Fields(value(key))
		if args[0] != "/usr/bin/avow" {
			t.Errorf("%s runs %s", key, args[0])
		}
		known(t, key, args[1:])
	}
	for _, variable := range strings.Fields(value("Environment")) {
		name, _, _ := strings.Cut(variable, "=")
		knownVariable(t, unit, "proxy", name)
	}
	stop, err := time.ParseDuration(strings.ReplaceAll(value("TimeoutStopSec"), "min", "m"))
	if err != nil {
		t.Fatal(err)
	}
	longest := configured(t, []byte("limits: {drain_delay: 5s, drain: 10m}\n")) // as docs/deploy.md advises
	if need := longest.stops(t); stop < need {
		t.Errorf("%v to stop, want %v", stop, need)
	}
	if name := "LoadCredential=keys.json:"; !strings.Contains(text, name) || !strings.Contains(text, "/run/credentials/avow.service/keys.json") {
		t.Errorf("the key ring is not handed over as a credential")
	}
}
