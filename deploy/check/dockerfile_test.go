package check

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// stages parses the Dockerfile, as BuildKit does, with its warnings as errors.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(bytes.NewReader(read(t, "Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("Dockerfile: %s", w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, message string, _ []parser.Range) { t.Errorf("Dockerfile: %s: %s", rule, message) }})
	all, _, err := instructions.Parse(parsed.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func find[T any](stage instructions.Stage) (found []T) {
	for _, c := range stage.Commands {
		if c, ok := c.(T); ok {
			found = append(found, c)
		}
	}
	return found
}

// pinned is an image with a tag that says a version.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:[a-z0-9.-]*[0-9]+(\.[0-9]+)*[a-z0-9.-]*$`)

func TestDockerfileStages(t *testing.T) {
	all := stages(t)
	if len(all) != 2 {
		t.Fatalf("%d stages", len(all))
	}
	noSecrets(t, "Dockerfile", read(t, "Dockerfile"))
	var names []string
	for _, s := range all {
		if s.BaseName != "scratch" && !pinned.MatchString(s.BaseName) {
			t.Errorf("the base %s is not pinned by a tag", s.BaseName)
		}
		if len(find[*instructions.AddCommand](s)) > 0 {
			t.Errorf("ADD in stage %q: COPY says what comes from where", s.Name)
		}
		for _, c := range find[*instructions.CopyCommand](s) {
			if c.From != "" && !slices.Contains(names, c.From) {
				t.Errorf("COPY from %q, which is no stage before it", c.From)
			}
		}
		names = append(names, s.Name)
	}
	if !pinnedGo(t, all[0].BaseName) {
		t.Errorf("the base %s has another Go than go.mod", all[0].BaseName)
	}
	build := ""
	for _, r := range find[*instructions.RunCommand](all[0]) {
		build += strings.Join(r.CmdLine, " ") + "\n"
	}
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "-buildvcs=auto", "./cmd/avow"} {
		if !strings.Contains(build, want) {
			t.Errorf("the build does not say %s:\n%s", want, build)
		}
	}
}

// pinnedGo reports whether a base has the toolchain that go.mod names.
func pinnedGo(t *testing.T, base string) bool {
	t.Helper()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^toolchain go(\S+)$`).FindSubmatch(mod)
	return found != nil && strings.HasPrefix(base, "golang:"+string(found[1])+"-")
}

func TestDockerfileImage(t *testing.T) {
	all := stages(t)
	image := all[len(all)-1]
	user := find[*instructions.UserCommand](image)
	if len(user) != 1 || !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user[0].User) {
		t.Errorf("user %+v, want a number that is not root's", user)
	}
	if v := find[*instructions.VolumeCommand](image); len(v) != 1 || !slices.Equal(v[0].Volumes, []string{"/data"}) {
		t.Errorf("volumes %+v", v)
	}
	if s := find[*instructions.StopSignalCommand](image); len(s) != 1 || s[0].Signal != "SIGTERM" {
		t.Errorf("stop signal %+v", s)
	}
	for _, e := range find[*instructions.EnvCommand](image) {
		for _, kv := range e.Env {
			knownVariable(t, "Dockerfile", "proxy", kv.Key)
		}
	}
	entry, command := find[*instructions.EntrypointCommand](image), find[*instructions.CmdCommand](image)
	health := find[*instructions.HealthCheckCommand](image)
	if len(entry) != 1 || len(command) != 1 || len(health) != 1 || !slices.Equal(entry[0].CmdLine, []string{"/usr/bin/avow"}) || entry[0].PrependShell || command[0].PrependShell {
		t.Fatalf("entry point %+v, command %+v, health %+v", entry, command, health)
	}
	known(t, "CMD", command[0].CmdLine)
	if test := health[0].Health.Test; len(test) < 3 || test[0] != "CMD" || test[1] != "/usr/bin/avow" {
		t.Errorf("health check %q", test)
	} else {
		known(t, "HEALTHCHECK", test[2:])
	}
	if e := find[*instructions.ExposeCommand](image); len(e) != 1 || !slices.Equal(e[0].Ports, []string{port(t, configured(t, nil).Listen)}) {
		t.Errorf("ports %+v", e)
	}
	labels := map[string]bool{}
	for _, l := range find[*instructions.LabelCommand](image) {
		for _, kv := range l.Labels {
			labels[strings.TrimPrefix(kv.Key, "org.opencontainers.image.")] = true
		}
	}
	for _, want := range []string{"title", "source", "licenses", "version", "revision"} {
		if !labels[want] {
			t.Errorf("no label %s", want)
		}
	}
}
